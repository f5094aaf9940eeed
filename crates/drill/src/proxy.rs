//! A TCP proxy between a node and its database, which can cut, refuse and delay what goes through it.

use crate::node::free_port;
use anyhow::Context;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

/// Bytes taken at a time.
const PIECE: usize = 16 * 1024;

/// How often a piece that waits looks whether it still has to.
const STEP: Duration = Duration::from_millis(10);

/// The proxy; it ends when dropped.
#[derive(Debug)]
pub struct Proxy {
    pub port: u16,
    way: Arc<Way>,
    end: CancellationToken,
}

#[derive(Debug)]
struct Way {
    to: u16,
    /// Milliseconds that every piece waits, in each direction.
    delay_ms: AtomicU64,
    /// Whether new connections are refused.
    is_closed: AtomicBool,
    /// Cancelled to cut every connection; then replaced.
    cut: std::sync::Mutex<CancellationToken>,
}

impl Way {
    fn cut(&self) -> std::sync::MutexGuard<'_, CancellationToken> {
        self.cut.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Proxy {
    /// Starts one in front of a port of loopback.
    pub async fn start(to: u16) -> anyhow::Result<Proxy> {
        let port = free_port()?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.context("the proxy's port")?;
        let way = Way { to, delay_ms: AtomicU64::new(0), is_closed: AtomicBool::new(false), cut: Default::default() };
        let proxy = Proxy { port, way: Arc::new(way), end: CancellationToken::new() };
        let (way, end) = (proxy.way.clone(), proxy.end.clone());
        tokio::spawn(async move {
            loop {
                let accepted = tokio::select! {
                    accepted = listener.accept() => accepted,
                    () = end.cancelled() => return way.cut().cancel(),
                };
                let Ok((near, _)) = accepted else { continue };
                if !way.is_closed.load(Ordering::SeqCst) {
                    tokio::spawn(carry(near, way.clone()));
                }
            }
        });
        Ok(proxy)
    }

    /// Cuts every connection; new ones get through.
    pub fn cut(&self) {
        std::mem::take(&mut *self.way.cut()).cancel();
    }

    /// Refuses new connections from now on, or no longer.
    pub fn close(&self, is_closed: bool) {
        self.way.is_closed.store(is_closed, Ordering::SeqCst);
    }

    /// Delays every piece by so much.
    pub fn delay(&self, by: Duration) {
        self.way.delay_ms.store(by.as_millis() as u64, Ordering::SeqCst);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.end.cancel();
    }
}

async fn carry(near: TcpStream, way: Arc<Way>) {
    let cut = way.cut().clone();
    let both = async {
        let Ok(far) = TcpStream::connect(SocketAddr::from((Ipv4Addr::LOCALHOST, way.to))).await else { return };
        let ((near_in, near_out), (far_in, far_out)) = (near.into_split(), far.into_split());
        // Whichever side ends first ends both.
        tokio::select! {
            () = pump(near_in, far_out, &way) => {}
            () = pump(far_in, near_out, &way) => {}
        }
    };
    tokio::select! {
        () = both => {}
        () = cut.cancelled() => {}
    }
}

async fn pump(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, way: &Way) {
    let mut piece = vec![0; PIECE];
    while let Ok(length @ 1..) = from.read(&mut piece).await {
        // In steps, so that what hangs goes on when the delay is taken back.
        let since = Instant::now();
        while since.elapsed() < Duration::from_millis(way.delay_ms.load(Ordering::SeqCst)) {
            tokio::time::sleep(STEP).await;
        }
        if to.write_all(&piece[..length]).await.is_err() {
            return;
        }
    }
}
