//! The connections to the database, and the breaker between them and everybody who needs one.
//!
//! A PostgreSQL server can be away, hang without a word, or take no writes, as a standby does. One task asks it twice a
//! second; when it does not answer, or takes no writes, the breaker opens: who waits for a connection or an answer gets an
//! error at once, and so does who comes. Meanwhile the task alone goes on asking; at the first answer that will do it puts
//! new connections in the place of the old ones, of which nobody knows what they would still say, and closes the breaker.
//! A file does not go away, so SQLite has no such task.

use super::open_error::{STANDBY, of_postgres};
use super::{StoreError, postgres_url, system_now};
use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::pool::PoolConnection;
use sqlx::{Any, AnyConnection, AnyPool, ConnectOptions, Connection, Row};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// How often the server is asked.
const ASK_EVERY: Duration = Duration::from_millis(500);
/// How long it may take to answer; twice in a row, the second time over a new connection.
const PATIENCE: Duration = Duration::from_secs(2);

/// How often who waits for a new connection looks whether another one is free.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Clocks that differ by less are as good as one.
const CLOCK_SLACK_MS: i64 = 20;

/// The connections; cheap to clone.
#[derive(Debug, Clone)]
pub struct Link(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    pool: RwLock<AnyPool>,
    /// Why the breaker is open, if it is.
    open: watch::Sender<Option<String>>,
    /// By how many milliseconds the server's clock is ahead of this machine's; 0 for a file.
    ahead: AtomicI64,
    closed: CancellationToken,
}

impl Link {
    /// Connections that are simply there.
    pub fn of_file(pool: AnyPool) -> Link {
        let (open, _) = watch::channel(None);
        Link(Arc::new(Inner {
            pool: RwLock::new(pool),
            open,
            ahead: AtomicI64::new(0),
            closed: CancellationToken::new(),
        }))
    }

    /// Connections to a server that is watched over `own` until [`Link::close`].
    pub fn of_server(
        pool: AnyPool,
        pools: AnyPoolOptions,
        options: AnyConnectOptions,
        own: AnyConnection,
        said: &Said,
    ) -> Link {
        let link = Link::of_file(pool);
        link.learn(said);
        show(false);
        tokio::spawn(watch_server(link.clone(), pools, options, own));
        link
    }

    fn pool(&self) -> AnyPool {
        self.0.pool.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether the server is known not to answer.
    pub fn is_open(&self) -> bool {
        self.0.open.borrow().is_some()
    }

    /// By how many milliseconds the server's clock is ahead of this machine's.
    pub fn ahead(&self) -> i64 {
        self.0.ahead.load(Ordering::Relaxed)
    }

    /// What is known of the server's clock stays, unless what it said tells otherwise for certain: a clock that follows
    /// every answer's way through the network would jump.
    fn learn(&self, said: &Said) {
        if (said.ahead - self.ahead()).abs() > said.took / 2 + CLOCK_SLACK_MS {
            self.0.ahead.store(said.ahead, Ordering::Relaxed);
        }
    }

    /// A connection. The pool's future is large, and every handler that may ask the database would carry it along.
    pub async fn acquire(&self) -> Result<PoolConnection<Any>, StoreError> {
        let pool = self.pool();
        let acquired = Box::pin(async {
            tokio::select! {
                biased;
                acquired = pool.acquire() => Ok(acquired?),
                free = next_free(&pool) => Ok(free),
            }
        });
        self.guard(acquired).await
    }

    /// Does something for which the server must answer; gives up when the breaker opens, and does not begin while it is
    /// open.
    pub async fn guard<T>(&self, what: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
        let mut open = self.0.open.subscribe();
        if let Some(why) = &*open.borrow_and_update() {
            return Err(away(why));
        }
        tokio::select! {
            biased;
            done = what => done,
            Ok(why) = open.wait_for(Option::is_some) => Err(away(why.as_deref().unwrap_or_default())),
        }
    }

    /// Resolves when the breaker is open.
    pub async fn opened(&self) {
        // The sender lives as long as this link.
        let _ = self.0.open.subscribe().wait_for(Option::is_some).await;
    }

    /// Closes every connection.
    pub async fn close(&self) {
        self.0.closed.cancel();
        // A server that hangs does not take leave.
        let _ = timeout(PATIENCE, self.pool().close()).await;
    }

    fn set(&self, why_open: Option<String>) {
        show(why_open.is_some());
        self.0.open.send_replace(why_open);
    }

    /// Puts new connections in the place of the old ones.
    fn replace(&self, pool: AnyPool) {
        let old = std::mem::replace(&mut *self.0.pool.write().unwrap_or_else(PoisonError::into_inner), pool);
        tokio::spawn(async move { timeout(PATIENCE, old.close()).await });
    }
}

/// A connection that somebody else gives back. The pool does not look for those while it asks the server for a new one, and a
/// server without room for it lets it ask for long.
async fn next_free(pool: &AnyPool) -> PoolConnection<Any> {
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        if let Some(mut free) = pool.try_acquire()
            && free.ping().await.is_ok()
        {
            return free;
        }
    }
}

fn show(is_open: bool) {
    metrics::gauge!("scanyard_database_breaker_open").set(f64::from(u8::from(is_open)));
}

fn away(why: &str) -> StoreError {
    StoreError::Unavailable(format!("the breaker is open: {why}"))
}

async fn watch_server(link: Link, pools: AnyPoolOptions, options: AnyConnectOptions, own: AnyConnection) {
    let mut own = Some(own);
    loop {
        tokio::select! {
            () = tokio::time::sleep(ASK_EVERY) => {}
            () = link.0.closed.cancelled() => return,
        }
        let mut seen = match &mut own {
            Some(conn) => ask(&link, conn).await,
            None => Err(Fault::Lost),
        };
        let all_are_of_a_standby = matches!(seen, Err(Fault::ReadOnly));
        if seen.is_err() {
            // One connection can be ended for reasons of its own, or lead to where the server was; only a new one tells.
            (own, seen) = match connect(&link, &options).await {
                Ok(conn) => (Some(conn), Ok(())),
                Err(fault) => (None, Err(fault)),
            };
        }
        match (seen, link.is_open()) {
            (Ok(()), true) => {
                link.replace(pools.clone().connect_lazy_with(options.clone()));
                link.set(None);
                tracing::info!("the database answers again");
            }
            (Ok(()), false) if all_are_of_a_standby => {
                link.replace(pools.clone().connect_lazy_with(options.clone()));
            }
            (Err(fault), false) => {
                let reason = fault.said_of(&postgres_url::redacted(&options.database_url));
                tracing::error!(reason, "the database cannot be used: requests get DATABASE_ERROR until it can");
                link.set(Some(reason));
                metrics::counter!("scanyard_database_breaker_opened_total").increment(1);
            }
            (Ok(()), false) | (Err(_), true) => {}
        }
    }
}

/// Why a server cannot be used.
#[derive(Debug)]
enum Fault {
    /// There is no connection.
    Lost,
    Silent,
    /// It answers, and takes no writes.
    ReadOnly,
    Said(sqlx::Error),
}

impl Fault {
    fn said_of(&self, place: &str) -> String {
        match self {
            Fault::ReadOnly => format!("{place}: {STANDBY}"),
            Fault::Lost | Fault::Silent => of_postgres(place, &sqlx::Error::PoolTimedOut).to_string(),
            Fault::Said(error) => of_postgres(place, error).to_string(),
        }
    }
}

/// A connection that will do.
async fn connect(link: &Link, options: &AnyConnectOptions) -> Result<AnyConnection, Fault> {
    let connected = timeout(PATIENCE, options.connect()).await.map_err(|_| Fault::Silent)?;
    let mut conn = connected.map_err(Fault::Said)?;
    ask(link, &mut conn).await.map(|()| conn)
}

async fn ask(link: &Link, conn: &mut AnyConnection) -> Result<(), Fault> {
    let said = timeout(PATIENCE, say(conn)).await.map_err(|_| Fault::Silent)?.map_err(Fault::Said)?;
    if !said.takes_writes {
        return Err(Fault::ReadOnly);
    }
    link.learn(&said);
    Ok(())
}

/// What a server says of itself.
#[derive(Debug, Clone, Copy)]
pub struct Said {
    /// Whether it does over this connection: a standby answers as well as its primary.
    pub takes_writes: bool,
    /// By how many milliseconds its clock is ahead of this machine's; half of `took` may be wrong.
    ahead: i64,
    /// How many milliseconds the answer took.
    took: i64,
}

pub async fn say(conn: &mut AnyConnection) -> Result<Said, sqlx::Error> {
    let sql = "SELECT current_setting('transaction_read_only') = 'off', \
         CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)";
    let asked = system_now();
    let row = sqlx::raw_sql(sql).fetch_one(conn).await?;
    let took = system_now() - asked;
    Ok(Said { takes_writes: row.try_get(0)?, ahead: row.try_get::<i64, _>(1)? - asked - took / 2, took })
}
