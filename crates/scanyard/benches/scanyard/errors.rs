//! A vendor's failure, from the bytes of the answer to the error in the caller's hands, by us and by the vendor's own library.
//!
//! Both get the same answers, status line and headers and body, from a connection that is memory, through the HTTP library that
//! each is built on (ours hyper and reqwest, theirs http.client, urllib3 and requests) into the code that makes its error. Neither
//! repeats, waits or logs. Asking is left out: the time begins when the answer's bytes are there.

use crate::vendors::Simulator;
use anyhow::{Context as _, ensure};
use bytes::Bytes;
use http_body_util::Empty;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use reqwest::ResponseBuilderExt as _;
use scanyard_client::retry::{Attempt, Retrying};
use scanyard_client::{Error, Hidden};
use scanyard_contract::catalogue::rows_of;
use scanyard_contract::{Context, Contract, Service};
use serde::{Deserialize, Serialize};
use std::cell::Cell;
use std::hint::black_box;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::pin::Pin;
use std::process::Command;
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::time::{Duration, Instant, SystemTime};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use url::Url;

/// How often each failure is made an error; the figures are the median rounds.
const ROUNDS: usize = 2_000;

/// A failure as it comes over the wire.
#[derive(Serialize, Deserialize)]
struct Failed {
    service: Option<Service>,
    url: String,
    status: u16,
    /// All bytes of the answer.
    answer: String,
}

/// Every failure of a contract, by us and by the vendor's library.
pub fn errors(contract: Contract, environment: &str, library: &str) -> anyhow::Result<()> {
    let simulator = Simulator::start(contract.as_str(), 1)?;
    let mut all = Vec::new();
    for row in rows_of(contract).filter(|row| row.status.is_some_and(|status| status >= 400)) {
        all.push(failed(&simulator.url, row.service, &row.id())?);
    }
    let dir = tempfile::tempdir()?;
    let file = dir.path().join("failures.json");
    std::fs::write(&file, serde_json::to_vec(&all)?)?;
    let (answered, ours) =
        times(Command::new(std::env::current_exe()?).args(["errors", contract.as_str()]).arg(&file))?;
    let (their_answered, theirs) = their_times(contract, environment, &file)?;
    println!(
        "| {} failures of {contract}, bytes to error | {ours:.2} µs, of which to reqwest's answer {answered:.2} |",
        all.len()
    );
    println!(
        "| the same by {library} | {theirs:.1} µs, of which to requests' answer {their_answered:.1}: {:.0} × |",
        theirs / ours
    );
    Ok(())
}

/// Asks the simulator for a failure.
fn failed(base: &str, service: Option<Service>, id: &str) -> anyhow::Result<Failed> {
    let path = path_of(service);
    let mut stream = TcpStream::connect(base.trim_start_matches("http://"))?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Scanyard-Fail: {id}\r\n\r\n")?;
    let (mut reader, mut answer, mut length) = (BufReader::new(stream), String::new(), 0);
    loop {
        let from = answer.len();
        ensure!(reader.read_line(&mut answer)? > 0, "the answer to {id} broke off");
        let line = answer[from..].trim_end().to_ascii_lowercase();
        if let Some(text) = line.strip_prefix("content-length:") {
            length = text.trim().parse()?;
        }
        ensure!(!line.starts_with("transfer-encoding") && !line.starts_with("connection"), "{id}: {line}");
        if line.is_empty() {
            break;
        }
    }
    reader.take(length).read_to_string(&mut answer)?;
    let status = answer.split(' ').nth(1).context("no status")?.parse()?;
    Ok(Failed { service, url: format!("{base}{path}"), status, answer })
}

fn path_of(service: Option<Service>) -> &'static str {
    match service {
        Some(Service::Zia) => "/zia/api/v1/urlCategories",
        Some(Service::Zpa) => "/zpa/mgmtconfig/v1/admin/customers/1/application",
        Some(Service::Zcc) => "/zcc/papi/public/v1/getDevices",
        Some(Service::Cbc) => "/ztw/api/v1/ecgroup",
        Some(Service::Zidentity) => "/ziam/admin/api/v1/users",
        Some(Service::Zdx) => "/zdx/v1/devices",
        Some(Service::Bi) => "/bi/api/v1/report/all",
        Some(_) => "/zia/api/v1/status",
        None => "/scans",
    }
}

/// The library's own code in its environment.
fn their_times(contract: Contract, environment: &str, file: &Path) -> anyhow::Result<(f64, f64)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let python =
        Command::new("scripts/test-vendors").args(["--environment", environment]).current_dir(&root).output()?;
    ensure!(python.status.success(), "{}", String::from_utf8_lossy(&python.stderr));
    let python = String::from_utf8(python.stdout)?;
    let script = ["scripts/vendors/time_errors.py", contract.as_str()];
    times(Command::new(python.trim()).args(script).arg(file).current_dir(&root))
}

/// Microseconds for one failure, to the HTTP library's answer and to the error, as a program of its own printed them.
fn times(command: &mut Command) -> anyhow::Result<(f64, f64)> {
    let output = command.output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout)?;
    let (answered, made) = text.trim().split_once(' ').context("two figures")?;
    Ok((answered.parse()?, made.parse()?))
}

/// Prints our own times of the failures in a file.
pub fn ours(contract: &str, file: &Path) -> anyhow::Result<()> {
    let contract = *Contract::ALL.iter().find(|one| one.as_str() == contract).context("no such contract")?;
    let all: Vec<Failed> = serde_json::from_slice(&std::fs::read(file)?)?;
    // Without drivers: nothing here waits for a socket or a clock.
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let (answered, made) = runtime.block_on(async {
        let answers = all.iter().map(|failed| Bytes::from(failed.answer.clone())).collect();
        let there = Rc::new(Cell::new(Instant::now()));
        let io = TokioIo::new(Memory { answers, next: 0, left: Bytes::new(), there: there.clone(), reader: None });
        let (mut sender, connection) = handshake::<_, Empty<Bytes>>(io).await?;
        tokio::select! {
            end = connection => anyhow::bail!("the connection ended: {end:?}"),
            times = time(contract, &all, &mut sender, &there) => times,
        }
    })?;
    println!("{answered} {made}");
    Ok(())
}

async fn time(
    contract: Contract,
    all: &[Failed],
    sender: &mut SendRequest<Empty<Bytes>>,
    there: &Cell<Instant>,
) -> anyhow::Result<(f64, f64)> {
    // Two keys of 64 characters, as Tenable's are.
    let sent = ["0123456789abcdef", "fedcba9876543210"].map(|part| Hidden::new(part.repeat(4)));
    let mut urls = Vec::new();
    for failed in all {
        urls.push(Url::parse(&failed.url)?);
    }
    let once = Retrying { attempts: 1, ..Retrying::default() };
    let mut times = [Vec::new(), Vec::new()];
    for round in 0..ROUNDS * 2 {
        let mut took = Duration::ZERO;
        for (failed, url) in all.iter().zip(&urls) {
            let (status, headers, body) = answered(sender, url).await?;
            assert_eq!(status, failed.status);
            if round % 2 == 1 {
                let context = context(contract, failed.service, url);
                let error = Error::of_answer(&context, url, status, &headers, &body, SystemTime::now(), &sent);
                assert!(once.pause(&attempt(&error)).is_err());
                black_box(error);
            } else {
                black_box((headers, body));
            }
            took += there.get().elapsed();
        }
        times[round % 2].push(took.as_secs_f64() * 1e6 / all.len() as f64);
    }
    let [answered, made] = times.map(|mut times| {
        times.sort_by(f64::total_cmp);
        times[times.len() / 2]
    });
    Ok((answered, made))
}

/// One exchange, read as the client reads it.
async fn answered(
    sender: &mut SendRequest<Empty<Bytes>>,
    url: &Url,
) -> anyhow::Result<(u16, http::HeaderMap, Vec<u8>)> {
    let request = http::Request::get(url.path()).header("host", "127.0.0.1").body(Empty::new())?;
    let (head, body) = sender.send_request(request).await?.into_parts();
    let mut response =
        http::Response::builder().status(head.status).url(url.clone()).body(reqwest::Body::wrap(body))?;
    *response.headers_mut() = head.headers;
    let mut response = reqwest::Response::from(response);
    let (status, headers) = (response.status().as_u16(), std::mem::take(response.headers_mut()));
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        body.extend_from_slice(&chunk);
    }
    Ok((status, headers, body))
}

fn context(contract: Contract, service: Option<Service>, url: &Url) -> Context<'_> {
    Context {
        contract,
        service,
        method: "GET",
        path: url.path(),
        is_impersonated: false,
        is_password_change: false,
        is_sign_in: false,
        is_download: false,
    }
}

/// What decides whether a request is sent again.
fn attempt(error: &Error) -> Attempt {
    Attempt {
        retry: error.retry,
        wait: error.wait_ms.map(Duration::from_millis),
        status: error.status,
        is_idempotent: true,
        sent: 1,
        elapsed: Duration::ZERO,
        random: 0,
    }
}

/// A connection whose other end answers every request with the next of its answers.
struct Memory {
    answers: Vec<Bytes>,
    next: usize,
    /// What of the present answer was not read yet.
    left: Bytes,
    /// Since when it is there.
    there: Rc<Cell<Instant>>,
    reader: Option<Waker>,
}

impl AsyncRead for Memory {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        if self.left.is_empty() {
            self.reader = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let count = self.left.len().min(into.remaining());
        into.put_slice(&self.left.split_to(count));
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Memory {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        if bytes.ends_with(b"\r\n\r\n") {
            self.left = self.answers[self.next].clone();
            self.next = (self.next + 1) % self.answers.len();
            self.there.set(Instant::now());
            if let Some(reader) = self.reader.take() {
                reader.wake();
            }
        }
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut std::task::Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut std::task::Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
