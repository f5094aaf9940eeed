//! Every earlier schema, with rows in every table, becomes today's with the rows as they were.

use crate::support::TestDatabase;
use scanyard_server::store::catalogue::{Content, Table, tables};
use scanyard_server::store::schema::{MigrateError, STEPS, up, version};
use scanyard_server::store::{Store, Trouble, scan};
use sqlx::{AnyConnection, AssertSqlSafe, Connection};

/// What the program wrote into the tables and columns of each step, when it was new.
const ROWS: [&str; 9] = [
    include_str!("kept/rows_0001.sql"),
    include_str!("kept/rows_0002.sql"),
    include_str!("kept/rows_0003.sql"),
    include_str!("kept/rows_0004.sql"),
    include_str!("kept/rows_0005.sql"),
    include_str!("kept/rows_0006.sql"),
    include_str!("kept/rows_0007.sql"),
    include_str!("kept/rows_0008.sql"),
    include_str!("kept/rows_0009.sql"),
];

/// SHA-256 of every released step. A new step appends a line; no line ever changes.
const RELEASED: &[&str] = &[
    "a512cfe14fc0f2703cd1807edcb4d831d7aabe916db371f08573f855730841cd",
    "8b428e96f75322f8d979b677b49ef7299a2da7a756212f904cf1bcae6fdb0a7a",
    "62eaf06b486727115c4dc9b22ba06879bf5a47f8365bd9fadc6f8e0f8606ded0",
    "75ec5adf6c076f0d2a91e43f83fcc6c4a9639c05fe96524bda63606a44ee2d66",
    "49802e39911aa157b2709850d5c99cafccba0349256bb602a5769f47e3a5a2ac",
    "e24fe74f6e4e60cefe72533eb82b5ff9f579516c560251900b88e5212dac8d81",
    "e0857162ba27e74aa1e077fc8de958776cbb711eb477a6317452d67b8ddb7e54",
    "0244c88d5811a9d2dd3a0d76254611163536e1ee8c8779937a5658d224332bf6",
    "cbba40c66312cad26b473b7da44826451a614e1d6309b151be50f705e21e361c",
    "2a431697352cf64cac04fdec87e088912e7f2a6ce42b42131e7defe57e698abc",
];

async fn connect(db: &TestDatabase) -> AnyConnection {
    sqlx::any::install_default_drivers();
    let url = &db.options.url;
    let url = if url.starts_with("sqlite:") { format!("{url}?mode=rwc") } else { url.clone() };
    AnyConnection::connect(&url).await.unwrap()
}

/// A database as the program of that schema version left it.
async fn kept(db: &TestDatabase, version: usize) -> AnyConnection {
    let mut conn = connect(db).await;
    up(&mut conn, &STEPS[..version]).await.unwrap();
    for rows in &ROWS[..version] {
        let rows = match conn.backend_name() {
            "PostgreSQL" => rows.replace("X'", "'\\x"),
            _ => rows.to_string(),
        };
        sqlx::raw_sql(AssertSqlSafe(rows)).execute(&mut conn).await.unwrap();
    }
    conn
}

async fn contents(conn: &mut AnyConnection, tables: &[Table]) -> Vec<(String, Content)> {
    let mut contents = Vec::new();
    for table in tables.iter().filter(|table| table.name != "schema_version") {
        contents.push((table.name.clone(), table.content(conn, &|_| ()).await.unwrap()));
    }
    contents
}

#[tokio::test]
async fn every_earlier_schema_becomes_todays_with_its_rows_as_they_were() {
    for number in 1..=ROWS.len() {
        let db = TestDatabase::new().await;
        let mut conn = kept(&db, number).await;
        let then = tables(&mut conn).await.unwrap();
        let before = contents(&mut conn, &then).await;
        assert!(before.iter().all(|(_, content)| content.rows > 0), "a table without rows: {before:?}");
        conn.close().await.unwrap();

        let store = db.open().await;
        let id = "01a1ffcb-b000-7000-8000-000000000001";
        let found = scan::by_id(&mut store.read().await.unwrap(), id).await.unwrap().unwrap();
        assert_eq!((found.target.as_str(), found.progress), ("127.0.0.1", 40));
        store.close().await;

        let mut conn = connect(&db).await;
        assert_eq!(version(&mut conn).await.unwrap(), STEPS.len() as i64);
        assert_eq!(contents(&mut conn, &then).await, before, "from version {number}");
        conn.close().await.unwrap();
    }
}

#[test]
fn a_released_step_is_never_edited() {
    let hash = |step: &&str| {
        let digest = ring::digest::digest(&ring::digest::SHA256, step.as_bytes());
        digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect::<String>()
    };
    let today: Vec<String> = STEPS.iter().map(hash).collect();
    assert_eq!(today[..RELEASED.len()], *RELEASED, "a step that was released is edited: make a new one instead");
}

#[tokio::test]
async fn a_step_that_fails_leaves_the_schema_and_its_rows_whole() {
    let db = TestDatabase::new().await;
    let mut conn = kept(&db, 7).await;
    let then = tables(&mut conn).await.unwrap();
    let before = contents(&mut conn, &then).await;
    let broken = "CREATE TABLE half (id TEXT PRIMARY KEY); DELETE FROM scan; INSERT INTO nowhere (id) VALUES ('x')";
    let steps = [&STEPS[..7], &[broken]].concat();
    let failed = up(&mut conn, &steps).await.unwrap_err();
    assert!(matches!(failed, MigrateError::Step { version: 8, .. }), "{failed}");
    assert!(failed.to_string().contains("nowhere"), "{failed}");
    assert_eq!(tables(&mut conn).await.unwrap(), then);
    assert_eq!(contents(&mut conn, &then).await, before);
    assert_eq!(version(&mut conn).await.unwrap(), 7);
    conn.close().await.unwrap();
    db.open().await.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nodes_that_start_at_once_migrate_once() {
    let db = TestDatabase::new().await;
    kept(&db, 1).await.close().await.unwrap();
    let nodes = futures::future::join_all((0..4).map(|_| Store::open(&db.options))).await;
    for node in nodes {
        node.unwrap().close().await;
    }
    let mut conn = connect(&db).await;
    let steps: Vec<i64> =
        sqlx::query_scalar("SELECT version FROM schema_version ORDER BY version").fetch_all(&mut conn).await.unwrap();
    assert_eq!(steps, (1..=STEPS.len() as i64).collect::<Vec<_>>());
    conn.close().await.unwrap();
}

#[tokio::test]
async fn a_schema_from_the_future_is_refused_and_left_alone() {
    let db = TestDatabase::new().await;
    db.open().await.close().await;
    let mut conn = connect(&db).await;
    sqlx::query("INSERT INTO schema_version (version) VALUES (999)").execute(&mut conn).await.unwrap();
    conn.close().await.unwrap();
    let error = Store::open(&db.options).await.unwrap_err();
    assert_eq!(error.trouble, Trouble::Unfit);
    let text = error.to_string();
    assert!(text.starts_with("database.url: ") && text.contains("has schema version 999"), "{text}");
}
