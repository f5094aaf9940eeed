//! Who is served, and that nobody is served past a lost lease or a cap.

use crate::{Fixture, new_scan};
use scanyard_contract::{Priority, ScanType};
use scanyard_server::store::NewScan;
use scanyard_server::store::claim::{Claim, Claimed};
use scanyard_server::store::job::Alive;

#[tokio::test]
async fn tenants_take_turns_within_one_claim() {
    let t = Fixture::new().await;
    for tenant in ["a", "a", "a", "a", "b", "b"] {
        t.submit(new_scan(tenant, Priority::Normal)).await;
    }
    let served: Vec<String> =
        t.claim_with(|ask| ask.limit = 6).await.into_iter().map(|claimed| claimed.scan.tenant_id).collect();
    assert_eq!(served, ["a", "b", "a", "b", "a", "a"]);
}

#[tokio::test]
async fn tenants_take_turns_within_one_millisecond() {
    let t = Fixture::new().await;
    for tenant in ["a", "a", "a", "b", "b", "b"] {
        t.submit(new_scan(tenant, Priority::Normal)).await;
    }
    let mut served = Vec::new();
    while let Some(claimed) = t.claim_one().await {
        served.push(claimed.scan.tenant_id);
    }
    assert_eq!(served, ["a", "b", "a", "b", "a", "b"]);
}

#[tokio::test]
async fn a_lease_that_ran_out_is_lost_before_anybody_sweeps() {
    let t = Fixture::new().await;
    let id = t.submit(new_scan("a", Priority::Normal)).await;
    let claimed = t.claim_one().await.unwrap();
    t.pass(30_000);
    assert_eq!(t.beat(&claimed, 50).await, Alive::Lost);
    assert!(!t.finish(&claimed, vec![]).await, "its engine was killed when the lease ran out");
    assert_eq!(t.sweep().await, [id]);
}

#[tokio::test]
async fn a_cancelled_run_counts_for_the_caps_until_it_is_sealed() {
    let t = Fixture::new().await;
    let first = t.submit(new_scan("a", Priority::Normal)).await;
    t.submit(new_scan("a", Priority::Normal)).await;
    let claimed = t.claim_one().await.unwrap();
    t.cancel(first).await;
    assert!(t.claim_with(|ask| ask.per_tenant = 1).await.is_empty(), "its processes may still be there");
    assert!(t.claim_with(|ask| ask.per_host = 1).await.is_empty());
    assert!(t.finish(&claimed, vec![]).await);
    assert_eq!(t.claim_with(|ask| (ask.per_tenant, ask.per_host) = (1, 1)).await.len(), 1);
}

#[tokio::test]
async fn a_host_at_its_cap_does_not_hold_up_the_tenants_other_hosts() {
    let t = Fixture::new().await;
    for _ in 0..300 {
        t.submit(new_scan("a", Priority::Normal)).await;
    }
    let elsewhere = t.submit(NewScan { host: "127.0.0.2".into(), ..new_scan("a", Priority::Normal) }).await;
    let claimed = t.claim_with(|ask| (ask.limit, ask.per_host) = (10, 1)).await;
    assert_eq!(claimed.len(), 2);
    assert_eq!(claimed[1].scan.id, elsewhere);
}

#[tokio::test]
async fn one_claim_of_many_takes_what_many_claims_of_one_take() {
    let (together, apart) = (Fixture::new().await, Fixture::new().await);
    // Few hosts and tenants, so that both caps are met; the numbers only have to be spread.
    for number in 0..60_usize {
        let tenant = ["a", "b"][number * number % 7 % 2];
        let priority = [Priority::High, Priority::Normal][number / 5 % 2];
        let scan_type = [ScanType::Nmap, ScanType::Sentinel][number % 2];
        for t in [&together, &apart] {
            let mut new = new_scan(tenant, priority);
            new.scan.name = Some(number.to_string());
            new.scan.scan_type = scan_type;
            new.host = format!("host {}", number % 11 % 6);
            t.submit(new).await;
        }
    }
    let caps = |ask: &mut Claim| (ask.per_tenant, ask.per_host) = (12, 4);
    let names = |claimed: Vec<Claimed>| -> Vec<String> {
        claimed.into_iter().map(|claimed| claimed.scan.name.unwrap()).collect()
    };
    let mut one_by_one = Vec::new();
    while let [name] = names(apart.claim_with(caps).await).as_slice() {
        one_by_one.push(name.clone());
    }
    let at_once = names(
        together
            .claim_with(|ask| {
                caps(ask);
                ask.limit = 100;
            })
            .await,
    );
    assert!(at_once.len() > 15, "{at_once:?}");
    assert_eq!(at_once, one_by_one);
}
