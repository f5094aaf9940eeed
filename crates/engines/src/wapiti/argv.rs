//! wapiti's arguments: options from a fixed table, every URL in one argument with its option.

use super::modules::{Release, modules};
use super::options::{Force, Options, Scope};
use crate::Target;
use std::time::Duration;

/// The file in the job folder that wapiti writes.
pub const REPORT: &str = "report.json";

/// A listener that is none: wapiti would otherwise put its makers' server into payloads, and look its name up.
const NOBODY: &str = "http://127.0.0.1:1/";

/// The arguments of one run; the target must be a URL.
pub fn argv(options: &Options, release: Release, target: &Target, timeout: Duration) -> Vec<String> {
    let chosen = modules(options.profile, release);
    let (crawl, attack) = times(timeout, chosen.len() as u32);
    let mut args: Vec<String> = vec![format!("--url={target}")];
    let mut push = |items: &[&str]| args.extend(items.iter().map(|item| item.to_string()));
    let scope = match options.scope {
        Scope::Url => "url",
        Scope::Page => "page",
        Scope::Folder => "folder",
    };
    let force = match options.force {
        Force::Sneaky => "sneaky",
        Force::Polite => "polite",
        Force::Normal => "normal",
    };
    push(&["--scope", scope, "-m", &chosen.join(","), "-S", force, "-d", &options.depth.to_string()]);
    push(&["-f", "json", "-o", REPORT, "--flush-session", "--no-bugreport"]);
    // `.` is the job folder, which holds the file that wapiti 3.0 would otherwise download.
    push(&["--store-session", "session", "--store-config", "."]);
    push(&["-t", "10", "--max-links-per-page", "50", "--max-files-per-dir", "50"]);
    push(&["--max-scan-time", &crawl.to_string(), "--max-attack-time", &attack.to_string()]);
    push(&["-v", "1", "--verify-ssl", "0", "--endpoint", NOBODY]);
    match release {
        Release::Old => {}
        Release::Since3_2 => push(&["--dns-endpoint", "localhost", "--tasks", &options.concurrency.to_string()]),
    }
    for url in options.excluded(target) {
        push(&[&format!("--exclude={url}")]);
    }
    args
}

/// Seconds for the crawl, and for each module: together a little less than the run's own limit.
fn times(timeout: Duration, modules: u32) -> (u64, u64) {
    let usable = timeout * 9 / 10;
    let crawl = usable / 3;
    (crawl.as_secs().max(1), ((usable - crawl) / modules.max(1)).as_secs().max(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wapiti::options::Profile;
    use proptest::prelude::*;

    /// Every argument that may begin with `-`.
    const TABLE: &[&str] = &[
        "--scope",
        "-m",
        "-S",
        "-d",
        "-f",
        "-o",
        "--flush-session",
        "--no-bugreport",
        "--store-session",
        "--store-config",
        "-t",
        "--max-links-per-page",
        "--max-files-per-dir",
        "--max-scan-time",
        "--max-attack-time",
        "-v",
        "--verify-ssl",
        "--endpoint",
        "--dns-endpoint",
        "--tasks",
    ];

    fn line(options: &Options, release: Release) -> String {
        let target = Target::parse("http://127.0.0.1:8080/shop/").unwrap();
        argv(options, release, &target, Duration::from_secs(1000)).join(" ")
    }

    #[test]
    fn the_defaults_look_and_do_not_attack() {
        assert_eq!(
            line(&Options::default(), Release::Since3_2),
            "--url=http://127.0.0.1:8080/shop/ --scope folder -m cookieflags,csp,http_headers,methods,csrf,https_redirect,ssl \
             -S normal -d 5 -f json -o report.json --flush-session --no-bugreport --store-session session --store-config . \
             -t 10 --max-links-per-page 50 --max-files-per-dir 50 --max-scan-time 300 --max-attack-time 85 -v 1 \
             --verify-ssl 0 --endpoint http://127.0.0.1:1/ --dns-endpoint localhost --tasks 4"
        );
    }

    #[test]
    fn the_old_wapiti_gets_what_it_knows() {
        let options = Options {
            profile: Profile::Active,
            scope: Scope::Page,
            depth: 2,
            force: Force::Sneaky,
            concurrency: 8,
            exclude: vec!["/logout".to_string()],
        };
        assert_eq!(
            line(&options, Release::Old),
            "--url=http://127.0.0.1:8080/shop/ --scope page -m cookieflags,csp,http_headers,methods,csrf,sql,crlf,redirect,\
             file,exec,backup,htaccess -S sneaky -d 2 -f json -o report.json --flush-session --no-bugreport \
             --store-session session --store-config . -t 10 --max-links-per-page 50 --max-files-per-dir 50 \
             --max-scan-time 300 --max-attack-time 50 -v 1 --verify-ssl 0 --endpoint http://127.0.0.1:1/ \
             --exclude=http://127.0.0.1:8080/logout"
        );
    }

    proptest! {
        #[test]
        fn no_argument_begins_with_a_hyphen_unless_it_comes_from_the_table(
            url in "https?://[a-z0-9-]{1,10}(\\.test)?(:[0-9]{1,5})?/\\PC{0,20}", path in "\\PC{0,20}",
            depth in any::<u8>(), is_new in any::<bool>(), seconds in 0u64..90_000
        ) {
            let Ok(target) = Target::parse(&url) else { return Ok(()) };
            let mut options = Options { profile: Profile::Active, depth, ..Options::default() };
            let given = serde_json::json!({"exclude": [path]});
            if let Ok(read) = Options::parse(given.as_object().unwrap()) {
                options.exclude = read.exclude;
            }
            let release = if is_new { Release::Since3_2 } else { Release::Old };
            for arg in argv(&options, release, &target, Duration::from_secs(seconds)) {
                let is_ours = TABLE.contains(&arg.as_str()) || arg.starts_with("--url=http") || arg.starts_with("--exclude=http");
                prop_assert!(!arg.starts_with('-') || is_ours, "{}", arg);
            }
        }
    }
}
