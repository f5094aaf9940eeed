//! A file as a request's body, read piece by piece.

use futures::stream;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::io::AsyncReadExt;

/// One attempt as a whole, with a file: 256 MiB at a slow line's 128 KiB a second.
pub(crate) const FILE_TIMEOUT: Duration = Duration::from_secs(2048);
/// Bytes of a file that are read at a time.
const PIECE: usize = 64 * 1024;

/// A file that is sent as it is; every attempt reads it anew.
#[derive(Debug, Clone)]
pub struct FileBody {
    pub path: PathBuf,
    pub media_type: &'static str,
    /// Bytes of it that the last attempt has sent.
    pub sent: Arc<AtomicU64>,
}

impl FileBody {
    pub(crate) async fn open(&self) -> std::io::Result<reqwest::Body> {
        let file = tokio::fs::File::open(&self.path).await?;
        self.sent.store(0, Ordering::Relaxed);
        let sent = self.sent.clone();
        Ok(reqwest::Body::wrap_stream(stream::try_unfold((file, sent), |(mut file, sent)| async move {
            let mut piece = vec![0; PIECE];
            let read = file.read(&mut piece).await?;
            piece.truncate(read);
            sent.fetch_add(read as u64, Ordering::Relaxed);
            Ok::<_, std::io::Error>((read > 0).then_some((piece, (file, sent))))
        })))
    }
}
