//! nikto's arguments: options from a fixed table and the target as a full URL, which nikto cannot take for a file of hosts.

use super::options::{Options, Profile};
use super::version::Flags;
use crate::Target;
use std::net::IpAddr;
use std::time::Duration;
use url::Url;

/// Plugins that run. `auth` would try default passwords, `put_del_test` would write to the target.
const PLUGINS: &str = "@@DEFAULT;-auth;-put_del_test";
/// The same of nikto 2.6, which has more that attack.
const PLUGINS_2_6: &str = "@@DEFAULT;-auth;-put_del_test;-shellshock;-ms10_070;-optionsbleed";

/// The file in the job folder that nikto writes.
pub const REPORT: &str = "report.xml";

/// The arguments of one run; the target must be a URL.
pub fn argv(options: &Options, flags: Flags, target: &Target, addresses: &[IpAddr], timeout: Duration) -> Vec<String> {
    let mut args: Vec<String> = Vec::new();
    let mut push = |items: &[&str]| args.extend(items.iter().map(|item| item.to_string()));
    let url = folder(target);
    match pinned(url.as_ref(), target, addresses.first().copied()) {
        Some((url, name)) => push(&["-host", &url, "-vhost", &name, "-nolookup"]),
        None => {
            push(&["-host", &url.map_or(target.to_string(), String::from)]);
            // Else it looks the name up itself: with an address instead, TLS would not name the host.
            if target.name().is_none() {
                push(&["-nolookup"]);
            }
        }
    }
    push(&["-Format", "xml", "-output", REPORT, "-ask", "no", "-nointeractive"]);
    let seconds = (timeout * 9 / 10).max(Duration::from_secs(1)).as_secs().to_string();
    push(&["-timeout", &options.request_timeout.to_string()]);
    match options.profile {
        Profile::Light => push(&["-Tuning", "123b"]),
        Profile::Normal => push(&["-Tuning", "x6"]),
    }
    if options.pause > 0 {
        push(&["-Pause", &options.pause.to_string()]);
    }
    match flags {
        Flags::Old => push(&["-maxtime", &seconds, "-Plugins", PLUGINS]),
        Flags::Since2_6 => {
            push(&["-maxtime", &format!("{seconds}s"), "-Plugins", PLUGINS_2_6, "-nocheck", "-Display", "P"]);
        }
    }
    args
}

/// The folder that a URL is in, without a query: nikto puts every path of its checks behind the one that it is given. A last
/// part without a dot is taken for a folder.
fn folder(target: &Target) -> Option<Url> {
    let mut url = target.url()?.clone();
    url.set_query(None);
    let (folders, last) = url.path().rsplit_once('/')?;
    if last.contains('.') {
        let folders = format!("{folders}/");
        url.set_path(&folders);
    }
    Some(url)
}

/// A plain HTTP URL with the checked address in place of its name, and the name for the `Host` header.
fn pinned(url: Option<&Url>, target: &Target, address: Option<IpAddr>) -> Option<(String, String)> {
    let (url, name) = (url?, target.name()?);
    if url.scheme() != "http" {
        return None;
    }
    let mut pinned = url.clone();
    pinned.set_ip_host(address?).ok()?;
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    Some((pinned.to_string(), format!("{name}{port}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Every argument that may begin with `-`.
    const TABLE: &[&str] = &[
        "-host",
        "-vhost",
        "-nolookup",
        "-Format",
        "-output",
        "-ask",
        "-nointeractive",
        "-timeout",
        "-Tuning",
        "-Pause",
        "-maxtime",
        "-Plugins",
        "-nocheck",
        "-Display",
    ];

    fn line(options: &Options, flags: Flags, target: &str) -> String {
        let target = Target::parse(target).unwrap();
        argv(options, flags, &target, &["127.0.0.1".parse().unwrap()], Duration::from_secs(100)).join(" ")
    }

    #[test]
    fn the_old_nikto_gets_what_it_knows() {
        assert_eq!(
            line(&Options::default(), Flags::Old, "http://127.0.0.1:8080/app/"),
            "-host http://127.0.0.1:8080/app/ -nolookup -Format xml -output report.xml -ask no -nointeractive \
             -timeout 10 -Tuning x6 -maxtime 90 -Plugins @@DEFAULT;-auth;-put_del_test"
        );
    }

    #[test]
    fn the_new_nikto_does_not_ask_for_updates_and_tells_progress() {
        let options = Options { profile: Profile::Light, pause: 2, request_timeout: 5 };
        assert_eq!(
            line(&options, Flags::Since2_6, "https://app.example.test/"),
            "-host https://app.example.test/ -Format xml -output report.xml -ask no -nointeractive -timeout 5 \
             -Tuning 123b -Pause 2 -maxtime 90s \
             -Plugins @@DEFAULT;-auth;-put_del_test;-shellshock;-ms10_070;-optionsbleed -nocheck -Display P"
        );
    }

    #[test]
    fn a_name_is_scanned_at_the_address_that_was_checked() {
        let line = line(&Options::default(), Flags::Old, "http://app.example.test:8080/x");
        assert!(line.starts_with("-host http://127.0.0.1:8080/x -vhost app.example.test:8080 -nolookup "), "{line}");
    }

    #[test]
    fn the_folder_of_a_page_is_scanned() {
        for (given, scanned) in [
            ("http://127.0.0.1/app/index.php?x=1", "http://127.0.0.1/app/"),
            ("http://127.0.0.1/app/?x=1", "http://127.0.0.1/app/"),
            ("http://127.0.0.1/app?x=1", "http://127.0.0.1/app"),
            ("http://127.0.0.1/v1.2/app", "http://127.0.0.1/v1.2/app"),
            ("http://127.0.0.1/index.html", "http://127.0.0.1/"),
            ("http://127.0.0.1/?x=a.b/c.d", "http://127.0.0.1/"),
            ("https://app.example.test/a/b.jsp", "https://app.example.test/a/"),
        ] {
            let line = line(&Options::default(), Flags::Old, given);
            assert!(line.starts_with(&format!("-host {scanned} ")), "{line}");
        }
        let line = line(&Options::default(), Flags::Old, "http://app.example.test/a/b.jsp");
        assert!(line.starts_with("-host http://127.0.0.1/a/ -vhost app.example.test "), "{line}");
    }

    proptest! {
        #[test]
        fn no_argument_begins_with_a_hyphen_unless_it_comes_from_the_table(
            url in "https?://[a-z0-9-]{1,10}(\\.test)?(:[0-9]{1,5})?/\\PC{0,20}", pause in any::<u8>(),
            timeout in any::<u8>(), seconds in 0u64..90_000, is_new in any::<bool>(), address in any::<IpAddr>()
        ) {
            let Ok(target) = Target::parse(&url) else { return Ok(()) };
            let options = Options { profile: Profile::Normal, pause, request_timeout: timeout };
            let flags = if is_new { Flags::Since2_6 } else { Flags::Old };
            let args = argv(&options, flags, &target, &[address], Duration::from_secs(seconds));
            prop_assert!(args[1].starts_with("http"));
            for arg in &args {
                prop_assert!(!arg.starts_with('-') || TABLE.contains(&arg.as_str()), "{}", arg);
            }
        }
    }
}
