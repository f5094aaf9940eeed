//! How the parts of an instance work, and since when.

use crate::App;
use crate::fleet;
use crate::kafka::Kafka;
use crate::store::StoreError;
use crate::store::worker::{self, WorkerRecord};
use scanyard_contract::status::{
    Condition, EnginesStatus, KafkaStatus, LabelStatus, Part, QueueStatus, Status, WorkersStatus,
};
use scanyard_contract::{ScanType, Timestamp};
use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How often a node looks by itself, so that `since` is true also when nobody asks.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// How long a look is believed, in milliseconds: anybody may ask, as often as they like.
const BELIEVED_MS: i64 = 1_000;
/// How long a look waits for the database.
const PATIENCE: Duration = Duration::from_secs(2);
/// The share of a bound from which on its part is degraded, in percent.
const NEARLY_FULL: u64 = 80;

/// A part's condition with its reason.
type State = (Condition, Option<String>);

const PARTS: usize = 5;

/// What was last seen.
#[derive(Debug)]
pub struct Board(Mutex<Seen>);

#[derive(Debug)]
struct Seen {
    /// Of each part its condition and since when.
    conditions: [(Condition, i64); PARTS],
    last: Option<(i64, Status)>,
}

impl Board {
    /// Everything works, since the node's start.
    pub fn new(start: i64) -> Board {
        Board(Mutex::new(Seen { conditions: [(Condition::Ok, start); PARTS], last: None }))
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was seen less than a second before `now`.
    fn recent(&self, now: i64) -> Option<Status> {
        let seen = self.lock();
        let recent = seen.last.as_ref().filter(|(at, _)| (0..BELIEVED_MS).contains(&(now - at)));
        recent.map(|(_, status)| status.clone())
    }
}

impl Seen {
    /// A part as it is shown; its `since` moves when its condition changes.
    fn part(&mut self, place: usize, (status, reason): State, now: i64) -> Part {
        let known = &mut self.conditions[place];
        if known.0 != status {
            *known = (status, now);
        }
        Part { status, since: Timestamp(known.1), reason }
    }
}

/// Looks until the node drains.
pub async fn watch(app: App) {
    while !app.draining.is_cancelled() {
        look(&app).await;
        if let Err(error) = crate::metrics::look_at_deliveries(&app).await {
            tracing::debug!(%error, "looking at deliveries");
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            () = app.draining.cancelled() => {}
        }
    }
}

/// How every part works now.
pub async fn look(app: &App) -> Status {
    let now = app.store.local_now();
    let is_draining = app.draining.is_cancelled();
    if let Some(recent) = app.status.recent(now).filter(|_| !is_draining) {
        return recent;
    }
    let counted = tokio::time::timeout(PATIENCE, app.store.guard(count(app))).await.ok().and_then(Result::ok);
    let (backlog, workers) = match counted {
        Some((backlog, workers)) => (Some(backlog), Some(workers)),
        None => (None, None),
    };
    let available = available(app, workers.as_ref());
    let kafka = kafka(app).await;
    let is_deaf = app.queue.kafka().is_some_and(Kafka::is_deaf);
    let unavailable: Vec<ScanType> =
        ScanType::ALL.iter().copied().filter(|scan_type| !available.contains(scan_type)).collect();

    let mut seen = app.status.lock();
    let api = seen.part(0, api(is_draining), now);
    let database = seen.part(1, database(workers.is_some(), app.store.is_failing()), now);
    let queue = seen.part(
        2,
        worse(queue(backlog, app.backlog.limit()), kafka.as_ref().map(|kafka| hinting(kafka, is_deaf))),
        now,
    );
    let working = seen.part(3, self::workers(workers.as_ref()), now);
    let engines = seen.part(4, self::engines(available.len(), workers.is_some()), now);
    let status = Status {
        status: overall([&api, &database, &queue, &working, &engines]),
        api,
        database,
        queue: QueueStatus { part: queue, backlog, max_backlog: app.backlog.limit(), kafka },
        workers: WorkersStatus {
            part: working,
            processes: workers.as_ref().map(|workers| workers.living.len() as u64),
            capacity: workers.as_ref().map(|workers| capacity(&workers.living)),
            running: workers.as_ref().map(|workers| workers.running),
            labels: workers.map(|workers| by_label(&workers.living)).unwrap_or_default(),
        },
        engines: EnginesStatus { part: engines, available, unavailable },
    };
    seen.last = Some((now, status.clone()));
    status
}

/// What the database knows: how many scans wait, and who runs them.
async fn count(app: &App) -> Result<(u64, Workers), StoreError> {
    let backlog = app.backlog.count(&app.store).await?;
    let now = app.store.now().await?;
    let mut conn = app.store.read().await?;
    let remembered = worker::seen_since(&mut conn, now - worker::KEPT_MS).await?;
    let running = worker::running(&mut conn).await?;
    let since = fleet::alive_since(app, now);
    let (living, silent) = remembered.into_iter().partition(|worker| worker.seen_at > since);
    Ok((backlog, Workers { living, silent, running }))
}

/// The workers of all nodes.
struct Workers {
    living: Vec<WorkerRecord>,
    /// Those that fell silent within the last hour, without taking leave.
    silent: Vec<WorkerRecord>,
    running: u64,
}

fn capacity<'w>(workers: impl IntoIterator<Item = &'w WorkerRecord>) -> u64 {
    workers.into_iter().map(|worker| u64::from(worker.concurrency)).sum()
}

fn by_label(living: &[WorkerRecord]) -> Vec<LabelStatus> {
    let labels: BTreeSet<&String> = living.iter().flat_map(|worker| &worker.labels).collect();
    let of_label = |label: &String| {
        let workers = living.iter().filter(|worker| worker.has_label(label));
        let has = |scan_type: &ScanType| workers.clone().any(|worker| worker.can_run(*scan_type));
        LabelStatus {
            label: label.clone(),
            processes: workers.clone().count() as u64,
            capacity: capacity(workers.clone()),
            engines: ScanType::ALL.iter().copied().filter(has).collect(),
        }
    };
    labels.into_iter().map(of_label).collect()
}

/// What this node's worker or some other one can run.
fn available(app: &App, workers: Option<&Workers>) -> Vec<ScanType> {
    let own = fleet::own_engines(app);
    let living = workers.map(|workers| workers.living.as_slice()).unwrap_or_default();
    let can = |scan_type: &ScanType| own.contains(scan_type) || living.iter().any(|worker| worker.can_run(*scan_type));
    ScanType::ALL.iter().copied().filter(can).collect()
}

fn because(condition: Condition, reason: &str) -> State {
    (condition, Some(reason.to_string()))
}

fn api(is_draining: bool) -> State {
    if is_draining { because(Condition::Degraded, "this node is stopping") } else { (Condition::Ok, None) }
}

fn database(answers: bool, is_failing: bool) -> State {
    match (answers, is_failing) {
        (false, _) => because(Condition::Down, "it does not answer"),
        (true, true) => because(Condition::Degraded, "it can be read, but the last write failed"),
        (true, false) => (Condition::Ok, None),
    }
}

fn queue(backlog: Option<u64>, limit: u64) -> State {
    match backlog {
        None => because(Condition::Degraded, "not known while the database does not answer"),
        Some(backlog) if backlog >= limit => because(Condition::Down, "it is full: no scans are taken"),
        Some(backlog) if backlog * 100 >= limit * NEARLY_FULL => because(Condition::Degraded, "it is nearly full"),
        Some(_) => (Condition::Ok, None),
    }
}

/// What Kafka has not been told yet, and whether it listens.
async fn kafka(app: &App) -> Option<KafkaStatus> {
    let kafka = app.queue.kafka()?;
    let counted = tokio::time::timeout(PATIENCE, kafka.backlog().count(&app.store)).await;
    Some(KafkaStatus {
        is_reached: kafka.trouble().is_none(),
        undelivered: counted.ok().and_then(Result::ok),
        max_undelivered: kafka.backlog().limit(),
    })
}

fn hinting(kafka: &KafkaStatus, is_deaf: bool) -> State {
    match kafka.undelivered {
        Some(undelivered) if undelivered >= kafka.max_undelivered => {
            because(Condition::Down, "so much waits to be told to Kafka that no scans are taken")
        }
        Some(_) | None if !kafka.is_reached => {
            because(Condition::Degraded, "Kafka takes no messages: scans start later, and events wait")
        }
        Some(_) | None if is_deaf => because(
            Condition::Degraded,
            "this node's worker hears no hints from Kafka: scans start later; its log says why",
        ),
        Some(_) | None => (Condition::Ok, None),
    }
}

/// Of two states, the worse.
fn worse(one: State, other: Option<State>) -> State {
    let rank = |state: &State| match state.0 {
        Condition::Ok => 0,
        Condition::Degraded => 1,
        Condition::Down => 2,
    };
    other.filter(|other| rank(other) > rank(&one)).unwrap_or(one)
}

fn workers(workers: Option<&Workers>) -> State {
    let Some(Workers { living, silent, .. }) = workers else {
        return because(Condition::Degraded, "not known while the database does not answer");
    };
    if living.is_empty() {
        return because(Condition::Down, "none gives a sign of life: scans wait");
    }
    let is_lost = |label: &&String| !living.iter().any(|worker| worker.has_label(label));
    match silent.iter().flat_map(|worker| &worker.labels).find(is_lost) {
        Some(label) => because(Condition::Degraded, &format!("none with the label {label} lives: its scans wait")),
        None => (Condition::Ok, None),
    }
}

/// From how many are there, and whether those of all workers are known.
fn engines(available: usize, all_are_known: bool) -> State {
    match available {
        all if all == ScanType::ALL.len() => (Condition::Ok, None),
        _ if !all_are_known => {
            because(Condition::Degraded, "those of other nodes are not known while the database does not answer")
        }
        0 => because(Condition::Down, "none is there"),
        _ => because(Condition::Degraded, "some are not installed"),
    }
}

/// Without the API or the database nothing goes; an instance without some engines is as its operator wants it.
fn overall([api, database, queue, workers, engines]: [&Part; PARTS]) -> Condition {
    let is_down = |part: &Part| part.status == Condition::Down;
    let is_impaired = [api, database, queue, workers].iter().any(|part| part.status != Condition::Ok);
    if is_down(api) || is_down(database) {
        Condition::Down
    } else if is_impaired || is_down(engines) {
        Condition::Degraded
    } else {
        Condition::Ok
    }
}
