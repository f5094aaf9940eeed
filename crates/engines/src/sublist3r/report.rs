//! sublist3r's report: names, one a line, sometimes several with `<BR>` between.

use crate::collected::Collected;
use crate::job::Parsed;
use crate::{Target, asset};
use scanyard_contract::scan::{Coverage, FailureReason};

/// Why a line is dropped that sublist3r would hardly have written.
const NO_NAME: &str = "not a host name";

/// Reads a report, as sublist3r writes it with `-o`. It writes none where it found nothing.
pub fn read(report: &[u8], target: &Target) -> Parsed {
    let domain = target.host();
    let mut collected = Collected::default();
    let mut is_last_taken = true;
    for line in report.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty()) {
        let line = String::from_utf8_lossy(line).to_ascii_lowercase();
        for name in line.split("<br>") {
            let name = asset::host_name(name).ok_or(NO_NAME);
            let name = name.and_then(|name| match name != domain && asset::is_within(&name, &domain) {
                true => Ok(name),
                false => Err(asset::OUTSIDE),
            });
            is_last_taken = name.is_ok();
            match name {
                Ok(name) => collected.add(asset::finding("sublist3r", "subdomain", "Subdomain", &name)),
                Err(reason) => collected.drop(reason),
            }
        }
    }
    let unreadable = |message: String| Some((FailureReason::ReportUnreadable, message));
    let fault = match (collected.records.read, collected.records.kept) {
        (0, _) => {
            unreadable("the report is empty, which says nothing: sublist3r writes none where it found nothing".into())
        }
        (_, 0) => unreadable(format!("no line of the report is a name below {domain}")),
        (read, _) if collected.records.dropped.get(NO_NAME).is_some_and(|dropped| 2 * dropped > read) => {
            unreadable("most lines of the report are no names, as they are in sublist3r's".into())
        }
        // sublist3r ends every line; what a person left open is a name all the same.
        _ if !is_last_taken && !report.ends_with(b"\n") => {
            unreadable("the report is cut short in its last line".into())
        }
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

    #[test]
    fn a_text_that_happens_to_hold_a_name_is_no_report() {
        let parsed = parsed(b"*** theHarvester ***\n[*] Hosts found: 1\nwww.example.test\n");
        let (reason, message) = parsed.fault.unwrap();
        assert_eq!((reason, parsed.collected.records.kept), (FailureReason::ReportUnreadable, 1), "{message}");
    }

    #[test]
    fn a_name_that_was_cut_is_a_fault() {
        assert_eq!(parsed(b"www.example.test\napi.example.test").fault, None);
        let parsed = parsed(b"www.example.test\nwww.example.test\napi.exam");
        let (reason, message) = parsed.fault.unwrap();
        assert_eq!(
            (reason, message.as_str()),
            (FailureReason::ReportUnreadable, "the report is cut short in its last line")
        );
        assert_eq!(parsed.collected.records.kept, 1);
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
