//! The one door for writing.
//!
//! SQLite: one task owns the only write connection and commits in groups, because a commit costs a sync of the disk and
//! an operation does not. PostgreSQL: operations are transactions of the pool; submissions are batched by a task, and the ends
//! of runs by another: in one transaction they would lock the same rows in two orders. These tasks have a thread and connections
//! of their own: in the node's runtime the server's answer waits behind every request that is ready to run, and the server
//! meanwhile for the next batch.

use super::finish::{self, Finish};
use super::link::Link;
use super::submit::{self, NewScan, Submitted};
use super::{Clock, Dialect, StoreError};
use futures::FutureExt;
use futures::future::BoxFuture;
use sqlx::pool::PoolConnection;
use sqlx::{Any, AnyConnection, AnyPool, Connection, Transaction};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::task::JoinHandle;

/// Operations in one transaction: past this a commit's cost is spread thin enough, and a reader's view gets old.
const BATCH: usize = 512;

/// Operations that are waited for while others bring more: past this they had better run while the next ones come.
const GATHERED: usize = 32;

/// A batch that failed after at least this long did so because somebody else held the file: the next would wait as long.
const HELD: Duration = Duration::from_secs(1);

/// How often a file that is held by somebody else is tried again.
const TRY_EVERY: Duration = Duration::from_millis(500);

/// A connection that was used so lately is taken for whole; of an older one the server is asked first.
const FRESH: Duration = Duration::from_millis(500);

/// How long a task writes over the pool's connections before it tries to have one of its own again.
const OWN_AGAIN: Duration = Duration::from_secs(10);

/// How long a connection may take to close: a server that hangs does not take leave.
const CLOSING: Duration = Duration::from_secs(1);

/// Tells an operation's caller how it ended, once the batch is committed or not.
type Answer = Box<dyn FnOnce(Result<(), StoreError>) + Send>;

/// What an operation did inside the transaction, and how to tell its caller.
type Done = (Result<(), StoreError>, Answer);

/// An operation over the batch's connection; without one it is told why.
type Call = Box<dyn for<'c> FnOnce(Result<&'c mut AnyConnection, StoreError>) -> BoxFuture<'c, Done> + Send>;

type Sender<T> = oneshot::Sender<Result<T, StoreError>>;

enum Op {
    Call(Call),
    Submit(Box<NewScan>, Sender<Submitted>),
    End(Box<Finish>, Sender<bool>),
}

/// The door; cheap to clone.
#[derive(Debug, Clone)]
pub struct Writer {
    queue: mpsc::Sender<Op>,
    /// For the ends of runs; on SQLite the same.
    ends: mpsc::Sender<Op>,
    /// Where operations run themselves: PostgreSQL.
    server: Option<Link>,
    /// Whether somebody else holds the file, so that no write is taken.
    held: Arc<AtomicBool>,
    tasks: Arc<Mutex<Vec<JoinHandle<()>>>>,
    closed: tokio_util::sync::CancellationToken,
}

impl Writer {
    /// Starts the task over the only write connection of a file.
    pub fn of_file(pool: AnyPool, clock: Clock, queue: usize) -> Writer {
        let (closed, held) = (tokio_util::sync::CancellationToken::new(), Arc::new(AtomicBool::new(false)));
        let (sender, queue) = mpsc::channel(queue.max(1));
        let task = Task::new(Place::File(pool), clock, queue, closed.clone(), held.clone());
        let tasks = Arc::new(Mutex::new(vec![tokio::spawn(task.run())]));
        Writer { queue: sender.clone(), ends: sender, server: None, held, tasks, closed }
    }

    /// Starts the tasks that write to a server in batches.
    pub fn of_server(link: Link, connect: Option<Connect>, clock: Clock, queue: usize) -> std::io::Result<Writer> {
        let (closed, held) = (tokio_util::sync::CancellationToken::new(), Arc::new(AtomicBool::new(false)));
        let ((queue, submissions), (ends, endings)) = (mpsc::channel(queue.max(1)), mpsc::channel(queue.max(1)));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let task = {
            let task = |queue| {
                let place = Place::Server(link.clone(), connect.clone());
                Task::new(place, clock.clone(), queue, closed.clone(), held.clone())
            };
            let (submissions, endings) = (task(submissions), task(endings));
            let both = async { tokio::join!(submissions.run(), endings.run()) };
            tokio::task::spawn_blocking(move || {
                runtime.block_on(both);
            })
        };
        Ok(Writer { queue, ends, server: Some(link), held, tasks: Arc::new(Mutex::new(vec![task])), closed })
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
        self.send(&self.queue, Op::Call(Box::new(move |conn| Box::pin(call(op, conn, sender)))))?;
        receiver.await.map_err(|_| gone())?
    }

    pub async fn submit(&self, new: Box<NewScan>) -> Result<Submitted, StoreError> {
        let (sender, receiver) = oneshot::channel();
        self.send(&self.queue, Op::Submit(new, sender))?;
        receiver.await.map_err(|_| gone())?
    }

    pub async fn end(&self, end: Finish) -> Result<bool, StoreError> {
        let (sender, receiver) = oneshot::channel();
        self.send(&self.ends, Op::End(Box::new(end), sender))?;
        receiver.await.map_err(|_| gone())?
    }

    fn send(&self, queue: &mpsc::Sender<Op>, op: Op) -> Result<(), StoreError> {
        if self.held.load(Ordering::Relaxed) {
            return Err(held());
        }
        queue.try_send(op).map_err(|refused| match refused {
            mpsc::error::TrySendError::Full(_) => StoreError::QueueFull,
            mpsc::error::TrySendError::Closed(_) => gone(),
        })
    }

    /// Operations that wait for the tasks.
    pub fn waiting(&self) -> usize {
        let waiting = |queue: &mpsc::Sender<Op>| queue.max_capacity() - queue.capacity();
        let ends = if self.server.is_some() { waiting(&self.ends) } else { 0 };
        waiting(&self.queue) + ends
    }

    /// Writes what was accepted, then closes the connection.
    pub async fn close(&self) {
        self.closed.cancel();
        for task in self.tasks.lock().await.drain(..) {
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
    sender: Sender<T>,
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

/// Makes a connection beside the pool.
pub type Connect = Arc<dyn Fn() -> BoxFuture<'static, Result<AnyConnection, sqlx::Error>> + Send + Sync>;

/// Where the task writes.
enum Place {
    File(AnyPool),
    /// Its pool, and how to come by a connection of the task's own, if it may have one.
    Server(Link, Option<Connect>),
}

/// What the task writes over.
enum Conn {
    Pooled(PoolConnection<Any>),
    /// It is used by this task alone.
    Own(AnyConnection),
}

impl Conn {
    fn get(&mut self) -> &mut AnyConnection {
        match self {
            Conn::Pooled(conn) => conn,
            Conn::Own(conn) => conn,
        }
    }

    async fn close(self) -> Result<(), sqlx::Error> {
        match self {
            Conn::Pooled(conn) => conn.close().await,
            Conn::Own(conn) => conn.close().await,
        }
    }
}

impl Place {
    fn dialect(&self) -> Dialect {
        match self {
            Place::File(_) => Dialect::Sqlite,
            Place::Server(..) => Dialect::Postgres,
        }
    }

    async fn acquire(&self) -> Result<Conn, StoreError> {
        Ok(Conn::Pooled(match self {
            Place::File(pool) => pool.acquire().await?,
            Place::Server(link, _) => link.acquire().await?,
        }))
    }

    /// What a server that stops answering meanwhile does not hold up.
    async fn guard<T>(&self, what: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
        match self {
            Place::File(_) => what.await,
            Place::Server(link, _) => link.guard(what).await,
        }
    }
}

/// A task behind the door.
struct Task {
    place: Place,
    clock: Clock,
    queue: mpsc::Receiver<Op>,
    closed: tokio_util::sync::CancellationToken,
    held: Arc<AtomicBool>,
    /// The last batch's connection, and when it was used.
    kept: Option<(Conn, Instant)>,
    /// When the server last did not let in a connection of this task's own.
    refused: Option<Instant>,
}

impl Task {
    fn new(
        place: Place,
        clock: Clock,
        queue: mpsc::Receiver<Op>,
        closed: tokio_util::sync::CancellationToken,
        held: Arc<AtomicBool>,
    ) -> Task {
        Task { place, clock, queue, closed, held, kept: None, refused: None }
    }

    async fn run(mut self) {
        let mut ops = Vec::with_capacity(BATCH);
        loop {
            tokio::select! {
                biased;
                count = self.queue.recv_many(&mut ops, BATCH) => if count == 0 { break },
                () = self.closed.cancelled() => self.queue.close(),
            }
            if let Place::File(_) = self.place {
                self.gather(&mut ops).await;
            }
            if ops.is_empty() {
                continue;
            }
            let begun = Instant::now();
            let conn = self.conn().await;
            match (&self.place, batch(&self.place, conn, &self.clock, ops.drain(..)).await) {
                // To give it back and take it again are round trips; what waits already goes over it at once.
                (_, Some(Conn::Pooled(_))) if self.queue.is_empty() => {}
                (_, Some(conn)) => self.kept = Some((conn, Instant::now())),
                (Place::File(pool), None) if begun.elapsed() > HELD => {
                    let pool = pool.clone();
                    self.wait_until_free(&pool).await;
                }
                (Place::File(_) | Place::Server(..), None) => {}
            }
        }
        if let Some((conn @ Conn::Own(_), _)) = self.kept {
            leave(conn).await;
        }
        match self.place {
            Place::File(pool) => pool.close().await,
            // It is the readers' as well; they close it.
            Place::Server(..) => {}
        }
    }

    /// The connection that is kept, or another one. Where the server does not let in one of this task's own, the pool's will do.
    async fn conn(&mut self) -> Result<Conn, StoreError> {
        if let Some((mut conn, used)) = self.kept.take() {
            let is_fresh = used.elapsed() < FRESH;
            if is_fresh || self.place.guard(async { Ok(conn.get().ping().await?) }).await.is_ok() {
                return Ok(conn);
            }
        }
        if let Place::Server(link, Some(connect)) = &self.place
            && self.refused.is_none_or(|at| at.elapsed() > OWN_AGAIN)
        {
            match link.guard(async { Ok(connect().await?) }).await {
                Ok(conn) => return Ok(Conn::Own(conn)),
                Err(_) => self.refused = Some(Instant::now()),
            }
        }
        self.place.acquire().await
    }

    /// Lets whatever is ready to run in this runtime go first, for as long as that brings more operations: a small batch costs as
    /// much as a big one. Where nobody else has anything to do, nobody waits.
    async fn gather(&mut self, ops: &mut Vec<Op>) {
        let mut before = 0;
        while before < ops.len() && ops.len() < GATHERED {
            before = ops.len();
            tokio::task::yield_now().await;
            while ops.len() < GATHERED
                && let Ok(op) = self.queue.try_recv()
            {
                ops.push(op);
            }
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
        Op::End(_, answer) => drop(answer.send(Err(held()))),
        Op::Call(call) => {
            let (inside, answer) = call(Err(held())).await;
            answer(inside);
        }
    }
}

/// Closes a connection, if the server still listens.
async fn leave(conn: Conn) {
    let _ = tokio::time::timeout(CLOSING, conn.close()).await;
}

/// What is written set-based.
#[derive(Default)]
struct Batch {
    scans: Vec<NewScan>,
    ends: Vec<Finish>,
}

/// What became of the submissions and the ends of a batch.
#[derive(Default)]
struct Outcomes {
    submitted: Vec<Result<Submitted, StoreError>>,
    ended: Vec<Result<bool, StoreError>>,
}

impl Outcomes {
    fn all_stored(scans: &[NewScan]) -> Outcomes {
        Outcomes { submitted: scans.iter().map(|_| Ok(Submitted::Stored)).collect(), ended: Vec::new() }
    }
}

/// One transaction: every submission and every end set-based, then every call in a savepoint; answers after the commit.
/// Gives the connection back when the transaction was committed.
async fn batch(
    place: &Place,
    conn: Result<Conn, StoreError>,
    clock: &Clock,
    ops: impl Iterator<Item = Op>,
) -> Option<Conn> {
    let (mut batch, mut calls) = (Batch::default(), Vec::new());
    let (mut scan_answers, mut end_answers, mut answers) = (Vec::new(), Vec::new(), Vec::new());
    for op in ops {
        match op {
            Op::Submit(new, answer) => {
                batch.scans.push(*new);
                scan_answers.push(answer);
            }
            Op::End(end, answer) => {
                batch.ends.push(*end);
                end_answers.push(answer);
            }
            Op::Call(call) => calls.push(call),
        }
    }
    let mut calls = calls.into_iter();
    let (written, whole) = match conn {
        Ok(mut conn) => {
            let all = transaction(conn.get(), place.dialect(), clock, &batch, &mut calls, &mut answers);
            match place.guard(all).await {
                Ok(outcomes) => (Ok(outcomes), Some(conn)),
                Err(error) => {
                    // A full disk may have rolled back by itself, a server may be gone: only a new connection is known to be whole.
                    leave(conn).await;
                    (Err(error), None)
                }
            }
        }
        Err(error) => (Err(error), None),
    };
    let outcome = written.as_ref().map(|_| ()).map_err(StoreError::clone);
    let Outcomes { submitted, ended } = written.unwrap_or_default();
    answer_all(scan_answers, submitted, &outcome);
    answer_all(end_answers, ended, &outcome);
    if let Err(error) = &outcome {
        for call in calls {
            answers.push(call(Err(error.clone())).await);
        }
    }
    for (inside, answer) in answers {
        answer(inside.and(outcome.clone()));
    }
    whole
}

/// Tells each what became of its own, or of all when nothing was written.
fn answer_all<T>(answers: Vec<Sender<T>>, each: Vec<Result<T, StoreError>>, outcome: &Result<(), StoreError>) {
    let mut each = each.into_iter();
    for answer in answers {
        let nothing = || Err(StoreError::Bug("a write without outcome".into()));
        let _ = answer.send(outcome.clone().and_then(|()| each.next().unwrap_or_else(nothing)));
    }
}

async fn transaction(
    conn: &mut AnyConnection,
    dialect: Dialect,
    clock: &Clock,
    batch: &Batch,
    calls: &mut std::vec::IntoIter<Call>,
    answers: &mut Vec<Done>,
) -> Result<Outcomes, StoreError> {
    if dialect == Dialect::Postgres && batch.ends.is_empty() && calls.as_slice().is_empty() {
        match submit::alone(conn, &batch.scans).await {
            Ok(true) => return Ok(Outcomes::all_stored(&batch.scans)),
            Err(error @ StoreError::Unavailable(_)) => return Err(error),
            // Nothing is written: more than one statement is wanted, or it is to be found out which one failed.
            Ok(false) | Err(_) => {}
        }
    }
    let begin = dialect.pick("BEGIN IMMEDIATE", "BEGIN");
    let mut tx = conn.begin_with(begin).await?;
    let outcomes = match all_at_once(&mut tx, clock, batch).await {
        Ok(outcomes) => outcomes,
        Err(error @ StoreError::Unavailable(_)) => return Err(error),
        Err(_) => {
            tx.rollback().await?;
            tx = conn.begin_with(begin).await?;
            one_by_one(&mut tx, clock, batch).await?
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
    Ok(outcomes)
}

/// All submissions and all ends.
async fn all_at_once(conn: &mut AnyConnection, clock: &Clock, batch: &Batch) -> Result<Outcomes, StoreError> {
    let mut outcomes = Outcomes::default();
    if !batch.scans.is_empty() {
        outcomes.submitted = submit::together(conn, &batch.scans).await?.into_iter().map(Ok).collect();
    }
    if !batch.ends.is_empty() {
        outcomes.ended = finish::together(conn, clock, &batch.ends).await?.into_iter().map(Ok).collect();
    }
    Ok(outcomes)
}

/// Each submission and each end by itself, so that one that breaks a constraint fails alone.
async fn one_by_one(conn: &mut AnyConnection, clock: &Clock, batch: &Batch) -> Result<Outcomes, StoreError> {
    let mut outcomes = Outcomes::default();
    for new in &batch.scans {
        let mut savepoint = conn.begin().await?;
        let written = submit::together(&mut savepoint, std::slice::from_ref(new)).await;
        outcomes.submitted.push(settle(savepoint, written).await?);
    }
    for end in &batch.ends {
        let mut savepoint = conn.begin().await?;
        let written = finish::together(&mut savepoint, clock, std::slice::from_ref(end)).await;
        outcomes.ended.push(settle(savepoint, written).await?);
    }
    Ok(outcomes)
}

/// Keeps what one operation wrote, or takes it back.
async fn settle<T>(
    savepoint: Transaction<'_, Any>,
    written: Result<Vec<T>, StoreError>,
) -> Result<Result<T, StoreError>, StoreError> {
    match written {
        Ok(mut outcome) => {
            savepoint.commit().await?;
            Ok(outcome.pop().ok_or_else(|| StoreError::Bug("a write without outcome".into())))
        }
        // After these the transaction itself may be gone, and with it the savepoint.
        Err(error @ StoreError::Unavailable(_)) => Err(error),
        Err(error) => {
            savepoint.rollback().await?;
            Ok(Err(error))
        }
    }
}
