//! sublist3r's report: names, one a line, sometimes several with `<BR>` between.

use crate::collected::Collected;
use crate::job::Parsed;
use crate::{Target, asset};
use scanyard_contract::scan::{Coverage, FailureReason};

/// Reads a report, as sublist3r writes it with `-o`. It writes none where it found nothing.
pub fn read(report: &[u8], target: &Target) -> Parsed {
    let domain = target.host();
    let mut collected = Collected::default();
    for line in report.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty()) {
        let line = String::from_utf8_lossy(line).to_ascii_lowercase();
        for name in line.split("<br>") {
            match asset::host_name(name) {
                None => collected.drop("not a host name"),
                Some(name) if name == domain || !asset::is_within(&name, &domain) => {
                    collected.drop(asset::OUTSIDE);
                }
                Some(name) => collected.add(asset::finding("sublist3r", "subdomain", "Subdomain", &name)),
            }
        }
    }
    let unreadable = |message: String| Some((FailureReason::ReportUnreadable, message));
    let fault = match (collected.records.read, collected.records.kept) {
        (0, _) => {
            unreadable("the report is empty, which says nothing: sublist3r writes none where it found nothing".into())
        }
        (_, 0) => unreadable(format!("no line of the report is a name below {domain}")),
        _ => None,
    };
    // Others were asked, and no host of the target: there is nothing to cover.
    Parsed { collected, coverage: Coverage::default(), engine_version: None, fault }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use scanyard_contract::finding::Severity;

    fn parsed(report: &[u8]) -> Parsed {
        read(report, &Target::parse("example.test").unwrap())
    }

    #[test]
    fn the_sample_is_four_names_of_which_one_came_twice() {
        let Parsed { collected, fault, .. } = parsed(include_bytes!("../../tests/samples/sublist3r/unit-out.txt"));
        assert_eq!(fault, None);
        let names: Vec<_> =
            collected.findings.iter().map(|finding| finding.location.host.as_deref().unwrap()).collect();
        assert_eq!(names, ["www.example.test", "api.example.test", "mail.example.test", "alt.example.test"]);
        assert_eq!((collected.records.read, collected.records.kept, collected.records.merged), (5, 4, 1));
        let first = &collected.findings[0];
        assert_eq!((first.title.as_str(), first.severity), ("Subdomain: www.example.test", Severity::Info));
    }

    #[test]
    fn what_is_not_below_the_domain_is_dropped() {
        let parsed = parsed(b"a.example.test\nexample.test\nanexample.test\n<script>.example.test\na.example.test.\n");
        assert_eq!((parsed.collected.records.kept, parsed.collected.records.merged), (1, 1));
        assert_eq!(parsed.collected.records.dropped["not below the domain"], 2);
        assert_eq!(parsed.collected.records.dropped["not a host name"], 1);
    }

    #[test]
    fn a_report_without_a_name_is_a_fault() {
        for report in [&b""[..], b"\n\n", b"<?xml?>\n<nmaprun>\n", b"www.example.com\n", b"\xff\xfe\0"] {
            assert_eq!(parsed(report).fault.unwrap().0, FailureReason::ReportUnreadable, "{report:?}");
        }
    }

    proptest! {
        #[test]
        fn every_record_is_accounted_for(bytes in proptest::collection::vec(any::<u8>(), 0..300), text in "([a-c]{1,3}\\.example\\.test(<BR>|\n)?|.){0,20}") {
            for report in [&bytes[..], text.as_bytes()] {
                let records = parsed(report).collected.records;
                prop_assert_eq!(records.read, records.kept + records.merged + records.dropped.values().sum::<u64>());
            }
        }
    }
}
