//! Trivy's arguments: options from a fixed table, values that were parsed and printed again, the subject after `--`.

use super::options::{Level, Options, Scanner};
use crate::image::ImageRef;
use std::time::Duration;

/// What trivy is pointed at.
#[derive(Debug, Clone, Copy)]
pub enum Subject<'a> {
    /// A folder, as a path below the job folder, and the folder in it that everything lies in: empty, or with a slash.
    Tree {
        path: &'a str,
        within: &'a str,
    },
    /// A bill of materials, as a path below the job folder.
    Sbom(&'a str),
    Image(&'a ImageRef),
}

impl Subject<'_> {
    /// Which of these scanners can find anything in it: a bill of materials holds names of packages, not files.
    pub fn scanners(self, asked: &[Scanner]) -> Vec<Scanner> {
        let is_for = |scanner: &Scanner| match (self, scanner) {
            (Subject::Tree { .. } | Subject::Image(_), _) | (Subject::Sbom(_), Scanner::Vuln | Scanner::License) => {
                true
            }
            (Subject::Sbom(_), Scanner::Misconfig | Scanner::Secret) => false,
        };
        asked.iter().copied().filter(is_for).collect()
    }
}

/// The arguments of one run, whose report is the file `report` and whose state is the folder `cache`. Nothing is
/// downloaded, nobody is told.
pub fn argv(
    subject: Subject<'_>,
    options: &Options,
    scanners: &[Scanner],
    timeout: Duration,
    report: &str,
    cache: &str,
) -> Vec<String> {
    let mut args: Vec<String> = Vec::new();
    let mut push = |items: &[&str]| args.extend(items.iter().map(|item| item.to_string()));
    push(&[match subject {
        Subject::Tree { .. } => "fs",
        Subject::Sbom(_) => "sbom",
        Subject::Image(_) => "image",
    }]);
    push(&["--format", "json", "--output", report, "--scanners", &joined(scanners, Scanner::as_str)]);
    if !options.severity.is_empty() {
        push(&["--severity", &joined(&options.severity, Level::as_str)]);
    }
    if options.ignore_unfixed {
        push(&["--ignore-unfixed"]);
    }
    let has_files = !matches!(subject, Subject::Sbom(_));
    if options.license_full && has_files {
        push(&["--license-full"]);
    }
    if has_files {
        let within = if let Subject::Tree { within, .. } = subject { within } else { "" };
        for folder in &options.skip_dirs {
            push(&["--skip-dirs", &format!("{within}{folder}")]);
        }
        push(&["--skip-check-update"]);
    }
    push(&["--timeout", &format!("{}s", own_timeout(timeout).as_secs())]);
    push(&["--no-progress", "--skip-version-check", "--disable-telemetry", "--offline-scan", "--skip-db-update"]);
    push(&["--skip-java-db-update", "--skip-vex-repo-update", "--cache-dir", cache]);
    match subject {
        // What it passes over because it cannot be parsed, it says there alone.
        Subject::Tree { path, .. } | Subject::Sbom(path) => push(&["--debug", "--", path]),
        Subject::Image(image) => push(&["--image-src", "remote", "--", &image.to_string()]),
    }
    args
}

fn joined<T: Copy>(items: &[T], word: fn(T) -> &'static str) -> String {
    items.iter().map(|item| word(*item)).collect::<Vec<_>>().join(",")
}

/// A little more than the run's own limit, so that one clock decides.
fn own_timeout(timeout: Duration) -> Duration {
    timeout + Duration::from_secs(60)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    /// Every argument that may begin with `-`.
    const TABLE: &[&str] = &[
        "--format",
        "--output",
        "--scanners",
        "--severity",
        "--ignore-unfixed",
        "--license-full",
        "--skip-dirs",
        "--skip-check-update",
        "--timeout",
        "--no-progress",
        "--skip-version-check",
        "--disable-telemetry",
        "--offline-scan",
        "--skip-db-update",
        "--skip-java-db-update",
        "--skip-vex-repo-update",
        "--cache-dir",
        "--debug",
        "--image-src",
        "--",
    ];

    fn line(subject: Subject<'_>, options: &Options) -> String {
        let scanners = subject.scanners(&options.scanners);
        argv(subject, options, &scanners, Duration::from_secs(100), "report.json", "cache").join(" ")
    }

    #[test]
    fn a_tree_is_scanned_without_any_download() {
        assert_eq!(
            line(Subject::Tree { path: "upload/app", within: "" }, &Options::default()),
            "fs --format json --output report.json --scanners vuln,misconfig,secret --skip-check-update --timeout 160s \
             --no-progress --skip-version-check --disable-telemetry --offline-scan --skip-db-update \
             --skip-java-db-update --skip-vex-repo-update --cache-dir cache --debug -- upload/app"
        );
    }

    #[test]
    fn a_bill_of_materials_has_no_files_to_look_into() {
        let options = Options { skip_dirs: vec!["x".into()], license_full: true, ..Options::default() };
        let line = line(Subject::Sbom("upload/sbom.json"), &options);
        assert!(line.starts_with("sbom --format json --output report.json --scanners vuln --timeout"), "{line}");
        assert!(!line.contains("skip-dirs") && !line.contains("license-full"), "{line}");
    }

    #[test]
    fn an_image_is_read_from_its_registry_alone() {
        let image = ImageRef::parse("registry.example.test/app:1.0").unwrap();
        let line = line(Subject::Image(&image), &Options::default());
        assert!(line.starts_with("image "), "{line}");
        assert!(line.ends_with("--image-src remote -- registry.example.test/app:1.0"), "{line}");
    }

    proptest! {
        #[test]
        fn no_argument_begins_with_a_hyphen_unless_it_comes_from_the_table(
            folders in proptest::collection::vec("[a-z./@_-]{0,12}", 0..4),
            image in "[a-zA-Z0-9.:/@_-]{1,40}", flags in any::<[bool; 3]>(), seconds in 0u64..90_000,
        ) {
            let given = json!({"skipDirs": folders, "ignoreUnfixed": flags[0], "licenseFull": flags[1]});
            let Ok(options) = Options::parse(given.as_object().unwrap()) else { return Ok(()) };
            let image = ImageRef::parse(&image).ok();
            let subject = match &image {
                Some(image) => Subject::Image(image),
                None if flags[2] => Subject::Tree { path: "upload/app", within: "app/" },
                None => Subject::Sbom("upload/sbom.json"),
            };
            let args = argv(subject, &options, &options.scanners, Duration::from_secs(seconds), "report.json", "cache");
            for arg in &args {
                prop_assert!(!arg.starts_with('-') || TABLE.contains(&arg.as_str()), "{}", arg);
            }
            prop_assert_eq!(args.iter().position(|arg| arg == "--"), Some(args.len() - 2));
        }
    }
}
