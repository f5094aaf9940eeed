//! Every file of the sample folders, read as an import reads it: what each comes to, and that none ends the reader.

use scanyard_contract::ScanType;
use scanyard_engines::{Parsed, Target, reader};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Reports and logs by engine, with the fault (`-`: none), the hosts that were reached, and the records that were read, kept,
/// merged and dropped. Logs are no reports, whatever they hold.
const EXPECTED: &str = "\
nmap/all-closed.xml: - 1/1 0 = 0 + 0 + 0
nmap/cancel-int.xml: report_unreadable 0/0 0 = 0 + 0 + 0
nmap/cancel-term.xml: report_unreadable 0/0 0 = 0 + 0 + 0
nmap/err-badport.xml: engine_failed 0/0 0 = 0 + 0 + 0
nmap/err-badscript.xml: engine_failed 0/0 0 = 0 + 0 + 0
nmap/err-notarget.xml: target_unreachable 0/0 0 = 0 + 0 + 0
nmap/err-unresolvable.xml: target_unreachable 0/0 0 = 0 + 0 + 0
nmap/full-65535.xml: - 1/1 10 = 10 + 0 + 0
nmap/host-timeout.xml: timed_out 0/1 0 = 0 + 0 + 0
nmap/misc-scripts.xml: - 1/1 12 = 11 + 0 + 1
nmap/recipe.xml: - 1/1 27 = 25 + 0 + 2
nmap/sT-ports.xml: - 1/1 10 = 10 + 0 + 0
nmap/sV.xml: - 1/1 10 = 10 + 0 + 0
nmap/scripts-safe.xml: - 1/1 21 = 21 + 0 + 0
nmap/services.xml: - 1/1 10 = 10 + 0 + 0
nmap/stats.xml: - 1/1 10 = 10 + 0 + 0
nmap/syn-closed.xml: - 1/1 0 = 0 + 0 + 0
nmap/udp.xml: - 1/1 1 = 0 + 0 + 1
nmap/vuln-safe.xml: - 1/1 6 = 5 + 0 + 1
nmap/vulns-lib.xml: - 1/1 10 = 10 + 0 + 0
zap/down.json: target_unreachable 0/1 0 = 0 + 0 + 0
zap/plan.json: report_unreadable 0/1 0 = 0 + 0 + 0
zap/report.json: - 1/1 4 = 3 + 0 + 1
zap/synthetic-api-alerts.json: report_unreadable 0/1 0 = 0 + 0 + 0
zap/synthetic.json: - 1/1 4 = 4 + 0 + 0
trivy/ran-empty.json: report_unreadable 0/1 0 = 0 + 0 + 0
trivy/ran-fs.json: - 1/1 11 = 11 + 0 + 0
trivy/ran-fs.stderr: report_unreadable 0/1 0 = 0 + 0 + 0
trivy/ran-image-down.stderr: report_unreadable 0/1 0 = 0 + 0 + 0
trivy/ran-missing.stderr: report_unreadable 0/1 0 = 0 + 0 + 0
trivy/ran-vuln-no-db.stderr: report_unreadable 0/1 0 = 0 + 0 + 0
trivy/synthetic-empty.json: report_unreadable 0/1 0 = 0 + 0 + 0
trivy/synthetic.json: - 1/1 4 = 4 + 0 + 0
nuclei/synthetic-stats.stderr: report_unreadable 0/1 1 = 0 + 0 + 1
nuclei/synthetic.jsonl: - 1/1 4 = 2 + 0 + 2
nikto/down-new.xml: target_unreachable 0/1 1 = 0 + 0 + 1
nikto/down-old.xml: target_unreachable 0/1 0 = 0 + 0 + 0
nikto/new.xml: - 1/1 3 = 3 + 0 + 0
nikto/old.xml: - 1/1 5 = 4 + 1 + 0
sqlmap/cancelled.json: report_unreadable 0/1 0 = 0 + 0 + 0
sqlmap/clean.stdout: report_unreadable 0/1 0 = 0 + 0 + 0
sqlmap/crawl.json: - 1/1 1 = 1 + 0 + 0
sqlmap/down-old.log: report_unreadable 0/1 0 = 0 + 0 + 0
sqlmap/down.stdout: report_unreadable 0/1 0 = 0 + 0 + 0
sqlmap/empty.json: report_unreadable 0/1 0 = 0 + 0 + 0
sqlmap/firewall.stdout: report_unreadable 0/1 0 = 0 + 0 + 0
sqlmap/http401.stdout: report_unreadable 0/1 0 = 0 + 0 + 0
sqlmap/http403-old.stdout: report_unreadable 0/1 0 = 0 + 0 + 0
sqlmap/http403.stdout: report_unreadable 0/1 0 = 0 + 0 + 0
sqlmap/http404.stdout: report_unreadable 0/1 0 = 0 + 0 + 0
sqlmap/noform.stdout: report_unreadable 0/1 0 = 0 + 0 + 0
sqlmap/none.json: report_unreadable 0/1 0 = 0 + 0 + 0
sqlmap/noparam.stdout: report_unreadable 0/1 0 = 0 + 0 + 0
sqlmap/notthere-old.stdout: report_unreadable 0/1 0 = 0 + 0 + 0
sqlmap/notthere.stdout: report_unreadable 0/1 0 = 0 + 0 + 0
sqlmap/old.log: - 1/1 1 = 1 + 0 + 0
sqlmap/one.json: - 1/1 1 = 1 + 0 + 0
sqlmap/one.stdout: - 1/1 1 = 1 + 0 + 0
sqlmap/report.json: - 1/1 1 = 1 + 0 + 0
sqlmap/several.json: - 1/1 2 = 2 + 0 + 0
sqlmap/several.stdout: - 1/1 2 = 2 + 0 + 0
sqlmap/time-limit.json: report_unreadable 0/1 0 = 0 + 0 + 0
sqlmap/time-limit.stdout: report_unreadable 0/1 0 = 0 + 0 + 0
sqlmap/unresolvable.stdout: report_unreadable 0/1 0 = 0 + 0 + 0
wapiti/active.json: - 1/1 16 = 14 + 2 + 0
wapiti/badmodule.json: report_unreadable 1/1 0 = 0 + 0 + 0
wapiti/badmodule.stdout: report_unreadable 0/1 0 = 0 + 0 + 0
wapiti/badurl.json: report_unreadable 0/1 0 = 0 + 0 + 0
wapiti/cancel-int-crawl.json: - 1/1 1 = 1 + 0 + 0
wapiti/cancel-int-r.json: - 1/1 3 = 2 + 1 + 0
wapiti/cancel-int.json: - 1/1 15 = 13 + 2 + 0
wapiti/down.json: target_unreachable 0/1 0 = 0 + 0 + 0
wapiti/down.stdout: report_unreadable 0/1 0 = 0 + 0 + 0
wapiti/limit.json: - 1/1 7 = 6 + 1 + 0
wapiti/old.json: - 1/1 8 = 8 + 0 + 0
wapiti/out.xml: report_unreadable 0/1 0 = 0 + 0 + 0
wapiti/passive.json: - 1/1 11 = 11 + 0 + 0
wapiti/passive.stdout: report_unreadable 0/1 0 = 0 + 0 + 0
wapiti/tls-sslscan.json: - 1/1 7 = 7 + 0 + 0
wapiti/tls.json: - 1/1 21 = 21 + 0 + 0
wapiti/unres.json: target_unreachable 0/1 0 = 0 + 0 + 0
harvester/newest.jsonl: - 0/0 5 = 3 + 0 + 2
harvester/offline.json: engine_failed 0/0 0 = 0 + 0 + 0
harvester/offline.xml: engine_failed 0/0 0 = 0 + 0 + 0
harvester/recipe.json: engine_failed 0/0 0 = 0 + 0 + 0
harvester/recipe.xml: engine_failed 0/0 0 = 0 + 0 + 0
harvester/unit-out.json: - 0/0 2 = 2 + 0 + 0
harvester/unit-out.xml: - 0/0 3 = 3 + 0 + 0
sublist3r/offline.stderr: report_unreadable 0/0 12 = 0 + 0 + 12
sublist3r/offline.stdout: report_unreadable 0/0 16 = 0 + 0 + 16
sublist3r/unit-out.txt: - 0/0 5 = 4 + 1 + 0
";

/// What the samples of an engine are about that do not say it themselves.
fn target(scan_type: ScanType) -> Target {
    match scan_type {
        ScanType::Nmap => Target::parse("app.example.test"),
        ScanType::Harvester | ScanType::Sublist3r => Target::parse("example.test"),
        ScanType::Trivy => return Target::artifact("upload:upl-019a0000-0000-7000-8000-000000000001").unwrap(),
        ScanType::Nuclei
        | ScanType::Nikto
        | ScanType::Sqlmap
        | ScanType::Wapiti
        | ScanType::Zap
        | ScanType::Sentinel => Target::parse("http://127.0.0.1:8081/"),
    }
    .unwrap()
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).unwrap_or_else(|error| panic!("{}: {error}", dir.display()));
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.is_file() && path.file_name().unwrap() != "README.md");
    files.sort();
    files
}

fn outcome(parsed: &Parsed) -> String {
    let records = &parsed.collected.records;
    assert!(records.is_balanced(), "{records:?}");
    assert_eq!(records.kept, parsed.collected.findings.len() as u64);
    let dropped: u64 = records.dropped.values().sum();
    let fault = parsed.fault.as_ref().map_or("-", |(reason, _)| reason.as_str());
    let (reached, hosts) = (parsed.coverage.reached, parsed.coverage.hosts);
    format!("{fault} {reached}/{hosts} {} = {} + {} + {dropped}", records.read, records.kept, records.merged)
}

#[test]
fn every_sample_comes_to_what_the_table_says() {
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/samples");
    let mut table = String::new();
    for scan_type in ScanType::ALL {
        for path in files(&samples.join(scan_type.as_str())) {
            let bytes = std::fs::read(&path).unwrap();
            let Some(reader) = reader(*scan_type) else { continue };
            let named = reader.import(&bytes, None).map(|(target, _)| target);
            let target = named.unwrap_or_else(|_| target(*scan_type));
            let parsed = reader.read(&bytes, &target);
            let name = path.file_name().unwrap().to_str().unwrap();
            writeln!(table, "{scan_type}/{name}: {}", outcome(&parsed)).unwrap();
            for at in [bytes.len() / 3, bytes.len().saturating_sub(1)] {
                outcome(&reader.read(&bytes[..at], &target));
            }
        }
    }
    assert_eq!(table, EXPECTED, "\n{table}");
}
