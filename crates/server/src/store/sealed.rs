//! The secrets that the database holds, sealed: what a change of the master key walks over.

use super::StoreError;
use sqlx::AnyConnection;

/// Where a sealed text stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Column {
    WebhookSecret,
    WebhookOldSecret,
    ScanAuth,
}

/// A sealed text and whose it is.
#[derive(Debug, Clone)]
pub struct Sealed {
    pub column: Column,
    pub id: String,
    pub text: String,
}

impl Column {
    fn select(self) -> &'static str {
        match self {
            Column::WebhookSecret => "SELECT id, secret FROM webhook",
            Column::WebhookOldSecret => "SELECT id, old_secret FROM webhook WHERE old_secret IS NOT NULL",
            Column::ScanAuth => "SELECT scan_id, auth FROM job WHERE auth IS NOT NULL",
        }
    }

    // What was changed or ended meanwhile stays as it is.
    fn replace(self) -> &'static str {
        match self {
            Column::WebhookSecret => "UPDATE webhook SET secret = $3 WHERE id = $1 AND secret = $2",
            Column::WebhookOldSecret => "UPDATE webhook SET old_secret = $3 WHERE id = $1 AND old_secret = $2",
            Column::ScanAuth => "UPDATE job SET auth = $3 WHERE scan_id = $1 AND auth = $2",
        }
    }
}

/// The secrets of webhooks, the old ones that still sign among them.
pub async fn webhooks(conn: &mut AnyConnection) -> Result<Vec<Sealed>, StoreError> {
    let mut found = of(conn, Column::WebhookSecret).await?;
    found.extend(of(conn, Column::WebhookOldSecret).await?);
    Ok(found)
}

/// The credentials of scans that are not over.
pub async fn scans(conn: &mut AnyConnection) -> Result<Vec<Sealed>, StoreError> {
    of(conn, Column::ScanAuth).await
}

/// Puts another sealed text in a secret's place.
pub async fn replace(conn: &mut AnyConnection, secret: &Sealed, text: &str) -> Result<(), StoreError> {
    let query = sqlx::query(secret.column.replace()).bind(&secret.id).bind(&secret.text).bind(text);
    query.execute(conn).await?;
    Ok(())
}

async fn of(conn: &mut AnyConnection, column: Column) -> Result<Vec<Sealed>, StoreError> {
    let rows: Vec<(String, String)> = sqlx::query_as(column.select()).fetch_all(conn).await?;
    Ok(rows.into_iter().map(|(id, text)| Sealed { column, id, text }).collect())
}
