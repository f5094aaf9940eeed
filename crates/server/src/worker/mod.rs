//! The worker: claims scans, runs them, keeps their leases and stores what they found.
//!
//! Each loop repeats one `tick`; the state is the database's. What a run writes carries its run id, so a worker that
//! lost its lease cannot write.

mod execute;
mod runs;

pub use runs::Runs;

use crate::App;
use crate::calls;
use crate::fleet;
use crate::store::StoreError;
use crate::store::claim::{Claim, claim};
use crate::store::{idempotency, job, kafka_message, login_failure, session, upload, worker};
use scanyard_contract::ScanStatus;
use scanyard_contract::scan::FailureReason;
use std::time::{Duration, Instant};
use tokio::task::{JoinError, JoinSet};

/// How often is looked which runs are to be told of.
const BEAT_TICK: Duration = Duration::from_millis(250);

/// How long a stop waits for engines to die and scans to be given back: TERM, 1 s, KILL, and the write.
const STOP_MARGIN: Duration = Duration::from_secs(4);

/// Works until `app.draining`, then gives every running scan back; an error is a panic.
pub async fn work(app: App) -> Result<(), JoinError> {
    // A task of its own: it hears of every submission, and the others of none.
    let claims = tokio::spawn(claim_loop(app.clone()));
    let (claims, ..) = tokio::join!(
        claims,
        repeat(&app, BEAT_TICK, beat_tick),
        watch_leases(&app),
        repeat(&app, Duration::from_millis(app.config.worker.sweep_ms), sweep_tick),
        repeat(&app, calls::FLUSH, calls::flush_tick),
        flush_chunks(&app),
        repeat(&app, Duration::from_millis(app.config.worker.sweep_ms), calls::retention_tick),
    );
    let id = app.node_id;
    if let Err(error) = app.store.write(move |conn| Box::pin(async move { worker::gone(conn, id).await })).await {
        tracing::debug!(%error, "taking leave");
    }
    claims
}

async fn claim_loop(app: App) {
    if app.config.worker.concurrency == 0 {
        return;
    }
    let mut runs = JoinSet::new();
    while !app.draining.is_cancelled() {
        while let Some(ended) = runs.try_join_next() {
            log_panic(ended);
        }
        let claimed = app.store.guard(claim_tick(&app, &mut runs)).await;
        app.queue.looked();
        match claimed {
            Ok(0) => {}
            Ok(_) => {
                app.queue.moved();
                continue;
            }
            Err(error) => {
                if !app.store.is_down() {
                    tracing::warn!(%error, "claiming scans");
                }
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
        tokio::select! {
            () = app.queue.wait(app.config.queue.poll) => {}
            Some(ended) = runs.join_next(), if !runs.is_empty() => log_panic(ended),
            () = app.draining.cancelled() => {}
        }
    }
    app.runs.stop_all();
    let ended = async {
        while let Some(ended) = runs.join_next().await {
            log_panic(ended);
        }
    };
    if tokio::time::timeout(STOP_MARGIN, ended).await.is_err() {
        tracing::warn!("some runs did not end in time; their leases will");
    }
}

/// A run that panicked has left its place, so its lease ends and the sweep takes the scan back.
fn log_panic(ended: Result<(), JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "a run ended in a fault of ours");
    }
}

/// Stops the runs whose lease ran out; by itself, because a database that hangs holds up the other loops.
async fn watch_leases(app: &App) {
    while !app.draining.is_cancelled() || app.runs.count() > 0 {
        tokio::time::sleep(BEAT_TICK).await;
        app.runs.stop_unrenewed();
    }
}

/// Claims as many scans as there is room for and starts them; answers how many.
pub async fn claim_tick(app: &App, tasks: &mut JoinSet<()>) -> Result<usize, StoreError> {
    let settings = &app.config.worker;
    let room = (settings.concurrency as usize).saturating_sub(app.runs.count());
    if room == 0 {
        return Ok(0);
    }
    // Before the database's own now: a lease must not look longer here than there.
    let asked_at = Instant::now();
    let now = app.store.now().await?;
    let ask = Claim {
        now,
        scan_types: fleet::own_engines(app),
        labels: settings.labels.clone(),
        limit: room,
        lease_ms: settings.lease_ms as i64,
        per_tenant: settings.per_tenant.into(),
        per_host: settings.per_host.into(),
    };
    let claimed = app.store.write(move |conn| Box::pin(async move { claim(conn, &ask).await })).await?;
    let count = claimed.len();
    if count > 0 {
        app.webhooks.hint();
    }
    for claimed in claimed {
        let waited = crate::metrics::seconds(claimed.scan.created_at, now);
        metrics::histogram!("scanyard_scan_wait_seconds", "priority" => claimed.scan.priority.as_str()).record(waited);
        app.wake_watchers(claimed.scan.id);
        let run = app.runs.begin(claimed.scan.id, claimed.run_id, asked_at, settings.lease_ms);
        tasks.spawn(execute::execute(app.clone(), claimed, run));
    }
    Ok(count)
}

/// Renews the leases that are due and writes how far those runs are; carries cancels and losses to the runs.
pub async fn beat_tick(app: &App) -> Result<(), StoreError> {
    let beats = app.runs.beats(Duration::from_millis(app.config.worker.heartbeat_ms));
    if beats.is_empty() {
        return Ok(());
    }
    let asked_at = Instant::now();
    let now = app.store.now().await?;
    let lease_ms = app.config.worker.lease_ms as i64;
    let sent = beats.clone();
    let answers =
        app.store.write(move |conn| Box::pin(async move { job::heartbeat(conn, now, lease_ms, &sent).await })).await?;
    app.runs.answered(asked_at, &beats, &answers);
    beats.iter().for_each(|beat| app.wake_watchers(beat.scan_id));
    Ok(())
}

/// Takes scans back from workers that were lost, gives a sign of this one's life, and forgets answers and uploads that are
/// over their time.
pub async fn sweep_tick(app: &App) -> Result<(), StoreError> {
    let now = app.store.now().await?;
    let sign = fleet::own_sign(app, now);
    let sweep = app.store.write(move |conn| {
        Box::pin(async move {
            if let Some(sign) = &sign {
                worker::seen(conn, sign).await?;
            }
            idempotency::expire(conn, now).await?;
            login_failure::expire(conn, now).await?;
            session::expire(conn, now).await?;
            upload::expire(conn, now).await?;
            kafka_message::forget_unused(conn, now).await?;
            job::sweep(conn, now).await
        })
    });
    let swept = sweep.await?;
    for scan_type in swept.failed {
        crate::metrics::ended(scan_type, ScanStatus::Failed, FailureReason::WorkerLost.as_str());
    }
    if !swept.scans.is_empty() {
        tracing::warn!(scans = swept.scans.len(), "scans taken back from lost workers");
        metrics::counter!("scanyard_scans_taken_back_total").increment(swept.scans.len() as u64);
        app.wake_workers(None);
        swept.scans.iter().for_each(|scan_id| app.wake_watchers(*scan_id));
        app.webhooks.hint();
    }
    Ok(())
}

/// Writes calls as soon as there is a chunk of them. What fails is tried again at the next tick, which tells of it.
async fn flush_chunks(app: &App) {
    loop {
        tokio::select! {
            () = app.calls.has_chunk() => {}
            () = app.draining.cancelled() => return,
        }
        let _ = app.store.guard(calls::flush_tick(app)).await;
    }
}

async fn repeat(app: &App, period: Duration, tick: impl AsyncFn(&App) -> Result<(), StoreError>) {
    let mut interval = tokio::time::interval(period);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = interval.tick() => {}
            // Beats go on until the runs have ended: a stop must not look like a lost worker.
            () = app.draining.cancelled(), if app.runs.count() == 0 => return,
        }
        // That the database is down was said once, with the reason.
        if let Err(error) = app.store.guard(tick(app)).await
            && !app.store.is_down()
        {
            tracing::warn!(%error, "worker tick");
        }
    }
}
