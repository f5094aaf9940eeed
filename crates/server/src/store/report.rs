//! Raw reports: rows of their own, so that any node serves them and retention can drop them alone. The bytes are in pieces:
//! to read the middle of one large value, the databases read all that stands before it.

use super::StoreError;
use ring::digest;
use scanyard_engines::RawReport;
use sqlx::{AnyConnection, Row};

/// Bytes of a piece.
const PIECE: usize = 1024 * 1024;

/// Bytes as they are.
const IDENTITY: &str = "identity";

/// Stores a scan's raw report.
pub async fn insert(conn: &mut AnyConnection, scan_id: &str, raw: &RawReport) -> Result<(), StoreError> {
    let sha256: String =
        digest::digest(&digest::SHA256, &raw.bytes).as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    let sql = "INSERT INTO report (scan_id, media_type, codec, sha256, length) VALUES ($1, $2, $3, $4, $5)";
    sqlx::query(sql)
        .bind(scan_id)
        .bind(raw.media_type)
        .bind(IDENTITY)
        .bind(sha256)
        .bind(raw.bytes.len() as i64)
        .execute(&mut *conn)
        .await?;
    let sql = "INSERT INTO report_piece (scan_id, piece, bytes) VALUES ($1, $2, $3)";
    for (piece, bytes) in raw.bytes.chunks(PIECE).enumerate() {
        sqlx::query(sql).bind(scan_id).bind(piece as i64).bind(bytes).execute(&mut *conn).await?;
    }
    Ok(())
}

/// A scan's raw report without its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportRecord {
    pub media_type: String,
    /// Hex.
    pub sha256: String,
    /// Its length in bytes.
    pub length: u64,
}

/// What there is of a scan's raw report.
pub async fn get(conn: &mut AnyConnection, scan_id: &str) -> Result<Option<ReportRecord>, StoreError> {
    let sql = "SELECT media_type, codec, sha256, length FROM report WHERE scan_id = $1";
    let Some(row) = sqlx::query(sql).bind(scan_id).fetch_optional(conn).await? else { return Ok(None) };
    let codec: String = row.try_get("codec")?;
    if codec != IDENTITY {
        return Err(StoreError::Bug(format!("the report of {scan_id} has the codec {codec:?}")));
    }
    Ok(Some(ReportRecord {
        media_type: row.try_get("media_type")?,
        sha256: row.try_get("sha256")?,
        length: row.try_get::<i64, _>("length")?.unsigned_abs(),
    }))
}

/// A piece of a raw report, numbered from 0; none behind the last, or when the report is gone.
pub async fn piece(conn: &mut AnyConnection, scan_id: &str, piece: u64) -> Result<Option<Vec<u8>>, StoreError> {
    let sql = "SELECT bytes FROM report_piece WHERE scan_id = $1 AND piece = $2";
    Ok(sqlx::query_scalar(sql).bind(scan_id).bind(piece as i64).fetch_optional(conn).await?)
}

/// Forgets a scan's raw report.
pub async fn delete(conn: &mut AnyConnection, scan_id: &str) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM report WHERE scan_id = $1").bind(scan_id).execute(&mut *conn).await?;
    sqlx::query("DELETE FROM report_piece WHERE scan_id = $1").bind(scan_id).execute(conn).await?;
    Ok(())
}
