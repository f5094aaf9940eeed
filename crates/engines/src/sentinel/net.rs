//! Connections of the probes: every wait has an end and every read a cap.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};

/// Opens a connection that leaves nothing behind when it is dropped.
pub async fn connect(address: SocketAddr, within: Duration) -> io::Result<TcpStream> {
    let stream = timeout(within, TcpStream::connect(address)).await??;
    if stream.local_addr()? == address {
        // The port is free: the kernel connected us to ourselves.
        return Err(io::ErrorKind::ConnectionRefused.into());
    }
    stream.set_nodelay(true)?;
    stream.set_zero_linger()?;
    Ok(stream)
}

/// What a peer said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    pub bytes: Vec<u8>,
    /// The time was over before the peer finished or hung up.
    pub is_late: bool,
}

/// Sends a request and reads until `is_complete`, the end, `cap` bytes or the end of the time; what came is returned.
pub async fn ask(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    request: &[u8],
    cap: usize,
    within: Duration,
    is_complete: impl Fn(&[u8]) -> bool,
) -> Heard {
    let until = Instant::now() + within;
    let mut heard = Heard { bytes: Vec::new(), is_late: false };
    if !request.is_empty() {
        // A peer that hangs up while we write may have answered before.
        let _ = timeout_at(until, async {
            stream.write_all(request).await?;
            stream.flush().await
        })
        .await;
    }
    let mut buffer = vec![0; 8 * 1024];
    while heard.bytes.len() < cap && !is_complete(&heard.bytes) {
        match timeout_at(until, stream.read(&mut buffer)).await {
            Ok(Ok(n)) if n > 0 => heard.bytes.extend_from_slice(&buffer[..n.min(cap - heard.bytes.len())]),
            Ok(Ok(_) | Err(_)) => break,
            Err(_) => {
                heard.is_late = true;
                break;
            }
        }
    }
    heard
}
