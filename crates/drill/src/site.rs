//! What a drill runs on: a folder, a database, nodes, and the settings that they share.

use crate::broker::Broker;
use crate::disk::Disk;
use crate::node::{Node, Role, free_port};
use crate::orphans;
use crate::postgres::Postgres;
use crate::proxy::Proxy;
use anyhow::Context;
use nix::unistd::Pid;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Milliseconds between the sweeps of the nodes.
pub const SWEEP_MS: u64 = 500;

/// The longest pause before a lost run is repeated; the server's own.
pub const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// How long engine processes may outlive their worker.
const ORPHANS: Duration = Duration::from_secs(5);

/// The nodes and what they stand on.
#[derive(Debug)]
pub struct Site {
    pub nodes: Vec<Node>,
    /// The database, as the drill reaches it.
    pub url: String,
    pub lease: Duration,
    pub disk: Option<Disk>,
    /// The database server of a cluster, and the way to it from each node.
    pub cluster: Option<Cluster>,
    work_dir: PathBuf,
    key_file: PathBuf,
}

/// What several nodes share.
#[derive(Debug)]
pub struct Cluster {
    pub postgres: Postgres,
    pub broker: Broker,
    pub proxies: Vec<Proxy>,
}

impl Site {
    /// One node with the embedded database.
    pub fn embedded(program: &Path, dir: &Path, lease: Duration, disk: Option<Disk>) -> anyhow::Result<Site> {
        let (work_dir, key_file) = prepare(dir)?;
        let root = disk.as_ref().map_or(dir, |disk| disk.path());
        let node = Node::new(program, dir, Role::Serve, "serve-1", root.join("data-1"))?.with(settings(dir, lease));
        let url = format!("sqlite://{}?mode=ro", node.data.join("scanyard.db").display());
        Ok(Site { nodes: vec![node], url, lease, disk, cluster: None, work_dir, key_file })
    }

    /// Two servers and three workers with one PostgreSQL, each behind a proxy of its own, and one Kafka.
    pub async fn cluster(program: &Path, dir: &Path, lease: Duration) -> anyhow::Result<Site> {
        let (work_dir, key_file) = prepare(dir)?;
        let postgres = Postgres::start(&dir.join("postgres"), free_port()?).await?;
        let (mut nodes, mut proxies) = (Vec::new(), Vec::new());
        let broker = Broker::told()?;
        // Topics that are nobody else's.
        let prefix = dir.file_name().and_then(|name| name.to_str()).context("the drill's folder has no name")?;
        let servers = ["serve-1", "serve-2"].map(|name| (name, Role::Serve));
        let workers = ["worker-1", "worker-2", "worker-3"].map(|name| (name, Role::Worker));
        for (name, role) in servers.into_iter().chain(workers) {
            let proxy = Proxy::start(postgres.port).await?;
            let mut settings = settings(dir, lease);
            settings.push(format!("database.url={}", Postgres::url(proxy.port)));
            settings.push(format!("queue.kafka.brokers={}", broker.address));
            settings.push(format!("queue.kafka.topic_prefix={prefix}"));
            nodes.push(Node::new(program, dir, role, name, dir.join(name))?.with(settings));
            proxies.push(proxy);
        }
        let url = Postgres::url(postgres.port);
        Ok(Site {
            nodes,
            url,
            lease,
            disk: None,
            cluster: Some(Cluster { postgres, broker, proxies }),
            work_dir,
            key_file,
        })
    }

    /// What the database server finds wrong with its files.
    pub async fn damage(&self) -> anyhow::Result<Vec<String>> {
        match &self.cluster {
            Some(cluster) => cluster.postgres.damage().await,
            // Every look at the embedded one includes it.
            None => Ok(Vec::new()),
        }
    }

    /// Starts every node.
    pub async fn start(&mut self) -> anyhow::Result<()> {
        for node in &mut self.nodes {
            node.start().await?;
        }
        Ok(())
    }

    /// The first key.
    pub fn key(&self) -> anyhow::Result<String> {
        let key = std::fs::read_to_string(&self.key_file).context("reading the first key")?;
        Ok(key.trim().to_string())
    }

    /// The nodes that serve the API.
    pub fn servers(&self) -> impl Iterator<Item = &Node> {
        self.nodes.iter().filter(|node| node.role == Role::Serve)
    }

    /// Where the API is, on each of them.
    pub fn bases(&self) -> Vec<String> {
        self.servers().map(Node::base).collect()
    }

    /// How long a scan may wait after the last fault: its lease, the sweep, the pause before the repeat, and its turn.
    pub fn bound(&self) -> Duration {
        self.lease + Duration::from_millis(SWEEP_MS) + LONGEST_PAUSE + TURN
    }

    /// Engine processes whose worker is gone.
    pub fn orphans(&self) -> Vec<i32> {
        let nodes: Vec<Pid> = self.nodes.iter().filter_map(Node::pid).collect();
        orphans::of(&self.work_dir, &nodes)
    }

    /// Engine processes that none of these nodes started.
    pub fn engines_without(&self, nodes: &[Pid]) -> Vec<i32> {
        orphans::of(&self.work_dir, nodes)
    }

    /// Engine processes, whoever started them.
    pub fn engines(&self) -> Vec<i32> {
        self.engines_without(&[])
    }

    /// Waits until `left` finds no process any more; answers what it found at the end.
    pub async fn until_gone(&self, within: Duration, left: impl Fn(&Site) -> Vec<i32>) -> Vec<String> {
        let until = Instant::now() + within;
        loop {
            let pids = left(self);
            if pids.is_empty() {
                return Vec::new();
            }
            if Instant::now() > until {
                let left: Vec<String> = pids.into_iter().map(orphans::describe).collect();
                return vec![format!("engine processes are left after {within:?}: {left:?}")];
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until no engine process is without its worker.
    pub async fn no_orphans(&self) -> Vec<String> {
        self.until_gone(ORPHANS, Site::orphans).await
    }
}

/// Makes the folders that engines, which run as another user, have to get to; answers theirs and the first key's file.
fn prepare(dir: &Path) -> anyhow::Result<(PathBuf, PathBuf)> {
    let work_dir = dir.join("work");
    std::fs::create_dir_all(&work_dir)?;
    for open in [dir, work_dir.as_path()] {
        std::fs::set_permissions(open, Permissions::from_mode(0o755))?;
    }
    Ok((work_dir, dir.join("key")))
}

/// How long a scan may wait for its turn and run, when nothing is broken.
const TURN: Duration = Duration::from_secs(60);

/// The settings of every node: short leases, and no limit in the way of the load.
fn settings(dir: &Path, lease: Duration) -> Vec<String> {
    let lease_ms = lease.as_millis() as u64;
    let file = |name: &str| dir.join(name).display().to_string();
    let retries = ["1s"; 20].join(",");
    let settings = [
        ("bootstrap_key_file", file("key")),
        ("master_key_file", file("master.key")),
        ("engines.work_dir", file("work")),
        ("webhooks.ca_file", file("ca.pem")),
        ("webhooks.allow", "127.0.0.1".into()),
        ("webhooks.retries", retries),
        ("webhooks.timeout", "5s".into()),
        ("webhooks.disable_after", "1000".into()),
        ("worker.concurrency", "8".into()),
        ("worker.per_tenant", "8".into()),
        ("worker.per_host", "8".into()),
        ("worker.lease_ms", lease_ms.to_string()),
        ("worker.heartbeat_ms", (lease_ms / 3).to_string()),
        ("worker.sweep_ms", SWEEP_MS.to_string()),
        ("limits.per_minute", "1000000".into()),
        ("limits.per_hour", "10000000".into()),
        ("limits.per_day", "100000000".into()),
    ];
    settings.into_iter().map(|(name, value)| format!("{name}={value}")).collect()
}
