//! The one door for writing.
//!
//! SQLite: one task owns the only write connection and commits in groups, because a commit costs a sync of the disk and
//! an operation does not. PostgreSQL: operations are transactions of the pool; submissions are batched by a task.

use super::link::Link;
use super::submit::{self, NewScan, Submitted};
use super::{Dialect, StoreError};
use futures::FutureExt;
use futures::future::BoxFuture;
use sqlx::pool::PoolConnection;
use sqlx::{Any, AnyConnection, AnyPool, Connection};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::task::JoinHandle;

/// Operations in one transaction: past this a commit's cost is spread thin enough, and a reader's view gets old.
const BATCH: usize = 512;

/// A batch that failed after at least this long did so because somebody else held the file: the next would wait as long.
const HELD: Duration = Duration::from_secs(1);

/// How often a file that is held by somebody else is tried again.
const TRY_EVERY: Duration = Duration::from_millis(500);

/// How long a connection may take to close: a server that hangs does not take leave.
const CLOSING: Duration = Duration::from_secs(1);

/// Tells an operation's caller how it ended, once the batch is committed or not.
type Answer = Box<dyn FnOnce(Result<(), StoreError>) + Send>;

/// What an operation did inside the transaction, and how to tell its caller.
type Done = (Result<(), StoreError>, Answer);

/// An operation over the batch's connection; without one it is told why.
type Call = Box<dyn for<'c> FnOnce(Result<&'c mut AnyConnection, StoreError>) -> BoxFuture<'c, Done> + Send>;

type SubmitAnswer = oneshot::Sender<Result<Submitted, StoreError>>;

enum Op {
    Call(Call),
    Submit(Box<NewScan>, SubmitAnswer),
}

/// The door; cheap to clone.
#[derive(Debug, Clone)]
pub struct Writer {
    queue: mpsc::Sender<Op>,
    /// Where operations run themselves: PostgreSQL.
    server: Option<Link>,
    /// Whether somebody else holds the file, so that no write is taken.
    held: Arc<AtomicBool>,
    task: Arc<Mutex<Option<JoinHandle<()>>>>,
    closed: tokio_util::sync::CancellationToken,
}

impl Writer {
    /// Starts the task over the only write connection of a file.
    pub fn of_file(pool: AnyPool, queue: usize) -> Writer {
        Writer::start(Place::File(pool), queue)
    }

    /// Starts the task that submits in batches to a server.
    pub fn of_server(link: Link, queue: usize) -> Writer {
        Writer::start(Place::Server(link), queue)
    }

    fn start(place: Place, queue: usize) -> Writer {
        let (sender, receiver) = mpsc::channel(queue.max(1));
        let closed = tokio_util::sync::CancellationToken::new();
        let held = Arc::new(AtomicBool::new(false));
        let server = match &place {
            Place::File(_) => None,
            Place::Server(link) => Some(link.clone()),
        };
        let task = Task { place, queue: receiver, closed: closed.clone(), held: held.clone() };
        let task = tokio::spawn(task.run());
        Writer { queue: sender, server, held, task: Arc::new(Mutex::new(Some(task))), closed }
    }

    /// Whether writes are refused at once, because the database does not take them.
    pub fn is_open(&self) -> bool {
        self.held.load(Ordering::Relaxed) || self.server.as_ref().is_some_and(Link::is_open)
    }

    pub async fn write<T: Send + 'static>(
        &self,
        op: impl for<'c> FnOnce(&'c mut AnyConnection) -> BoxFuture<'c, Result<T, StoreError>> + Send + 'static,
    ) -> Result<T, StoreError> {
        if let Some(server) = &self.server {
            let mut conn = server.acquire().await?;
            let whole = async {
                let mut tx = conn.begin().await?;
                let value = op(&mut tx).await?;
                tx.commit().await?;
                Ok(value)
            };
            return server.guard(whole).await;
        }
        let (sender, receiver) = oneshot::channel();
        self.send(Op::Call(Box::new(move |conn| Box::pin(call(op, conn, sender)))))?;
        receiver.await.map_err(|_| gone())?
    }

    pub async fn submit(&self, new: NewScan) -> Result<Submitted, StoreError> {
        let (sender, receiver) = oneshot::channel();
        self.send(Op::Submit(Box::new(new), sender))?;
        receiver.await.map_err(|_| gone())?
    }

    fn send(&self, op: Op) -> Result<(), StoreError> {
        if self.held.load(Ordering::Relaxed) {
            return Err(held());
        }
        self.queue.try_send(op).map_err(|refused| match refused {
            mpsc::error::TrySendError::Full(_) => StoreError::QueueFull,
            mpsc::error::TrySendError::Closed(_) => gone(),
        })
    }

    /// Operations that wait for the task.
    pub fn waiting(&self) -> usize {
        self.queue.max_capacity() - self.queue.capacity()
    }

    /// Writes what was accepted, then closes the connection.
    pub async fn close(&self) {
        self.closed.cancel();
        if let Some(task) = self.task.lock().await.take() {
            let _ = task.await;
        }
    }
}

fn gone() -> StoreError {
    StoreError::Unavailable("the writer is closed".into())
}

fn held() -> StoreError {
    StoreError::Unavailable("another process holds the database file: no write is taken until it lets go".into())
}

/// Runs one operation; a panic fails it alone.
async fn call<T: Send + 'static>(
    op: impl for<'c> FnOnce(&'c mut AnyConnection) -> BoxFuture<'c, Result<T, StoreError>> + Send + 'static,
    conn: Result<&mut AnyConnection, StoreError>,
    sender: oneshot::Sender<Result<T, StoreError>>,
) -> Done {
    let result = AssertUnwindSafe(async { op(conn?).await }).catch_unwind().await;
    let result = result.unwrap_or_else(|_| Err(StoreError::Bug("a write operation panicked".into())));
    let (inside, value) = match result {
        Ok(value) => (Ok(()), Some(value)),
        Err(error) => (Err(error), None),
    };
    let answer: Answer = Box::new(move |ended| {
        let answer = match (ended, value) {
            (Ok(()), Some(value)) => Ok(value),
            (Ok(()), None) => Err(StoreError::Bug("an operation ended without a value".into())),
            (Err(error), _) => Err(error),
        };
        let _ = sender.send(answer);
    });
    (inside, answer)
}

/// Where the task writes.
enum Place {
    File(AnyPool),
    Server(Link),
}

impl Place {
    fn dialect(&self) -> Dialect {
        match self {
            Place::File(_) => Dialect::Sqlite,
            Place::Server(_) => Dialect::Postgres,
        }
    }

    async fn acquire(&self) -> Result<PoolConnection<Any>, StoreError> {
        match self {
            Place::File(pool) => Ok(pool.acquire().await?),
            Place::Server(link) => link.acquire().await,
        }
    }

    /// What a server that stops answering meanwhile does not hold up.
    async fn guard<T>(&self, what: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
        match self {
            Place::File(_) => what.await,
            Place::Server(link) => link.guard(what).await,
        }
    }
}

/// The task behind the door.
struct Task {
    place: Place,
    queue: mpsc::Receiver<Op>,
    closed: tokio_util::sync::CancellationToken,
    held: Arc<AtomicBool>,
}

impl Task {
    async fn run(mut self) {
        let mut ops = Vec::with_capacity(BATCH);
        loop {
            tokio::select! {
                biased;
                count = self.queue.recv_many(&mut ops, BATCH) => if count == 0 { break },
                () = self.closed.cancelled() => self.queue.close(),
            }
            if ops.is_empty() {
                continue;
            }
            let begun = Instant::now();
            let written = batch(&self.place, ops.drain(..)).await;
            if let (Place::File(pool), false, true) = (&self.place, written, begun.elapsed() > HELD) {
                let pool = pool.clone();
                self.wait_until_free(&pool).await;
            }
        }
        match self.place {
            Place::File(pool) => pool.close().await,
            // It is the readers' as well; they close it.
            Place::Server(_) => {}
        }
    }

    /// Refuses everything until the file can be written again, or the writer is closed.
    async fn wait_until_free(&mut self, pool: &AnyPool) {
        tracing::error!("another process holds the database file: writes get DATABASE_ERROR until it lets go");
        self.hold(true);
        while let Ok(op) = self.queue.try_recv() {
            refuse(op).await;
        }
        while !self.closed.is_cancelled() && !is_free(pool).await {
            tokio::time::sleep(TRY_EVERY).await;
        }
        self.hold(false);
    }

    fn hold(&self, is_held: bool) {
        self.held.store(is_held, Ordering::Relaxed);
        metrics::gauge!("scanyard_database_breaker_open").set(f64::from(u8::from(is_held)));
    }
}

async fn is_free(pool: &AnyPool) -> bool {
    let tried = async {
        let mut conn = pool.acquire().await?;
        conn.begin_with("BEGIN IMMEDIATE").await?.rollback().await
    };
    tried.await.is_ok()
}

/// Tells one operation that it was not done.
async fn refuse(op: Op) {
    match op {
        Op::Submit(_, answer) => drop(answer.send(Err(held()))),
        Op::Call(call) => {
            let (inside, answer) = call(Err(held())).await;
            answer(inside);
        }
    }
}

/// One transaction: every submission set-based, then every call in a savepoint; answers after the commit. Tells whether
/// the transaction was committed.
async fn batch(place: &Place, ops: impl Iterator<Item = Op>) -> bool {
    let (mut scans, mut scan_answers, mut calls) = (Vec::new(), Vec::new(), Vec::new());
    for op in ops {
        match op {
            Op::Submit(new, answer) => {
                scans.push(*new);
                scan_answers.push(answer);
            }
            Op::Call(call) => calls.push(call),
        }
    }
    let mut calls = calls.into_iter();
    let mut answers = Vec::with_capacity(calls.len());
    let ended = match place.acquire().await {
        Ok(mut conn) => {
            let whole = transaction(&mut conn, place.dialect(), &scans, &mut calls, &mut answers);
            let ended = place.guard(whole).await;
            if ended.is_err() {
                // A full disk may have rolled back by itself, a server may be gone: only a new connection is known to be whole.
                let _ = tokio::time::timeout(CLOSING, conn.close()).await;
            }
            ended
        }
        Err(error) => Err(error),
    };
    let is_written = ended.is_ok();
    match ended {
        Ok(submitted) => {
            for (answer, submitted) in scan_answers.into_iter().zip(submitted) {
                let _ = answer.send(submitted);
            }
            for (inside, answer) in answers {
                answer(inside);
            }
        }
        Err(error) => {
            for answer in scan_answers {
                let _ = answer.send(Err(error.clone()));
            }
            for call in calls {
                answers.push(call(Err(error.clone())).await);
            }
            for (inside, answer) in answers {
                answer(inside.and(Err(error.clone())));
            }
        }
    }
    is_written
}

async fn transaction(
    conn: &mut AnyConnection,
    dialect: Dialect,
    scans: &[NewScan],
    calls: &mut std::vec::IntoIter<Call>,
    answers: &mut Vec<Done>,
) -> Result<Vec<Result<Submitted, StoreError>>, StoreError> {
    let begin = dialect.pick("BEGIN IMMEDIATE", "BEGIN");
    let mut tx = conn.begin_with(begin).await?;
    let submitted = if scans.is_empty() {
        Vec::new()
    } else {
        match submit::together(&mut tx, scans).await {
            Ok(outcomes) => outcomes.into_iter().map(Ok).collect(),
            Err(error @ StoreError::Unavailable(_)) => return Err(error),
            Err(_) => {
                tx.rollback().await?;
                tx = conn.begin_with(begin).await?;
                submit::each(&mut tx, scans).await?
            }
        }
    };
    for call in calls {
        sqlx::query("SAVEPOINT op").execute(&mut *tx).await?;
        let (inside, answer) = call(Ok(&mut tx)).await;
        let fatal = match &inside {
            Err(StoreError::Unavailable(reason)) => Some(StoreError::Unavailable(reason.clone())),
            Ok(()) | Err(StoreError::QueueFull | StoreError::Duplicate | StoreError::Bug(_)) => None,
        };
        let failed = inside.is_err();
        answers.push((inside, answer));
        if let Some(error) = fatal {
            return Err(error);
        }
        if failed {
            sqlx::query("ROLLBACK TO op").execute(&mut *tx).await?;
        }
        sqlx::query("RELEASE op").execute(&mut *tx).await?;
    }
    tx.commit().await?;
    Ok(submitted)
}
