//! Reports that nmap wrote, read and judged.

use super::progress;
use super::xml::{self, Head, Host};
use crate::Target;
use crate::collected::Collected;
use crate::engine::engine;
use crate::job::Outcome;
use crate::process::{Ended, Exit, Run};
use proptest::prelude::*;
use scanyard_contract::ScanType;
use scanyard_contract::finding::Finding;
use scanyard_contract::scan::{FailureReason, Records};

macro_rules! sample {
    ($name:literal) => {
        include_bytes!(concat!("../../tests/samples/nmap/", $name)).as_slice()
    };
}

const SAMPLES: [&[u8]; 13] = [
    sample!("services.xml"),
    sample!("recipe.xml"),
    sample!("vulns-lib.xml"),
    sample!("misc-scripts.xml"),
    sample!("vuln-safe.xml"),
    sample!("full-65535.xml"),
    sample!("all-closed.xml"),
    sample!("host-timeout.xml"),
    sample!("err-notarget.xml"),
    sample!("err-badport.xml"),
    sample!("cancel-term.xml"),
    sample!("syn-closed.xml"),
    sample!("udp.xml"),
];

fn target() -> Target {
    Target::parse("app.example.test").unwrap()
}

fn read(bytes: &[u8]) -> Collected {
    super::read(bytes, &target()).collected
}

/// Records read, kept, merged and dropped.
fn counts(bytes: &[u8]) -> [u64; 4] {
    let Records { read, kept, merged, dropped } = read(bytes).records;
    [read, kept, merged, dropped.values().sum()]
}

/// One line a finding: severity, confidence, rule, port, title.
fn lines(bytes: &[u8]) -> String {
    let line = |finding: &Finding| {
        let port = finding.location.port.unwrap_or_default();
        format!("{:?}/{:?} {} {port}: {}", finding.severity, finding.confidence, finding.rule_id, finding.title)
    };
    read(bytes).findings.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn open_ports_carry_their_service() {
    insta::assert_snapshot!(lines(sample!("services.xml")), @r#"
    Info/Confirmed open-port 2121: Open port 2121/tcp (ftp)
    Info/Confirmed open-port 2222: Open port 2222/tcp (ssh)
    Info/Confirmed open-port 2525: Open port 2525/tcp (smtp)
    Info/Confirmed open-port 6379: Open port 6379/tcp (redis)
    Info/Confirmed open-port 8080: Open port 8080/tcp (http)
    Info/Confirmed open-port 8081: Open port 8081/tcp (http)
    Info/Confirmed open-port 8443: Open port 8443/tcp (ssl/http)
    Info/Confirmed open-port 8444: Open port 8444/tcp (ssl/http)
    Info/Confirmed open-port 8445: Open port 8445/tcp (ssl/http)
    Info/Confirmed open-port 9999: Open port 9999/tcp (abyss)
    "#);
    assert_eq!(counts(sample!("services.xml")), [10, 10, 0, 0]);
}

#[test]
fn a_finding_has_this_shape() {
    insta::assert_json_snapshot!(read(sample!("services.xml")).findings[7], @r#"
    {
      "fingerprint": "sy1:273b9b403de423fd3a693379321b7062f599e857ba2b51c1f8b14e77617d7526",
      "engine": "nmap",
      "ruleId": "open-port",
      "title": "Open port 8444/tcp (ssl/http)",
      "severity": "info",
      "confidence": "confirmed",
      "location": {
        "host": "app.example.test",
        "ip": "127.0.0.1",
        "port": 8444,
        "protocol": "tcp",
        "service": "ssl/http"
      },
      "evidence": "nginx",
      "remediation": "Close the port, or restrict who reaches it, unless it is meant to be open."
    }
    "#);
}

#[test]
fn scripts_have_their_severity() {
    insta::assert_snapshot!(lines(sample!("recipe.xml")), @r#"
    Info/Confirmed open-port 2222: Open port 2222/tcp (ssh)
    Info/Confirmed open-port 6379: Open port 6379/tcp (redis)
    Info/Confirmed open-port 8080: Open port 8080/tcp (http)
    Info/High http-title 8080: http-title
    Info/High http-methods 8080: http-methods
    Info/High http-ls 8080: http-ls
    Info/Confirmed open-port 8081: Open port 8081/tcp (http)
    Info/High http-robots.txt 8081: http-robots.txt
    Low/High http-trace 8081: HTTP method TRACE is enabled
    Info/High http-title 8081: http-title
    Low/High http-methods 8081: Risky HTTP methods are allowed
    Info/Confirmed open-port 8443: Open port 8443/tcp (ssl/http)
    Medium/High ssl-cert 8443: TLS certificate has expired
    Info/High tls-alpn 8443: tls-alpn
    Info/High ssl-date 8443: ssl-date
    Info/High http-ls 8443: http-ls
    Info/High http-methods 8443: http-methods
    Info/High http-title 8443: http-title
    Info/Confirmed open-port 8445: Open port 8445/tcp (ssl/http)
    Info/High ssl-date 8445: ssl-date
    Medium/High ssl-dh-params 8445: Anonymous Diffie-Hellman Key Exchange MitM Vulnerability
    Medium/High ssl-dh-params 8445: Diffie-Hellman Key Exchange Insufficient Group Strength
    Info/High ssl-cert 8445: ssl-cert
    Info/High http-title 8445: http-title
    Info/High tls-alpn 8445: tls-alpn
    "#);
}

#[test]
fn scripts_of_the_fixed_table_are_known() {
    insta::assert_snapshot!(lines(sample!("misc-scripts.xml")), @r#"
    Info/Confirmed open-port 2222: Open port 2222/tcp (ssh)
    Info/High ssh2-enum-algos 2222: ssh2-enum-algos
    Info/High ssh-auth-methods 2222: ssh-auth-methods
    Info/High banner 2222: banner
    Info/Confirmed open-port 6379: Open port 6379/tcp (redis)
    High/High redis-info 6379: Redis answers without authentication
    Info/Confirmed open-port 8081: Open port 8081/tcp (http)
    Info/High http-server-header 8081: http-server-header
    Low/High http-methods 8081: Risky HTTP methods are allowed
    Low/High http-trace 8081: HTTP method TRACE is enabled
    Info/High http-enum 8081: http-enum
    "#);
}

#[test]
fn each_entry_of_the_vulnerability_library_is_a_finding() {
    let findings = read(sample!("vulns-lib.xml")).findings;
    let found: Vec<&Finding> = findings.iter().filter(|finding| finding.rule_id == "ssl-dh-params").collect();
    assert_eq!(found.len(), 2);
    assert_ne!(found[0].fingerprint, found[1].fingerprint);
    insta::assert_json_snapshot!(found[0], @r#"
    {
      "fingerprint": "sy1:d0aad0745cf05581342539807360b5cb1cd2a94f4474616e95298074f58d68cd",
      "engine": "nmap",
      "ruleId": "ssl-dh-params",
      "title": "Anonymous Diffie-Hellman Key Exchange MitM Vulnerability",
      "severity": "medium",
      "confidence": "high",
      "location": {
        "host": "app.example.test",
        "ip": "127.0.0.1",
        "port": 8445,
        "protocol": "tcp",
        "service": "ssl/http"
      },
      "evidence": "VULNERABLE\nTransport Layer Security (TLS) services that use anonymous\nDiffie-Hellman key exchange only provide protection against passive\neavesdropping, and are vulnerable to active man-in-the-middle attacks\nwhich could completely compromise the confidentiality and integrity\nof any data exchanged over the resulting session.\nANONYMOUS DH GROUP 1\n      Cipher Suite: TLS_DH_anon_WITH_CAMELLIA_256_CBC_SHA\n      Modulus Type: Safe prime\n      Modulus Source: Unknown/Custom-generated\n      Modulus Length: 1024\n      Generator Length: 8\n      Public Key Length: 1024",
      "references": [
        "https://www.ietf.org/rfc/rfc2246.txt"
      ]
    }
    "#);
}

#[test]
fn a_script_that_failed_is_dropped_and_counted() {
    assert!(read(sample!("vuln-safe.xml")).findings.iter().all(|finding| finding.rule_id != "tls-ticketbleed"));
    assert_eq!(counts(sample!("vuln-safe.xml")), [6, 5, 0, 1]);
}

#[test]
fn the_same_port_at_two_addresses_of_a_name_is_one_finding() {
    let one = String::from_utf8(sample!("all-closed.xml").to_vec()).unwrap().replace("closed", "open");
    let (start, rest) = one.split_once("<host ").unwrap();
    let (host, end) = rest.split_once("<runstats>").unwrap();
    let two = format!("{start}<host {host}<host {}<runstats>{end}", host.replace("127.0.0.1", "127.0.0.2"));
    assert_eq!(counts(two.as_bytes()), [2, 1, 1, 0]);
    let network = Target::parse("127.0.0.0/30").unwrap();
    assert_eq!(super::read(two.as_bytes(), &network).collected.findings.len(), 2);
}

#[test]
fn the_fingerprint_depends_on_the_name_and_not_on_the_banner() {
    let report = String::from_utf8(sample!("services.xml").to_vec()).unwrap();
    let other = report.replace("127.0.0.1", "10.0.0.9").replace("nginx", "other").replace("1.22.1", "2.0");
    let prints = |text: &str| read(text.as_bytes()).findings.into_iter().map(|f| f.fingerprint).collect::<Vec<_>>();
    assert_eq!(prints(&report), prints(&other));
}

fn judge(bytes: &[u8], ended: Ended, exit: Exit) -> Outcome {
    let last_lines = vec!["last words".to_string()];
    Run { ended, exit, last_lines }.outcome(engine(ScanType::Nmap), super::read(bytes, &target()).fault)
}

fn reason(bytes: &[u8], ended: Ended, exit: Exit) -> FailureReason {
    match judge(bytes, ended, exit) {
        Outcome::Failed(failure) => {
            assert_eq!(failure.last_lines, ["last words"]);
            failure.reason
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_scan_that_reached_nobody_did_not_complete() {
    let zero = |bytes| reason(bytes, Ended::ByItself, Exit::Code(0));
    assert_eq!(zero(sample!("host-timeout.xml")), FailureReason::TimedOut);
    assert_eq!(zero(sample!("err-notarget.xml")), FailureReason::TargetUnreachable);
    assert_eq!(zero(sample!("cancel-term.xml")), FailureReason::ReportUnreadable);
    assert_eq!(zero(b""), FailureReason::ReportUnreadable);
    let filtered = String::from_utf8(sample!("all-closed.xml").to_vec()).unwrap();
    let filtered =
        filtered.replace("state=\"closed\" reason=\"conn-refused\"", "state=\"filtered\" reason=\"no-response\"");
    assert_eq!(zero(filtered.as_bytes()), FailureReason::TargetUnreachable);
}

#[test]
fn a_host_that_was_given_up_on_makes_a_part_of_a_scan() {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let (report, slow) = (text(sample!("services.xml")), text(sample!("host-timeout.xml")));
    let host = &slow[slow.find("<host ").unwrap()..slow.find("<runstats>").unwrap()];
    let mixed = report.replace("<runstats>", &format!("{}<runstats>", host.replace("127.0.0.1", "127.0.0.2")));
    let parsed = super::read(mixed.as_bytes(), &target());
    let (reason, message) = parsed.fault.unwrap();
    assert_eq!(reason, FailureReason::TimedOut);
    assert!(message.starts_with("nmap gave up on 1 of 2 hosts of app.example.test"), "{message}");
    assert_eq!((parsed.coverage.hosts, parsed.coverage.reached), (2, 1));
    assert_eq!(parsed.collected.findings, read(sample!("services.xml")).findings);
}

#[test]
fn one_answer_makes_it_a_completed_scan() {
    for bytes in [sample!("all-closed.xml"), sample!("full-65535.xml"), sample!("services.xml")] {
        assert_eq!(judge(bytes, Ended::ByItself, Exit::Code(0)), Outcome::Completed);
    }
    let counted = String::from_utf8(sample!("full-65535.xml").to_vec()).unwrap().replace("syn-ack", "no-response");
    assert_eq!(judge(counted.as_bytes(), Ended::ByItself, Exit::Code(0)), Outcome::Completed, "by its extraports");
}

#[test]
fn a_port_answers_in_other_ways_than_to_a_connect() {
    for bytes in [sample!("syn-closed.xml"), sample!("udp.xml")] {
        assert_eq!(judge(bytes, Ended::ByItself, Exit::Code(0)), Outcome::Completed);
    }
    let text = String::from_utf8(sample!("udp.xml").to_vec()).unwrap();
    let silent = text.replace("\"closed\" reason=\"port-unreach\"", "\"open|filtered\" reason=\"no-response\"");
    assert_eq!(reason(silent.as_bytes(), Ended::ByItself, Exit::Code(0)), FailureReason::TargetUnreachable);
    let refused = text.replace("closed", "filtered");
    assert_eq!(
        reason(refused.as_bytes(), Ended::ByItself, Exit::Code(0)),
        FailureReason::TargetUnreachable,
        "a router"
    );
}

#[test]
fn what_becomes_no_finding_is_counted() {
    let dropped = |report: &[u8]| read(report).records.dropped.into_iter().collect::<Vec<_>>();
    assert_eq!(dropped(sample!("udp.xml")), [("open or filtered: nmap cannot tell".to_string(), 1)]);
    let summed = "<nmaprun><prescript><script id='a' output='b'/></prescript><host><address addr='192.0.2.1'/><ports>\
        <extraports state='open|filtered' count='97'><extrareasons reason='no-response' count='97'/></extraports></ports>\
        </host><postscript><script id='c' output='d'/></postscript></nmaprun>";
    let expected = [("open or filtered: nmap cannot tell".to_string(), 97), ("speaks of no host".to_string(), 2)];
    assert_eq!(dropped(summed.as_bytes()), expected);
    let port = |number: &str| format!("<port protocol='tcp' portid='{number}'><state state='open'/></port>");
    let odd = format!("<nmaprun><host><ports>{}{}{}</ports></host></nmaprun>", port("65536"), port("-1"), port("1"));
    assert_eq!(dropped(odd.as_bytes()), [("no number of a port".to_string(), 2)]);
}

#[test]
fn hosts_of_a_network_that_are_down_count_as_not_reached() {
    let hosts = |report: &str, target: &str| {
        let coverage = super::read(report.as_bytes(), &Target::parse(target).unwrap()).coverage;
        (coverage.hosts, coverage.reached)
    };
    let one = String::from_utf8(sample!("all-closed.xml").to_vec()).unwrap();
    let of_many = one.replace("down=\"0\" total=\"1\"", "down=\"255\" total=\"256\"");
    assert_ne!(one, of_many);
    assert_eq!(hosts(&one, "127.0.0.0/24"), (1, 1));
    assert_eq!(hosts(&of_many, "127.0.0.0/24"), (256, 1));
    assert_eq!(hosts(&of_many, "127.0.0.0/30"), (4, 1), "a part of what was scanned");
    assert_eq!(hosts(&of_many, "127.0.0.1"), (1, 1));
    assert_eq!(hosts(&of_many.replace("256", "18446744073709551615"), "127.0.0.0/24"), (256, 1));
}

#[test]
fn the_end_of_the_process_has_its_reason() {
    let full = sample!("services.xml");
    assert_eq!(reason(sample!("err-badport.xml"), Ended::ByItself, Exit::Code(1)), FailureReason::EngineFailed);
    assert_eq!(reason(b"", Ended::ByItself, Exit::Code(255)), FailureReason::EngineFailed);
    assert_eq!(reason(b"", Ended::ByItself, Exit::Signal(9)), FailureReason::Killed);
    assert_eq!(reason(b"", Ended::ByItself, Exit::SupervisorLost), FailureReason::Killed);
    assert_eq!(reason(b"", Ended::ByItself, Exit::Missing(String::new())), FailureReason::EngineMissing);
    assert_eq!(reason(b"", Ended::ByItself, Exit::NotStarted(String::new())), FailureReason::EngineFailed);
    assert_eq!(reason(full, Ended::TimedOut, Exit::Signal(15)), FailureReason::TimedOut);
    assert_eq!(reason(full, Ended::OutputTooLarge, Exit::Signal(9)), FailureReason::OutputTooLarge);
    assert_eq!(judge(full, Ended::Cancelled, Exit::Signal(15)), Outcome::Cancelled);
    assert_eq!(judge(full, Ended::Stopped, Exit::Signal(15)), Outcome::Stopped);
}

/// The hosts of a report.
fn hosts(bytes: &[u8]) -> Vec<Host> {
    let mut hosts = Vec::new();
    xml::parse(bytes, |_, host| hosts.push(host));
    hosts
}

#[test]
fn what_is_not_xml_of_nmap_is_told_from_a_report_without_end() {
    assert_eq!(xml::parse(b"not xml <<<", |_, _| panic!("a host")), Head::default());
    let fault = |bytes: &[u8]| super::read(bytes, &target()).fault.unwrap();
    for bytes in [b"not xml <<<".as_slice(), b"", b"{\"a\": 1}", b"<html><body>502</body></html>"] {
        let (reason, message) = fault(bytes);
        assert_eq!((reason, message.as_str()), (FailureReason::ReportUnreadable, "this is not XML of nmap (-oX)"));
    }
    assert_eq!(fault(b"<nmaprun start='1'>").1, "nmap's report has no end");
}

#[test]
fn a_report_names_its_own_target() {
    let named = |bytes: &[u8]| super::target_of(bytes).map(|target| target.to_string());
    assert_eq!(named(sample!("services.xml")).as_deref(), Some("127.0.0.1"));
    assert_eq!(named(b"<nmaprun></nmaprun>"), None);
    let host =
        |last: u8, name: &str| format!("<host><address addr='192.0.2.{last}'/><hostnames>{name}</hostnames></host>");
    let asked = "<hostname name='app.example.test' type='user'/><hostname name='rev.example.test' type='PTR'/>";
    assert_eq!(named(host(1, asked).as_bytes()).as_deref(), Some("app.example.test"));
    let several = [host(1, ""), host(6, ""), host(3, "")].concat();
    assert_eq!(named(several.as_bytes()).as_deref(), Some("192.0.2.0/29"));
}

#[test]
fn what_one_host_has_too_much_of_is_counted() {
    let ports = "<port protocol='tcp' portid='1'><state state='open' reason='syn-ack'/></port>".repeat(500_003);
    let report = format!("<nmaprun><host><address addr='192.0.2.1'/>{ports}</host></nmaprun>");
    let records = read(report.as_bytes()).records;
    assert_eq!((records.read, records.dropped["too many records of one host"]), (500_003, 3));
}

#[test]
fn what_a_closed_port_holds_is_passed_over_and_nothing_behind_it() {
    let open = |id: u16| format!("<port protocol='tcp' portid='{id}'><state state='open' reason='syn-ack'/></port>");
    let closed = "<port protocol='tcp' portid='2'><state state='closed' reason='conn-refused'/><service name='x'/>\
        <script id='y' output='z'><table><elem key='a'>b</elem></table></script>";
    let whole =
        |end| format!("<host><address addr='192.0.2.1'/><ports>{}{closed}{end}{}</ports></host>", open(1), open(3));
    let numbers = |report: String| hosts(report.as_bytes())[0].ports.iter().map(|port| port.number).collect::<Vec<_>>();
    assert_eq!(numbers(whole("</port>")), [1, 3]);
    // Cut off behind the closed one, or without an end of any.
    let cut = format!("<host>{}{closed}", open(1));
    assert_eq!(numbers(cut), [1]);
    let endless = format!("<host>{closed}<port portid='4'><state state='open'/><service name='w'/>");
    assert_eq!(numbers(endless), [4]);
}

#[test]
fn deep_nesting_and_entities_do_no_harm() {
    let deep = format!(
        "<host><port portid='1'><state state='open'/><script id='x' output='y'>{}<elem>z</elem></script>",
        "<table>".repeat(100_000)
    );
    assert_eq!(hosts(deep.as_bytes()).len(), 1);
    let lol = "<!DOCTYPE n [<!ENTITY a 'ha'><!ENTITY b '&a;&a;'>]><host><script id='x' output='&b;'><elem>&b;</elem></script>";
    let hosts = hosts(lol.as_bytes());
    assert_eq!(hosts[0].scripts[0].output, "");
    assert_eq!(hosts[0].scripts[0].data.elements[0].1, "");
}

#[test]
fn what_a_target_sends_is_cleaned() {
    let report = "<nmaprun start='1'><host><address addr='127.0.0.1'/><ports><port protocol='tcp' portid='80'>\
        <state state='open' reason='syn-ack'/><service name='ht&#x1b;[31mtp' product='a&#x202e;b'/></port></ports></host></nmaprun>";
    let findings = read(report.as_bytes()).findings;
    assert_eq!(findings[0].title, "Open port 80/tcp (http)");
    assert_eq!(findings[0].evidence.as_deref(), Some("ab"));
}

proptest! {
    #[test]
    fn a_cut_report_never_panics(sample in 0..SAMPLES.len(), at in any::<prop::sample::Index>()) {
        let bytes = SAMPLES[sample];
        let cut = &bytes[..at.index(bytes.len())];
        let whole = read(bytes).findings.len();
        prop_assert!(read(cut).findings.len() <= whole);
    }

    #[test]
    fn a_damaged_report_never_panics(sample in 0..SAMPLES.len(), at in any::<prop::sample::Index>(), byte: u8) {
        let mut bytes = SAMPLES[sample].to_vec();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let [read, kept, merged, dropped] = counts(&bytes);
        prop_assert_eq!(read, kept + merged + dropped);
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        read(&bytes);
        progress::task(&bytes);
    }
}
