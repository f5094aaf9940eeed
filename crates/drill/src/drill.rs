//! One row of the table: a site under load, one fault again and again, and the checks.

use crate::api::Api;
use crate::check::{self, Sums};
use crate::dice::Dice;
use crate::disk::Disk;
use crate::fault::Fault;
use crate::ledger::Ledger;
use crate::load::Load;
use crate::receiver::Receiver;
use crate::site::Site;
use crate::truth::{self, Truth};
use anyhow::Context;
use reqwest::Method;
use scanyard_engines::weak_target::WeakTarget;
use serde_json::json;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// After how many faults the load pauses until everything has ended.
const SETTLE_EVERY: u32 = 10;

/// How long a node may take until it accepts again.
const RECOVERY: Duration = Duration::from_secs(60);

/// How long a delivery may take when its receiver is there: a claim's lease, and the repeats of a webhook that failed.
const DELIVERY: Duration = Duration::from_secs(90);

/// How long a node that just started may be asking its engines for their versions, which are processes too.
const PROBES: Duration = Duration::from_secs(60);

/// Mebibytes of the small disk.
const DISK_MB: u32 = 24;

/// What to do.
#[derive(Debug, Clone)]
pub struct Plan<'a> {
    pub program: &'a Path,
    pub dir: &'a Path,
    pub fault: Fault,
    pub times: u32,
    pub per_second: u64,
    pub seed: u64,
}

/// What came of it.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    pub struck: u32,
    pub sums: Sums,
    /// From the fault until every node has accepted a scan again.
    pub longest_recovery: Duration,
    /// From the end of the load until every scan has ended.
    pub longest_settling: Duration,
    /// What is violated; empty: nothing.
    pub wrong: Vec<String>,
}

struct Stage {
    site: Site,
    load: Arc<Load>,
    receiver: Receiver,
    dice: Dice,
}

/// Runs the plan to its end, or to the first violation.
pub async fn run(plan: &Plan<'_>) -> anyhow::Result<Outcome> {
    let mut stage = Stage::set(plan).await?;
    let stop = CancellationToken::new();
    let load = tokio::spawn(stage.load.clone().run(Dice::of(plan.seed, "load"), stop.clone()));
    let mut outcome = Outcome::default();
    while outcome.struck < plan.times && outcome.wrong.is_empty() {
        stage.strike(plan, &mut outcome).await?;
    }
    stop.cancel();
    stage.load.paused.store(true, Ordering::SeqCst);
    load.await.context("the load")?;
    Ok(outcome)
}

impl Stage {
    async fn set(plan: &Plan<'_>) -> anyhow::Result<Stage> {
        let receiver = Receiver::start(&plan.dir.join("ca.pem")).await?;
        let lease = plan.fault.lease();
        let mut site = if plan.fault.needs_cluster() {
            Site::cluster(plan.program, plan.dir, lease).await?
        } else {
            let small = plan.fault == Fault::Disk;
            let disk = if small { Some(Disk::mount(&plan.dir.join("disk"), DISK_MB)?) } else { None };
            Site::embedded(plan.program, plan.dir, lease, disk)?
        };
        site.start().await?;
        // What a fault leaves of engines is not to be mistaken for what asks for their versions.
        let asking = site.until_gone(PROBES, Site::engines).await;
        anyhow::ensure!(asking.is_empty(), "the nodes are still asking their engines for versions: {asking:?}");
        let api = Api::new(&site.key()?)?;
        let hook = json!({"name": "drill", "url": receiver.url(), "events": ["scan.completed", "scan.failed", "scan.cancelled"]});
        let bases = site.bases();
        api.must(Method::POST, &format!("{}/webhooks", bases[0]), Some(&hook)).await?;
        let load = Load {
            api,
            bases,
            ledger: Ledger::default(),
            target: WeakTarget::start().await.context("starting the weak target")?,
            per_second: plan.per_second,
            paused: Default::default(),
            waiting: Default::default(),
        };
        Ok(Stage { site, load: Arc::new(load), receiver, dice: Dice::of(plan.seed, "faults") })
    }

    /// One fault at a random moment, with what is checked after it.
    async fn strike(&mut self, plan: &Plan<'_>, outcome: &mut Outcome) -> anyhow::Result<()> {
        tokio::time::sleep(self.dice.millis(100, 3000)).await;
        // A broker may take longer to start than a webhook may fail before it is disabled.
        let is_receiver_away = plan.fault != Fault::Broker && self.dice.once_in(3);
        if is_receiver_away {
            self.receiver.go_away();
        }
        let since = Instant::now();
        outcome.struck += 1;
        outcome.wrong.extend(plan.fault.strike(&mut self.site, &self.load, &mut self.dice).await?);
        outcome.wrong.extend(self.recover().await);
        outcome.longest_recovery = outcome.longest_recovery.max(since.elapsed());
        if is_receiver_away {
            self.receiver.come_back().await?;
        }
        self.check(outcome).await?;
        let is_last = outcome.struck == plan.times || !outcome.wrong.is_empty();
        if is_last || outcome.struck.is_multiple_of(SETTLE_EVERY) {
            self.settle(outcome).await?;
        }
        let Sums { accepted, completed, failed, cancelled, lost, open } = outcome.sums;
        println!(
            "{} {}/{}: {accepted} accepted, {completed} completed, {failed} failed, {cancelled} cancelled, {open} open, {lost} lost",
            plan.fault.title(),
            outcome.struck,
            plan.times
        );
        Ok(())
    }

    /// Waits until each server has accepted a scan.
    async fn recover(&mut self) -> Vec<String> {
        let until = Instant::now() + RECOVERY;
        for node in self.site.servers() {
            let wish = self.load.probe(&mut self.dice);
            while self.load.submit_to(&node.base(), &wish).await.is_none() {
                if Instant::now() > until {
                    return vec![format!("{} accepts nothing for {RECOVERY:?} after the fault", node.name)];
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
        Vec::new()
    }

    /// What must hold under load.
    async fn check(&self, outcome: &mut Outcome) -> anyhow::Result<()> {
        outcome.wrong.extend(self.site.no_orphans().await);
        let book = self.load.ledger.read();
        let truth = truth::read(&self.site.url).await?;
        outcome.sums = check::sums(&book, &truth);
        outcome.wrong.extend(check::at_any_moment(&book, &truth, &self.load.ledger.read()));
        Ok(())
    }

    /// Pauses the load until everything has ended, and checks every sum.
    async fn settle(&mut self, outcome: &mut Outcome) -> anyhow::Result<()> {
        self.load.paused.store(true, Ordering::SeqCst);
        let since = Instant::now();
        let bound = self.site.bound();
        let mut truth = truth::read(&self.site.url).await?;
        let is_resting = |load: &Load, truth: &Truth| {
            load.waiting.load(Ordering::SeqCst) == 0 && truth.scans.iter().all(check::is_over)
        };
        while !is_resting(&self.load, &truth) && since.elapsed() < bound {
            tokio::time::sleep(Duration::from_millis(100)).await;
            truth = truth::read(&self.site.url).await?;
        }
        outcome.longest_settling = outcome.longest_settling.max(since.elapsed());
        if !is_resting(&self.load, &truth) {
            let open = truth.scans.iter().filter(|scan| !check::is_over(scan)).count();
            outcome.wrong.push(format!("{open} scans have not ended {bound:?} after the last fault"));
        }
        let until = Instant::now() + DELIVERY;
        let waits = |truth: &Truth| truth.untold > 0 || truth.ends.iter().any(|end| end.status == "pending");
        while waits(&truth) && Instant::now() < until {
            tokio::time::sleep(Duration::from_millis(100)).await;
            truth = truth::read(&self.site.url).await?;
        }
        outcome.wrong.extend(self.site.until_gone(PROBES, Site::engines).await);
        outcome.wrong.extend(self.site.damage().await?);
        let book = self.load.ledger.read();
        outcome.sums = check::sums(&book, &truth);
        outcome.wrong.extend(check::at_rest(&book, &truth, &self.receiver.calls()));
        for base in &self.load.bases {
            let total = self.load.api.total(base).await?;
            if total != truth.scans.len() as u64 {
                outcome.wrong.push(format!("the API lists {total} scans, the database has {}", truth.scans.len()));
            }
        }
        self.load.paused.store(false, Ordering::SeqCst);
        Ok(())
    }
}
