//! Workers that only hints wake.

use crate::cluster::Cluster;
use scanyard_contract::{Priority, ScanType};
use scanyard_server::config::Config;
use sqlx::{AnyConnection, Connection};

#[tokio::test(flavor = "multi_thread")]
async fn a_hint_wakes_a_worker_on_another_node() {
    let t = Cluster::new().await;
    let api = t.node(|_| {}).await;
    let _worker = t.worker(|_| {}).await;
    let scan = api.submit("default", Priority::Critical, ScanType::Sentinel).await;
    api.ended(&[scan]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn priority_is_strict_and_tenants_take_turns_whatever_the_hints_say() {
    let t = Cluster::new().await;
    let api = t.node(|_| {}).await;
    let _worker = t.worker(|_| {}).await;
    api.wait_until("SELECT COUNT(*) FROM job", 0).await;
    t.tenant(&api, "a").await;
    t.tenant(&api, "b").await;
    // Claims wait for this lock, so that the worker sees all of them at once.
    let mut lock = AnyConnection::connect(&t.database.options.url).await.unwrap();
    sqlx::raw_sql("SELECT pg_advisory_lock(7316025)").execute(&mut lock).await.unwrap();
    let mut submitted = Vec::new();
    for (tenant, priority) in [
        ("a", Priority::Low),
        ("a", Priority::High),
        ("a", Priority::High),
        ("b", Priority::Low),
        ("b", Priority::High),
        ("b", Priority::High),
        ("a", Priority::Critical),
    ] {
        submitted.push(api.submit(tenant, priority, ScanType::Sentinel).await);
    }
    sqlx::raw_sql("SELECT pg_advisory_unlock(7316025)").execute(&mut lock).await.unwrap();
    api.ended(&submitted).await;
    let sql =
        "SELECT tenant_id || ' ' || priority FROM scan WHERE tenant_id IN ('a', 'b') ORDER BY started_at, completed_at";
    let ran: Vec<String> = sqlx::query_scalar(sql).fetch_all(&mut lock).await.unwrap();
    // 0 is critical, 1 high, 3 low; each tenant's turn comes after the other's.
    let [critical, high @ .., low_one, low_other] = ran.as_slice() else { panic!("{ran:?}") };
    assert_eq!(critical, "a 0", "{ran:?}");
    assert!(high == ["a 1", "b 1", "a 1", "b 1"] || high == ["b 1", "a 1", "b 1", "a 1"], "{ran:?}");
    assert!(low_one.ends_with('3') && low_other.ends_with('3') && low_one != low_other, "{ran:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_without_an_engine_or_a_label_does_not_swallow_its_hints() {
    let t = Cluster::new().await;
    let api = t.node(|_| {}).await;
    let without = |config: &mut Config| config.worker.engines = vec![ScanType::Sentinel];
    let elsewhere = |config: &mut Config| config.worker.labels = vec!["default".into(), "dmz".into()];
    let _others = [t.worker(without).await, t.worker(without).await];
    let with = t.worker(|config| {
        elsewhere(config);
        config.engines.nmap.path = Some("/bin/true".into());
    });
    let _with = with.await;
    for _ in 0..5 {
        let scan = api.submit("default", Priority::Normal, ScanType::Nmap).await;
        api.ended(&[scan]).await;
        let scan = api.submit_to("dmz").await;
        api.ended(&[scan]).await;
    }
}
