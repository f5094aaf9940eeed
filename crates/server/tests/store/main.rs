//! The store on a real database: SQLite, or PostgreSQL under `scripts/with-postgres`.

mod fairness;
mod jobs;
mod keys;
mod lanes;
mod lists;
mod migrations;
mod nodes;
mod submit;
#[path = "../support/mod.rs"]
mod support;
mod writer;

use scanyard_contract::scan::ScanSource;
use scanyard_contract::{Priority, ScanStatus, ScanType, TargetType};
use scanyard_engines::policy::Policy;
use scanyard_server::store::scan::ScanRecord;
use scanyard_server::store::tenant::{self, TenantRecord, TenantStatus};
use scanyard_server::store::{NewScan, Store, Submitted};
use support::{BEGIN, TestDatabase};
use uuid::Uuid;

/// A store with the tenants `a` and `b`.
struct Fixture {
    db: TestDatabase,
    store: Store,
}

impl Fixture {
    async fn new() -> Fixture {
        Fixture::with(TestDatabase::new().await).await
    }

    async fn with(db: TestDatabase) -> Fixture {
        let store = db.open().await;
        for name in ["a", "b"] {
            let tenant = TenantRecord {
                id: name.into(),
                name: name.into(),
                status: TenantStatus::Active,
                is_operator: false,
                plan: None,
                default_limits: [None; 3],
                monthly_quota: None,
                policy: Policy::operator(),
                created_at: BEGIN,
            };
            store.write(move |conn| Box::pin(async move { tenant::insert(conn, &tenant).await })).await.unwrap();
        }
        Fixture { db, store }
    }

    async fn submit(&self, scan: NewScan) -> Uuid {
        let id = scan.scan.id;
        assert_eq!(self.store.submit(scan).await.unwrap(), Submitted::Stored);
        id
    }
}

/// A queued sentinel scan of a tenant.
fn new_scan(tenant: &str, priority: Priority) -> NewScan {
    NewScan {
        scan: ScanRecord {
            id: Uuid::now_v7(),
            tenant_id: tenant.into(),
            api_key_id: "k".into(),
            scan_type: ScanType::Sentinel,
            source: ScanSource::Scan,
            name: Some("a 'name' with \"quotes\" and ünïcode".into()),
            target: "127.0.0.1".into(),
            target_type: TargetType::Ip,
            status: ScanStatus::Queued,
            priority,
            progress: 0,
            tags: vec!["ci".into()],
            options: serde_json::from_str(r#"{"ports":"80"}"#).unwrap(),
            config: serde_json::Map::new(),
            timeout: 3600,
            label: "default".into(),
            asset_id: None,
            callback_url: None,
            consent: None,
            template_id: None,
            attempts: 0,
            created_at: BEGIN,
            started_at: None,
            completed_at: None,
            sealed_at: None,
            failure: None,
            summary: None,
            coverage: None,
            records: None,
            engine_version: None,
        },
        host: "127.0.0.1".into(),
        month_at: 0,
        quota: None,
        auth: None,
        idempotency: None,
        audit: None,
    }
}
