//! A small closed-loop HTTP/1.1 load generator: each connection sends the next request when it has the last answer.

use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// What a run of the generator saw.
pub struct Load {
    /// Answers with the expected status.
    pub good: u64,
    /// Every other answer.
    pub bad: u64,
    /// Milliseconds of each answer, ascending.
    pub latencies_ms: Vec<f64>,
    pub elapsed: Duration,
}

impl Load {
    pub fn per_second(&self) -> f64 {
        self.good as f64 / self.elapsed.as_secs_f64()
    }

    /// The latency that this part of the answers did not exceed.
    pub fn percentile_ms(&self, part: f64) -> f64 {
        let last = self.latencies_ms.len().saturating_sub(1);
        self.latencies_ms.get((last as f64 * part) as usize).copied().unwrap_or(f64::NAN)
    }
}

/// Sends one request over and over, on so many connections, for so long. All of it runs on one thread: what wakes it less often
/// leaves more of the cores to the server.
pub async fn load(
    address: &str,
    request: String,
    expect: &str,
    connections: usize,
    time: Duration,
) -> anyhow::Result<Load> {
    let (address, expect) = (address.to_string(), format!("HTTP/1.1 {expect}"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let all = async move {
        let started = Instant::now();
        let tasks = (0..connections).map(|_| one(&address, request.as_bytes(), &expect, started + time));
        let (mut good, mut bad, mut latencies_ms) = (0, 0, Vec::new());
        for (g, b, mut l) in futures::future::try_join_all(tasks).await? {
            good += g;
            bad += b;
            latencies_ms.append(&mut l);
        }
        let elapsed = started.elapsed();
        latencies_ms.sort_by(f64::total_cmp);
        Ok(Load { good, bad, latencies_ms, elapsed })
    };
    tokio::task::spawn_blocking(move || runtime.block_on(all)).await?
}

async fn one(address: &str, request: &[u8], expect: &str, until: Instant) -> anyhow::Result<(u64, u64, Vec<f64>)> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (mut good, mut bad, mut latencies) = (0, 0, Vec::new());
    let mut buffer = Vec::with_capacity(8192);
    while Instant::now() < until {
        let sent = Instant::now();
        stream.write_all(request).await?;
        buffer.clear();
        answer(&mut stream, &mut buffer).await?;
        latencies.push(sent.elapsed().as_secs_f64() * 1000.0);
        if buffer.starts_with(expect.as_bytes()) {
            good += 1;
        } else {
            bad += 1;
        }
    }
    Ok((good, bad, latencies))
}

/// As our server writes it.
const CONTENT_LENGTH: &[u8] = b"\r\ncontent-length: ";

/// Reads one answer that states its length.
pub async fn answer(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> anyhow::Result<()> {
    loop {
        anyhow::ensure!(stream.read_buf(buffer).await? > 0, "the server closed the connection");
        let Some(head) = memchr::memmem::find(buffer, b"\r\n\r\n") else { continue };
        let length = memchr::memmem::find(&buffer[..head], CONTENT_LENGTH).map(|at| at + CONTENT_LENGTH.len());
        let length = std::str::from_utf8(&buffer[length.unwrap_or(head)..head])?.lines().next().unwrap_or("0");
        let whole = head + 4 + length.parse::<usize>()?;
        while buffer.len() < whole {
            anyhow::ensure!(stream.read_buf(buffer).await? > 0, "the answer was cut short");
        }
        return Ok(());
    }
}
