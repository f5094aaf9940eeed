//! The first start, and the making of keys.

use crate::harness::Test;
use crate::support::TestDatabase;
use scanyard_server::config::{Config, Secret};
use scanyard_server::key::{NewKey, NewKeyError, create_key};
use scanyard_server::scope::Scope;
use scanyard_server::store::api_key::{Holder, by_hash};
use scanyard_server::{App, bootstrap};
use std::os::unix::fs::PermissionsExt;
use tokio_util::sync::CancellationToken;

/// An app on this database that has not started before.
async fn open(database: &TestDatabase, key_file: Option<&str>) -> App {
    let mut config = Config { data_dir: database.dir.path().into(), ..Config::default() };
    config.database.url = Secret::new(&*database.options.url);
    config.bootstrap_key_file = key_file.map(|path| database.dir.path().join(path));
    App::open(config, database.options.clock.clone(), CancellationToken::new()).await.unwrap()
}

/// The key with this hash.
async fn holder(app: &App, hash: &str) -> Holder {
    by_hash(&mut app.store.read().await.unwrap(), hash).await.unwrap().expect("a key")
}

#[tokio::test]
async fn the_first_start_gives_a_key_with_every_scope_once() {
    let database = TestDatabase::new().await;
    let app = open(&database, None).await;
    let key = bootstrap::bootstrap(&app, |_| Ok(())).await.unwrap().expect("the first key");
    assert!(bootstrap::bootstrap(&app, |_| Ok(())).await.unwrap().is_none());
    let t = Test::new().await;
    t.nobody().header("x-api-key", key.reveal()).get("/engines").await.is(401, "INVALID_API_KEY");
    let holder = holder(&app, &key.hash().hex()).await;
    assert_eq!(holder.key.scopes, Scope::for_keys(true).iter().map(|scope| scope.as_str()).collect::<Vec<_>>());
    assert!(holder.tenant.is_operator);
    assert_eq!(holder.tenant.monthly_quota, None);
}

#[tokio::test]
async fn the_key_file_is_written_before_the_key_counts_and_never_again() {
    let database = TestDatabase::new().await;
    let app = open(&database, Some("owner.key")).await;
    let path = database.dir.path().join("owner.key");
    // What an earlier start left that died before its commit.
    std::fs::write(&path, "dead").unwrap();
    assert!(bootstrap::bootstrap(&app, |_| Ok(())).await.unwrap().is_none(), "the file is told instead");
    let text = std::fs::read_to_string(&path).unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let hash = scanyard_server::key::KeyHash::of(text.trim()).hex();
    assert_eq!(holder(&app, &hash).await.key.name, "owner");
    bootstrap::bootstrap(&app, |_| Ok(())).await.unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
}

#[tokio::test]
async fn nothing_is_stored_when_the_key_cannot_be_told() {
    let database = TestDatabase::new().await;
    let app = open(&database, Some("no/such/folder/owner.key")).await;
    let error = bootstrap::bootstrap(&app, |_| Ok(())).await.unwrap_err();
    assert!(format!("{error:#}").contains("no/such/folder/owner.key"), "{error:#}");
    let app = open(&database, None).await;
    let error = bootstrap::bootstrap(&app, |_| anyhow::bail!("nobody reads")).await.unwrap_err();
    assert!(format!("{error:#}").contains("nobody reads"), "{error:#}");
    assert!(bootstrap::bootstrap(&app, |_| Ok(())).await.unwrap().is_some());
}

#[tokio::test]
async fn a_key_needs_a_name_a_scope_a_limit_and_a_tenant() {
    let t = Test::new().await;
    let right =
        NewKey { name: "ci".into(), scopes: vec![Scope::ScansRead], ..NewKey::with_limits(&t.app.config.limits) };
    let make = async |tenant: &str, new: NewKey| create_key(&t.app.store, tenant, new).await.map(|_| ());
    assert!(make("default", right.clone()).await.is_ok());
    let nameless = NewKey { name: String::new(), ..right.clone() };
    assert!(matches!(make("default", nameless).await, Err(NewKeyError::Name)));
    assert!(matches!(make("default", NewKey { scopes: vec![], ..right.clone() }).await, Err(NewKeyError::NoScope)));
    assert!(matches!(make("default", NewKey { limits: [0, 1, 1], ..right.clone() }).await, Err(NewKeyError::Limit)));
    assert!(matches!(make("nobody", right).await, Err(NewKeyError::NoTenant(_))));
}
