//! A steady load: submissions of real scans, some of them cancelled, each repeated until it is answered.

use crate::api::{Answer, Api};
use crate::dice::Dice;
use crate::ledger::Ledger;
use reqwest::Method;
use scanyard_contract::ScanType;
use scanyard_engines::weak_target::WeakTarget;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// How long to wait before a submission is repeated.
const AGAIN: Duration = Duration::from_millis(250);

/// Submissions that wait for an answer at the same time; beyond it none is begun.
const WAITING: usize = 64;

/// How long a submission is repeated before it counts as one that is never answered.
const GIVE_UP: Duration = Duration::from_secs(180);

/// Where the load goes to, and what it scans.
#[derive(Debug)]
pub struct Load {
    pub api: Api,
    /// The base of the API on each node.
    pub bases: Vec<String>,
    pub ledger: Ledger,
    pub target: WeakTarget,
    /// Submissions in a second.
    pub per_second: u64,
    pub paused: AtomicBool,
    /// Submissions under way.
    pub waiting: AtomicU64,
}

/// One submission.
#[derive(Debug, Clone)]
pub struct Wish {
    pub name: String,
    pub scan_type: ScanType,
    pub body: Value,
    /// Whether it is sent with an `Idempotency-Key`, and so repeated until it is answered.
    pub keyed: bool,
    /// After how long it is cancelled; `None`: it is not.
    pub cancel_after: Option<Duration>,
}

impl Load {
    /// Submits until `stop`; answers when every submission has ended.
    pub async fn run(self: Arc<Load>, mut dice: Dice, stop: CancellationToken) {
        let mut tick = tokio::time::interval(Duration::from_millis(1000 / self.per_second.max(1)));
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut under_way = JoinSet::new();
        let mut turn = 0;
        loop {
            tokio::select! {
                _ = tick.tick() => {}
                () = stop.cancelled() => break,
            }
            while under_way.try_join_next().is_some() {}
            if self.paused.load(Ordering::SeqCst) || under_way.len() >= WAITING {
                continue;
            }
            turn += 1;
            let wish = self.wish(&mut dice);
            self.waiting.fetch_add(1, Ordering::SeqCst);
            let load = self.clone();
            under_way.spawn(async move {
                load.submit(&wish, turn).await;
                load.waiting.fetch_sub(1, Ordering::SeqCst);
            });
        }
        while under_way.join_next().await.is_some() {}
    }

    /// What is submitted next: mostly quick scans, some slow ones for a fault to hit, some that fail.
    fn wish(&self, dice: &mut Dice) -> Wish {
        let host = format!("127.0.0.{}", 1 + dice.below(8));
        let WeakTarget { http, https, redis, banner, tarpit, .. } = &self.target;
        let ports = |addresses: &[&SocketAddr]| {
            addresses.iter().map(|address| address.port().to_string()).collect::<Vec<_>>().join(",")
        };
        let (scan_type, target, options) = match dice.below(12) {
            // The engine that is a process, slow enough to be met alive.
            0 | 1 => (ScanType::Nmap, host, json!({"ports": "64001-64012", "maxRate": 8})),
            2 => (ScanType::Sentinel, "127.0.0.1".into(), json!({"ports": ports(&[tarpit])})),
            3 => (ScanType::Sentinel, "127.0.0.1".into(), json!({"ports": ports(&[https])})),
            4 => (ScanType::Sentinel, format!("http://{http}/"), json!({})),
            // Nothing listens there: it fails, with a reason.
            5 => (ScanType::Sentinel, "http://127.0.0.9:64019/".into(), json!({})),
            _ => (ScanType::Sentinel, host, json!({"ports": ports(&[http, redis, banner])})),
        };
        let name = format!("drill-{:016x}", dice.next());
        let body = json!({"name": name, "target": target, "scanType": scan_type, "options": options, "timeout": 60});
        let keyed = !dice.once_in(4);
        let cancel_after = dice.once_in(8).then(|| dice.millis(0, 3000));
        Wish { name, scan_type, body, keyed, cancel_after }
    }

    /// Submits once, or until there is an answer; and cancels what is to be cancelled.
    async fn submit(&self, wish: &Wish, turn: usize) {
        let until = Instant::now() + GIVE_UP;
        let mut tries = turn;
        while Instant::now() < until {
            let base = &self.bases[tries % self.bases.len()];
            tries += 1;
            if let Some(id) = self.submit_to(base, wish).await {
                self.cancel(id, wish).await;
                return;
            }
            if !wish.keyed {
                return;
            }
            tokio::time::sleep(AGAIN).await;
        }
        self.ledger.write().wrong.push(format!("submission {} had no 201 in {GIVE_UP:?}", wish.name));
    }

    /// Submits to one node and notes what came of it.
    pub async fn submit_to(&self, base: &str, wish: &Wish) -> Option<Uuid> {
        let key = wish.keyed.then_some(wish.name.as_str());
        let answer = self.api.call(Method::POST, &format!("{base}/scans"), Some(&wish.body), key).await;
        let mut book = self.ledger.write();
        let Some(answer) = answer else {
            book.unknown += u64::from(!wish.keyed);
            return None;
        };
        if answer.status == 201 {
            let id = answer.body["data"]["id"].as_str().and_then(|id| id.parse().ok());
            match id {
                Some(id) => drop(book.accepted.insert(id, wish.scan_type)),
                None => book.wrong.push(format!("a 201 without an id: {}", answer.body)),
            }
            return id;
        }
        note_refusal(&mut book, &answer);
        // The outcome of one that ran out of time is unknown.
        book.unknown += u64::from(!wish.keyed && answer.status == 504);
        None
    }

    async fn cancel(&self, id: Uuid, wish: &Wish) {
        let Some(after) = wish.cancel_after else { return };
        tokio::time::sleep(after).await;
        let base = &self.bases[id.as_u128() as usize % self.bases.len()];
        let url = format!("{base}/scans/{id}/cancel?scanType={}", wish.scan_type);
        let Some(answer) = self.api.call(Method::POST, &url, None, None).await else { return };
        let mut book = self.ledger.write();
        match (answer.status, answer.code()) {
            (200, _) => drop(book.cancelled.insert(id)),
            // It had ended before.
            (409, code) if code.starts_with("SCAN_ALREADY_") => {}
            _ => note_refusal(&mut book, &answer),
        }
    }

    /// A submission for a probe: quick, and repeated until it is answered.
    pub fn probe(&self, dice: &mut Dice) -> Wish {
        let name = format!("probe-{:016x}", dice.next());
        let options = json!({"ports": self.target.banner.port().to_string()});
        let body = json!({"name": name, "target": "127.0.0.1", "scanType": "sentinel", "options": options});
        Wish { name, scan_type: ScanType::Sentinel, body, keyed: true, cancel_after: None }
    }
}

/// Notes a refusal. What a fault may bring about is 503, 504, and a key whose first request still runs.
fn note_refusal(book: &mut crate::ledger::Book, answer: &Answer) {
    let excused = matches!((answer.status, answer.code()), (503 | 504, code) if !code.is_empty())
        || answer.code() == "IDEMPOTENCY_IN_PROGRESS";
    if !excused {
        book.wrong.push(format!("a call was answered {} {}", answer.status, answer.body));
    }
    *book.refusals.entry(format!("{} {}", answer.status, answer.code())).or_default() += 1;
}
