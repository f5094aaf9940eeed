//! Faults of the database server, of the way to it, and of the broker.

use crate::broker::Broker;
use crate::dice::Dice;
use crate::site::{Cluster, Site};
use anyhow::Context;
use std::time::Duration;

/// How long a node may take to end its engines once its leases are over.
const ENDED: Duration = Duration::from_secs(5);

/// Kills the server, and starts it again after a moment.
pub async fn kill_database(cluster: &mut Cluster, dice: &mut Dice) -> anyhow::Result<Vec<String>> {
    cluster.postgres.kill().await?;
    tokio::time::sleep(dice.millis(0, 4000)).await;
    cluster.postgres.come_back().await?;
    Ok(Vec::new())
}

/// Kills the broker or stops it in order, and starts it again after a moment.
pub async fn lose_broker(broker: &Broker, dice: &mut Dice) -> anyhow::Result<Vec<String>> {
    if dice.once_in(2) {
        broker.kill().await?;
    } else {
        broker.stop().await?;
    }
    tokio::time::sleep(dice.millis(0, 8000)).await;
    broker.start().await?;
    Ok(Vec::new())
}

/// Cuts what every node has open, and half of the times refuses what they open next, for a while.
pub async fn cut(cluster: &mut Cluster, dice: &mut Dice) -> anyhow::Result<Vec<String>> {
    let stay_closed = dice.once_in(2);
    cluster.proxies.iter().for_each(|proxy| proxy.close(stay_closed));
    cluster.proxies.iter().for_each(|proxy| proxy.cut());
    tokio::time::sleep(dice.millis(0, 4000)).await;
    cluster.proxies.iter().for_each(|proxy| proxy.close(false));
    Ok(Vec::new())
}

/// Delays what every node says by a part of a second, or lets one node's connections hang for longer than the lease: its
/// engines are ended meanwhile, because another node has its scans by then.
pub async fn delay(site: &mut Site, dice: &mut Dice) -> anyhow::Result<Vec<String>> {
    let hangs = dice.once_in(2);
    let victim = dice.below(site.nodes.len() as u64) as usize;
    let by = if hangs { Duration::from_secs(3600) } else { dice.millis(20, 300) };
    let proxies = |site: &Site, by: Duration| -> anyhow::Result<()> {
        let cluster = site.cluster.as_ref().context("this site has no database server")?;
        let slow = |at: usize| !hangs || at == victim;
        cluster.proxies.iter().enumerate().filter(|(at, _)| slow(*at)).for_each(|(_, proxy)| proxy.delay(by));
        Ok(())
    };
    proxies(site, by)?;
    tokio::time::sleep(site.lease + dice.millis(500, 2500)).await;
    let mut wrong = Vec::new();
    if hangs {
        let pids = site.nodes.iter().enumerate().filter(|(at, _)| *at != victim);
        let others: Vec<_> = pids.filter_map(|(_, node)| node.pid()).collect();
        wrong = site.until_gone(ENDED, |site| site.engines_without(&others)).await;
    }
    proxies(site, Duration::ZERO)?;
    Ok(wrong)
}
