//! Users and their passwords' hashes.

use super::{Dialect, Start, StoreError, parsed};
use crate::user::email_hash;
use scanyard_contract::user::{Role, UserStatus};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};

/// Passwords that are remembered for each user, the present one among them.
pub const REMEMBERED: i64 = 5;

/// A user.
#[derive(Clone, PartialEq, Eq)]
pub struct UserRecord {
    pub id: String,
    pub tenant_id: String,
    /// In lower case.
    pub email: String,
    pub name: Option<String>,
    pub role: Role,
    pub status: UserStatus,
    pub password_hash: String,
    pub password_changed_at: i64,
    pub last_login_at: Option<i64>,
    /// Until when its address is locked, or was.
    pub locked_until: Option<i64>,
    pub created_at: i64,
}

/// Without the hash.
impl std::fmt::Debug for UserRecord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let UserRecord { id, tenant_id, role, status, .. } = self;
        let mut shown = f.debug_struct("UserRecord");
        shown.field("id", id).field("tenant_id", tenant_id).field("role", role).field("status", status);
        shown.finish_non_exhaustive()
    }
}

const COLUMNS: &str = "SELECT id, tenant_id, email, name, role, status, password_hash, password_changed_at, last_login_at, \
     (SELECT locked_until FROM login_failure f WHERE f.email_hash = app_user.email_hash) AS locked_until, created_at \
     FROM app_user";

/// Stores a user and its first password; `false` when the e-mail address is taken.
pub async fn insert_new(conn: &mut AnyConnection, user: &UserRecord) -> Result<bool, StoreError> {
    let UserRecord {
        id,
        tenant_id,
        email,
        name,
        role,
        status,
        password_hash,
        password_changed_at,
        last_login_at,
        locked_until: _,
        created_at,
    } = user;
    let sql = "INSERT INTO app_user (id, tenant_id, email, email_hash, name, role, status, password_hash, \
         password_changed_at, last_login_at, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) \
         ON CONFLICT (email) DO NOTHING";
    let query = sqlx::query(sql)
        .bind(id)
        .bind(tenant_id)
        .bind(email)
        .bind(email_hash(email))
        .bind(name)
        .bind(role.as_str())
        .bind(status.as_str())
        .bind(password_hash)
        .bind(*password_changed_at)
        .bind(*last_login_at)
        .bind(*created_at);
    if query.execute(&mut *conn).await?.rows_affected() == 0 {
        return Ok(false);
    }
    remember(conn, id, password_hash).await?;
    Ok(true)
}

pub async fn get(conn: &mut AnyConnection, id: &str) -> Result<Option<UserRecord>, StoreError> {
    one(conn, "id = $1", id).await
}

/// The user with this address; one with a NUL is nobody's, and PostgreSQL does not even take it to compare.
pub async fn by_email(conn: &mut AnyConnection, email: &str) -> Result<Option<UserRecord>, StoreError> {
    if email.contains('\0') {
        return Ok(None);
    }
    one(conn, "email = $1", email).await
}

async fn one(conn: &mut AnyConnection, which: &str, value: &str) -> Result<Option<UserRecord>, StoreError> {
    let sql = sqlx::AssertSqlSafe(format!("{COLUMNS} WHERE {which}"));
    sqlx::query(sql).bind(value).fetch_optional(conn).await?.as_ref().map(record).transpose()
}

/// Which users a list shows.
#[derive(Debug, Clone, Default)]
pub struct UserFilter {
    pub role: Option<Role>,
    pub status: Option<UserStatus>,
}

const FILTER: &str = "tenant_id = $1 AND ($2 = '' OR role = $2) AND ($3 = '' OR status = $3)";

/// A tenant's users, newest first, at most `limit`.
pub async fn list(
    conn: &mut AnyConnection,
    tenant_id: &str,
    filter: &UserFilter,
    start: &Start,
    limit: u32,
) -> Result<Vec<UserRecord>, StoreError> {
    let sql = format!("{COLUMNS} WHERE {FILTER} AND ($4 = '' OR id < $4) ORDER BY id DESC LIMIT +$5 OFFSET $6");
    let rows = sqlx::query(sqlx::AssertSqlSafe(sql))
        .bind(tenant_id)
        .bind(filter.role.map_or("", Role::as_str))
        .bind(filter.status.map_or("", UserStatus::as_str))
        .bind(&start.before)
        .bind(i64::from(limit))
        .bind(start.offset)
        .fetch_all(conn)
        .await?;
    rows.iter().map(record).collect()
}

/// How many users [`list`] has in all.
pub async fn count(conn: &mut AnyConnection, tenant_id: &str, filter: &UserFilter) -> Result<u64, StoreError> {
    let sql = sqlx::AssertSqlSafe(format!("SELECT COUNT(*) FROM app_user WHERE {FILTER}"));
    let query = sqlx::query_scalar(sql).bind(tenant_id);
    let query = query.bind(filter.role.map_or("", Role::as_str)).bind(filter.status.map_or("", UserStatus::as_str));
    let count: i64 = query.fetch_one(conn).await?;
    Ok(count.max(0) as u64)
}

/// Ids of a tenant's active owners, whom nobody else changes until the transaction ends.
pub async fn lock_owners(conn: &mut AnyConnection, tenant_id: &str) -> Result<Vec<String>, StoreError> {
    let sql = Dialect::of(conn).pick(
        "SELECT id FROM app_user WHERE tenant_id = $1 AND role = 'owner' AND status = 'active' ORDER BY id",
        "SELECT id FROM app_user WHERE tenant_id = $1 AND role = 'owner' AND status = 'active' ORDER BY id FOR UPDATE",
    );
    Ok(sqlx::query_scalar(sql).bind(tenant_id).fetch_all(conn).await?)
}

/// A user whom nobody else changes until the transaction ends.
pub async fn lock(conn: &mut AnyConnection, id: &str) -> Result<Option<UserRecord>, StoreError> {
    let which = Dialect::of(conn).pick("id = $1", "id = $1 FOR UPDATE");
    one(conn, which, id).await
}

/// Stores who a user is now. A taken e-mail address is a [`StoreError::Duplicate`].
pub async fn update(conn: &mut AnyConnection, user: &UserRecord) -> Result<(), StoreError> {
    let sql = "UPDATE app_user SET email = $2, email_hash = $3, name = $4, role = $5, status = $6 WHERE id = $1";
    let query = sqlx::query(sql).bind(&user.id).bind(&user.email).bind(email_hash(&user.email)).bind(&user.name);
    query.bind(user.role.as_str()).bind(user.status.as_str()).execute(conn).await?;
    Ok(())
}

/// Gives a user a new password, as long as the old one is still the one that was looked at.
pub async fn set_password(
    conn: &mut AnyConnection,
    user: &UserRecord,
    hash: &str,
    now: i64,
) -> Result<bool, StoreError> {
    let sql = "UPDATE app_user SET password_hash = $2, password_changed_at = $3 WHERE id = $1 AND password_hash = $4";
    let query = sqlx::query(sql).bind(&user.id).bind(hash).bind(now).bind(&user.password_hash);
    if query.execute(&mut *conn).await?.rows_affected() == 0 {
        return Ok(false);
    }
    remember(conn, &user.id, hash).await?;
    Ok(true)
}

/// Puts a hash among the last ones and forgets the oldest.
async fn remember(conn: &mut AnyConnection, user_id: &str, hash: &str) -> Result<(), StoreError> {
    let sql = "INSERT INTO old_password (user_id, ordinal, hash) \
         SELECT $1, COALESCE(MAX(ordinal), 0) + 1, $2 FROM old_password WHERE user_id = $1";
    sqlx::query(sql).bind(user_id).bind(hash).execute(&mut *conn).await?;
    let sql = "DELETE FROM old_password WHERE user_id = $1 AND ordinal <= \
         (SELECT MAX(ordinal) FROM old_password WHERE user_id = $1) - $2";
    sqlx::query(sql).bind(user_id).bind(REMEMBERED).execute(conn).await?;
    Ok(())
}

/// Hashes of the passwords that a user must not take again.
pub async fn old_passwords(conn: &mut AnyConnection, user_id: &str) -> Result<Vec<String>, StoreError> {
    let sql = "SELECT hash FROM old_password WHERE user_id = $1 ORDER BY ordinal DESC";
    Ok(sqlx::query_scalar(sql).bind(user_id).fetch_all(conn).await?)
}

pub async fn set_last_login(conn: &mut AnyConnection, id: &str, now: i64) -> Result<(), StoreError> {
    sqlx::query("UPDATE app_user SET last_login_at = $2 WHERE id = $1").bind(id).bind(now).execute(conn).await?;
    Ok(())
}

/// Forgets a user and their passwords; `false` when there is none.
pub async fn delete(conn: &mut AnyConnection, id: &str) -> Result<bool, StoreError> {
    sqlx::query("DELETE FROM old_password WHERE user_id = $1").bind(id).execute(&mut *conn).await?;
    Ok(sqlx::query("DELETE FROM app_user WHERE id = $1").bind(id).execute(conn).await?.rows_affected() > 0)
}

fn record(row: &AnyRow) -> Result<UserRecord, StoreError> {
    Ok(UserRecord {
        id: row.try_get("id")?,
        tenant_id: row.try_get("tenant_id")?,
        email: row.try_get("email")?,
        name: row.try_get("name")?,
        role: parsed(&row.try_get::<String, _>("role")?, "role")?,
        status: parsed(&row.try_get::<String, _>("status")?, "user status")?,
        password_hash: row.try_get("password_hash")?,
        password_changed_at: row.try_get("password_changed_at")?,
        last_login_at: row.try_get("last_login_at")?,
        locked_until: row.try_get("locked_until")?,
        created_at: row.try_get("created_at")?,
    })
}
