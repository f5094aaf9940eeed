//! The one door for writing.
//!
//! SQLite: one task owns the only write connection and commits in groups, because a commit costs a sync of the disk and
//! an operation does not. PostgreSQL: operations are transactions of the pool; submissions are batched by a task.

use super::submit::{self, NewScan, Submitted};
use super::{Dialect, StoreError};
use futures::FutureExt;
use futures::future::BoxFuture;
use sqlx::{AnyConnection, AnyPool, Connection};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::task::JoinHandle;

/// Operations in one transaction: past this a commit's cost is spread thin enough, and a reader's view gets old.
const BATCH: usize = 512;

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
    pool: Option<AnyPool>,
    task: Arc<Mutex<Option<JoinHandle<()>>>>,
    closed: tokio_util::sync::CancellationToken,
}

impl Writer {
    /// Starts the task over a pool; on SQLite the pool holds the only write connection.
    pub fn start(pool: AnyPool, dialect: Dialect, queue: usize) -> Writer {
        let (sender, receiver) = mpsc::channel(queue.max(1));
        let closed = tokio_util::sync::CancellationToken::new();
        let task = tokio::spawn(run(pool.clone(), dialect, receiver, closed.clone()));
        let pool = (dialect == Dialect::Postgres).then_some(pool);
        Writer { queue: sender, pool, task: Arc::new(Mutex::new(Some(task))), closed }
    }

    pub async fn write<T: Send + 'static>(
        &self,
        op: impl for<'c> FnOnce(&'c mut AnyConnection) -> BoxFuture<'c, Result<T, StoreError>> + Send + 'static,
    ) -> Result<T, StoreError> {
        if let Some(pool) = &self.pool {
            let mut tx = pool.begin().await?;
            let value = op(&mut tx).await?;
            tx.commit().await?;
            return Ok(value);
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

async fn run(
    pool: AnyPool,
    dialect: Dialect,
    mut queue: mpsc::Receiver<Op>,
    closed: tokio_util::sync::CancellationToken,
) {
    let mut ops = Vec::with_capacity(BATCH);
    loop {
        tokio::select! {
            biased;
            count = queue.recv_many(&mut ops, BATCH) => if count == 0 { break },
            () = closed.cancelled() => queue.close(),
        }
        if ops.is_empty() {
            continue;
        }
        batch(&pool, dialect, ops.drain(..)).await;
    }
    pool.close().await;
}

/// One transaction: every submission set-based, then every call in a savepoint; answers after the commit.
async fn batch(pool: &AnyPool, dialect: Dialect, ops: impl Iterator<Item = Op>) {
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
    let ended = match pool.acquire().await {
        Ok(mut conn) => {
            let ended = transaction(&mut conn, dialect, &scans, &mut calls, &mut answers).await;
            if ended.is_err() {
                // A full disk may have rolled back by itself, a server may be gone: only a new connection is known to be whole.
                let _ = conn.close().await;
            }
            ended
        }
        Err(error) => Err(error.into()),
    };
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
