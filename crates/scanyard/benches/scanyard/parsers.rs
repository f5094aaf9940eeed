//! Parsers beside the raw tokenisers, on one core; and how long an import takes until its findings can be read.

use crate::Server;
use anyhow::Context;
use quick_xml::events::Event;
use scanyard_contract::ScanType;
use scanyard_engines::{Target, reader};
use serde::de::IgnoredAny;
use std::fmt::Write;
use std::time::{Duration, Instant};

/// Bytes of each report at least.
const BYTES: usize = 60 * 1024 * 1024;
/// Rounds, of which the best counts: what else runs on the machine only ever slows one down.
const ROUNDS: usize = 5;
/// Findings of the import.
const IMPORTED: usize = 10_000;

/// XML and JSON lines to findings, beside the tokenisers alone.
pub fn parsers() -> anyhow::Result<()> {
    // Wider than one that may be scanned: the report has thousands of hosts.
    let network = Target::Network("10.0.0.0/16".parse().context("a network")?);
    let xml = xml(BYTES);
    let tokens = best(&xml, || xml_events(&xml));
    report("nmap XML", "quick-xml's events alone", ScanType::Nmap, &xml, &network, tokens);
    let url = Target::parse("http://app.example.test/").context("a URL")?;
    let lines = lines(usize::MAX, BYTES);
    let tokens = best(lines.as_bytes(), || {
        lines.lines().filter(|line| serde_json::from_str::<IgnoredAny>(line).is_ok()).count()
    });
    report("nuclei JSON lines", "serde_json passing over each line", ScanType::Nuclei, lines.as_bytes(), &url, tokens);
    Ok(())
}

fn report(what: &str, beside: &str, scan_type: ScanType, bytes: &[u8], target: &Target, tokens: f64) {
    let megabytes = bytes.len() / 1_000_000;
    println!("| {what} of {megabytes} MB: {beside} | {tokens:.0} MB/s |");
    let Some(reader) = reader(scan_type) else { return };
    let parsed = reader.read(bytes, target);
    let records = &parsed.collected.records;
    let speed = best(bytes, || reader.read(bytes, target).collected.findings.len());
    println!(
        "| {what} of {megabytes} MB: to findings ({} records, {} kept) | {speed:.0} MB/s, {:.0} % |",
        records.read,
        records.kept,
        100.0 * speed / tokens
    );
}

/// MB/s of the fastest round.
fn best<T>(bytes: &[u8], mut work: impl FnMut() -> T) -> f64 {
    let mut shortest = Duration::MAX;
    for _ in 0..ROUNDS {
        let began = Instant::now();
        std::hint::black_box(work());
        shortest = shortest.min(began.elapsed());
    }
    bytes.len() as f64 / 1e6 / shortest.as_secs_f64()
}

fn xml_events(bytes: &[u8]) -> usize {
    let text = std::str::from_utf8(bytes).unwrap_or_default();
    let mut reader = quick_xml::Reader::from_str(text);
    let mut events = 0;
    while let Ok(event) = reader.read_event() {
        if event == Event::Eof {
            break;
        }
        events += 1;
    }
    events
}

/// A report of nmap with version detection and scripts: hosts with 40 ports, of which ten are open and two have a script.
fn xml(least: usize) -> Vec<u8> {
    let mut text = String::with_capacity(least + 20_000);
    text.push_str("<?xml version=\"1.0\"?>\n<nmaprun scanner=\"nmap\" args=\"nmap\" start=\"1772791200\" version=\"7.93\" xmloutputversion=\"1.05\">\n");
    let mut number = 0_u32;
    while text.len() < least {
        number += 1;
        host(number, &mut text);
    }
    text.push_str(
        "<runstats><finished time=\"1772791300\" elapsed=\"100\" exit=\"success\"/></runstats>\n</nmaprun>\n",
    );
    text.into_bytes()
}

fn host(number: u32, text: &mut String) {
    let address = std::net::Ipv4Addr::from(0x0a00_0000 + number);
    let _ = write!(
        text,
        "<host starttime=\"1772791200\" endtime=\"1772791300\"><status state=\"up\" reason=\"user-set\" reason_ttl=\"0\"/>\n\
         <address addr=\"{address}\" addrtype=\"ipv4\"/>\n<hostnames>\n</hostnames>\n<ports><extraports state=\"filtered\" count=\"900\">\n\
         <extrareasons reason=\"no-response\" count=\"900\"/>\n</extraports>\n"
    );
    for port in 1..=40_u32 {
        let (state, reason) = if port % 4 == 0 { ("open", "syn-ack") } else { ("closed", "conn-refused") };
        let _ = write!(
            text,
            "<port protocol=\"tcp\" portid=\"{port}\"><state state=\"{state}\" reason=\"{reason}\" reason_ttl=\"0\"/>\
             <service name=\"http\" product=\"Example httpd\" version=\"2.4.{number}\" extrainfo=\"Ubuntu\" tunnel=\"ssl\" method=\"probed\" conf=\"10\">\
             <cpe>cpe:/a:example:httpd:2.4</cpe></service>"
        );
        if port % 20 == 0 {
            text.push_str(
                "<script id=\"ssl-cert\" output=\"Subject: commonName=app.example.test&#xa;Subject Alternative Name: DNS:app.example.test&#xa;\
                 Not valid before: 2020-01-01T00:00:00&#xa;Not valid after:  2021-01-01T00:00:00\">\
                 <table key=\"subject\">\n<elem key=\"commonName\">app.example.test</elem>\n</table>\n<table key=\"validity\">\n\
                 <elem key=\"notBefore\">2020-01-01T00:00:00</elem>\n<elem key=\"notAfter\">2021-01-01T00:00:00</elem>\n</table>\n\
                 <elem key=\"sha1\">0123456789abcdef0123456789abcdef01234567</elem>\n</script>",
            );
        }
        text.push_str("</port>\n");
    }
    text.push_str("</ports>\n</host>\n");
}

/// Results of nuclei, each with the request and the response that it writes along: so many, or so many bytes.
fn lines(most: usize, least_bytes: usize) -> String {
    let mut text = String::new();
    let response = "<p>An answer of the target.</p>\\r\\n".repeat(40);
    for number in 0..most {
        if text.len() >= least_bytes {
            break;
        }
        let _ = writeln!(
            text,
            "{{\"template-id\":\"example-{}\",\"info\":{{\"name\":\"Example {number}\",\"severity\":\"medium\",\"tags\":[\"http\",\"example\"],\
             \"reference\":[\"https://app.example.test/{number}\"],\"classification\":{{\"cve-id\":[\"cve-2020-{:04}\"],\"cwe-id\":[\"cwe-79\"],\
             \"cvss-metrics\":\"CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N\",\"cvss-score\":6.1}}}},\"type\":\"http\",\
             \"host\":\"app.example.test\",\"port\":\"80\",\"scheme\":\"http\",\"url\":\"http://app.example.test/\",\
             \"matched-at\":\"http://app.example.test/{number}?q=1\",\"ip\":\"127.0.0.1\",\"timestamp\":\"2026-03-06T10:00:00Z\",\
             \"request\":\"GET /{number} HTTP/1.1\\r\\nHost: app.example.test\\r\\n\\r\\n\",\"response\":\"HTTP/1.1 200 OK\\r\\n\\r\\n{response}\",\
             \"matcher-status\":true}}",
            number % 500,
            number % 10_000,
        );
    }
    text
}

/// From the first byte of an import to the last of a page of its findings.
pub async fn imports() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let server = Server::start(dir.path(), 1)?;
    let body = lines(IMPORTED, usize::MAX);
    let mut shortest = Duration::MAX;
    for round in 0..ROUNDS {
        let began = Instant::now();
        let path = format!("/api/v1/scans/import?scanType=nuclei&target=http://app.example.test/&name=round{round}");
        let created = server.call("POST", &path, &body).await?;
        let id = created["data"]["id"].as_str().with_context(|| created.to_string())?.to_string();
        let path = format!("/api/v1/scans/{id}/results?scanType=nuclei&limit=100");
        let results = server.call("GET", &path, "").await?;
        anyhow::ensure!(results["data"]["summary"]["total"] == IMPORTED, "{results}");
        shortest = shortest.min(began.elapsed());
    }
    println!("| import of {IMPORTED} nuclei findings until they are read | {:.2} s |", shortest.as_secs_f64());
    Ok(())
}
