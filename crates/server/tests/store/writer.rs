//! The one door for writing: batches, faults, durability.

use crate::{Fixture, TestDatabase, new_scan};
use scanyard_contract::Priority;
use scanyard_server::store::scan_list::ScanFilter;
use scanyard_server::store::tenant;
use scanyard_server::store::{Dialect, Store, StoreError, Submitted, scan_count};
use sqlx::Connection;

#[tokio::test]
async fn a_failing_operation_does_not_fail_its_batch() {
    let t = Fixture::new().await;
    let taken = {
        let mut conn = t.store.read().await.unwrap();
        tenant::get(&mut conn, "a").await.unwrap().unwrap()
    };
    let duplicate = t.store.write(move |conn| Box::pin(async move { tenant::insert(conn, &taken).await }));
    let scans = futures::future::join_all((0..20).map(|_| t.store.submit(new_scan("a", Priority::Normal))));
    let (duplicate, scans) = tokio::join!(duplicate, scans);
    assert!(matches!(duplicate, Err(StoreError::Duplicate)), "{duplicate:?}");
    assert!(scans.iter().all(|outcome| matches!(outcome, Ok(Submitted::Stored))));
}

#[tokio::test]
async fn a_panicking_operation_fails_alone() {
    let t = Fixture::new().await;
    if t.store.dialect() == Dialect::Sqlite {
        let panicked: Result<(), _> = t.store.write(|_| Box::pin(async { panic!("an operation's own fault") })).await;
        assert!(matches!(panicked, Err(StoreError::Bug(_))), "{panicked:?}");
    }
    t.submit(new_scan("a", Priority::Normal)).await;
}

#[tokio::test]
async fn the_writer_syncs_every_commit() {
    let t = Fixture::new().await;
    let sql = match t.store.dialect() {
        Dialect::Sqlite => "SELECT synchronous FROM pragma_synchronous",
        Dialect::Postgres => "SELECT CASE WHEN current_setting('synchronous_commit') = 'on' THEN 2 ELSE 0 END",
    };
    let level: i64 = t
        .store
        .write(move |conn| Box::pin(async move { Ok(sqlx::query_scalar(sql).fetch_one(conn).await?) }))
        .await
        .unwrap();
    assert_eq!(level, 2, "2 is FULL");
}

#[tokio::test]
async fn a_full_disk_or_a_cut_connection_is_unavailable_and_loses_nothing() {
    let t = Fixture::new().await;
    t.submit(new_scan("a", Priority::Normal)).await;
    let mut stored = 1;
    let refused = match t.store.dialect() {
        Dialect::Sqlite => {
            limit_pages(&t.store, 1).await;
            let refused = loop {
                match t.store.submit(new_scan("a", Priority::Normal)).await {
                    Ok(_) => stored += 1,
                    Err(error) => break error,
                }
            };
            limit_pages(&t.store, 1_000_000).await;
            refused
        }
        Dialect::Postgres => {
            let cut = "SELECT pg_terminate_backend(pg_backend_pid())";
            let cut =
                t.store.write(move |conn| Box::pin(async move { Ok(sqlx::query(cut).execute(conn).await?) })).await;
            cut.unwrap_err()
        }
    };
    assert!(matches!(refused, StoreError::Unavailable(_)), "{refused:?}");
    t.submit(new_scan("a", Priority::Normal)).await;
    let mut conn = t.store.read().await.unwrap();
    assert_eq!(scan_count::total(&mut conn, "a", &ScanFilter::default()).await.unwrap(), stored + 1);
}

async fn limit_pages(store: &Store, pages: u32) {
    let sql = sqlx::AssertSqlSafe(format!("PRAGMA max_page_count = {pages}"));
    store.write(move |conn| Box::pin(async move { Ok(sqlx::query(sql).execute(conn).await?) })).await.unwrap();
}

#[tokio::test]
async fn what_was_stored_is_there_after_a_close() {
    let t = Fixture::new().await;
    for _ in 0..5 {
        t.submit(new_scan("a", Priority::Normal)).await;
    }
    t.store.close().await;
    let is_file = t.db.dir.path().join("test.db").exists();
    assert_eq!(is_file, t.store.dialect() == Dialect::Sqlite);
    assert!(t.store.submit(new_scan("a", Priority::Normal)).await.is_err());
    let again = t.db.open().await;
    let mut conn = again.read().await.unwrap();
    assert_eq!(scan_count::total(&mut conn, "a", &ScanFilter::default()).await.unwrap(), 5);
}

#[tokio::test]
async fn a_schema_from_the_future_is_refused() {
    let db = TestDatabase::new().await;
    let store = db.open().await;
    let sql = "INSERT INTO schema_version (version) VALUES (1000)";
    store.write(move |conn| Box::pin(async move { Ok(sqlx::query(sql).execute(conn).await?) })).await.unwrap();
    store.close().await;
    let refused = Store::open(&db.options).await.unwrap_err();
    assert!(refused.to_string().contains("schema version 1000"), "{refused}");
}

#[tokio::test]
async fn a_database_locked_by_somebody_else_is_unavailable_until_it_is_free() {
    let t = Fixture::new().await;
    t.submit(new_scan("a", Priority::Normal)).await;
    let mut intruder = sqlx::AnyConnection::connect(&t.db.options.url).await.unwrap();
    let lock = match t.store.dialect() {
        Dialect::Sqlite => "BEGIN IMMEDIATE",
        Dialect::Postgres => "BEGIN; LOCK TABLE scan IN ACCESS EXCLUSIVE MODE",
    };
    sqlx::raw_sql(lock).execute(&mut intruder).await.unwrap();
    let refused = t.store.submit(new_scan("a", Priority::Normal)).await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
    sqlx::raw_sql("ROLLBACK").execute(&mut intruder).await.unwrap();
    // A file that was held is tried twice a second.
    let until = tokio::time::Instant::now() + std::time::Duration::from_secs(20);
    while t.store.submit(new_scan("a", Priority::Normal)).await.is_err() {
        assert!(tokio::time::Instant::now() < until, "writes are still refused");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let mut conn = t.store.read().await.unwrap();
    assert_eq!(scan_count::total(&mut conn, "a", &ScanFilter::default()).await.unwrap(), 2);
}

#[tokio::test]
async fn a_full_queue_refuses_and_writes_nothing() {
    let mut db = TestDatabase::new().await;
    db.options.write_queue = 2;
    let t = Fixture::with(db).await;
    let scans = futures::future::join_all((0..50).map(|_| t.store.submit(new_scan("a", Priority::Normal)))).await;
    let stored = scans.iter().filter(|outcome| matches!(outcome, Ok(Submitted::Stored))).count();
    let refused = scans.iter().filter(|outcome| matches!(outcome, Err(StoreError::QueueFull))).count();
    assert!(refused > 0 && stored + refused == 50, "{stored} stored, {refused} refused");
    let mut conn = t.store.read().await.unwrap();
    assert_eq!(scan_count::total(&mut conn, "a", &ScanFilter::default()).await.unwrap(), stored as u64);
}
