//! Word between the nodes of one PostgreSQL: that there is work, that something happened to a scan, that one was cancelled.
//!
//! Hints, and nothing else: whoever hears one looks into the database, and looks there now and then unasked. One that is
//! lost costs latency. On SQLite there is one process, and nobody to tell.

use crate::App;
use crate::store::postgres_url;
use anyhow::Context;
use scanyard_contract::ScanType;
use serde::{Deserialize, Serialize};
use sqlx::ConnectOptions;
use sqlx::postgres::{PgConnectOptions, PgListener, PgPool, PgPoolOptions};
use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;
use uuid::Uuid;

/// PostgreSQL's channel.
const CHANNEL: &str = "scanyard";
/// How long word is gathered before it is sent: PostgreSQL passes notifications on one commit at a time.
const GATHER: Duration = Duration::from_millis(5);
/// How long after one word the next one goes: each is a commit of its own, and where word follows word everybody is awake.
const APART: Duration = Duration::from_millis(15);
/// The most scans in one word: PostgreSQL takes up to 8,000 bytes. What is more is found by looking.
const MOST: usize = 80;
/// The most lanes in one word; more are told as any work.
const MOST_LANES: usize = 20;
/// Rest after the connection was lost.
const REST: Duration = Duration::from_secs(1);
/// How long a connection may take, and a word to be sent.
const PATIENCE: Duration = Duration::from_secs(5);

/// What the workers of a scan have in common.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Lane {
    pub label: String,
    pub scan_type: ScanType,
}

/// What one node tells the others.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct Word {
    /// The node that says it.
    from: Uuid,
    /// There may be work for any worker.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    any_work: bool,
    /// There is work in these lanes.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    work: BTreeSet<Lane>,
    /// Something happened to these scans.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    scans: BTreeSet<Uuid>,
    /// These were cancelled.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    cancelled: BTreeSet<Uuid>,
}

impl Word {
    fn is_empty(&self) -> bool {
        let Word { from: _, any_work, work, scans, cancelled } = self;
        !any_work && work.is_empty() && scans.is_empty() && cancelled.is_empty()
    }
}

/// What waits to be said.
#[derive(Debug)]
pub struct Signals {
    /// `None` on SQLite.
    gathered: Option<Mutex<Word>>,
    more: Notify,
}

impl Signals {
    /// For the database of that URL.
    pub fn new(url: &str) -> Signals {
        let gathered = (!url.starts_with("sqlite:")).then(Mutex::default);
        Signals { gathered, more: Notify::new() }
    }

    fn gather(&self, add: impl FnOnce(&mut Word)) {
        let Some(gathered) = &self.gathered else { return };
        add(&mut lock(gathered));
        self.more.notify_one();
    }
}

fn lock(word: &Mutex<Word>) -> MutexGuard<'_, Word> {
    word.lock().unwrap_or_else(PoisonError::into_inner)
}

fn insert_some<T: Ord>(set: &mut BTreeSet<T>, item: T, most: usize) {
    if set.len() < most {
        set.insert(item);
    }
}

impl App {
    /// Says on every node that there may be work: in a lane, or wherever a place has become free.
    pub fn wake_workers(&self, lane: Option<Lane>) {
        self.queue.hint();
        self.signals.gather(|word| match lane {
            Some(lane) if word.work.len() < MOST_LANES => drop(word.work.insert(lane)),
            Some(_) | None => word.any_work = true,
        });
    }

    /// Says on every node that something happened to a scan.
    pub fn wake_watchers(&self, scan_id: Uuid) {
        self.live.wake(scan_id);
        self.signals.gather(|word| insert_some(&mut word.scans, scan_id, MOST));
    }

    /// Ends a cancelled scan's run at once where it is this node's; says so on every other.
    pub fn cancel_run(&self, scan_id: Uuid) {
        self.runs.cancel(scan_id);
        self.signals.gather(|word| insert_some(&mut word.cancelled, scan_id, MOST));
    }

    /// Does what another node's word asks for; a word says no more than "look".
    fn heed(&self, word: &Word) {
        let Word { from, any_work, work, scans, cancelled } = word;
        if *from == self.node_id {
            return;
        }
        let is_ours =
            |lane: &Lane| self.config.worker.has_label(&lane.label) && self.config.worker.takes(lane.scan_type);
        if *any_work || work.iter().any(is_ours) {
            self.queue.wake();
        }
        scans.iter().for_each(|scan_id| self.live.wake(*scan_id));
        cancelled.iter().for_each(|scan_id| self.runs.look_after(*scan_id));
    }
}

/// Passes word on until the node drains, whatever becomes of the connection.
pub async fn pass(app: App) {
    if app.signals.gathered.is_none() {
        return;
    }
    while !app.draining.is_cancelled() {
        let ended = tokio::select! {
            ended = connected(&app) => ended,
            () = app.draining.cancelled() => return,
        };
        if let Err(error) = ended
            && !app.store.is_down()
        {
            tracing::warn!(error = format!("{error:#}"), "word between nodes; they look by themselves meanwhile");
        }
        tokio::select! {
            () = tokio::time::sleep(REST) => {}
            () = app.draining.cancelled() => {}
        }
    }
}

/// Speaks and hears over connections of its own, until one is lost.
async fn connected(app: &App) -> anyhow::Result<()> {
    // The same protection as for the store: another machine must show a certificate.
    let options = postgres_url::options(app.config.database_url().expose())?;
    let options = PgConnectOptions::from_url(&options.database_url).context("database.url")?;
    let pool = PgPoolOptions::new().max_connections(2).acquire_timeout(PATIENCE).connect_lazy_with(options);
    let ended = tokio::select! {
        ended = hear(app, &pool) => ended,
        ended = speak(app, &pool) => ended,
    };
    pool.close().await;
    ended
}

async fn hear(app: &App, pool: &PgPool) -> anyhow::Result<()> {
    let mut listener = PgListener::connect_with(pool).await.context("connecting")?;
    listener.listen(CHANNEL).await.context("listening")?;
    // Whatever was said before.
    app.queue.wake();
    while let Some(heard) = listener.try_recv().await.context("hearing")? {
        match serde_json::from_str(heard.payload()) {
            Ok(word) => app.heed(&word),
            Err(error) => tracing::debug!(%error, "a word that this version does not understand"),
        }
    }
    anyhow::bail!("the connection was lost")
}

async fn speak(app: &App, pool: &PgPool) -> anyhow::Result<()> {
    let Some(gathered) = &app.signals.gathered else { return Ok(()) };
    let mut conn = pool.acquire().await.context("connecting")?;
    let mut next = Instant::now();
    loop {
        app.signals.more.notified().await;
        tokio::time::sleep_until(next.max(Instant::now() + GATHER)).await;
        let word = Word { from: app.node_id, ..std::mem::take(&mut *lock(gathered)) };
        if word.is_empty() {
            continue;
        }
        let said = sqlx::query("SELECT pg_notify($1, $2)")
            .bind(CHANNEL)
            .bind(serde_json::to_string(&word)?)
            .execute(&mut *conn);
        tokio::time::timeout(PATIENCE, said).await.context("speaking")?.context("speaking")?;
        next = Instant::now() + APART;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_word_is_taken_by_postgresql() {
        let mut word = Word { from: Uuid::max(), any_work: true, ..Word::default() };
        let labels = (0..MOST_LANES).map(|n| format!("{n:032}"));
        word.work.extend(labels.map(|label| Lane { label, scan_type: ScanType::Sublist3r }));
        for _ in 0..MOST {
            word.scans.insert(Uuid::new_v4());
            word.cancelled.insert(Uuid::new_v4());
        }
        let text = serde_json::to_string(&word).unwrap();
        assert!(text.len() < 8000, "{}", text.len());
        assert_eq!(serde_json::from_str::<Word>(&text).unwrap(), word);
    }

    #[test]
    fn a_word_of_a_later_version_is_understood_as_far_as_it_goes() {
        let word: Word = serde_json::from_str(r#"{"any_work": true, "weather": "fine"}"#).unwrap();
        assert_eq!(word, Word { any_work: true, ..Word::default() });
    }
}
