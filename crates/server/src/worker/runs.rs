//! The runs of this process, and the hands that steer each of them.

use crate::store::job::{Alive, Beat};
use scanyard_engines::Control;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// How often a run's progress is written at most. Each time costs the database a renewed lease, the scan's row and an event,
/// 1 kB of its log and more; who watches a scan of minutes does not miss what is told less often.
const PROGRESS_EVERY: Duration = Duration::from_secs(5);

/// What runs in this process, by run id; cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Runs(Arc<Mutex<HashMap<Uuid, Run>>>);

#[derive(Debug)]
struct Run {
    scan_id: Uuid,
    cancel: CancellationToken,
    stop: CancellationToken,
    progress: watch::Receiver<u8>,
    renewed: watch::Sender<u64>,
    lease: Duration,
    renewed_at: Instant,
    written: u8,
    /// To be asked about before its heartbeat is due.
    is_asked: bool,
}

/// A run's place in the table; leaving it ends the heartbeat.
#[derive(Debug)]
pub struct Place {
    runs: Runs,
    run_id: Uuid,
    pub control: Control,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.runs.lock().remove(&self.run_id);
    }
}

impl Runs {
    fn lock(&self) -> MutexGuard<'_, HashMap<Uuid, Run>> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Enters a run whose lease began when it was asked for.
    pub fn begin(&self, scan_id: Uuid, run_id: Uuid, asked_at: Instant, lease_ms: u64) -> Place {
        let lease = Duration::from_millis(lease_ms);
        let (progress, progress_seen) = watch::channel(0);
        let (renewed, renewed_seen) = watch::channel(0);
        let control = Control {
            progress,
            cancel: CancellationToken::new(),
            stop: CancellationToken::new(),
            renewed: renewed_seen,
            lease,
        };
        let run = Run {
            scan_id,
            cancel: control.cancel.clone(),
            stop: control.stop.clone(),
            progress: progress_seen,
            renewed,
            lease,
            renewed_at: asked_at,
            written: 0,
            is_asked: false,
        };
        self.lock().insert(run_id, run);
        Place { runs: self.clone(), run_id, control }
    }

    /// How many runs there are.
    pub fn count(&self) -> usize {
        self.lock().len()
    }

    /// Cancels a scan at once when it runs here; elsewhere the heartbeat brings it.
    pub fn cancel(&self, scan_id: Uuid) {
        for run in self.lock().values().filter(|run| run.scan_id == scan_id) {
            run.cancel.cancel();
        }
    }

    /// Has a scan's run looked after at the next beat: another node says that it was cancelled.
    pub fn look_after(&self, scan_id: Uuid) {
        for run in self.lock().values_mut().filter(|run| run.scan_id == scan_id) {
            run.is_asked = true;
        }
    }

    /// Stops every run: this process is going down.
    pub fn stop_all(&self) {
        for run in self.lock().values() {
            run.stop.cancel();
        }
    }

    /// Stops the runs whose lease ran out without an answer: another worker may have them by now.
    pub fn stop_unrenewed(&self) {
        for run in self.lock().values().filter(|run| run.renewed_at.elapsed() > run.lease) {
            run.stop.cancel();
        }
    }

    /// The runs whose heartbeat is due, sooner when their progress changed.
    pub fn beats(&self, heartbeat: Duration) -> Vec<Beat> {
        let due = |run: &Run| {
            let has_moved = *run.progress.borrow() != run.written;
            let pause = match (has_moved, run.written) {
                // That it has begun to move is told at once: a short scan would seem to stand still until it ends.
                (true, 0) => Duration::ZERO,
                (true, _) => heartbeat.min(PROGRESS_EVERY),
                (false, _) => heartbeat,
            };
            run.is_asked || run.renewed_at.elapsed() >= pause
        };
        self.lock()
            .iter()
            .filter(|(_, run)| due(run))
            .map(|(run_id, run)| Beat { scan_id: run.scan_id, run_id: *run_id, progress: *run.progress.borrow() })
            .collect()
    }

    /// Carries the answers of a heartbeat to the runs; a renewed lease begins when it was asked for.
    pub fn answered(&self, asked_at: Instant, beats: &[Beat], answers: &[(Uuid, Alive)]) {
        let mut runs = self.lock();
        for (run_id, answer) in answers {
            let Some(run) = runs.get_mut(run_id) else { continue };
            if let Some(beat) = beats.iter().find(|beat| beat.run_id == *run_id) {
                run.written = beat.progress;
                run.is_asked = false;
            }
            match answer {
                Alive::Renewed => run.renew(asked_at),
                Alive::Cancelled => {
                    run.renew(asked_at);
                    run.cancel.cancel();
                }
                Alive::Lost => run.stop.cancel(),
            }
        }
    }
}

impl Run {
    fn renew(&mut self, asked_at: Instant) {
        self.renewed_at = asked_at;
        self.renewed.send_modify(|count| *count += 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_is_written_seldom_however_often_it_changes() {
        let (runs, heartbeat) = (Runs::default(), Duration::from_secs(3600));
        let (scan_id, run_id) = (Uuid::now_v7(), Uuid::now_v7());
        let place = runs.begin(scan_id, run_id, Instant::now(), 7_200_000);
        assert_eq!(runs.beats(heartbeat), []);
        place.control.progress.send(5).unwrap();
        let first = [Beat { scan_id, run_id, progress: 5 }];
        assert_eq!(runs.beats(heartbeat), first, "that it moves is told at once");
        runs.answered(Instant::now(), &first, &[(run_id, Alive::Renewed)]);
        place.control.progress.send(10).unwrap();
        assert_eq!(runs.beats(heartbeat), []);
        let long_ago = Instant::now().checked_sub(PROGRESS_EVERY).unwrap();
        runs.answered(long_ago, &[], &[(run_id, Alive::Renewed)]);
        let beats = runs.beats(heartbeat);
        assert_eq!(beats, [Beat { scan_id, run_id, progress: 10 }]);
        runs.answered(Instant::now(), &beats, &[(run_id, Alive::Renewed)]);
        place.control.progress.send(20).unwrap();
        assert_eq!(runs.beats(heartbeat), []);
        runs.look_after(scan_id);
        assert_eq!(runs.beats(heartbeat).len(), 1, "a cancel is asked about at once");
    }
}
