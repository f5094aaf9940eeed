//! Reports of real runs of 4.9.2, and one as the newest version writes it.

use super::{Files, read};
use crate::Target;
use crate::job::Parsed;
use proptest::prelude::*;
use scanyard_contract::scan::FailureReason;

const JSON: &[u8] = include_bytes!("../../tests/samples/harvester/unit-out.json");
const XML: &[u8] = include_bytes!("../../tests/samples/harvester/unit-out.xml");
const NEWEST: &[u8] = include_bytes!("../../tests/samples/harvester/newest.jsonl");

fn target() -> Target {
    Target::parse("example.test").unwrap()
}

fn names(parsed: &Parsed) -> Vec<&str> {
    parsed.collected.findings.iter().filter_map(|finding| finding.location.host.as_deref()).collect()
}

fn fault(report: &[u8]) -> Option<FailureReason> {
    read(report, &target()).fault.map(|(reason, _)| reason)
}

#[test]
fn the_xml_has_a_host_that_the_json_lost_and_the_two_together_have_all() {
    let json = read(JSON, &target());
    assert_eq!((names(&json), &json.fault), (vec!["api.example.test", "mail.example.test"], &None));
    assert_eq!(json.collected.findings[1].location.ip.as_deref(), Some("192.0.2.10"));
    let xml = read(XML, &target());
    assert_eq!(names(&xml), ["www.example.test", "api.example.test", "mail.example.test"]);
    assert_eq!(xml.collected.findings[2].location.ip.as_deref(), Some("192.0.2.10"));
    let both = Files { json: JSON, xml: XML, jsonl: b"" }.read(&target());
    assert_eq!(names(&both), ["api.example.test", "mail.example.test", "www.example.test"]);
    assert_eq!((both.collected.records.read, both.collected.records.merged), (5, 2));
    let prints = |parsed: &Parsed| parsed.collected.findings.iter().map(|f| f.fingerprint.clone()).collect::<Vec<_>>();
    assert_eq!(prints(&both)[..2], prints(&xml)[1..], "whichever file it stands in");
}

#[test]
fn every_record_of_every_list_is_counted() {
    let json = br#"{"cmd": "-d example.test", "hosts": ["a.example.test", {"name": "b.example.test"}], "shodan": ["x"],
        "vhosts": ["v.example.test"], "trello_urls": ["https://trello.example.test/"], "linkedin_links": ["y"], "ips": null,
        "takeover_results": [["old.example.test", "service"]], "asns": {"AS64496": 1}, "took": 3}"#;
    let records = read(json, &target()).collected.records;
    assert_eq!((records.read, records.kept), (8, 2));
    let dropped: Vec<_> = records.dropped.iter().map(|(reason, count)| (reason.as_str(), *count)).collect();
    assert_eq!(dropped, [("no text", 2), ("other kind of record", 3), ("tells of people", 1)]);
}

#[test]
fn a_run_without_a_network_is_no_clean_scan() {
    for sample in ["offline", "recipe"] {
        let [json, xml] = ["json", "xml"].map(|ending| {
            let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/samples/harvester");
            std::fs::read(format!("{folder}/{sample}.{ending}")).unwrap()
        });
        for files in [Files { json: &json, ..Files::default() }, Files { json: &json, xml: &xml, jsonl: b"" }] {
            assert_eq!(files.read(&target()).fault.unwrap().0, FailureReason::EngineFailed, "{files:?}");
        }
    }
}

#[test]
fn the_newest_report_tells_how_its_sources_did() {
    let parsed = read(NEWEST, &target());
    assert_eq!(parsed.fault, None, "one of two answered");
    assert_eq!(names(&parsed), ["api.example.test", "127.0.0.9", "example.test"]);
    let records = &parsed.collected.records;
    assert_eq!((records.read, records.kept), (5, 3));
    assert_eq!((records.dropped["tells of people"], records.dropped["not below the domain"]), (1, 1));

    let dead = String::from_utf8_lossy(NEWEST).replace("\"completed\"", "\"failed\"");
    let (reason, message) = read(dead.as_bytes(), &target()).fault.unwrap();
    assert_eq!(reason, FailureReason::EngineFailed);
    assert_eq!(
        message,
        "none of theHarvester's sources answered: crtsh failed, certspotter failed (ClientConnectorError)"
    );
    let clean = b"{\"type\":\"summary\",\"result_count\":0,\"source_executions\":[{\"source\":\"crtsh\",\"status\":\"completed\"}]}\n";
    assert_eq!(fault(clean), None, "it asked, and there is nothing");
}

#[test]
fn a_report_that_is_cut_empty_or_foreign_is_a_fault() {
    let unreadable = Some(FailureReason::ReportUnreadable);
    for report in [
        &b""[..],
        b"\n",
        &JSON[..40],
        &XML[..150],
        &NEWEST[..NEWEST.len() - 90],
        b"<nmaprun/>",
        b"<nmaprun></nmaprun>",
        b"{\"hosts\":[]}",
        b"{\"type\":\"hostname\",\"value\":\"a.example.test\"}\n",
        b"[1]",
        b"\xff\xfe",
    ] {
        assert_eq!(fault(report), unreadable, "{}", String::from_utf8_lossy(report));
    }
    assert_eq!(names(&read(&XML[..150], &target())), ["www.example.test"], "what it holds counts");
}

proptest! {
    #[test]
    fn no_bytes_end_the_reader_and_every_record_is_accounted_for(
        bytes in proptest::collection::vec(any::<u8>(), 0..200), cut in 0usize..1000, flip in any::<u8>()
    ) {
        let mut reports = vec![bytes];
        for sample in [JSON, XML, NEWEST] {
            let mut sample = sample.to_vec();
            let at = cut % sample.len();
            reports.push(sample[..at].to_vec());
            sample[at] = flip;
            reports.push(sample);
        }
        for report in reports {
            let records = read(&report, &target()).collected.records;
            prop_assert_eq!(records.read, records.kept + records.merged + records.dropped.values().sum::<u64>());
        }
    }
}
