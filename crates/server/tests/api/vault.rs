//! The master keys of nodes that share a database.

use crate::hooked::Hooked;
use crate::support::TestDatabase;
use scanyard_server::reseal::{Resealed, reseal};
use scanyard_server::vault::{LoadError, Vault};
use serde_json::json;

#[tokio::test]
async fn the_first_node_makes_the_key_and_a_node_with_another_one_does_not_start() {
    let database = TestDatabase::new().await;
    let store = database.open().await;
    let [first, second] = ["first.key", "second.key"].map(|name| database.dir.path().join(name));
    let sealed = Vault::load(&store, &first).await.unwrap().seal("x", "c").unwrap();

    let refused = Vault::load(&store, &second).await.unwrap_err();
    assert!(matches!(&refused, LoadError::Lacking { path, .. } if *path == second));
    assert!(!second.exists(), "no key is made that could not be used");
    std::fs::write(&second, "7".repeat(64)).unwrap();
    restrict(&second);
    let refused = Vault::load(&store, &second).await.unwrap_err().to_string();
    assert!(refused.contains("mk-") && refused.contains("copy the key file"), "{refused}");

    std::fs::copy(&first, &second).unwrap();
    assert_eq!(Vault::load(&store, &second).await.unwrap().open(&sealed, "c").unwrap().expose(), "x");
}

#[tokio::test]
async fn a_node_that_lacks_a_key_that_came_first_later_does_not_start_either() {
    let database = TestDatabase::new().await;
    let store = database.open().await;
    let path = database.dir.path().join("master.key");
    Vault::load(&store, &path).await.unwrap();
    let old = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, format!("{}\n{old}", "7".repeat(64))).unwrap();
    let rotated = Vault::load(&store, &path).await.unwrap();
    std::fs::write(&path, old).unwrap();
    let refused = Vault::load(&store, &path).await.unwrap_err().to_string();
    assert!(refused.contains(rotated.signing().0), "{refused}");
}

#[tokio::test]
async fn a_node_that_runs_knows_the_key_that_the_next_one_starts_with() {
    let database = TestDatabase::new().await;
    let store = database.open().await;
    let path = database.dir.path().join("master.key");
    let running = Vault::load(&store, &path).await.unwrap();
    assert_eq!(running.verifying("mk-0000000000000000"), None);
    let old = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, format!("{}\n{old}", "7".repeat(64))).unwrap();
    let started = Vault::load(&store, &path).await.unwrap();
    assert_ne!(started.first_id(), running.first_id());
    let sealed = started.seal("x", "c").unwrap();
    assert_eq!(running.open(&sealed, "c").unwrap().expose(), "x");
    let (id, key) = started.signing();
    assert_eq!(running.verifying(id), Some(*key));
    assert!(running.is_sealed_with_first(&running.seal("x", "c").unwrap()), "until it starts again it seals as before");
    assert!(running.is_fingerprint(&started.fingerprint(&[b"a"]), &[b"a"]));
    assert!(started.is_fingerprint(&running.fingerprint(&[b"a"]), &[b"a"]));
}

#[tokio::test]
async fn of_two_nodes_that_start_first_one_key_counts() {
    let database = TestDatabase::new().await;
    let store = database.open().await;
    let [one, other] = ["one.key", "other.key"].map(|name| database.dir.path().join(name));
    let (one, other) = tokio::join!(Vault::load(&store, &one), Vault::load(&store, &other));
    assert!(one.is_ok() != other.is_ok(), "{one:?} {other:?}");
}

#[tokio::test]
async fn after_everything_is_sealed_anew_the_old_key_can_go() {
    let h = Hooked::with(|config| config.engines.wapiti.path = Some("/bin/sh".into())).await;
    let webhook = h.webhook("scan.completed").await;
    h.post(&webhook, "rotate-secret", json!({"overlapSeconds": 60})).await.ok(200);
    let auth = json!({"basic": {"username": "joe", "password": "p"}});
    let scan = h.submit_with(json!({"target": "http://127.0.0.1/", "scanType": "wapiti", "auth": auth})).await;

    let (store, path) = (&h.t.app.store, h.t.app.config.master_key_file());
    let old = h.t.app.vault.clone();
    let line = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, format!("{}\n{line}", "7".repeat(64))).unwrap();
    let both = Vault::load(store, &path).await.unwrap();
    let retired = vec![old.first_id().to_string()];
    let done = reseal(store, &both).await.unwrap();
    assert_eq!(done, Resealed { webhooks: 2, scans: 1, retired });

    std::fs::write(&path, "7".repeat(64)).unwrap();
    let new = Vault::load(store, &path).await.unwrap();
    let mut conn = store.read().await.unwrap();
    let sql = "SELECT secret FROM webhook UNION ALL SELECT old_secret FROM webhook";
    let secrets: Vec<String> = sqlx::query_scalar(sql).fetch_all(&mut *conn).await.unwrap();
    let id = webhook["id"].as_str().unwrap();
    let opened: Vec<String> = secrets.iter().map(|text| new.open(text, id).unwrap().expose().to_string()).collect();
    assert!(opened.contains(&webhook["secret"].as_str().unwrap().to_string()), "the secret is the same");
    let auth: String = sqlx::query_scalar("SELECT auth FROM job").fetch_one(&mut *conn).await.unwrap();
    let id = scan["id"].as_str().unwrap().parse().unwrap();
    assert!(new.open(&auth, &scanyard_server::scan::auth_context(id)).unwrap().expose().contains("joe"));
    let actors: Vec<String> = sqlx::query_scalar("SELECT actor_id FROM audit WHERE action = 'master_key.resealed'")
        .fetch_all(&mut *conn)
        .await
        .unwrap();
    assert_eq!(actors, ["operator"]);
    drop(conn);

    let again = reseal(store, &new).await.unwrap();
    assert_eq!(again, Resealed { webhooks: 0, scans: 0, retired: vec![] });
    std::fs::write(&path, format!("{}\n{}", "8".repeat(64), "7".repeat(64))).unwrap();
    Vault::load(store, &path).await.expect("the next change begins");
}

fn restrict(path: &std::path::Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, PermissionsExt::from_mode(0o600)).unwrap();
}
