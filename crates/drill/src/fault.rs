//! What is done to a site. Each fault ends with everything running again, and answers what it saw that must not be.

mod network;

use crate::dice::Dice;
use crate::load::Load;
use crate::site::{Cluster, Site};
use crate::truth;
use anyhow::Context;
use nix::sys::signal::Signal;
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// How long an orderly stop may take: the server's grace and a little more.
const STOP: Duration = Duration::from_secs(15);

/// How long a full disk may go unnoticed under load.
const NOTICED: Duration = Duration::from_secs(30);

/// A kind of fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub enum Fault {
    /// kill -9 of the server.
    Kill,
    /// SIGTERM, and the server again.
    Term,
    /// SIGSTOP for longer than the lease, SIGCONT.
    Freeze,
    /// Not one byte left on the disk of the database.
    Disk,
    /// kill -9 of one node of a cluster, a server or the worker.
    ClusterKill,
    /// SIGTERM of one node of a cluster, and the node again.
    ClusterTerm,
    /// SIGSTOP of one node of a cluster for longer than the lease, SIGCONT.
    ClusterFreeze,
    /// kill -9 of PostgreSQL and every process of it.
    Postgres,
    /// The Kafka broker, killed or stopped in order, and back after a moment.
    Broker,
    /// Every connection to PostgreSQL cut, and new ones refused for a moment.
    Cut,
    /// The connections to PostgreSQL slow, or one node's hanging for longer than the lease.
    Delay,
}

impl Fault {
    /// Every fault, in the order of the table.
    pub const ALL: &'static [Fault] = &[
        Fault::Kill,
        Fault::Term,
        Fault::Freeze,
        Fault::Disk,
        Fault::ClusterKill,
        Fault::ClusterTerm,
        Fault::ClusterFreeze,
        Fault::Postgres,
        Fault::Broker,
        Fault::Cut,
        Fault::Delay,
    ];

    /// As it stands in the table.
    pub fn title(self) -> &'static str {
        match self {
            Fault::Kill => "embedded: kill -9 of serve",
            Fault::Term => "embedded: SIGTERM of serve",
            Fault::Freeze => "embedded: SIGSTOP past the lease",
            Fault::Disk => "embedded: full disk",
            Fault::ClusterKill => "cluster: kill -9 of a node",
            Fault::ClusterTerm => "cluster: SIGTERM of a node",
            Fault::ClusterFreeze => "cluster: SIGSTOP past the lease",
            Fault::Postgres => "cluster: kill -9 of PostgreSQL",
            Fault::Broker => "cluster: kill -9 or stop of the Kafka broker",
            Fault::Cut => "cluster: connections cut",
            Fault::Delay => "cluster: connections delayed",
        }
    }

    /// How often it is done in a short round.
    pub fn short(self) -> u32 {
        match self {
            Fault::Kill => 20,
            Fault::ClusterKill => 6,
            Fault::Term => 4,
            Fault::Freeze | Fault::Disk | Fault::ClusterTerm | Fault::ClusterFreeze => 2,
            Fault::Postgres | Fault::Broker | Fault::Cut | Fault::Delay => 2,
        }
    }

    /// Whether it is done to several nodes with one PostgreSQL.
    pub fn needs_cluster(self) -> bool {
        match self {
            Fault::Kill | Fault::Term | Fault::Freeze | Fault::Disk => false,
            Fault::ClusterKill | Fault::ClusterTerm | Fault::ClusterFreeze => true,
            Fault::Postgres | Fault::Broker | Fault::Cut | Fault::Delay => true,
        }
    }

    /// The lease of the nodes' runs. An orderly stop must not look like a lost worker, on a machine that is busy either.
    pub fn lease(self) -> Duration {
        match self {
            Fault::Term | Fault::ClusterTerm => Duration::from_secs(15),
            Fault::Kill | Fault::Freeze | Fault::Disk | Fault::ClusterKill => Duration::from_secs(3),
            Fault::ClusterFreeze | Fault::Postgres | Fault::Broker => Duration::from_secs(3),
            Fault::Cut | Fault::Delay => Duration::from_secs(3),
        }
    }

    /// Does it once.
    pub async fn strike(self, site: &mut Site, load: &Load, dice: &mut Dice) -> anyhow::Result<Vec<String>> {
        match self {
            Fault::Kill | Fault::ClusterKill => kill(site, dice).await,
            Fault::Term | Fault::ClusterTerm => term(site, dice).await,
            Fault::Freeze | Fault::ClusterFreeze => freeze(site, dice).await,
            Fault::Disk => fill(site, load, dice).await,
            Fault::Postgres => network::kill_database(cluster(site)?, dice).await,
            Fault::Broker => network::lose_broker(&cluster(site)?.broker, dice).await,
            Fault::Cut => network::cut(cluster(site)?, dice).await,
            Fault::Delay => network::delay(site, dice).await,
        }
    }
}

fn cluster(site: &mut Site) -> anyhow::Result<&mut Cluster> {
    site.cluster.as_mut().context("this site has one node and no database server")
}

/// Kills one node. Half of the times it is started again at once, while what it left may still be dying.
async fn kill(site: &mut Site, dice: &mut Dice) -> anyhow::Result<Vec<String>> {
    let victim = dice.below(site.nodes.len() as u64) as usize;
    site.nodes[victim].kill().await?;
    let wrong = if dice.once_in(2) { site.no_orphans().await } else { Vec::new() };
    site.nodes[victim].start().await?;
    Ok(wrong)
}

/// Stops one node in order. Nothing of it is left, and its scans do not count as lost.
async fn term(site: &mut Site, dice: &mut Dice) -> anyhow::Result<Vec<String>> {
    let victim = dice.below(site.nodes.len() as u64) as usize;
    let before: HashMap<String, i64> = losses(site).await?;
    site.nodes[victim].signal(Signal::SIGTERM)?;
    let status = site.nodes[victim].ended(STOP).await?;
    let mut wrong = Vec::new();
    if status.code() != Some(0) {
        wrong.push(format!("after SIGTERM the node ended with {status}"));
    }
    let left = site.orphans();
    if !left.is_empty() {
        wrong.push(format!("engine processes outlive an orderly stop: {left:?}"));
    }
    site.nodes[victim].start().await?;
    for (scan, lost) in losses(site).await? {
        if lost > before.get(&scan).copied().unwrap_or(0) {
            wrong.push(format!("the orderly stop counts as a loss of scan {scan}"));
        }
    }
    Ok(wrong)
}

async fn losses(site: &Site) -> anyhow::Result<HashMap<String, i64>> {
    let truth = truth::read(&site.url).await?;
    Ok(truth.jobs.into_iter().map(|job| (job.scan_id, job.lost)).collect())
}

/// Freezes one node until its leases are over. Its engines are ended meanwhile.
async fn freeze(site: &mut Site, dice: &mut Dice) -> anyhow::Result<Vec<String>> {
    let victim = dice.below(site.nodes.len() as u64) as usize;
    let frozen = site.nodes[victim].pid();
    site.nodes[victim].signal(Signal::SIGSTOP)?;
    tokio::time::sleep(site.lease + dice.millis(500, 3000)).await;
    let others: Vec<_> = site.nodes.iter().filter_map(|node| node.pid()).filter(|pid| Some(*pid) != frozen).collect();
    let wrong = site.until_gone(Duration::from_secs(5), |site| site.engines_without(&others)).await;
    site.nodes[victim].signal(Signal::SIGCONT)?;
    Ok(wrong)
}

/// Fills the disk, waits until a submission is refused for it, and frees it again.
async fn fill(site: &mut Site, load: &Load, dice: &mut Dice) -> anyhow::Result<Vec<String>> {
    let Some(disk) = &site.disk else { anyhow::bail!("this site has no disk of its own") };
    let refused = |load: &Load| load.ledger.read().refusals.get("503 DATABASE_ERROR").copied().unwrap_or(0);
    let before = refused(load);
    disk.fill()?;
    let until = Instant::now() + NOTICED;
    while refused(load) == before && Instant::now() < until {
        // What the log of the database still had room for is used up.
        disk.fill()?;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let mut wrong = Vec::new();
    if refused(load) == before {
        wrong.push(format!("no submission got 503 DATABASE_ERROR on a disk that was full for {NOTICED:?}"));
    }
    tokio::time::sleep(dice.millis(0, 3000)).await;
    disk.free()?;
    Ok(wrong)
}
