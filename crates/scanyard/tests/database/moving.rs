//! An instance moved to PostgreSQL: every table, every row, through every kill.

use crate::cluster::Cluster;
use crate::command::{command, python, said, scanyard};
use crate::server::{Server, eventually, serve_command};
use nix::sys::signal::Signal;
use scanyard_server::store::copy::Step;
use serde_json::json;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

fn copy(from: &Path, to: &str) -> (Option<i32>, String) {
    said(&scanyard(&["copy", "--from", &format!("sqlite://{}", from.display()), "--to", to]))
}

#[test]
fn a_moved_instance_runs_what_was_queued() {
    let cluster = Cluster::start();
    let url = cluster.database("moved");
    let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let file = dir.path().join("data/scanyard.db");
    let mut server = Server::start(dir.path(), &[("SCANYARD_WORKER_CONCURRENCY", "1")]);
    // Five seconds each: the stop below comes before any of them has ended.
    let options = json!({"ports": "64000-64009", "maxRate": 2});
    let body = || json!({"target": "127.0.0.1", "scanType": "sentinel", "options": options});
    let ids: Vec<String> = (0..5).map(|_| server.submit(body())).collect();
    let (code, refused) = copy(&file, &url);
    assert_eq!((code, refused.contains("stop it first")), (Some(2), true), "{refused}");
    server.signal(Signal::SIGTERM);
    server.child.wait().unwrap();
    let (code, done) = copy(&file, &url);
    assert_eq!(code, Some(0), "{done}");
    assert!(done.contains("all the same on both sides") && done.contains("master.key"), "{done}");
    let (code, again) = copy(&file, &url);
    assert_eq!(code, Some(0), "a second copy finds everything there: {again}");

    std::fs::create_dir(other.path().join("data")).unwrap();
    std::fs::copy(dir.path().join("data/master.key"), other.path().join("data/master.key")).unwrap();
    std::fs::copy(dir.path().join("owner.key"), other.path().join("owner.key")).unwrap();
    let server = Server::start(other.path(), &[("SCANYARD_DATABASE_URL", &url)]);
    for id in &ids {
        server.wait(id, "sentinel", "a queued scan runs on the target", |scan| scan["status"] == "completed");
    }
    drop(server);
    let (code, refused) = copy(&file, &url);
    assert_eq!((code, refused.contains("holds data already")), (Some(3), true), "{refused}");
}

/// A source with rows in every table, and many in some.
fn source(dir: &Path) -> std::path::PathBuf {
    let file = dir.join("scanyard.db");
    let server = concat!(env!("CARGO_MANIFEST_DIR"), "/../server");
    let script = format!(
        r#"
import glob, os
c.execute('CREATE TABLE schema_version (version BIGINT PRIMARY KEY)')
for step in sorted(glob.glob('{server}/schema/*.sql')):
    number = int(os.path.basename(step)[:4])
    c.executescript(open(step).read())
    rows = '{server}/tests/store/kept/rows_%04d.sql' % number
    if os.path.exists(rows):
        c.executescript(open(rows).read())
    c.execute('INSERT INTO schema_version VALUES (?)', (number,))
columns = [row[1] for row in c.execute('PRAGMA table_info(scan)')]
first = list(c.execute('SELECT * FROM scan LIMIT 1').fetchone())
for number in range(20000):
    first[0] = '01b00000-0000-7000-8000-%012d' % number
    first[columns.index('name')] = None if number % 3 else 'Büro "%d" \\ \U0001F41B' % number
    c.execute('INSERT INTO scan VALUES (%s)' % ','.join('?' * len(first)), first)
for number in range(40):
    c.execute('INSERT INTO report_piece VALUES (?, ?, ?)', ('01b0-%d' % (number // 4), number % 4, os.urandom(200000)))
"#
    );
    python(file.to_str().unwrap(), &script);
    file
}

#[test]
fn a_copy_killed_at_any_moment_goes_on_and_ends_as_the_source() {
    let cluster = Cluster::start();
    let url = cluster.database("target");
    let dir = tempfile::tempdir().unwrap();
    let file = source(dir.path());
    let from = format!("sqlite://{}", file.display());
    let mut seen_unfinished = false;
    for round in 0..12u64 {
        let mut process = command(&["copy", "--from", &from, "--to", &url]).stdout(Stdio::null()).spawn().unwrap();
        // A pseudo-random moment in a run that takes seconds: early, late, and in between.
        std::thread::sleep(Duration::from_millis(150 + (round * 7919) % 1300));
        process.kill().unwrap();
        process.wait().unwrap();
        let there = cluster.sql("target", "SELECT COUNT(*) FROM pg_tables WHERE tablename = 'unfinished_copy'");
        if there.trim() == "1" && !seen_unfinished {
            seen_unfinished = true;
            no_node_starts(dir.path(), &url);
        }
    }
    assert!(seen_unfinished, "no kill came in the middle of a copy");
    for _ in 0..2 {
        let (rows, total) = progress(&from, &url);
        assert!(rows == total && total > 0, "it ended at {rows} of {total} rows");
    }
    same_tables(&cluster, &file);
    same_rows(&cluster, &file);
}

/// Copies in this process; how many rows it told of, and how many it meant to.
fn progress(from: &str, to: &str) -> (u64, u64) {
    let (rows, total) = (AtomicU64::new(0), AtomicU64::new(0));
    let report = |step: Step<'_>| {
        match step {
            Step::Total(count) => total.store(count, Ordering::Relaxed),
            Step::Rows(count) => drop(rows.fetch_add(count, Ordering::Relaxed)),
            Step::Table(_) => {}
        };
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(scanyard_server::copy::copy(from, to, None, &report)).unwrap();
    (rows.into_inner(), total.into_inner())
}

fn no_node_starts(dir: &Path, url: &str) {
    let refused = serve_command(dir, &[("SCANYARD_DATABASE_URL", url)]).stderr(Stdio::piped()).output().unwrap();
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(3), "{said}");
    assert!(said.contains("run `scanyard copy` again"), "{said}");
}

#[test]
fn a_copy_killed_before_the_first_table_is_made_is_unfinished() {
    let cluster = Cluster::start();
    let url = cluster.database("target");
    let dir = tempfile::tempdir().unwrap();
    let file = source(dir.path());
    let from = format!("sqlite://{}", file.display());
    let waiting = |is_granted: &str| {
        let locks = "SELECT COUNT(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 7316024";
        eventually("the lock of migrations is held, or waited for", || {
            (cluster.sql("target", &format!("{locks} AND {is_granted}")).trim() == "1").then_some(())
        });
    };
    std::thread::scope(|scope| {
        // Somebody migrates until there is a database called `go`.
        let hold = "DO $$ BEGIN PERFORM pg_advisory_lock(7316024); \
             WHILE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'go') LOOP PERFORM pg_sleep(0.1); END LOOP; END $$";
        scope.spawn(|| cluster.sql("target", hold));
        waiting("granted");
        let mut process = command(&["copy", "--from", &from, "--to", &url]).spawn().unwrap();
        waiting("NOT granted");
        process.kill().unwrap();
        process.wait().unwrap();
        cluster.database("go");
    });
    let tables = || cluster.sql("target", "SELECT tablename FROM pg_tables WHERE schemaname = 'public'");
    // The server learns of the kill when the lock is free, and may go no further.
    assert_eq!(tables().trim(), "unfinished_copy");
    no_node_starts(dir.path(), &url);
    assert_eq!(tables().trim(), "unfinished_copy", "the node that did not start made something");
    let (code, done) = copy(&file, &url);
    assert_eq!(code, Some(0), "{done}");
    same_tables(&cluster, &file);
}

/// The catalogues of both databases name the same tables, with as many rows.
fn same_tables(cluster: &Cluster, file: &Path) {
    let script = "for (name,) in c.execute(\"SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name\").fetchall():\n    \
                  print(name, c.execute('SELECT COUNT(*) FROM ' + name).fetchone()[0])";
    let source = python(file.to_str().unwrap(), script);
    let names = cluster
        .sql("target", "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename COLLATE \"C\"");
    let count = |name: &str| format!("{name} {}", cluster.sql("target", &format!("SELECT COUNT(*) FROM {name}")));
    assert_eq!(names.lines().map(count).collect::<String>(), source);
    assert!(source.lines().all(|line| !line.ends_with(" 0")), "a table without rows proves nothing: {source}");
}

/// Texts and bytes, read by other programs than the one that copied them.
fn same_rows(cluster: &Cluster, file: &Path) {
    let scans = "SELECT id || '|' || COALESCE(name, '-') || '|' || options || '|' || created_at FROM scan ORDER BY id";
    let bytes =
        |hex: &str| format!("SELECT scan_id || '|' || piece || '|' || {hex} FROM report_piece ORDER BY scan_id, piece");
    let print =
        |sql: &str| python(file.to_str().unwrap(), &format!("for (row,) in c.execute(\"\"\"{sql}\"\"\"): print(row)"));
    let collated = |sql: String| {
        sql.replace("ORDER BY id", "ORDER BY id COLLATE \"C\"")
            .replace("scan_id, piece", "scan_id COLLATE \"C\", piece")
    };
    assert!(print(scans) == cluster.sql("target", &collated(scans.to_string())), "scans differ");
    let there = cluster.sql("target", &collated(bytes("upper(encode(bytes, 'hex'))")));
    assert!(print(&bytes("hex(bytes)")) == there, "pieces of reports differ");
}

#[test]
fn a_target_or_source_that_cannot_be_is_refused_without_its_password() {
    let cluster = Cluster::start();
    let dir = tempfile::tempdir().unwrap();
    let file = source(dir.path());
    let occupied = cluster.database("occupied");
    let other = tempfile::tempdir().unwrap();
    Server::start(other.path(), &[("SCANYARD_DATABASE_URL", &occupied)]);
    let none = dir.path().join("none.db");
    let text_file = dir.path().join("text.db");
    std::fs::write(&text_file, "x".repeat(5000)).unwrap();
    let wrong = occupied.replace(crate::cluster::PASSWORD, "hunter2");
    let cases = [
        (&file, occupied.clone(), 3, "--to: ", "holds data already"),
        (&none, occupied.clone(), 2, "--from: ", "there is no database"),
        (&text_file, occupied.clone(), 3, "--from: ", "not a database"),
        (&file, wrong, 2, "--to: ", "refuses the password"),
        (&file, "sqlite:///x.db".to_string(), 2, "--to: ", "must be postgres://"),
        (&file, "postgres://u:hunter2@127.0.0.1:1/d".to_string(), 5, "--to: ", "nobody listens there"),
    ];
    for (from, to, code, argument, text) in cases {
        let (exit, said) = copy(from, &to);
        assert_eq!(exit, Some(code), "{said}");
        assert!(said.contains(text) && !said.contains("hunter2"), "{text:?} is not in {said}");
        assert!(said.contains(&format!("error: {argument}")) && !said.contains("database.url"), "{said}");
    }
    assert!(!dir.path().join("lock").exists(), "the source's folder was written to");
}

#[test]
fn a_database_with_tables_of_somebody_else_is_left_as_it_is() {
    let cluster = Cluster::start();
    let dir = tempfile::tempdir().unwrap();
    let file = source(dir.path());
    let theirs = cluster.database("theirs");
    for table in ["invoice (id SERIAL PRIMARY KEY, is_paid BOOLEAN)", "schema_version (version TEXT)"] {
        cluster.sql("theirs", &format!("CREATE TABLE {table}"));
        let list = || cluster.sql("theirs", "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1");
        let before = list();
        let (exit, said) = copy(&file, &theirs);
        assert_eq!(exit, Some(3), "{said}");
        assert!(said.contains("error: --to: ") && said.contains("invoice"), "{said}");
        assert!(said.contains("name an empty database"), "{said}");
        assert_eq!(list(), before);
    }
}

#[test]
fn a_source_that_cannot_be_written_to_is_refused_with_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let file = source(dir.path());
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o644)).unwrap();
    std::fs::set_permissions(dir.path(), PermissionsExt::from_mode(0o555)).unwrap();
    let from = format!("sqlite://{}", file.display());
    let args = ["copy", "--from", &from, "--to", "postgres://u@127.0.0.1:1/d"];
    let mut process = command(&args);
    if nix::unistd::geteuid().is_root() {
        // Root may write everywhere.
        process = std::process::Command::new("setpriv");
        process.args(["--reuid=65534", "--regid=65534", "--clear-groups", env!("CARGO_BIN_EXE_scanyard")]).args(args);
    }
    let (exit, said) = said(&process.output().unwrap());
    std::fs::set_permissions(dir.path(), PermissionsExt::from_mode(0o755)).unwrap();
    assert_eq!(exit, Some(2), "{said}");
    assert!(said.contains("error: --from: ") && said.contains("copy the file"), "{said}");
}
