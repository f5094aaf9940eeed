//! A path of this machine as an upload: packed, and sent with its progress shown.

use crate::exit::Failure;
use crate::progress::Bar;
use anyhow::{Context, anyhow};
use scanyard_client::{FileBody, scan_api::Client};
use scanyard_contract::{ScanType, Upload, UploadKind};
use scanyard_engines::upload::pack::{self, LeftOut, Prepared};
use scanyard_engines::upload::{Packed, UploadId, inspect};
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// How often the progress of sending is shown.
const LOOK: Duration = Duration::from_millis(200);

/// A packed path; its temporary folder goes when this goes.
#[derive(Debug)]
pub struct Packing {
    pub packed: Packed,
    /// What a run here calls it; no server knows this id.
    pub id: UploadId,
    dir: PathBuf,
}

impl Drop for Packing {
    fn drop(&mut self) {
        // What stays behind is in the folder for what may.
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

/// The path that a target names, where the engine scans files: what begins as a path does, or is there.
pub fn path(scan_type: ScanType, target: &str) -> Option<PathBuf> {
    let is_path = target.starts_with(['/', '.', '~']) || Path::new(target).exists();
    (scan_type == ScanType::Trivy && is_path).then(|| PathBuf::from(target))
}

/// Packs a path, in a thread of its own, and looks at what was packed as a server would.
pub async fn pack(path: PathBuf, cancel: &CancellationToken) -> Result<Packing, Failure> {
    let shown = crate::output::clean(&path.display().to_string());
    let mut packing = Packing::new()?;
    let into = packing.packed.path.clone();
    // The thread cannot be stopped; where nobody waits for it any more, it writes into a file without a name.
    let packed = tokio::select! {
        packed = tokio::task::spawn_blocking(move || packed(&path, &into)) => packed.context("packing")?,
        () = cancel.cancelled() => Err(anyhow!("cancelled"))?,
    };
    packing.packed = packed.with_context(|| format!("packing {shown}")).map_err(Failure::usage)?;
    Ok(packing)
}

impl Packing {
    /// With its folder, and nothing in it yet.
    fn new() -> anyhow::Result<Packing> {
        let id = UploadId(Uuid::now_v7());
        let dir = std::env::temp_dir().join(format!("scanyard-{id}"));
        DirBuilder::new().mode(0o700).create(&dir).with_context(|| dir.display().to_string())?;
        let packed = Packed { kind: UploadKind::File, name: String::new(), path: dir.join("packed") };
        Ok(Packing { packed, id, dir })
    }
}

fn packed(path: &Path, into: &Path) -> anyhow::Result<Packed> {
    let Prepared { packed, left_out } = pack::prepare(path, into)?;
    let LeftOut { special, misnamed } = left_out;
    if special > 0 {
        eprintln!("{special} links and special files were left out");
    }
    if misnamed > 0 {
        eprintln!(
            "{misnamed} files and folders with a backslash, a control character or no UTF-8 in their names were left out"
        );
    }
    inspect(packed.kind, &packed.name, &packed.path)?;
    Ok(packed)
}

/// Sends it to a server.
pub async fn upload(client: &Client, packing: &Packing, bar: &mut Bar) -> Result<Upload, Failure> {
    let Packed { kind, name, path } = &packing.packed;
    let media_type = match kind {
        UploadKind::TarGz => "application/gzip",
        UploadKind::Zip => "application/zip",
        UploadKind::CycloneDx | UploadKind::Spdx => "application/json",
        UploadKind::File => "application/octet-stream",
    };
    let total = std::fs::metadata(path).with_context(|| path.display().to_string())?.len().max(1);
    let sent = Arc::new(AtomicU64::new(0));
    let file = FileBody { path: path.clone(), media_type, sent: sent.clone() };
    let mut uploading = std::pin::pin!(client.create_upload(name, file));
    let mut looks = tokio::time::interval(LOOK);
    loop {
        tokio::select! {
            uploaded = &mut uploading => return Ok(uploaded?),
            _ = looks.tick() => {
                let percent = sent.load(Ordering::Relaxed) * 100 / total;
                bar.show(u8::try_from(percent).unwrap_or(100).min(100), "uploading");
            }
        }
    }
}
