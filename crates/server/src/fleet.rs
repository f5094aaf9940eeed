//! Who can run what: this node's own worker, and every other that lives.

use crate::App;
use crate::config::{self, ConfigError};
use crate::engines::Engines;
use crate::store::StoreError;
use crate::store::worker::{self, WorkerRecord};
use scanyard_contract::ScanType;
use scanyard_contract::scan::EngineInfo;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

/// How long a look at the other workers is believed, in milliseconds. What nobody can run is looked for anew each time.
const BELIEVED_MS: i64 = 1_000;
/// Missed signs of life after which a worker counts as gone.
const MISSED: i64 = 3;

/// The least that a sign of life is waited for, in milliseconds: the default of `worker.sweep_ms`, because other nodes may give
/// theirs more seldom than this one looks.
const LEAST_PERIOD_MS: i64 = 5_000;

/// The workers as this node last saw them, and when.
#[derive(Debug, Default)]
pub struct Fleet(Mutex<Option<(i64, Arc<Vec<WorkerRecord>>)>>);

/// Why no worker can run a scan, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lack {
    /// The field that asks for what is not there.
    pub field: &'static str,
    pub reason: String,
}

/// The engines that this node's worker runs.
pub fn own_engines(app: &App) -> Vec<ScanType> {
    let runnable = app.engines.runnable();
    runnable.into_iter().filter(|scan_type| app.config.worker.takes(*scan_type)).collect()
}

/// Refuses engines that are set and not there: scans of them would wait for this worker.
pub fn check(settings: &config::Worker, engines: &Engines) -> Result<(), ConfigError> {
    let is_missing = |scan_type: &ScanType| Some((*scan_type, engines.missing(*scan_type)?));
    match settings.engines.iter().find_map(is_missing).filter(|_| settings.concurrency > 0) {
        Some((scan_type, reason)) => Err(ConfigError(vec![format!("worker.engines: names {scan_type}, and {reason}")])),
        None => Ok(()),
    }
}

/// What this node's worker tells of itself; `None` when it has none.
pub fn own_sign(app: &App, now: i64) -> Option<WorkerRecord> {
    let settings = &app.config.worker;
    if settings.concurrency == 0 {
        return None;
    }
    let engines = own_engines(app).into_iter();
    let host = nix::unistd::gethostname().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    Some(WorkerRecord {
        id: app.node_id,
        name: format!("{host}:{}", std::process::id()),
        seen_at: now,
        concurrency: settings.concurrency,
        labels: settings.labels.clone(),
        engines: Some(engines.map(|engine| (engine, app.engines.stated_version(engine).cloned())).collect()),
    })
}

/// From when on a worker must have given a sign of life to count as living.
pub fn alive_since(app: &App, now: i64) -> i64 {
    now - MISSED * (app.config.worker.sweep_ms as i64).max(LEAST_PERIOD_MS)
}

/// The workers that live, as they were seen a moment ago.
async fn recent(app: &App) -> Result<Arc<Vec<WorkerRecord>>, StoreError> {
    let now = app.store.local_now();
    let known = app.fleet.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
    match known {
        Some((at, workers)) if (0..BELIEVED_MS).contains(&(now - at)) => Ok(workers),
        Some(_) | None => look(app).await,
    }
}

/// The workers that live now.
async fn look(app: &App) -> Result<Arc<Vec<WorkerRecord>>, StoreError> {
    let since = alive_since(app, app.store.now().await?);
    let workers = Arc::new(worker::seen_since(&mut *app.store.read().await?, since).await?);
    let seen = (app.store.local_now(), workers.clone());
    *app.fleet.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(seen);
    Ok(workers)
}

/// Why no living worker can run such a scan; `None` when one can.
pub async fn lack(app: &App, scan_type: ScanType, label: &str) -> Result<Option<Lack>, StoreError> {
    let is_ours = app.config.worker.has_label(label);
    if is_ours && own_engines(app).contains(&scan_type) {
        return Ok(None);
    }
    let can = |worker: &WorkerRecord| worker.has_label(label) && worker.can_run(scan_type);
    if recent(app).await?.iter().any(can) {
        return Ok(None);
    }
    let workers = look(app).await?;
    if workers.iter().any(can) {
        return Ok(None);
    }
    if is_ours || workers.iter().any(|worker| worker.has_label(label)) {
        return Ok(Some(Lack { field: "scanType", reason: lacking_engine(app, scan_type, label) }));
    }
    let labels: BTreeSet<&str> =
        workers.iter().flat_map(|worker| &worker.labels).chain(own_labels(app)).map(String::as_str).collect();
    let reason = if labels.is_empty() {
        "no worker lives: start one with `scanyard worker`, or let this node run scans with worker.concurrency"
            .to_string()
    } else {
        let labels = labels.into_iter().collect::<Vec<_>>().join(", ");
        format!(
            "no living worker has the label {label}, those that live have {labels}: use one of these, or add it to the \
             worker.labels of a worker"
        )
    };
    Ok(Some(Lack { field: "workerLabel", reason }))
}

fn own_labels(app: &App) -> &[String] {
    if app.config.worker.concurrency > 0 { &app.config.worker.labels } else { &[] }
}

fn lacking_engine(app: &App, scan_type: ScanType, label: &str) -> String {
    match app.engines.missing(scan_type).filter(|_| app.config.worker.has_label(label)) {
        Some(reason) => reason,
        None => format!(
            "no living worker with the label {label} runs {scan_type}: install it on one of them, or add it to its \
             worker.engines, and start it again"
        ),
    }
}

/// Every engine as `GET /engines` lists it: available is what some living worker can run.
pub async fn infos(app: &App) -> Result<Vec<EngineInfo>, StoreError> {
    let workers = recent(app).await?;
    let own = own_sign(app, 0);
    let mut infos = app.engines.infos();
    for info in &mut infos {
        let able = own.iter().chain(workers.iter()).filter(|worker| worker.can_run(info.scan_type));
        let labels: BTreeSet<&String> = able.clone().flat_map(|worker| &worker.labels).collect();
        info.worker_labels = labels.into_iter().cloned().collect();
        info.available = !info.worker_labels.is_empty();
        let version = |worker: &WorkerRecord| worker.engines.as_ref()?.get(&info.scan_type).cloned().flatten();
        info.version = able.clone().find_map(version);
        if info.available {
            info.unavailable_reason = None;
        } else if own.is_none() || info.unavailable_reason.is_none() {
            let scan_type = info.scan_type;
            info.unavailable_reason = Some(format!(
                "no living worker runs {scan_type}: install it where a worker runs, and start that again"
            ));
        }
    }
    Ok(infos)
}
