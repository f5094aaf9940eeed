//! The port scan beside nmap's, and the rate that it keeps, in a network namespace that has loopback alone.

use serde_json::Value;
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::time::Instant;

/// What is open there.
const OPEN: [u16; 6] = [22, 80, 443, 6379, 8080, 65_535];
const ROUNDS: usize = 5;
/// The rate that is asked for, and the ports that are scanned at it, all of them closed.
const RATE: u64 = 500;
const RATE_PORTS: (u64, u64) = (20_001, 25_000);

/// Starts [`sweep`] in a namespace of its own.
pub fn in_a_namespace() -> anyhow::Result<()> {
    let me = std::env::current_exe()?;
    let script = format!("ip link set lo up && exec '{}' sweep", me.display());
    let status = Command::new("unshare").args(["--net", "--map-root-user", "sh", "-c", &script]).status()?;
    anyhow::ensure!(status.success(), "the port sweep failed; it needs unshare and ip");
    Ok(())
}

/// All 65,535 ports of loopback by sentinel and by nmap, in turn; then sentinel at a rate.
pub fn sweep() -> anyhow::Result<()> {
    for port in OPEN {
        let listener = TcpListener::bind(("127.0.0.1", port))?;
        std::thread::spawn(move || for _ in listener.incoming() {});
    }
    let mut times: [Vec<f64>; 3] = Default::default();
    for _ in 0..ROUNDS {
        let (seconds, found) = timed(&mut sentinel(&["profile=full", "checks="]), open_by_sentinel)?;
        times[0].push(seconds);
        let (seconds, probed) = timed(&mut sentinel(&["profile=full"]), open_by_sentinel)?;
        times[1].push(seconds);
        let mut nmap = Command::new("nmap");
        nmap.args(["-n", "-Pn", "-sT", "-T4", "-p", "1-65535", "-oG", "-", "127.0.0.1"]);
        let (seconds, also) = timed(&mut nmap, open_by_nmap)?;
        times[2].push(seconds);
        anyhow::ensure!(found == OPEN, "sentinel found {found:?}, open are {OPEN:?}");
        anyhow::ensure!(probed == found && also == found, "sentinel found {found:?} and {probed:?}, nmap {also:?}");
    }
    let [alone, probes, nmap] = times.map(median);
    println!("| sentinel, 65,535 loopback ports, as nmap below | {alone:.2} s |");
    println!("| sentinel, the same and every check behind the open ones | {probes:.2} s |");
    println!(
        "| nmap -sT -T4, the same ports, the same set found | {nmap:.2} s ({:.1} × sentinel, {:.1} × with every check) |",
        nmap / alone,
        nmap / probes
    );
    rate()
}

/// What the kernel counted while sentinel scanned at a rate.
fn rate() -> anyhow::Result<()> {
    let (first, last) = RATE_PORTS;
    let (ports, max_rate) = (format!("ports={first}-{last}"), format!("maxRate={RATE}"));
    let before = connects_begun()?;
    let (seconds, found) = timed(&mut sentinel(&[&ports, &max_rate, "checks="]), open_by_sentinel)?;
    let begun = connects_begun()? - before;
    anyhow::ensure!(found.is_empty() && begun >= last - first, "{begun} connects, open: {found:?}");
    let measured = begun as f64 / seconds;
    let off = (measured / RATE as f64 - 1.0) * 100.0;
    println!(
        "| sentinel at a rate of {RATE}/s, {begun} connects counted by the kernel | {measured:.0}/s ({off:+.1} %) |"
    );
    Ok(())
}

fn sentinel(options: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_scanyard"));
    command.args(["scan", "sentinel", "127.0.0.1", "--format", "json", "--fail-on", "none"]);
    for option in options {
        command.args(["-o", option]);
    }
    command
}

fn timed(command: &mut Command, ports: impl Fn(&[u8]) -> Vec<u16>) -> anyhow::Result<(f64, Vec<u16>)> {
    let started = Instant::now();
    let output = command.stderr(Stdio::inherit()).output()?;
    Ok((started.elapsed().as_secs_f64(), ports(&output.stdout)))
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

/// TCP connections that this namespace has begun: `ActiveOpens` of the kernel.
fn connects_begun() -> anyhow::Result<u64> {
    let text = std::fs::read_to_string("/proc/net/snmp")?;
    let mut lines = text.lines().filter_map(|line| line.strip_prefix("Tcp: "));
    let (Some(names), Some(values)) = (lines.next(), lines.next()) else { anyhow::bail!("/proc/net/snmp has no Tcp") };
    let at = names.split(' ').position(|name| name == "ActiveOpens");
    Ok(at.and_then(|at| values.split(' ').nth(at)).unwrap_or_default().parse()?)
}

fn open_by_sentinel(report: &[u8]) -> Vec<u16> {
    let report: Value = serde_json::from_slice(report).unwrap_or_default();
    let findings = report["findings"].as_array().cloned().unwrap_or_default();
    let open = findings.iter().filter(|finding| finding["ruleId"] == "open-port");
    let mut ports: Vec<u16> =
        open.filter_map(|finding| finding["location"]["port"].as_u64()?.try_into().ok()).collect();
    ports.sort_unstable();
    ports
}

fn open_by_nmap(report: &[u8]) -> Vec<u16> {
    let report = String::from_utf8_lossy(report);
    let list = report.lines().find_map(|line| line.split_once("Ports: ")).map(|(_, list)| list).unwrap_or_default();
    let mut ports: Vec<u16> = list
        .split(", ")
        .filter(|port| port.contains("/open/"))
        .filter_map(|port| port.split('/').next()?.trim().parse().ok())
        .collect();
    ports.sort_unstable();
    ports
}
