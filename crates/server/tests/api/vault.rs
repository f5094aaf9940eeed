//! The master keys of nodes that share a database.

use crate::support::TestDatabase;
use scanyard_server::vault::{LoadError, Vault};

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
async fn of_two_nodes_that_start_first_one_key_counts() {
    let database = TestDatabase::new().await;
    let store = database.open().await;
    let [one, other] = ["one.key", "other.key"].map(|name| database.dir.path().join(name));
    let (one, other) = tokio::join!(Vault::load(&store, &one), Vault::load(&store, &other));
    assert!(one.is_ok() != other.is_ok(), "{one:?} {other:?}");
}

fn restrict(path: &std::path::Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, PermissionsExt::from_mode(0o600)).unwrap();
}
