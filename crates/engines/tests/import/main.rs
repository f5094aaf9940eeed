//! Reports of every engine, imported for a target: what is theirs, and what is not.

use scanyard_contract::ScanType;
use scanyard_contract::scan::FailureReason;
use scanyard_engines::engine::engine;
use scanyard_engines::{Parsed, Target, reader};

macro_rules! sample {
    ($name:literal) => {
        include_bytes!(concat!("../samples/", $name)).as_slice()
    };
}

fn import(scan_type: ScanType, report: &[u8], target: &str) -> Parsed {
    reader(scan_type).unwrap().read(report, &target_of(scan_type, target))
}

fn target_of(scan_type: ScanType, text: &str) -> Target {
    engine(scan_type).imported_target(text).unwrap()
}

/// A report of an engine, targets that it is of, and targets that it is not of.
type Row = (ScanType, &'static [u8], &'static [&'static str], &'static [&'static str]);

/// Whole reports of every engine.
const REPORTS: &[Row] = &[
    (
        ScanType::Nmap,
        sample!("nmap/services.xml"),
        &["127.0.0.1", "127.0.0.0/30"],
        &["10.9.9.9", "10.9.9.0/30", "other.example.test"],
    ),
    (ScanType::Nmap, sample!("nmap/all-closed.xml"), &["127.0.0.1"], &["other.example.test", "::1"]),
    (
        ScanType::Zap,
        sample!("zap/report.json"),
        &["http://127.0.0.1:8081/"],
        &["http://10.9.9.9/", "http://127.0.0.1:8082/"],
    ),
    (
        ScanType::Nuclei,
        sample!("nuclei/synthetic.jsonl"),
        &["http://127.0.0.1:8081/"],
        &["http://10.9.9.9/", "http://127.0.0.1:8082/"],
    ),
    (
        ScanType::Nikto,
        sample!("nikto/old.xml"),
        &["http://127.0.0.1:8080/"],
        &["http://10.9.9.9/", "http://127.0.0.1:8082/"],
    ),
    (ScanType::Nikto, sample!("nikto/new.xml"), &["https://app.example.test/"], &["https://other.example.test/"]),
    (
        ScanType::Wapiti,
        sample!("wapiti/active.json"),
        &["http://127.0.0.1:8081/", "http://127.0.0.1:8081/item"],
        &["http://10.9.9.9/", "http://127.0.0.1:8082/"],
    ),
    (ScanType::Wapiti, sample!("wapiti/old.json"), &["http://127.0.0.1:8081/"], &["http://127.0.0.1:9/"]),
    (
        ScanType::Sqlmap,
        sample!("sqlmap/one.json"),
        &["http://127.0.0.1:8081/item?id=1"],
        &["http://10.9.9.9/", "http://127.0.0.1:8082/item?id=1"],
    ),
    (ScanType::Sqlmap, sample!("sqlmap/several.json"), &["http://127.0.0.1:8081/"], &["http://127.0.0.1:9/"]),
    (ScanType::Harvester, sample!("harvester/unit-out.json"), &["example.test"], &["other.test"]),
    (ScanType::Harvester, sample!("harvester/unit-out.xml"), &["example.test"], &["other.test"]),
    (ScanType::Harvester, sample!("harvester/newest.jsonl"), &["example.test"], &["other.test"]),
    (ScanType::Sublist3r, sample!("sublist3r/unit-out.txt"), &["example.test"], &["other.test"]),
    (
        ScanType::Trivy,
        IMAGE,
        &["registry.example.test/app:1.0", "mirror.example.test/app:1.0"],
        &["registry.example.test/app:2.0", "registry.example.test/other:1.0", "app", "./app"],
    ),
    (
        ScanType::Trivy,
        sample!("trivy/ran-fs.json"),
        &["./project", "/srv/scan", "upload:upl-019a0000-0000-7000-8000-000000000001"],
        &["registry.example.test/app:1.0", "scan"],
    ),
];

/// A report of trivy of an image, which another registry has too.
const IMAGE: &[u8] = br#"{"SchemaVersion": 2, "ArtifactName": "registry.example.test/app:1.0", "ArtifactType": "container_image",
    "Metadata": {"RepoTags": ["mirror.example.test/app:1.0"], "RepoDigests": null}, "Results": [{"Target": "app",
    "Class": "os-pkgs", "Vulnerabilities": [{"VulnerabilityID": "CVE-2020-0001", "PkgName": "a", "Severity": "HIGH"}]}]}"#;

#[test]
fn a_report_is_of_its_target() {
    for (scan_type, report, targets, _) in REPORTS {
        for target in *targets {
            let Parsed { fault, collected, .. } = import(*scan_type, report, target);
            assert_eq!(fault, None, "{scan_type} of {target}");
            let records = collected.records;
            assert!(records.is_balanced(), "{scan_type} of {target}: {records:?}");
            assert_eq!(records.kept as usize, collected.findings.len(), "{scan_type} of {target}");
        }
    }
}

#[test]
fn a_mark_of_the_byte_order_costs_no_record() {
    for (scan_type, report, targets, _) in REPORTS {
        let marked = [b"\xef\xbb\xbf", *report].concat();
        let reader = reader(*scan_type).unwrap();
        let plain = reader.read(report, &target_of(*scan_type, targets[0]));
        let read = reader.read(&marked, &target_of(*scan_type, targets[0]));
        assert_eq!(read.collected.records, plain.collected.records, "{scan_type}");
        assert_eq!((read.fault, read.collected.findings), (None, plain.collected.findings), "{scan_type}");
        let of = |report: &[u8]| reader.import(report, None).map(|(target, _)| target);
        assert_eq!(of(&marked), of(report), "{scan_type}");
        let is_whole = reader.kept(marked.clone()).is_some_and(|kept| kept.bytes == marked);
        assert_eq!(is_whole, *scan_type != ScanType::Trivy, "{scan_type}");
    }
    let marked = [b"\xef\xbb\xbf", sample!("trivy/ran-fs.json")].concat();
    assert!(reader(ScanType::Trivy).unwrap().kept(marked).is_some());
}

#[test]
fn a_report_of_something_else_is_no_scan_and_leaves_no_finding() {
    for (scan_type, report, _, others) in REPORTS {
        for target in *others {
            let parsed = import(*scan_type, report, target);
            let place = format!("{scan_type} of {target}: {:?}", parsed.fault);
            let (reason, message) = parsed.fault.clone().expect(&place);
            assert_eq!(reason, FailureReason::ReportUnreadable, "{place}");
            let printed = target_of(*scan_type, target).to_string();
            assert!(message.contains(&printed), "{place}");
            assert_eq!((parsed.coverage.reached, parsed.collected.findings.len()), (0, 0), "{place}");
            let records = parsed.collected.records;
            assert!(records.is_balanced() && records.kept + records.merged == 0, "{place}: {records:?}");
        }
    }
}

#[test]
fn the_message_says_what_the_report_is_of() {
    for (scan_type, report, target, message) in [
        (
            ScanType::Wapiti,
            sample!("wapiti/active.json"),
            "http://10.9.9.9/",
            "this report is of http://127.0.0.1:8081/, not of http://10.9.9.9/",
        ),
        (
            ScanType::Nmap,
            sample!("nmap/all-closed.xml"),
            "other.example.test",
            "this report is of 127.0.0.1, not of other.example.test",
        ),
        (
            ScanType::Harvester,
            sample!("harvester/unit-out.json"),
            "other.test",
            "no record of this report is of other.test",
        ),
        (
            ScanType::Trivy,
            IMAGE,
            "app",
            "this report is of registry.example.test/app:1.0, not of docker.io/library/app:latest",
        ),
    ] {
        assert_eq!(import(scan_type, report, target).fault.unwrap().1, message);
    }
}

/// nmap of two hosts: one that was named, and one that was not.
const HOSTS: &str = "<nmaprun start='1' version='7.93'><host><address addr='192.0.2.7' addrtype='ipv4'/>\
    <hostnames><hostname name='App.example.test' type='user'/><hostname name='ptr.example.test' type='PTR'/></hostnames>\
    <ports><port protocol='tcp' portid='443'><state state='open' reason='syn-ack'/></port></ports></host>\
    <host><address addr='192.0.2.9' addrtype='ipv4'/><ports><port protocol='tcp' portid='22'>\
    <state state='open' reason='syn-ack'/></port></ports></host><runstats><finished exit='success'/></runstats></nmaprun>";

#[test]
fn of_several_hosts_those_of_the_target_count() {
    for (target, ports) in [
        ("app.example.test", &[443][..]),
        ("192.0.2.7", &[443]),
        ("192.0.2.9", &[22]),
        ("192.0.2.0/28", &[443, 22]),
        ("192.0.2.8/30", &[22]),
    ] {
        let Parsed { fault, collected, coverage, .. } = import(ScanType::Nmap, HOSTS.as_bytes(), target);
        let found: Vec<u16> = collected.findings.iter().filter_map(|finding| finding.location.port).collect();
        assert_eq!((fault, found.as_slice()), (None, ports), "{target}");
        assert_eq!((coverage.hosts, collected.records.read), (ports.len() as u64, 2), "{target}");
    }
    let (_, message) = import(ScanType::Nmap, HOSTS.as_bytes(), "ptr.example.test").fault.unwrap();
    assert_eq!(message, "this report is of App.example.test and others, not of ptr.example.test");
}

#[test]
fn of_several_sites_of_nikto_that_of_the_target_counts() {
    let two = String::from_utf8_lossy(sample!("nikto/old.xml"));
    let (begin, site) = two.split_once("<scandetails").unwrap();
    let (site, end) = site.rsplit_once("</scandetails>").unwrap();
    let other = site.replace("127.0.0.1:8080", "127.0.0.1:9090").replace("\"8080\"", "\"9090\"");
    let two = format!("{begin}<scandetails{site}</scandetails><scandetails{other}</scandetails>{end}");
    for port in [8080, 9090] {
        let collected = import(ScanType::Nikto, two.as_bytes(), &format!("http://127.0.0.1:{port}/")).collected;
        let records = &collected.records;
        assert_eq!((records.read, records.kept, records.dropped["outside the target"]), (10, 4, 5));
    }
}

/// nikto that was given an address, and the name for its requests.
#[test]
fn a_site_of_nikto_goes_by_the_name_in_its_requests_too() {
    let report = String::from_utf8_lossy(sample!("nikto/old.xml"));
    for header in ["app.example.test", "app.example.test:8080"] {
        let report = report.replace("hostheader=\"127.0.0.1\"", &format!("hostheader=\"{header}\""));
        for (target, is_ours) in
            [("app.example.test:8080", true), ("127.0.0.1:8080", true), ("app.example.test", false)]
        {
            let fault = import(ScanType::Nikto, report.as_bytes(), &format!("http://{target}/")).fault;
            assert_eq!(fault.is_none(), is_ours, "{header} {target}: {fault:?}");
        }
    }
}
