//! sqlmap's arguments: options from a fixed table, every value of ours in one argument with its option.

use super::options::Options;
use crate::Target;
use scanyard_contract::scan::ScanAuth;
use std::time::Duration;

/// The report that sqlmap 1.10 writes.
pub const REPORT: &str = "report.json";
/// The folder in which every sqlmap keeps its notes.
pub const NOTES: &str = "out";

/// The settings file that carries credentials.
pub const CONFIG: &str = "scan.conf";

/// The settings that carry credentials, which so are not among the arguments, where everybody on the machine can read
/// them. The values have no line breaks; a header's line is indented, so that it can be no other setting.
pub fn config(auth: &ScanAuth, target: &Target) -> String {
    let mut text = format!("[Target]\nurl = {target}\n[Request]\n");
    if let Some(cookies) = crate::auth::cookie_line(auth) {
        text.push_str(&format!("cookie = {cookies}\n"));
    }
    let headers = crate::auth::headers(auth);
    if !headers.is_empty() {
        let lines: String = headers.iter().map(|(name, value)| format!("\n  {name}: {value}")).collect();
        text.push_str(&format!("headers ={lines}\n"));
    }
    text
}

/// Whether a version writes a report as JSON and knows a time limit; 1.7, which Debian has, does neither.
pub fn is_new(version: Option<&str>) -> bool {
    let parts: Vec<u32> = version.unwrap_or_default().split('.').map_while(|part| part.parse().ok()).collect();
    parts.as_slice() >= [1, 10].as_slice()
}

/// A little less than the run's own limit, so that sqlmap ends itself and still reports.
pub fn time_limit(timeout: Duration) -> Duration {
    // sqlmap counts in whole seconds, and whoever compares with what it was given must as well.
    Duration::from_secs((timeout * 9 / 10).as_secs().max(1))
}

/// The arguments of one run; the target must be a URL.
pub fn argv(options: &Options, is_new: bool, has_auth: bool, target: &Target, timeout: Duration) -> Vec<String> {
    let mut args: Vec<String> = vec![format!("--url={target}")];
    let mut push = |items: &[&str]| args.extend(items.iter().map(|item| item.to_string()));
    push(&["--batch", "--disable-coloring", "--flush-session", "--ignore-redirects"]);
    push(&["--level", &options.level.to_string(), "--risk", "1"]);
    let letters: String = options.techniques.iter().map(|technique| technique.letter()).collect();
    push(&["--technique", &letters]);
    push(&["--threads", &options.threads.to_string(), "--timeout", "10", "--retries", "1"]);
    if options.delay_ms > 0 {
        push(&["--delay", &format!("{:.3}", f64::from(options.delay_ms) / 1000.0)]);
    }
    if let Some(parameter) = &options.parameter {
        push(&["-p", parameter]);
    }
    if let Some(data) = &options.data {
        push(&[&format!("--data={data}")]);
    }
    if options.crawl > 0 {
        push(&["--crawl", &options.crawl.to_string()]);
    }
    if options.forms {
        push(&["--forms"]);
    }
    if options.crawl > 0 || options.forms {
        // Without this answer it leaves a host alone after its first hit.
        push(&["--answers", "skip further tests=N"]);
    }
    push(&["--output-dir", NOTES]);
    if has_auth {
        push(&["-c", CONFIG]);
    }
    if is_new {
        push(&["--report-json", REPORT, "--time-limit", &time_limit(timeout).as_secs().to_string()]);
    }
    args
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sqlmap::options::Technique;
    use proptest::prelude::*;

    #[test]
    fn the_time_limit_is_in_whole_seconds_and_at_least_one() {
        let limit = |seconds| time_limit(Duration::from_secs(seconds)).as_millis();
        assert_eq!((limit(1), limit(3), limit(100)), (1000, 2000, 90_000));
    }

    /// Every argument that may begin with `-`; the last two with a value in the same argument.
    const TABLE: &[&str] = &[
        "--batch",
        "--disable-coloring",
        "--flush-session",
        "--ignore-redirects",
        "--level",
        "--risk",
        "--technique",
        "--threads",
        "--timeout",
        "--retries",
        "--delay",
        "-p",
        "--crawl",
        "--forms",
        "--answers",
        "--output-dir",
        "--report-json",
        "--time-limit",
        "-c",
    ];

    fn line(options: &Options, is_new: bool) -> String {
        let target = Target::parse("http://127.0.0.1:8080/item?id=1").unwrap();
        argv(options, is_new, false, &target, Duration::from_secs(100)).join(" ")
    }

    #[test]
    fn the_defaults_only_detect() {
        let old = "--url=http://127.0.0.1:8080/item?id=1 --batch --disable-coloring --flush-session --ignore-redirects \
                   --level 1 --risk 1 --technique BEU --threads 2 --timeout 10 --retries 1 --output-dir out";
        assert_eq!(line(&Options::default(), false), old);
        assert_eq!(line(&Options::default(), true), format!("{old} --report-json report.json --time-limit 90"));
    }

    #[test]
    fn every_option_has_its_argument() {
        let options = Options {
            level: 3,
            techniques: vec![Technique::Boolean, Technique::Time],
            parameter: Some("id".to_string()),
            data: Some("id=1".to_string()),
            crawl: 2,
            forms: true,
            threads: 4,
            delay_ms: 250,
        };
        assert_eq!(
            line(&options, false),
            "--url=http://127.0.0.1:8080/item?id=1 --batch --disable-coloring --flush-session --ignore-redirects --level 3 \
             --risk 1 --technique BT --threads 4 --timeout 10 --retries 1 --delay 0.250 -p id --data=id=1 --crawl 2 --forms \
             --answers skip further tests=N --output-dir out"
        );
    }

    #[test]
    fn versions_are_told_apart() {
        for (version, new) in [("1.7.2", false), ("1.9", false), ("1.10.10", true), ("1.10", true), ("2.0", true)] {
            assert_eq!(is_new(Some(version)), new, "{version}");
        }
        assert!(!is_new(None));
    }

    proptest! {
        #[test]
        fn no_argument_begins_with_a_hyphen_unless_it_comes_from_the_table(
            url in "https?://[a-z0-9-]{1,10}(\\.test)?(:[0-9]{1,5})?/\\PC{0,20}",
            parameter in "\\PC{0,6}", data in "\\PC{1,20}", numbers in any::<(u8, u8, u16, bool)>()
        ) {
            let Ok(target) = Target::parse(&url) else { return Ok(()) };
            let given = serde_json::json!({
                "parameter": parameter, "data": data, "level": numbers.0, "crawl": numbers.1, "delayMs": numbers.2
            });
            let given = given.as_object().unwrap().iter();
            // Each option alone: what the others refuse must not hide what one takes.
            for (name, value) in given {
                let one = [(name.clone(), value.clone())].into_iter().collect();
                let Ok(options) = Options::parse(&one) else { continue };
                for arg in argv(&options, numbers.3, true, &target, Duration::from_secs(60)) {
                    let is_ours = TABLE.contains(&arg.as_str()) || arg.starts_with("--url=http") || arg.starts_with("--data=");
                    prop_assert!(!arg.starts_with('-') || is_ours, "{}", arg);
                }
            }
        }
    }
}
