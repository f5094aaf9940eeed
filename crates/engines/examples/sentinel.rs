//! Runs sentinel in this process and prints its report: `sentinel 127.0.0.1 '{"ports": "80,443"}'`.

use anyhow::{Context, anyhow};
use scanyard_contract::ScanType;
use scanyard_engines::job::{Control, Job};
use scanyard_engines::{Options, Target, sentinel};
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut args = std::env::args().skip(1);
    let target = Target::parse(&args.next().context("usage: sentinel ADDRESS-OR-URL [OPTIONS]")?)?;
    let options = serde_json::from_str(args.next().as_deref().unwrap_or("{}"))?;
    let options = Options::parse(ScanType::Sentinel, &options).context("no such engine")?;
    let options = options.map_err(|faults| anyhow!("{faults:?}"))?;
    let job = Job::of(target, options, std::env::temp_dir());
    let control = Control {
        progress: watch::channel(0).0,
        cancel: CancellationToken::new(),
        stop: CancellationToken::new(),
        renewed: watch::channel(0).1,
        lease: Duration::from_secs(30),
    };
    let began = Instant::now();
    let report = sentinel::run(job, control).await;
    for finding in &report.findings {
        let part = finding.location.parameter.as_ref().or(finding.location.path.as_ref());
        let evidence = finding.evidence.as_deref().unwrap_or_default().replace('\n', " | ");
        println!(
            "{:<6} {:>5} {} {}: {evidence}",
            finding.severity.as_str(),
            finding.location.port.unwrap_or_default(),
            finding.rule_id,
            part.map_or("", String::as_str)
        );
    }
    println!("{:?}, {:?}, {} ms", report.outcome, report.coverage, began.elapsed().as_millis());
    Ok(())
}
