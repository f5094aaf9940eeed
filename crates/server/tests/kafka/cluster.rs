//! Nodes of one database and one Kafka, and a consumer that is none of them.

use crate::support::TestDatabase;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{Consumer, StreamConsumer};
use rdkafka::message::Message;
use scanyard_contract::kafka::{EventMessage, TopicEvent};
use scanyard_contract::{Priority, ScanStatus, ScanType};
use scanyard_engines::Target;
use scanyard_engines::policy::Policy;
use scanyard_server::config::{Config, Secret};
use scanyard_server::store::tenant::{self, TenantRecord, TenantStatus};
use scanyard_server::store::{Clock, NewScan, Submitted};
use scanyard_server::{App, bootstrap, kafka, scan, worker};
use serde_json::json;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use tokio::sync::{RwLock, RwLockReadGuard};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// No worker looks without a hint while a test lasts.
pub const NEVER: Duration = Duration::from_secs(600);

/// Within this time everything comes that comes at all.
const PATIENCE: Duration = Duration::from_secs(60);

/// Whoever stops the broker is alone.
pub static BROKER: RwLock<()> = RwLock::const_new(());

/// What `scripts/with-kafka` tells of the broker.
pub fn told(name: &str) -> String {
    let hint = "run it as `scripts/with-postgres scripts/with-kafka cargo test --workspace --test kafka`";
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set: {hint}"))
}

/// A database and topics of its own.
pub struct Cluster {
    pub database: TestDatabase,
    pub prefix: String,
    _broker: Option<RwLockReadGuard<'static, ()>>,
}

/// A node, until it is dropped.
pub struct Node {
    pub app: App,
    _dir: tempfile::TempDir,
}

impl Drop for Node {
    fn drop(&mut self) {
        self.app.draining.cancel();
    }
}

impl Cluster {
    /// While nobody stops the broker.
    pub async fn new() -> Cluster {
        let broker = BROKER.read().await;
        Cluster { _broker: Some(broker), ..Cluster::without_turn().await }
    }

    /// For whoever has the broker alone.
    pub async fn without_turn() -> Cluster {
        told("SCANYARD_TEST_DATABASE_URL");
        let prefix = format!("t{}", Uuid::now_v7().simple());
        Cluster { database: TestDatabase::new().await, prefix, _broker: None }
    }

    /// Settings of a node that takes what it is given and runs nothing.
    pub fn config(&self) -> Config {
        let mut config = Config::default();
        config.database.url = Secret::new(&*self.database.options.url);
        config.master_key_file = Some(self.database.dir.path().join("master.key"));
        config.worker.concurrency = 0;
        config.queue.poll = NEVER;
        config.queue.kafka.brokers = vec![told("SCANYARD_TEST_KAFKA")];
        config.queue.kafka.topic_prefix.clone_from(&self.prefix);
        config.queue.kafka.partitions = 1;
        config.queue.kafka.send_timeout = Duration::from_secs(1);
        config
    }

    /// Opens a node without starting it.
    pub async fn open(&self, change: impl FnOnce(&mut Config)) -> anyhow::Result<Node> {
        let dir = tempfile::tempdir()?;
        let mut config = self.config();
        config.data_dir = dir.path().into();
        change(&mut config);
        let app = App::open(config, Clock::System, CancellationToken::new()).await?;
        bootstrap::bootstrap(&app, |_| Ok(())).await?;
        Ok(Node { app, _dir: dir })
    }

    /// A node that works.
    pub async fn node(&self, change: impl FnOnce(&mut Config)) -> Node {
        let node = self.open(change).await.unwrap();
        let app = &node.app;
        tokio::spawn(worker::work(app.clone()));
        if let Some(kafka) = app.queue.kafka() {
            tokio::spawn(kafka::relay(app.clone(), kafka.clone()));
            tokio::spawn(kafka::listen(app.clone(), kafka.clone()));
        }
        node
    }

    /// A node that runs one scan at a time, and has heard its first hint.
    pub async fn worker(&self, change: impl FnOnce(&mut Config)) -> Node {
        let node = self.node(|config| {
            config.worker.concurrency = 1;
            change(config);
        });
        let node = node.await;
        // A new group hears what is said after it came: hints until one is heard.
        let warm = self.node(|_| {}).await;
        let begun = Instant::now();
        loop {
            assert!(begun.elapsed() < PATIENCE, "the worker hears nothing");
            let id = warm.submit("default", Priority::Normal, ScanType::Sentinel).await;
            tokio::time::sleep(Duration::from_millis(300)).await;
            if warm.status(id).await != ScanStatus::Queued {
                return node;
            }
        }
    }

    /// Makes a tenant.
    pub async fn tenant(&self, node: &Node, name: &str) {
        let tenant = TenantRecord {
            id: name.into(),
            name: name.into(),
            status: TenantStatus::Active,
            is_operator: false,
            plan: None,
            default_limits: [None; 3],
            monthly_quota: None,
            policy: Policy::operator(),
            created_at: 0,
        };
        let made = node.app.store.write(move |conn| Box::pin(async move { tenant::insert(conn, &tenant).await }));
        made.await.unwrap();
    }

    /// The events of these scans, in the order of arrival, until each has ended.
    pub async fn events(&self, scans: &[Uuid]) -> BTreeMap<Uuid, Vec<EventMessage>> {
        let consumer = consumer(&format!("{}.events", self.prefix));
        let mut of_scans: BTreeMap<Uuid, Vec<EventMessage>> = scans.iter().map(|scan| (*scan, Vec::new())).collect();
        let begun = Instant::now();
        let has_ended = |events: &Vec<EventMessage>| events.iter().any(|event| event.event == TopicEvent::Failed);
        while !of_scans.values().all(has_ended) {
            assert!(begun.elapsed() < PATIENCE, "events are missing: {of_scans:#?}");
            let Ok(received) = tokio::time::timeout(Duration::from_secs(1), consumer.recv()).await else { continue };
            let Ok(message) = received else { continue };
            let event: EventMessage = serde_json::from_slice(message.payload().unwrap()).unwrap();
            let Some(data) = &event.data else {
                assert_eq!(event.event, TopicEvent::Ping);
                continue;
            };
            assert_eq!(message.key().unwrap(), data.scan_id.to_string().as_bytes());
            of_scans.entry(data.scan_id).or_default().push(event);
        }
        of_scans
    }
}

/// Why a node does not start.
pub async fn refusal(t: &Cluster, change: impl FnOnce(&mut Config)) -> String {
    match t.open(change).await {
        Ok(node) => panic!("it started: {:?}", node.app.queue.kafka().and_then(kafka::Kafka::trouble)),
        Err(error) => format!("{error:#}"),
    }
}

/// A consumer of a topic, from its beginning.
pub fn consumer(topic: &str) -> StreamConsumer {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", told("SCANYARD_TEST_KAFKA")).set("group.id", format!("{topic}.reader"));
    config.set("auto.offset.reset", "earliest").set("reconnect.backoff.max.ms", "1000");
    let consumer: StreamConsumer = config.create().unwrap();
    consumer.subscribe(&[topic]).unwrap();
    consumer
}

impl Node {
    /// Submits a scan that ends at once: no version takes its options.
    pub async fn submit(&self, tenant: &str, priority: Priority, scan_type: ScanType) -> Uuid {
        let store = &self.app.store;
        let tenant_id = tenant::by_name(&mut store.read().await.unwrap(), tenant).await.unwrap().expect(tenant).id;
        self.store(new_scan(tenant_id, priority, scan_type, store.local_now())).await
    }

    /// Submits a scan for workers with a label.
    pub async fn submit_to(&self, label: &str) -> Uuid {
        let store = &self.app.store;
        let tenant = tenant::by_name(&mut store.read().await.unwrap(), "default").await.unwrap().unwrap();
        let mut new = new_scan(tenant.id, Priority::Normal, ScanType::Sentinel, store.local_now());
        new.scan.label = label.into();
        self.store(new).await
    }

    async fn store(&self, new: NewScan) -> Uuid {
        let id = new.scan.id;
        assert_eq!(self.app.store.submit(new).await.unwrap(), Submitted::Stored);
        self.app.queue.hint();
        id
    }

    /// The first value that a query finds.
    pub async fn number(&self, sql: &str) -> i64 {
        let sql = sqlx::AssertSqlSafe(sql.to_string());
        sqlx::query_scalar(sql).fetch_one(&mut *self.app.store.read().await.unwrap()).await.unwrap()
    }

    pub async fn status(&self, id: Uuid) -> ScanStatus {
        let mut conn = self.app.store.read().await.unwrap();
        let status: String = sqlx::query_scalar("SELECT status FROM scan WHERE id = $1")
            .bind(id.to_string())
            .fetch_one(&mut *conn)
            .await
            .unwrap();
        status.parse().unwrap()
    }

    /// Waits until every scan has ended.
    pub async fn ended(&self, scans: &[Uuid]) {
        for scan in scans {
            self.wait_until(&format!("SELECT COUNT(*) FROM scan WHERE id = '{scan}' AND status = 'failed'"), 1).await;
        }
    }

    /// Waits until a query finds this number.
    pub async fn wait_until(&self, sql: &str, number: i64) {
        let begun = Instant::now();
        while self.number(sql).await != number {
            assert!(begun.elapsed() < PATIENCE, "{sql} never was {number}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

fn new_scan(tenant_id: String, priority: Priority, scan_type: ScanType, now: i64) -> NewScan {
    let create = json!({
        "target": "127.0.0.1", "scanType": scan_type, "priority": priority, "timeout": 60, "tags": ["ci"],
        "options": {"no such option": 1},
    });
    let create = serde_json::from_value(create).unwrap();
    let target = Target::parse_for(scan_type, "127.0.0.1").unwrap();
    let record = scan::record(create, &target, &tenant_id, "k", now);
    // A host of its own: the cap per host is not what is looked at.
    let host = record.id.to_string();
    NewScan::of(record, host)
}
