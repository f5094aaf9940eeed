//! nuclei's arguments: options from a fixed table, values that are numbers, words of ours or checked names. The target,
//! the name server and the results are files of fixed names in the job folder, which is the working folder.

use super::options::{Options, Profile, Protocol};
use scanyard_contract::Severity;

/// The targets, one a line.
pub const TARGETS: &str = "targets.txt";
/// The name server to ask.
pub const RESOLVERS: &str = "resolvers.txt";
/// The headers of every request, one a line; there with credentials only.
pub const HEADERS: &str = "headers.txt";
/// The results.
pub const REPORT: &str = "out.jsonl";

/// Tags of templates that harm, flood, or make the target talk to third parties.
const NEVER: [&str; 5] = ["dos", "fuzz", "intrusive", "bruteforce", "oast"];

/// The arguments of one run. `is_public`: every address of the target is a public one, so that nothing else is scanned
/// whatever a template makes of it.
pub fn argv(options: &Options, templates: &str, is_public: bool) -> Vec<String> {
    let mut args: Vec<String> = Vec::new();
    let mut push = |items: &[&str]| args.extend(items.iter().map(|item| item.to_string()));
    push(&["-l", TARGETS, "-t", templates, "-jsonl", "-o", REPORT]);
    push(&["-stats", "-stats-json", "-stats-interval", "5"]);
    // No update check, no public interaction server, no redirect out of scope, no name server but ours.
    push(&["-duc", "-ni", "-dr", "-r", RESOLVERS, "-no-stdin", "-nc", "-silent"]);
    push(&["-rl", &options.max_rate.to_string(), "-c", &options.concurrency.to_string(), "-bs", "5"]);
    push(&["-timeout", "10", "-retries", "1", "-mhe", "30"]);
    push(&["-severity", &severities(options)]);
    let protocols: Vec<_> = options.protocols.iter().copied().map(Protocol::as_str).collect();
    push(&["-pt", &protocols.join(",")]);
    let left_out: Vec<_> = NEVER.into_iter().chain(options.exclude_tags.iter().map(String::as_str)).collect();
    push(&["-etags", &left_out.join(",")]);
    if !options.tags.is_empty() {
        push(&["-tags", &options.tags.join(",")]);
    }
    if !options.template_ids.is_empty() {
        push(&["-id", &options.template_ids.join(",")]);
    }
    if is_public {
        push(&["-lna"]);
    }
    push(&["-omit-template", "-omit-raw", "-rsr", "1048576", "-rss", "65536"]);
    args
}

fn severities(options: &Options) -> String {
    if !options.severities.is_empty() {
        return options.severities.iter().copied().map(Severity::as_str).collect::<Vec<_>>().join(",");
    }
    match options.profile {
        Profile::Quick => "high,critical",
        Profile::Default => "low,medium,high,critical",
        Profile::Full => "info,low,medium,high,critical,unknown",
    }
    .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn the_defaults_are_the_manual_s_own() {
        assert_eq!(
            argv(&Options::default(), "/srv/templates", false).join(" "),
            "-l targets.txt -t /srv/templates -jsonl -o out.jsonl -stats -stats-json -stats-interval 5 -duc -ni -dr -r \
             resolvers.txt -no-stdin -nc -silent -rl 50 -c 10 -bs 5 -timeout 10 -retries 1 -mhe 30 -severity \
             low,medium,high,critical -pt http,ssl,tcp -etags dos,fuzz,intrusive,bruteforce,oast -omit-template \
             -omit-raw -rsr 1048576 -rss 65536"
        );
    }

    #[test]
    fn every_option_has_its_argument() {
        let options = json!({"severities": ["info"], "protocols": ["tcp"], "tags": ["a", "b"], "excludeTags": ["c"],
            "templateIds": ["d"], "maxRate": 5, "concurrency": 2});
        let line = argv(&Options::parse(options.as_object().unwrap()).unwrap(), "/t", true).join(" ");
        for part in ["-severity info", "-pt tcp", "-tags a,b", ",oast,c", "-id d", "-rl 5", "-c 2", "-lna"] {
            assert!(line.contains(part), "{part}: {line}");
        }
    }

    /// Every argument that may begin with `-`.
    const TABLE: &[&str] = &[
        "-l",
        "-t",
        "-jsonl",
        "-o",
        "-stats",
        "-stats-json",
        "-stats-interval",
        "-duc",
        "-ni",
        "-dr",
        "-r",
        "-no-stdin",
        "-nc",
        "-silent",
        "-rl",
        "-c",
        "-bs",
        "-timeout",
        "-retries",
        "-mhe",
        "-severity",
        "-pt",
        "-etags",
        "-tags",
        "-id",
        "-lna",
        "-omit-template",
        "-omit-raw",
        "-rsr",
        "-rss",
    ];

    proptest! {
        #[test]
        fn no_argument_begins_with_a_hyphen_unless_it_comes_from_the_table(
            tags in proptest::collection::vec("[-a-z0-9_,./]{0,9}", 0..4),
            ids in proptest::collection::vec("\\PC{0,9}", 0..4),
            rate in any::<u8>(), is_public in any::<bool>()
        ) {
            let given = json!({"tags": tags, "templateIds": ids, "excludeTags": tags, "maxRate": rate});
            let mut options = Options::default();
            for (name, value) in given.as_object().unwrap() {
                let one = [(name.clone(), value.clone())].into_iter().collect();
                if let Ok(read) = Options::parse(&one) {
                    options = match name.as_str() {
                        "tags" => Options { tags: read.tags, ..options },
                        "templateIds" => Options { template_ids: read.template_ids, ..options },
                        "excludeTags" => Options { exclude_tags: read.exclude_tags, ..options },
                        _ => Options { max_rate: read.max_rate, ..options },
                    };
                }
            }
            for arg in argv(&options, "/srv/templates", is_public) {
                prop_assert!(!arg.starts_with('-') || TABLE.contains(&arg.as_str()), "{}", arg);
                prop_assert!(!arg.contains("..") && !arg.contains(' '), "{}", arg);
            }
        }
    }
}
