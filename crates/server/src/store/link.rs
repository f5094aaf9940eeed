//! The connections to the database, and the breaker between them and everybody who needs one.
//!
//! A PostgreSQL server can be away, or hang without a word. One task asks it twice a second; when it does not answer, the
//! breaker opens: who waits for a connection or an answer gets an error at once, and so does who comes. Meanwhile the
//! task alone goes on asking; at the first answer it puts new connections in the place of the old ones, of which nobody
//! knows what they would still say, and closes the breaker. A file does not go away, so SQLite has no such task.

use super::StoreError;
use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::pool::PoolConnection;
use sqlx::{Any, AnyConnection, AnyPool, ConnectOptions, Connection};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// How often the server is asked.
const ASK_EVERY: Duration = Duration::from_millis(500);
/// How long it may take to answer; twice in a row, the second time over a new connection.
const PATIENCE: Duration = Duration::from_secs(2);

/// The connections; cheap to clone.
#[derive(Debug, Clone)]
pub struct Link(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    pool: RwLock<AnyPool>,
    /// Whether the breaker is open.
    open: watch::Sender<bool>,
    closed: CancellationToken,
}

impl Link {
    /// Connections that are simply there.
    pub fn of_file(pool: AnyPool) -> Link {
        let (open, _) = watch::channel(false);
        Link(Arc::new(Inner { pool: RwLock::new(pool), open, closed: CancellationToken::new() }))
    }

    /// Connections to a server that is watched until [`Link::close`].
    pub fn of_server(pool: AnyPool, pools: AnyPoolOptions, options: AnyConnectOptions) -> Link {
        let link = Link::of_file(pool);
        show(false);
        tokio::spawn(watch_server(link.clone(), pools, options));
        link
    }

    fn pool(&self) -> AnyPool {
        self.0.pool.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether the server is known not to answer.
    pub fn is_open(&self) -> bool {
        *self.0.open.borrow()
    }

    /// A connection.
    pub async fn acquire(&self) -> Result<PoolConnection<Any>, StoreError> {
        let pool = self.pool();
        self.guard(async { Ok(pool.acquire().await?) }).await
    }

    /// Does something for which the server must answer; gives up when the breaker opens, and does not begin while it is
    /// open.
    pub async fn guard<T>(&self, what: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
        let mut open = self.0.open.subscribe();
        if *open.borrow_and_update() {
            return Err(away());
        }
        tokio::select! {
            biased;
            done = what => done,
            Ok(_) = open.wait_for(|is_open| *is_open) => Err(away()),
        }
    }

    /// Resolves when the breaker is open.
    pub async fn opened(&self) {
        // The sender lives as long as this link.
        let _ = self.0.open.subscribe().wait_for(|is_open| *is_open).await;
    }

    /// Closes every connection.
    pub async fn close(&self) {
        self.0.closed.cancel();
        // A server that hangs does not take leave.
        let _ = timeout(PATIENCE, self.pool().close()).await;
    }

    fn set(&self, is_open: bool) {
        self.0.open.send_replace(is_open);
        show(is_open);
    }

    /// Puts new connections in the place of the old ones.
    fn replace(&self, pool: AnyPool) {
        let old = std::mem::replace(&mut *self.0.pool.write().unwrap_or_else(PoisonError::into_inner), pool);
        tokio::spawn(async move { timeout(PATIENCE, old.close()).await });
    }
}

fn show(is_open: bool) {
    metrics::gauge!("scanyard_database_breaker_open").set(f64::from(u8::from(is_open)));
}

fn away() -> StoreError {
    StoreError::Unavailable("the server does not answer: the breaker is open until it does".into())
}

async fn watch_server(link: Link, pools: AnyPoolOptions, options: AnyConnectOptions) {
    let mut own: Option<AnyConnection> = None;
    loop {
        tokio::select! {
            () = tokio::time::sleep(ASK_EVERY) => {}
            () = link.0.closed.cancelled() => return,
        }
        let is_well = match &mut own {
            Some(conn) => answers(conn).await,
            None => false,
        };
        if !is_well {
            // One connection can be ended for reasons of its own; only a new one tells.
            own = connect(&options).await;
        }
        match (own.is_some(), link.is_open()) {
            (true, true) => {
                link.replace(pools.clone().connect_lazy_with(options.clone()));
                link.set(false);
                tracing::info!("the database answers again");
            }
            (false, false) => {
                link.set(true);
                metrics::counter!("scanyard_database_breaker_opened_total").increment(1);
                tracing::error!("the database does not answer: requests get DATABASE_ERROR until it does");
            }
            (true, false) | (false, true) => {}
        }
    }
}

async fn connect(options: &AnyConnectOptions) -> Option<AnyConnection> {
    let mut conn = timeout(PATIENCE, options.connect()).await.ok()?.ok()?;
    answers(&mut conn).await.then_some(conn)
}

async fn answers(conn: &mut AnyConnection) -> bool {
    timeout(PATIENCE, conn.ping()).await.is_ok_and(|answer| answer.is_ok())
}
