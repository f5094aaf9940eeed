//! What must hold: at any moment, and when everything has come to rest.

use crate::ledger::Book;
use crate::receiver::Call;
use crate::truth::{ScanRow, Truth};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// What became of the accepted scans.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sums {
    pub accepted: usize,
    pub completed: usize,
    pub failed: usize,
    pub cancelled: usize,
    /// Accepted, and not in the database.
    pub lost: usize,
    /// Neither ended nor lost.
    pub open: usize,
}

/// Counts the accepted scans by their ends.
pub fn sums(book: &Book, truth: &Truth) -> Sums {
    let rows: HashMap<&str, &ScanRow> = truth.scans.iter().map(|scan| (scan.id.as_str(), scan)).collect();
    let mut sums = Sums { accepted: book.accepted.len(), ..Sums::default() };
    for id in book.accepted.keys() {
        match rows.get(id.to_string().as_str()) {
            None => sums.lost += 1,
            Some(scan) if !is_over(scan) => sums.open += 1,
            Some(scan) if scan.status == "completed" => sums.completed += 1,
            Some(scan) if scan.status == "failed" => sums.failed += 1,
            Some(_) => sums.cancelled += 1,
        }
    }
    sums
}

/// Whether a scan has ended for good.
pub fn is_over(scan: &ScanRow) -> bool {
    matches!(scan.status.as_str(), "completed" | "failed") || scan.status == "cancelled" && scan.is_sealed
}

/// What is wrong at any moment. `book` is older than `truth`; `newer` is the book after it.
pub fn at_any_moment(book: &Book, truth: &Truth, newer: &Book) -> Vec<String> {
    let mut wrong = newer.wrong.clone();
    wrong.extend(truth.damage.iter().map(|what| format!("the database is damaged: {what}")));
    let lost = sums(book, truth).lost;
    if lost > 0 {
        wrong.push(format!("{lost} accepted scans are lost"));
    }
    let jobs: HashMap<&str, &str> = truth.jobs.iter().map(|job| (job.scan_id.as_str(), job.state.as_str())).collect();
    for scan in &truth.scans {
        let job = jobs.get(scan.id.as_str()).copied();
        let expected = if is_over(scan) { None } else { Some(scan.status.as_str()) };
        if job != expected {
            wrong.push(format!("scan {} is {} and its job is {job:?}", scan.id, scan.status));
        }
        if scan.status == "failed" && !scan.has_failure {
            wrong.push(format!("scan {} failed without a reason", scan.id));
        }
    }
    wrong.extend(counts(truth));
    wrong.extend(ends(truth));
    wrong
}

/// Names, quota and counters: each scan once.
fn counts(truth: &Truth) -> Vec<String> {
    let mut wrong = Vec::new();
    let names: HashSet<&str> = truth.scans.iter().map(|scan| scan.name.as_str()).collect();
    if names.len() < truth.scans.len() {
        wrong.push(format!("{} submissions became two scans", truth.scans.len() - names.len()));
    }
    if truth.quota_used != truth.scans.len() as i64 {
        wrong.push(format!("{} units of quota are used for {} scans", truth.quota_used, truth.scans.len()));
    }
    let mut by_status: BTreeMap<&str, i64> = BTreeMap::new();
    for scan in &truth.scans {
        *by_status.entry(&scan.status).or_default() += 1;
    }
    let counted = truth.counted.iter().filter(|(_, count)| *count != 0);
    let counted: BTreeMap<&str, i64> = counted.map(|(status, count)| (status.as_str(), *count)).collect();
    if counted != by_status {
        wrong.push(format!("the counters say {counted:?}, the rows {by_status:?}"));
    }
    wrong
}

/// One end of each ended scan is told, once, and none of one that has not ended.
fn ends(truth: &Truth) -> Vec<String> {
    let mut told: HashMap<&str, Vec<&str>> = HashMap::new();
    for end in &truth.ends {
        told.entry(&end.scan_id).or_default().push(&end.event);
    }
    let expected = |scan: &ScanRow| is_over(scan).then(|| format!("scan.{}", scan.status));
    let is_right = |scan: &&ScanRow| {
        let told = told.get(scan.id.as_str()).map(Vec::as_slice).unwrap_or_default();
        expected(scan).map_or(told.is_empty(), |event| told == [event])
    };
    let wrong = truth.scans.iter().filter(|scan| !is_right(scan));
    wrong
        .map(|scan| format!("scan {} is {} and told are {:?}", scan.id, scan.status, told.get(scan.id.as_str())))
        .collect()
}

/// What is wrong when nothing is left to do: as at any moment, and every sum has to come out.
pub fn at_rest(book: &Book, truth: &Truth, calls: &[Call]) -> Vec<String> {
    let mut wrong = at_any_moment(book, truth, book);
    let Sums { accepted, completed, failed, cancelled, lost, open } = sums(book, truth);
    if accepted != completed + failed + cancelled {
        wrong.push(format!(
            "{accepted} accepted are not {completed} completed, {failed} failed and {cancelled} cancelled: {lost} lost, {open} frozen"
        ));
    }
    let extra = truth.scans.len().saturating_sub(accepted);
    if extra as u64 > book.unknown {
        wrong.push(format!("{extra} scans that nobody was told of; {} answers did not arrive", book.unknown));
    }
    let rows: HashMap<&str, &ScanRow> = truth.scans.iter().map(|scan| (scan.id.as_str(), scan)).collect();
    for id in &book.cancelled {
        if rows.get(id.to_string().as_str()).is_some_and(|scan| scan.status != "cancelled") {
            wrong.push(format!("the cancel of scan {id} was answered, and it is not cancelled"));
        }
    }
    if truth.untold > 0 {
        wrong.push(format!("{} moves of scans have not been told to Kafka", truth.untold));
    }
    wrong.extend(deliveries(truth, calls));
    wrong
}

/// Every end was received, under one id, with one body.
fn deliveries(truth: &Truth, calls: &[Call]) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut received: HashMap<&str, BTreeSet<&Call>> = HashMap::new();
    for call in calls {
        received.entry(&call.id).or_default().insert(call);
    }
    for end in &truth.ends {
        match received.get(end.id.as_str()) {
            None => wrong.push(format!("{} of scan {} never arrived: {}", end.event, end.scan_id, end.status)),
            Some(same) if same.len() > 1 => wrong.push(format!("delivery {} came with several bodies", end.id)),
            Some(same) if same.iter().any(|call| call.scan_id != end.scan_id || call.event != end.event) => {
                wrong.push(format!("delivery {} told of another scan or event", end.id));
            }
            Some(_) => {}
        }
    }
    let known: HashSet<&str> = truth.ends.iter().map(|end| end.id.as_str()).collect();
    let strange = received.keys().filter(|id| !known.contains(*id));
    wrong.extend(strange.map(|id| format!("delivery {id} arrived, and the database does not know it")));
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::truth::{DeliveryRow, JobRow};
    use scanyard_contract::ScanType;
    use uuid::Uuid;

    const ENDED: Uuid = Uuid::from_u128(1);
    const WAITING: Uuid = Uuid::from_u128(2);

    fn scan(id: Uuid, status: &str) -> ScanRow {
        let (id, status) = (id.to_string(), status.to_string());
        ScanRow { name: id.clone(), id, status, is_sealed: false, has_failure: false }
    }

    /// One scan that has completed and one that waits, and nothing wrong.
    fn sound() -> (Book, Truth) {
        let accepted = [ENDED, WAITING].map(|id| (id, ScanType::Sentinel));
        let book = Book { accepted: accepted.into(), ..Book::default() };
        let end = DeliveryRow {
            id: "dlv-1".into(),
            scan_id: ENDED.to_string(),
            event: "scan.completed".into(),
            status: "delivered".into(),
        };
        let truth = Truth {
            scans: vec![scan(ENDED, "completed"), scan(WAITING, "queued")],
            jobs: vec![JobRow { scan_id: WAITING.to_string(), state: "queued".into(), lost: 0 }],
            ends: vec![end],
            quota_used: 2,
            counted: vec![("completed".into(), 1), ("queued".into(), 1)],
            untold: 0,
            damage: Vec::new(),
        };
        (book, truth)
    }

    /// What is found when one thing is broken.
    fn found(spoil: impl FnOnce(&mut Truth)) -> String {
        let (book, mut truth) = sound();
        spoil(&mut truth);
        at_any_moment(&book, &truth, &book).join("\n")
    }

    #[test]
    fn what_is_sound_passes() {
        assert_eq!(found(|_| {}), "");
    }

    #[test]
    fn a_lost_scan_is_found() {
        let lost = found(|truth| drop(truth.scans.remove(0)));
        assert!(lost.contains("1 accepted scans are lost"), "{lost}");
    }

    #[test]
    fn a_scan_that_waits_without_a_job_is_found() {
        let limbo = found(|truth| truth.jobs.clear());
        assert!(limbo.contains("is queued and its job is None"), "{limbo}");
    }

    #[test]
    fn a_failure_without_a_reason_is_found() {
        let silent = found(|truth| truth.scans[0].status = "failed".into());
        assert!(silent.contains("failed without a reason"), "{silent}");
    }

    #[test]
    fn a_unit_of_quota_too_many_and_a_wrong_counter_are_found() {
        assert_eq!(found(|truth| truth.quota_used = 3), "3 units of quota are used for 2 scans");
        assert!(found(|truth| truth.counted[0].1 = 2).starts_with("the counters say"));
    }

    #[test]
    fn a_submission_that_became_two_scans_is_found() {
        let twice = found(|truth| truth.scans[1].name = truth.scans[0].name.clone());
        assert_eq!(twice, "1 submissions became two scans");
    }

    #[test]
    fn an_end_told_twice_or_never_is_found() {
        assert!(found(|truth| truth.ends.push(truth.ends[0].clone())).contains("told are"));
        assert!(found(|truth| truth.ends.clear()).contains("told are None"));
    }

    #[test]
    fn at_rest_what_still_waits_and_an_end_that_never_arrived_are_violations() {
        let (book, mut truth) = sound();
        truth.untold = 2;
        let wrong = at_rest(&book, &truth, &[]).join("\n");
        assert!(wrong.contains("0 lost, 1 frozen") && wrong.contains("never arrived"), "{wrong}");
        assert!(wrong.contains("2 moves of scans have not been told to Kafka"), "{wrong}");
    }
}
