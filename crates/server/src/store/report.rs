//! Raw reports: rows of their own, so that any node serves them and retention can drop them alone.

use super::StoreError;
use ring::digest;
use scanyard_engines::RawReport;
use sqlx::AnyConnection;

/// Stores a scan's raw report.
pub async fn insert(conn: &mut AnyConnection, scan_id: &str, raw: &RawReport) -> Result<(), StoreError> {
    let sha256: String =
        digest::digest(&digest::SHA256, &raw.bytes).as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    let sql = "INSERT INTO report (scan_id, media_type, codec, sha256, bytes) VALUES ($1, $2, 'identity', $3, $4)";
    sqlx::query(sql).bind(scan_id).bind(raw.media_type).bind(sha256).bind(raw.bytes.as_slice()).execute(conn).await?;
    Ok(())
}
