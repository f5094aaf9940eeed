//! Uploads and their bytes, in pieces of their own.

use super::{Dialect, Start, StoreError, parsed};
use scanyard_contract::UploadKind;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};

/// Uploads that one sweep removes at most; their pieces are large.
const SWEPT: i64 = 4;

/// An upload without its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadRecord {
    /// `upl-` and a UUID.
    pub id: String,
    pub tenant_id: String,
    pub kind: UploadKind,
    pub name: String,
    pub files: u64,
    pub bytes: u64,
    /// Hex.
    pub sha256: String,
    pub created_at: i64,
    pub expires_at: i64,
}

const SELECT: &str =
    "SELECT id, tenant_id, kind, name, files, bytes, sha256, created_at, expires_at FROM upload WHERE is_ready = 1";

/// Reserves room for an upload whose pieces come next; `false` when its tenant has none left of `most` bytes. Without
/// [`ready`] it is removed at `until`.
pub async fn reserve(
    conn: &mut AnyConnection,
    upload: &UploadRecord,
    most: u64,
    until: i64,
) -> Result<bool, StoreError> {
    if Dialect::of(conn) == Dialect::Postgres {
        // Two that reserve at once would not see each other.
        let sql = "SELECT id FROM tenant WHERE id = $1 FOR UPDATE";
        sqlx::query(sql).bind(&upload.tenant_id).execute(&mut *conn).await?;
    }
    let sql = "INSERT INTO upload (id, tenant_id, kind, name, files, bytes, sha256, is_ready, created_at, expires_at) \
         SELECT $1, $2, $3, $4, $5, $6, $7, 0, $8, $9 \
         WHERE (SELECT CAST(COALESCE(SUM(bytes), 0) AS BIGINT) FROM upload WHERE tenant_id = $2) + $6 <= $10";
    let inserted = sqlx::query(sql)
        .bind(&upload.id)
        .bind(&upload.tenant_id)
        .bind(upload.kind.as_str())
        .bind(&upload.name)
        .bind(upload.files as i64)
        .bind(upload.bytes as i64)
        .bind(&upload.sha256)
        .bind(upload.created_at)
        .bind(until)
        .bind(most as i64)
        .execute(conn)
        .await?;
    Ok(inserted.rows_affected() > 0)
}

/// Bytes of all uploads of a tenant.
pub async fn used(conn: &mut AnyConnection, tenant_id: &str) -> Result<u64, StoreError> {
    let sql = "SELECT CAST(COALESCE(SUM(bytes), 0) AS BIGINT) FROM upload WHERE tenant_id = $1";
    let used: i64 = sqlx::query_scalar(sql).bind(tenant_id).fetch_one(conn).await?;
    Ok(used.max(0) as u64)
}

/// Stores one piece of an upload's bytes.
pub async fn insert_piece(conn: &mut AnyConnection, id: &str, ordinal: i64, bytes: &[u8]) -> Result<(), StoreError> {
    let sql = "INSERT INTO upload_piece (upload_id, ordinal, bytes) VALUES ($1, $2, $3)";
    sqlx::query(sql).bind(id).bind(ordinal).bind(bytes).execute(conn).await?;
    Ok(())
}

/// One piece of an upload's bytes; none behind the last.
pub async fn piece(conn: &mut AnyConnection, id: &str, ordinal: i64) -> Result<Option<Vec<u8>>, StoreError> {
    let sql = "SELECT bytes FROM upload_piece WHERE upload_id = $1 AND ordinal = $2";
    Ok(sqlx::query_scalar(sql).bind(id).bind(ordinal).fetch_optional(conn).await?)
}

/// Shows an upload whose pieces are all there; `false` when it was removed meanwhile.
pub async fn ready(conn: &mut AnyConnection, id: &str, expires_at: i64) -> Result<bool, StoreError> {
    let sql = "UPDATE upload SET is_ready = 1, expires_at = $2 WHERE id = $1";
    Ok(sqlx::query(sql).bind(id).bind(expires_at).execute(conn).await?.rows_affected() > 0)
}

/// A tenant's upload; a foreign id is as absent as an unknown one.
pub async fn get(conn: &mut AnyConnection, tenant_id: &str, id: &str) -> Result<Option<UploadRecord>, StoreError> {
    let sql = sqlx::AssertSqlSafe(format!("{SELECT} AND id = $1 AND tenant_id = $2"));
    sqlx::query(sql).bind(id).bind(tenant_id).fetch_optional(conn).await?.as_ref().map(record).transpose()
}

/// Notes that an upload is used, so that it stays until `expires_at` at least; `false` when there is no such upload.
pub async fn touch(conn: &mut AnyConnection, tenant_id: &str, id: &str, expires_at: i64) -> Result<bool, StoreError> {
    let sql = "UPDATE upload SET expires_at = CASE WHEN expires_at < $3 THEN $3 ELSE expires_at END \
         WHERE id = $1 AND tenant_id = $2 AND is_ready = 1";
    Ok(sqlx::query(sql).bind(id).bind(tenant_id).bind(expires_at).execute(conn).await?.rows_affected() > 0)
}

/// A tenant's uploads, newest first, at most `limit`.
pub async fn list(
    conn: &mut AnyConnection,
    tenant_id: &str,
    start: &Start,
    limit: u32,
) -> Result<Vec<UploadRecord>, StoreError> {
    let sql = format!("{SELECT} AND tenant_id = $1 AND ($2 = '' OR id < $2) ORDER BY id DESC LIMIT +$3 OFFSET $4");
    let rows = sqlx::query(sqlx::AssertSqlSafe(sql))
        .bind(tenant_id)
        .bind(&start.before)
        .bind(i64::from(limit))
        .bind(start.offset)
        .fetch_all(conn)
        .await?;
    rows.iter().map(record).collect()
}

/// How many uploads [`list`] has in all.
pub async fn count(conn: &mut AnyConnection, tenant_id: &str) -> Result<u64, StoreError> {
    let sql = "SELECT COUNT(*) FROM upload WHERE tenant_id = $1 AND is_ready = 1";
    let count: i64 = sqlx::query_scalar(sql).bind(tenant_id).fetch_one(conn).await?;
    Ok(count.max(0) as u64)
}

/// Deletes a tenant's upload and gives its name; none when there is no such upload.
pub async fn delete(conn: &mut AnyConnection, tenant_id: &str, id: &str) -> Result<Option<String>, StoreError> {
    let sql = "DELETE FROM upload WHERE id = $1 AND tenant_id = $2 RETURNING name";
    let name = sqlx::query_scalar(sql).bind(id).bind(tenant_id).fetch_optional(&mut *conn).await?;
    if name.is_some() {
        delete_pieces(conn, id).await?;
    }
    Ok(name)
}

/// Removes uploads that are over their time and that no scan waits for; answers how many.
pub async fn expire(conn: &mut AnyConnection, now: i64) -> Result<u64, StoreError> {
    // A job's host is what two scans of one target have in common: of an upload its id.
    let sql = "DELETE FROM upload WHERE id IN (SELECT id FROM upload WHERE expires_at <= $1 AND NOT EXISTS \
         (SELECT 1 FROM job WHERE job.tenant_id = upload.tenant_id AND job.host = upload.id) ORDER BY id LIMIT +$2) \
         RETURNING id";
    let ids: Vec<String> = sqlx::query_scalar(sql).bind(now).bind(SWEPT).fetch_all(&mut *conn).await?;
    for id in &ids {
        delete_pieces(conn, id).await?;
    }
    Ok(ids.len() as u64)
}

async fn delete_pieces(conn: &mut AnyConnection, id: &str) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM upload_piece WHERE upload_id = $1").bind(id).execute(conn).await?;
    Ok(())
}

fn record(row: &AnyRow) -> Result<UploadRecord, StoreError> {
    Ok(UploadRecord {
        id: row.try_get("id")?,
        tenant_id: row.try_get("tenant_id")?,
        kind: parsed(&row.try_get::<String, _>("kind")?, "kind of an upload")?,
        name: row.try_get("name")?,
        files: row.try_get::<i64, _>("files")?.unsigned_abs(),
        bytes: row.try_get::<i64, _>("bytes")?.unsigned_abs(),
        sha256: row.try_get("sha256")?,
        created_at: row.try_get("created_at")?,
        expires_at: row.try_get("expires_at")?,
    })
}
