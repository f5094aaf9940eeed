//! Jobs, hands and listeners that the tests share.

use scanyard_contract::scan::FailureReason;
use scanyard_contract::{Finding, ScanType};
use scanyard_engines::job::{Control, Job, Outcome, Report};
use scanyard_engines::{Options, Target, sentinel};
use serde_json::Value;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

pub const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

pub fn job(target: &str, options: Value) -> Job {
    let options = Options::parse(ScanType::Sentinel, options.as_object().unwrap()).unwrap().unwrap();
    Job { addresses: vec![LOOPBACK], ..Job::of(Target::parse(target).unwrap(), options, std::env::temp_dir()) }
}

pub struct Hands {
    pub control: Control,
    pub progress: watch::Receiver<u8>,
}

pub fn hands() -> Hands {
    let (sender, progress) = watch::channel(0);
    let control = Control {
        progress: sender,
        cancel: CancellationToken::new(),
        stop: CancellationToken::new(),
        renewed: watch::channel(0).1,
        lease: Duration::from_secs(30),
    };
    Hands { control, progress }
}

pub async fn run(job: Job) -> Report {
    sentinel::run(job, hands().control).await
}

pub fn failure(report: &Report) -> (FailureReason, &str) {
    match &report.outcome {
        Outcome::Failed(failure) => (failure.reason, &failure.message),
        other => panic!("{other:?}"),
    }
}

/// Rules of a port, each with the path, header or cookie that it is about.
pub fn rules_of(findings: &[Finding], port: SocketAddr) -> Vec<String> {
    let of_port = findings.iter().filter(|finding| finding.location.port == Some(port.port()));
    let mut rules: Vec<String> = of_port
        .map(|finding| {
            let location = &finding.location;
            let part = location.parameter.as_ref().or(location.path.as_ref()).map(|part| format!(" {part}"));
            format!("{}{}", finding.rule_id, part.unwrap_or_default())
        })
        .collect();
    rules.sort();
    rules
}

pub fn ports(addresses: &[SocketAddr]) -> String {
    addresses.iter().map(|address| address.port().to_string()).collect::<Vec<_>>().join(",")
}

/// Answers every connection with what `answer` makes of the first bytes of the peer, and hangs up.
pub async fn answering(answer: impl Fn(&[u8]) -> Vec<u8> + Send + 'static) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind((LOOPBACK, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let mut buffer = vec![0; 4096];
        while let Ok((mut stream, _)) = listener.accept().await {
            let read = tokio::time::timeout(Duration::from_secs(1), stream.read(&mut buffer));
            if let Ok(Ok(n)) = read.await {
                let _ = stream.write_all(&answer(&buffer[..n])).await;
            }
        }
    });
    address
}

/// Greets every connection, and answers each of its requests until one has no answer.
pub async fn conversing(
    greeting: &'static [u8],
    answer: impl Fn(&[u8]) -> Option<Vec<u8>> + Send + Sync + 'static,
) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind((LOOPBACK, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let answer = std::sync::Arc::new(answer);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let answer = answer.clone();
            tokio::spawn(async move {
                let mut buffer = vec![0; 4096];
                let _ = stream.write_all(greeting).await;
                while let Ok(n) = stream.read(&mut buffer).await {
                    let Some(said) = answer(&buffer[..n]).filter(|_| n > 0) else { return };
                    let _ = stream.write_all(&said).await;
                }
            });
        }
    });
    address
}
