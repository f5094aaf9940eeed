//! Opening the database: connections, pragmas, schema.

use super::link::{Link, Said};
use super::open_error::{OpenError, STANDBY, Trouble, of_postgres, of_sqlite};
use super::writer::{Connect, Writer};
use super::{Clock, Dialect, Store, StoreError, link, postgres_url, schema, snapshot, sqlite_url};
use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::{AnyConnection, AnyPool, ConnectOptions, Connection, Row};
use std::cmp::Ordering;
use std::sync::Arc;
use std::time::Duration;

/// What opening needs to know.
#[derive(Clone)]
pub struct StoreOptions {
    /// `sqlite:///path/file.db` or `postgres://…`.
    pub url: String,
    /// Connections for reading; on PostgreSQL for everything.
    pub read_connections: u32,
    /// Writes that may wait; one more is refused.
    pub write_queue: usize,
    pub clock: Clock,
}

/// Without the URL, which can hold a password.
impl std::fmt::Debug for StoreOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StoreOptions").field("read_connections", &self.read_connections).finish_non_exhaustive()
    }
}

/// The first SQLite without the bug that could corrupt a database when its WAL was reset.
const SQLITE_AT_LEAST: [u32; 3] = [3, 51, 3];

/// The oldest PostgreSQL that its makers still mended when this was written; as `server_version_num` counts.
const POSTGRES_AT_LEAST: i64 = 140_000;

/// What holds every text: the second keeps bytes as they come.
const ENCODINGS: [&str; 2] = ["UTF8", "SQL_ASCII"];

/// How long a caller waits for a connection: that all are busy does not mean that the database is away.
const ACQUIRE: Duration = Duration::from_secs(15);

/// How long the server may take to let the first connection in.
const CONNECT: Duration = Duration::from_secs(10);

/// As much of the file as SQLite maps at most: what is mapped stays known when somebody else writes, a page in the cache does not.
const SQLITE_READER: &str =
    "PRAGMA busy_timeout = 5000; PRAGMA query_only = 1; PRAGMA cache_size = -4000; PRAGMA mmap_size = 2147418112;";
const SQLITE_WRITER: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = 1; \
     PRAGMA busy_timeout = 5000; PRAGMA cache_size = -16000; PRAGMA wal_autocheckpoint = 4000;";

/// A statement that takes longer than this on PostgreSQL is given up: the caller has an answer to send.
const POSTGRES: &str =
    "SET statement_timeout = '20s'; SET lock_timeout = '10s'; SET idle_in_transaction_session_timeout = '30s'";

impl Store {
    /// Whether a server lets this node in and is fit for use; nothing is made. Of a file nothing is asked.
    pub async fn look(options: &StoreOptions) -> Result<(), OpenError> {
        if options.url.starts_with("sqlite:") {
            return Ok(());
        }
        sqlx::any::install_default_drivers();
        let connect = postgres_url::options(&options.url)?;
        check_postgres(&connect, &postgres_url::redacted(&connect.database_url)).await?;
        Ok(())
    }

    /// Opens the database of an instance for a command beside its nodes: where there is none it makes none, and to bring it up
    /// to date is left to them.
    pub async fn open_beside(options: StoreOptions) -> Result<Store, OpenError> {
        let (version, place) = version_of(&options.url).await?;
        let (trouble, reason) = match version.cmp(&(schema::STEPS.len() as i64)) {
            _ if version == 0 => (
                Trouble::Setting,
                "`scanyard serve` was never started on it; is it the database that the server uses?".into(),
            ),
            Ordering::Less => {
                let upgrade = "`scanyard serve` of this program brings it up to date";
                (Trouble::Unfit, format!("has schema version {version}, which is older than this program: {upgrade}"))
            }
            Ordering::Equal | Ordering::Greater => {
                return Store::open(&StoreOptions { read_connections: 1, write_queue: 1, ..options }).await;
            }
        };
        Err(OpenError::new(trouble, format!("{place}: {reason}")))
    }

    /// Connects, brings the schema up to date, and refuses one from the future.
    pub async fn open(options: &StoreOptions) -> Result<Store, OpenError> {
        sqlx::any::install_default_drivers();
        let dialect = if options.url.starts_with("sqlite:") { Dialect::Sqlite } else { Dialect::Postgres };
        let (writer, readers) = match dialect {
            Dialect::Sqlite => open_file(options).await?,
            Dialect::Postgres => open_server(options).await?,
        };
        Ok(Store { writer, readers, dialect, clock: options.clock.clone(), failing: Arc::default() })
    }
}

/// The version of a database's schema, 0 where there is none, and the database as it may be shown.
async fn version_of(url: &str) -> Result<(i64, String), OpenError> {
    let Some(file) = sqlite_url::file(url) else {
        let (mut conn, place) = connect_postgres(url).await?;
        return Ok((schema::version(&mut conn).await?, place));
    };
    let version = match file.exists() {
        true => schema::version(&mut snapshot::connect(&file, "rw").await?).await?,
        false => 0,
    };
    Ok((version, url.to_string()))
}

async fn open_file(options: &StoreOptions) -> Result<(Writer, Link), OpenError> {
    let file = |error: sqlx::Error| of_sqlite(&options.url, &error);
    let parse = |url: &str| url.parse::<AnyConnectOptions>();
    let writer = pools(1, SQLITE_WRITER, Dialect::Sqlite);
    let rwc = parse(&format!("{}?mode=rwc", options.url)).map_err(file)?;
    let writer = writer.connect_with(rwc).await.map_err(file)?;
    check_sqlite(&writer).await?;
    schema::migrate(&writer, &options.url).await?;
    let readers = pools(options.read_connections, SQLITE_READER, Dialect::Sqlite);
    let readers = readers.connect_with(parse(&options.url).map_err(file)?).await.map_err(file)?;
    Ok((Writer::of_file(writer, options.clock.clone(), options.write_queue), Link::of_file(readers)))
}

/// One connection to a server that is fit for use, and its URL as it may be shown.
pub async fn connect_postgres(url: &str) -> Result<(AnyConnection, String), OpenError> {
    sqlx::any::install_default_drivers();
    let options = postgres_url::options(url)?;
    let place = postgres_url::redacted(&options.database_url);
    let (conn, _) = check_postgres(&options, &place).await?;
    Ok((conn, place))
}

async fn open_server(options: &StoreOptions) -> Result<(Writer, Link), OpenError> {
    let connect = postgres_url::options(&options.url)?;
    let place = postgres_url::redacted(&connect.database_url);
    let (mut own, said) = check_postgres(&connect, &place).await?;
    let connections = within_room(&mut own, options.read_connections.max(POOL_AT_LEAST)).await;
    let writers = if connections < POOL_AT_LEAST + WRITERS { 0 } else { WRITERS };
    let pools = self::pools(connections - writers, POSTGRES, Dialect::Postgres);
    // Beside the one that is kept, and without the pool's patience: a server that has no room for it says so.
    let second = connect.connect().await.map_err(|error| of_postgres(&place, &error))?;
    let _ = second.close().await;
    let pool = pools.clone().connect_with(connect.clone()).await.map_err(|error| of_postgres(&place, &error))?;
    schema::migrate(&pool, &place).await?;
    let link = Link::of_server(pool, pools, connect.clone(), own, &said);
    let connect: Connect = Arc::new(move || {
        let connect = connect.clone();
        Box::pin(async move {
            let mut conn = connect.connect().await?;
            sqlx::raw_sql(POSTGRES).execute(&mut conn).await?;
            Ok(conn)
        })
    });
    let connect = (writers > 0).then_some(connect);
    let writer = Writer::of_server(link.clone(), connect, options.clock.clone(), options.write_queue)
        .map_err(|error| OpenError::new(Trouble::Unfit, format!("{place}: no thread that writes: {error}")))?;
    Ok((writer, link))
}

fn pools(connections: u32, settings: &'static str, dialect: Dialect) -> AnyPoolOptions {
    AnyPoolOptions::new()
        .max_connections(connections.max(1))
        .acquire_timeout(ACQUIRE)
        .max_lifetime(None)
        // A file does not hang up; a server may have.
        .test_before_acquire(dialect == Dialect::Postgres)
        .after_connect(move |conn: &mut AnyConnection, _| {
            Box::pin(async move { sqlx::raw_sql(settings).execute(conn).await.map(|_| ()) })
        })
}

/// One connection without the pool's patience, which would hide why there is none, to a server that is fit for use.
async fn check_postgres(options: &AnyConnectOptions, place: &str) -> Result<(AnyConnection, Said), OpenError> {
    let failed = |error: sqlx::Error| of_postgres(place, &error);
    let asked = tokio::time::timeout(CONNECT, async {
        let mut conn = options.connect().await?;
        let mut show = async |name| sqlx::raw_sql(name).fetch_one(&mut conn).await?.try_get::<String, _>(0);
        let (version, encoding) = (show("SHOW server_version_num").await?, show("SHOW server_encoding").await?);
        let said = link::say(&mut conn).await;
        Ok((conn, version, encoding, said))
    });
    let (conn, version, encoding, said) = asked.await.unwrap_or(Err(sqlx::Error::PoolTimedOut)).map_err(failed)?;
    let (trouble, reason) = match version.parse::<i64>() {
        Ok(number) if number < POSTGRES_AT_LEAST => {
            let (major, least) = (number / 10_000, POSTGRES_AT_LEAST / 10_000);
            (Trouble::Unfit, format!("PostgreSQL {major} is too old; it must be at least {least}"))
        }
        Err(_) => (Trouble::Unfit, format!("no version of PostgreSQL: {version:?}")),
        Ok(_) if !ENCODINGS.contains(&encoding.as_str()) => {
            let advice = "make it with `createdb --encoding UTF8 --template template0`";
            (Trouble::Unfit, format!("the database's encoding, {encoding}, cannot hold every text; {advice}"))
        }
        Ok(_) => {
            let said = said.map_err(failed)?;
            if said.takes_writes {
                return Ok((conn, said));
            }
            (Trouble::Unreachable, STANDBY.to_string())
        }
    };
    Err(OpenError::new(trouble, format!("{place}: {reason}")))
}

/// Connections of a node's share that its pool does not have: the writer's, for submissions and for the ends of runs. Where the
/// share is too small for that, the writer uses the pool.
const WRITERS: u32 = 2;

/// Who has one connection may want a second: of others, some may go.
const POOL_AT_LEAST: u32 = 2;

/// Connections of a node beside its share: one that watches, two for word between nodes.
const BESIDE: i64 = 3;

/// How many more connections the server takes from this role into this database; others' kinds are hidden from most roles.
const ROOM: &str = "WITH client AS (SELECT datid, usesysid FROM pg_stat_activity WHERE datid IS NOT NULL AND usesysid IS NOT NULL) \
     SELECT LEAST( \
     CAST(current_setting('max_connections') AS BIGINT) - CAST(current_setting('superuser_reserved_connections') AS BIGINT) \
     - (SELECT COUNT(*) FROM client), \
     (SELECT rolconnlimit - (SELECT COUNT(*) FROM client WHERE usesysid = oid) FROM pg_roles \
     WHERE rolname = current_user AND rolconnlimit >= 0 AND NOT rolsuper), \
     (SELECT datconnlimit - (SELECT COUNT(*) FROM client WHERE datid = oid) FROM pg_database \
     WHERE datname = current_database() AND datconnlimit >= 0))";

/// How many connections the pool and the writer may have: the node's share, or what there is room for now.
async fn within_room(own: &mut AnyConnection, share: u32) -> u32 {
    let room = tokio::time::timeout(CONNECT, sqlx::query_scalar::<_, i64>(ROOM).fetch_one(own)).await;
    let beside = BESIDE - 1;
    match room {
        Ok(Ok(room)) if room < i64::from(share) + beside => {
            let takes = u32::try_from(room - beside).unwrap_or(0).max(POOL_AT_LEAST).min(share);
            tracing::warn!(
                "database.connections: the server has room for {room} connections more, and this node's share is {more} more: \
                 it takes {takes} in place of {share}; raise the server's max_connections, or lower the setting",
                more = i64::from(share) + beside,
            );
            takes
        }
        // A pooler in between need not know.
        _ => share,
    }
}

async fn check_sqlite(pool: &AnyPool) -> Result<(), OpenError> {
    let version: Result<String, _> = sqlx::query_scalar("SELECT sqlite_version()").fetch_one(pool).await;
    let version = version.map_err(StoreError::from)?;
    let parts: Vec<u32> = version.split('.').filter_map(|part| part.parse().ok()).collect();
    if parts.as_slice() < SQLITE_AT_LEAST.as_slice() {
        return Err(OpenError::new(Trouble::Unfit, format!("SQLite {version} is older than {SQLITE_AT_LEAST:?}")));
    }
    Ok(())
}
