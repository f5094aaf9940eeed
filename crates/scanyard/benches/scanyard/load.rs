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

/// Sends one request over and over, on so many connections, for so long.
pub async fn load(
    address: &str,
    request: String,
    expect: &str,
    connections: usize,
    time: Duration,
) -> anyhow::Result<Load> {
    let started = Instant::now();
    let until = started + time;
    let tasks: Vec<_> = (0..connections)
        .map(|_| {
            let (address, request, expect) = (address.to_string(), request.clone(), expect.to_string());
            tokio::spawn(async move { one(&address, request.as_bytes(), &expect, until).await })
        })
        .collect();
    let (mut good, mut bad, mut latencies_ms) = (0, 0, Vec::new());
    for task in tasks {
        let (g, b, mut l) = task.await??;
        good += g;
        bad += b;
        latencies_ms.append(&mut l);
    }
    latencies_ms.sort_by(f64::total_cmp);
    Ok(Load { good, bad, latencies_ms, elapsed: started.elapsed() })
}

async fn one(address: &str, request: &[u8], expect: &str, until: Instant) -> anyhow::Result<(u64, u64, Vec<f64>)> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let expect = format!("HTTP/1.1 {expect}");
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

/// Reads one answer that states its length.
pub async fn answer(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> anyhow::Result<()> {
    loop {
        anyhow::ensure!(stream.read_buf(buffer).await? > 0, "the server closed the connection");
        let Some(head) = buffer.windows(4).position(|w| w == b"\r\n\r\n") else { continue };
        let text = std::str::from_utf8(&buffer[..head])?.to_ascii_lowercase();
        let length = text.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap_or("0");
        let whole = head + 4 + length.trim().parse::<usize>()?;
        while buffer.len() < whole {
            anyhow::ensure!(stream.read_buf(buffer).await? > 0, "the answer was cut short");
        }
        return Ok(());
    }
}
