//! API keys: the states and the secrets that a change leaves behind.

use crate::Fixture;
use crate::support::BEGIN;
use scanyard_server::config::Limits;
use scanyard_server::key::NewKey;
use scanyard_server::store::api_key::{self, ApiKeyRecord, Changed, KeyStatus, Rotation};

const DAY: i64 = 86_400_000;

/// A key of tenant `a` with the secret `hash`.
async fn key(f: &Fixture, expires_at: Option<i64>) -> ApiKeyRecord {
    let scopes = vec!["scans:read".parse().unwrap()];
    let new = NewKey { name: "k".into(), scopes, expires_at, ..NewKey::with_limits(&Limits::default()) };
    let (mut record, _) = new.make("a", BEGIN).unwrap();
    record.hash = "old".into();
    let stored = record.clone();
    f.store.write(move |conn| Box::pin(async move { api_key::insert(conn, &stored).await })).await.unwrap();
    record
}

async fn rotate(f: &Fixture, id: &str, hash: &str, now: i64, until: i64) -> Changed {
    let (id, rotation) = (id.to_string(), Rotation { hash: hash.into(), prefix: "cix_sk_".into(), now, until });
    f.store.write(move |conn| Box::pin(async move { api_key::rotate(conn, "a", &id, &rotation).await })).await.unwrap()
}

async fn set(f: &Fixture, tenant: &'static str, id: &str, status: KeyStatus) -> Changed {
    let id = id.to_string();
    let set = f.store.write(move |conn| Box::pin(async move { api_key::set_status(conn, tenant, &id, status).await }));
    set.await.unwrap()
}

/// Until when a secret works.
async fn until(f: &Fixture, hash: &str) -> Option<Option<i64>> {
    let found = api_key::by_hash(&mut f.store.read().await.unwrap(), hash).await.unwrap();
    found.map(|holder| holder.key.expires_at)
}

#[tokio::test]
async fn the_old_secret_works_through_the_overlap_and_a_second_rotation_ends_it() {
    let f = Fixture::new().await;
    let id = key(&f, None).await.id;
    assert!(matches!(rotate(&f, &id, "new", BEGIN + 1, BEGIN + 1_000).await, Changed::Done(_)));
    assert_eq!(until(&f, "new").await, Some(None));
    assert_eq!(until(&f, "old").await, Some(Some(BEGIN + 1_000)));
    rotate(&f, &id, "newest", BEGIN + 2, BEGIN + 2_000).await;
    assert_eq!(until(&f, "old").await, None);
    assert_eq!(until(&f, "new").await, Some(Some(BEGIN + 2_000)));
    assert_eq!(until(&f, "newest").await, Some(None));
}

#[tokio::test]
async fn a_lifetime_begins_anew_and_the_old_secret_does_not_outlive_its_own() {
    let f = Fixture::new().await;
    let id = key(&f, Some(BEGIN + 10 * DAY)).await.id;
    rotate(&f, &id, "new", BEGIN + 9 * DAY, BEGIN + 12 * DAY).await;
    assert_eq!(until(&f, "old").await, Some(Some(BEGIN + 10 * DAY)));
    assert_eq!(until(&f, "new").await, Some(Some(BEGIN + 19 * DAY)));
    // Expired, and rotated afterwards: again ten days, counted from the rotation before.
    rotate(&f, &id, "newest", BEGIN + 30 * DAY, BEGIN + 31 * DAY).await;
    assert_eq!(until(&f, "new").await, Some(Some(BEGIN + 19 * DAY)), "what was dead stays dead");
    assert_eq!(until(&f, "newest").await, Some(Some(BEGIN + 40 * DAY)));
}

#[tokio::test]
async fn revoked_is_final_and_nobody_reaches_another_tenants_key() {
    let f = Fixture::new().await;
    let id = key(&f, None).await.id;
    assert_eq!(set(&f, "b", &id, KeyStatus::Revoked).await, Changed::NotFound);
    assert!(matches!(set(&f, "a", &id, KeyStatus::Active).await, Changed::Unchanged(_)));
    assert!(matches!(set(&f, "a", &id, KeyStatus::Suspended).await, Changed::Done(_)));
    assert!(matches!(set(&f, "a", &id, KeyStatus::Revoked).await, Changed::Done(_)));
    assert!(matches!(set(&f, "a", &id, KeyStatus::Revoked).await, Changed::Unchanged(_)));
    assert_eq!(set(&f, "a", &id, KeyStatus::Active).await, Changed::Revoked);
    assert_eq!(rotate(&f, &id, "new", BEGIN, BEGIN).await, Changed::Revoked);
    assert_eq!(until(&f, "new").await, None);
}
