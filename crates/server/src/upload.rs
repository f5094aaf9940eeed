//! Uploads: from a spooled body to rows and back.

use crate::App;
use crate::spool::{Spool, Writer};
use crate::store::upload::{self as uploads, UploadRecord};
use crate::store::{Store, StoreError};
use scanyard_contract::{Timestamp, Upload, UploadKind};
use scanyard_engines::upload::{Contents, Packed, UploadFault, inspect, kind_of, sbom_kind};
use std::io;
use tokio::fs::File;
use tokio::io::AsyncReadExt;

/// What the id of every upload begins with.
pub const PREFIX: &str = scanyard_engines::upload::PREFIX;
/// Bytes of a piece: what one write holds in memory.
const PIECE: u64 = 1024 * 1024;
/// How long the pieces of an upload may take to be stored, in milliseconds.
pub const STORING_MS: i64 = 3600 * 1000;

/// What a body is declared to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    Gzip,
    Zip,
    Json,
    Octets,
}

impl Form {
    /// Media types of uploads, in the order of [`Form::of`].
    pub const MEDIA_TYPES: &'static str =
        "application/gzip, application/zip, application/json or application/octet-stream";

    /// The form of a media type.
    pub fn of(media_type: &str) -> Option<Form> {
        match media_type {
            "application/gzip" => Some(Form::Gzip),
            "application/zip" => Some(Form::Zip),
            "application/json" => Some(Form::Json),
            "application/octet-stream" => Some(Form::Octets),
            _ => None,
        }
    }

    /// What an upload of this form is called when nobody says; a single file has to be named, for what it is depends on it.
    pub fn default_name(self) -> Option<&'static str> {
        match self {
            Form::Gzip | Form::Zip => Some("files"),
            Form::Json => Some("sbom.json"),
            Form::Octets => None,
        }
    }
}

/// Looks into an upload as far as it has to be judged, in a thread of its own.
pub async fn look(form: Form, name: &str, spool: &Spool) -> Result<(UploadKind, Contents), UploadFault> {
    let (name, path) = (name.to_string(), spool.path.clone());
    let looked = tokio::task::spawn_blocking(move || {
        let kind = match form {
            Form::Gzip => UploadKind::TarGz,
            Form::Zip => UploadKind::Zip,
            Form::Json => sbom_kind(&path)?,
            Form::Octets => only_file(kind_of(&name, &path)?)?,
        };
        Ok((kind, inspect(kind, &name, &path)?))
    });
    looked.await.map_err(|error| UploadFault::Disk(io::Error::other(error)))?
}

/// A single file, and nothing that is looked into when it is declared as what it is.
fn only_file(kind: UploadKind) -> Result<UploadKind, UploadFault> {
    let (what, media_type) = match kind {
        UploadKind::File => return Ok(kind),
        UploadKind::TarGz => ("compressed with gzip", "application/gzip"),
        UploadKind::Zip => ("a zip archive", "application/zip"),
        UploadKind::CycloneDx | UploadKind::Spdx => ("a bill of materials", "application/json"),
    };
    Err(UploadFault::Refused(format!("is {what}: send it as {media_type}")))
}

/// Stores the bytes of an upload, each piece in a write of its own, so that other writes come in between.
pub async fn store_pieces(store: &Store, id: &str, spool: &Spool) -> Result<(), StoreError> {
    let lost = |error: io::Error| StoreError::Unavailable(format!("reading a spooled upload: {error}"));
    let mut file = File::open(&spool.path).await.map_err(lost)?;
    for ordinal in 0.. {
        let mut piece = Vec::new();
        (&mut file).take(PIECE).read_to_end(&mut piece).await.map_err(lost)?;
        if piece.is_empty() {
            break;
        }
        let id = id.to_string();
        let stored =
            store.write(move |conn| Box::pin(async move { uploads::insert_piece(conn, &id, ordinal, &piece).await }));
        stored.await?;
    }
    Ok(())
}

/// An upload as a run needs it, and the file that goes when this goes.
#[derive(Debug)]
pub struct Fetched {
    pub packed: Packed,
    _spool: Spool,
}

/// Why an upload is not here.
#[derive(Debug, thiserror::Error)]
pub enum FetchFault {
    #[error("the upload is no longer there; upload the files again")]
    Gone,
    #[error("fetching the upload: {0}")]
    Store(#[from] StoreError),
    #[error("fetching the upload: {0}")]
    Disk(#[from] io::Error),
}

/// Brings an upload to this machine.
pub async fn fetch(app: &App, tenant_id: &str, id: &str) -> Result<Fetched, FetchFault> {
    let (tenant_id, upload_id) = (tenant_id.to_string(), id.to_string());
    let expires_at = expires_at(app, app.store.local_now());
    let touched = {
        let (tenant_id, id) = (tenant_id.clone(), upload_id.clone());
        app.store.write(move |conn| Box::pin(async move { uploads::touch(conn, &tenant_id, &id, expires_at).await }))
    };
    if !touched.await? {
        return Err(FetchFault::Gone);
    }
    let record = uploads::get(&mut *app.store.read().await?, &tenant_id, &upload_id).await?;
    let record = record.ok_or(FetchFault::Gone)?;
    let mut writer = Writer::create(&app.config.uploads_dir()).await?;
    for ordinal in 0.. {
        let piece = uploads::piece(&mut *app.store.read().await?, &upload_id, ordinal).await?;
        let Some(piece) = piece else { break };
        writer.write(&piece).await?;
    }
    let spool = writer.finish().await?;
    // Deleted while it was read, so that a piece is missing.
    if (spool.bytes, &spool.sha256) != (record.bytes, &record.sha256) {
        return Err(FetchFault::Gone);
    }
    Ok(Fetched { packed: Packed { kind: record.kind, name: record.name, path: spool.path.clone() }, _spool: spool })
}

/// Until when an upload that is used now is kept.
pub fn expires_at(app: &App, now: i64) -> i64 {
    now + i64::try_from(app.config.uploads.keep.as_millis()).unwrap_or(i64::MAX / 2)
}

/// The upload as the API shows it.
pub fn to_wire(upload: &UploadRecord) -> Upload {
    let UploadRecord { id, tenant_id: _, kind, name, files, bytes, sha256, created_at, expires_at } = upload.clone();
    let (created_at, expires_at) = (Timestamp(created_at), Timestamp(expires_at));
    Upload { id, kind, name, files, bytes, sha256, created_at, expires_at }
}
