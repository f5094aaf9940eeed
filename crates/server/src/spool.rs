//! Bodies that are too large to hold: written to a file as they arrive, and hashed on the way.

use crate::error::ApiError;
use crate::key::hex;
use axum::body::{Body, Bytes};
use http_body::Body as _;
use http_body_util::BodyExt;
use ring::digest;
use scanyard_contract::Code;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::fs::{DirBuilder, File, OpenOptions};
use tokio::io::AsyncWriteExt;
use tokio::time::Instant;
use uuid::Uuid;

/// The least that must arrive in the time that a whole small body has: a trickle would hold its seat for ever.
const LEAST: usize = 64 * 1024;

/// A file that is removed when this is dropped.
#[derive(Debug)]
pub struct Spool {
    pub path: PathBuf,
    pub bytes: u64,
    /// SHA-256 of the bytes, hex.
    pub sha256: String,
}

impl Drop for Spool {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_file(&self.path) {
            tracing::warn!(file = %self.path.display(), %error, "a spooled file stays behind until the next start");
        }
    }
}

/// Writes a spool, piece by piece.
pub struct Writer {
    file: File,
    digest: digest::Context,
    spool: Spool,
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writer").field("spool", &self.spool).finish_non_exhaustive()
    }
}

impl Writer {
    /// Makes a file, 0600, in this folder, which is made when it is missing.
    pub async fn create(dir: &Path) -> io::Result<Writer> {
        DirBuilder::new().recursive(true).mode(0o700).create(dir).await?;
        let path = dir.join(Uuid::now_v7().to_string());
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).await?;
        let spool = Spool { path, bytes: 0, sha256: String::new() };
        Ok(Writer { file, digest: digest::Context::new(&digest::SHA256), spool })
    }

    pub async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.digest.update(bytes);
        self.spool.bytes += bytes.len() as u64;
        self.file.write_all(bytes).await
    }

    pub async fn finish(mut self) -> io::Result<Spool> {
        self.file.flush().await?;
        self.spool.sha256 = hex(self.digest.finish().as_ref());
        Ok(self.spool)
    }
}

/// Writes a body of at most `limit` bytes to a file in `dir`, as long as it keeps arriving: `idle` is the time in which some
/// of it must.
pub async fn receive(mut body: Body, dir: &Path, limit: u64, idle: Duration) -> Result<Spool, ApiError> {
    let too_large = || ApiError::new(Code::PayloadTooLarge).with("limit", limit.to_string());
    let disk = |error: io::Error| ApiError::new(Code::InternalError).caused_by(error);
    if body.size_hint().lower() > limit {
        return Err(too_large());
    }
    let mut writer = Writer::create(dir).await.map_err(disk)?;
    let mut pace = Pace { until: Instant::now() + idle, seen: 0, idle };
    loop {
        let Ok(frame) = tokio::time::timeout_at(pace.until, body.frame()).await else {
            pace.look(Instant::now())?;
            continue;
        };
        let Some(frame) = frame else { break };
        // The client broke off or broke the transfer encoding; there is hardly anyone left to tell.
        let frame = frame.map_err(|error| {
            let error = ApiError::new(Code::InvalidUpload).caused_by(anyhow::anyhow!(error));
            error.detail("body", "the body ended before its announced length")
        })?;
        let bytes = frame.into_data().unwrap_or_else(|_| Bytes::new());
        if writer.spool.bytes + bytes.len() as u64 > limit {
            return Err(too_large());
        }
        pace.seen += bytes.len();
        pace.look(Instant::now())?;
        writer.write(&bytes).await.map_err(disk)?;
    }
    writer.finish().await.map_err(disk)
}

/// How fast a body arrives.
struct Pace {
    until: Instant,
    /// Bytes since the last look.
    seen: usize,
    idle: Duration,
}

impl Pace {
    fn look(&mut self, now: Instant) -> Result<(), ApiError> {
        if now < self.until {
            return Ok(());
        }
        if self.seen < LEAST {
            let reason = format!("only {} bytes in {} ms", self.seen, self.idle.as_millis());
            return Err(ApiError::new(Code::RequestTimeout).detail("body", reason));
        }
        self.until = now + self.idle;
        self.seen = 0;
        Ok(())
    }
}
