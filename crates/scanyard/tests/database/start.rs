//! What stands in the way of a start: one message that names the setting, an exit code, nothing half-started.

use crate::cluster::{Cluster, PASSWORD};
use crate::command::{command, said, scanyard};
use crate::server::{Server, serve_command};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use scanyard_contract::Timestamp;
use serde_json::json;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

/// Starts a server that cannot start; gives its exit code and what it said.
fn refused(dir: &Path, url: &str) -> (Option<i32>, String) {
    let mut command = serve_command(dir, &[("SCANYARD_DATABASE_URL", url), ("SCANYARD_LOG_LEVEL", "error")]);
    let output = command.stderr(Stdio::piped()).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!said.contains(PASSWORD) && !said.contains("hunter2"), "a password is shown: {said}");
    assert_eq!(said.lines().filter(|line| line.starts_with("error:")).count(), 1, "{said}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "", "it listened, or made a key");
    (output.status.code(), said)
}

#[test]
fn each_fault_of_the_database_is_one_message_that_names_the_setting() {
    let cluster = Cluster::start();
    let dir = tempfile::tempdir().unwrap();
    let other_ca = dir.path().join("other.pem");
    let other = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_string()]).unwrap();
    std::fs::write(&other_ca, other.cert.pem()).unwrap();
    let key = dir.path().join("node.key");
    std::fs::write(&key, other.signing_key.serialize_pem()).unwrap();
    let good = cluster.database("good");
    cluster.database("tlsonly");
    cluster.sql("postgres", &format!("CREATE ROLE guest LOGIN PASSWORD '{PASSWORD}'"));
    let standby = cluster.database("standby");
    cluster.sql("standby", "ALTER DATABASE standby SET default_transaction_read_only = on");
    // A role that may not even look into the schema, one with room for a single connection, and a text that fits nowhere.
    let made = |name: &str, sql: &str| {
        let url = cluster.database(name);
        cluster.sql(name, &sql.replace("PASSWORD", &format!("PASSWORD '{PASSWORD}'")));
        url
    };
    let hidden = made("hidden", "CREATE ROLE blind LOGIN PASSWORD; REVOKE ALL ON SCHEMA public FROM PUBLIC");
    let full = made("crowded", "CREATE ROLE one LOGIN PASSWORD CONNECTION LIMIT 1; GRANT ALL ON SCHEMA public TO one");
    let latin = "CREATE DATABASE latin TEMPLATE template0 ENCODING LATIN1 LC_COLLATE 'C' LC_CTYPE 'C'";
    cluster.sql("postgres", latin);
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let port = cluster.port.to_string();
    let faults = [
        (good.replace("postgres://", "mysql://"), 2, "must begin with sqlite:// or postgres://"),
        (good.replace(&port, &free.to_string()), 5, "nobody listens there"),
        (good.replace("127.0.0.1", "no-such-host.invalid"), 5, "cannot be reached"),
        (good.replace(PASSWORD, "hunter2"), 2, "refuses the password"),
        (cluster.url("nowhere"), 2, "database \"nowhere\" does not exist; make it with `createdb`"),
        (format!("{good}?sslmode=verify-full&sslrootcert={}", other_ca.display()), 2, "certificate"),
        (format!("{good}?sslrootcert=/no/ca.pem"), 2, "sslrootcert: /no/ca.pem"),
        (format!("{good}?sslcert=/no/node.pem"), 2, "sslcert: /no/node.pem"),
        (format!("{good}?sslkey={}", key.display()), 2, "sslcert and sslkey are used together only"),
        (format!("{}?sslmode=disable", cluster.url("tlsonly")), 2, "the server asks for TLS"),
        (good.replace("scanyard:", "guest:"), 2, "permission denied for schema public"),
        (hidden.replace("scanyard:", "blind:"), 2, "USAGE on schema public"),
        (full.replace("scanyard:", "one:"), 5, "raise max_connections there, or lower database.connections"),
        (cluster.url("latin"), 3, "LATIN1, cannot hold every text; make it with `createdb --encoding UTF8"),
        (format!("{}#ter", cluster.url("good")), 2, "%23 for #"),
        (standby, 5, "takes no writes: is it a standby"),
    ];
    for (url, code, said) in faults {
        let (exit, text) = refused(dir.path(), &url);
        assert_eq!(exit, Some(code), "{text}");
        assert!(text.contains("database.url") && text.contains(said), "{said:?} is not in: {text}");
        assert!(!dir.path().join("data").exists(), "a data folder is left after: {text}");
    }
    assert_eq!(cluster.sql("good", "SELECT COUNT(*) FROM pg_tables WHERE schemaname = 'public'").trim(), "0");
}

#[test]
fn a_file_that_cannot_be_made_is_a_fault_of_the_setting_and_a_used_port_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let (exit, text) = refused(dir.path(), "sqlite:///nonexistent/x.db");
    assert_eq!(exit, Some(2), "{text}");
    assert!(text.contains("database.url: sqlite:///nonexistent/x.db: the file cannot be opened or made"), "{text}");
    let used = TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = format!("--listen={}", used.local_addr().unwrap());
    let data = dir.path().join("other");
    let (exit, text) = said(&scanyard(&["serve", &listen, "--data-dir", data.to_str().unwrap()]));
    assert_eq!(exit, Some(3), "{text}");
    assert!(text.contains("listen: ") && text.contains("in use"), "{text}");
    assert!(!data.exists(), "something was made");
}

#[test]
fn a_place_that_cannot_be_is_a_fault_of_the_setting_that_names_it() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    std::fs::write(&file, "").unwrap();
    let data = dir.path().join("data");
    let key_in = |key: &Path| vec!["--bootstrap-key-file".to_string(), key.display().to_string()];
    let faults = [
        (file.clone(), vec![], "data_dir: making "),
        (file.join("data"), vec![], "data_dir: making "),
        (
            data.clone(),
            key_in(Path::new("/nonexistent/owner.key")),
            "bootstrap_key_file: /nonexistent/owner.key: its folder: ",
        ),
        (data.clone(), key_in(dir.path()), "bootstrap_key_file: "),
    ];
    for (place, more, named) in faults {
        let mut command = command(&["serve", "--listen", "127.0.0.1:0", "--data-dir", place.to_str().unwrap()]);
        let (exit, text) = said(&command.args(more).output().unwrap());
        assert_eq!(exit, Some(2), "{text}");
        assert!(text.contains(named), "{named:?} is not in: {text}");
        assert!(!data.exists(), "something was made");
    }
    // Once there is a key its file is not needed any more.
    drop(Server::start(dir.path(), &[]));
    let mut again = command(&["serve", "--listen", "127.0.0.1:0", "--data-dir", data.to_str().unwrap()]);
    again.args(key_in(Path::new("/nonexistent/owner.key")));
    Server::of(again, dir.path());
}

#[test]
fn a_server_with_a_certificate_of_the_authority_named_is_used_over_tls() {
    let cluster = Cluster::start();
    let dir = tempfile::tempdir().unwrap();
    let url = format!("{}?sslrootcert={}", cluster.database("good"), cluster.ca());
    let server = Server::start(dir.path(), &[("SCANYARD_DATABASE_URL", &url)]);
    assert_eq!(server.call("GET", "/scans", "").0, 200);
    let plain = "SELECT COUNT(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE datname = 'good' AND NOT ssl AND client_addr IS NOT NULL";
    assert_eq!(cluster.sql("postgres", plain).trim(), "0");
    let over_tls = plain.replace("NOT ssl", "ssl");
    assert_ne!(cluster.sql("postgres", &over_tls).trim(), "0");
}

/// What docs/OPERATIONS.md tells an operator to grant to the nodes' role.
fn grants() -> String {
    let lines = include_str!("../../../../docs/OPERATIONS.md").lines().map(str::trim_start);
    let granting = lines.filter(|line| line.starts_with("GRANT ") || line.starts_with("ALTER DEFAULT PRIVILEGES "));
    granting.map(|line| format!("{line}\n")).collect()
}

/// A folder of a node beside one that has started, with its key files.
fn beside(first: &Path) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("data")).unwrap();
    for file in ["data/master.key", "owner.key"] {
        std::fs::copy(first.join(file), dir.path().join(file)).unwrap();
    }
    dir
}

#[test]
fn a_role_that_may_only_read_and_write_serves_a_schema_that_is_up_to_date() {
    let cluster = Cluster::start();
    cluster.sql("postgres", &format!("CREATE ROLE node LOGIN PASSWORD '{PASSWORD}'"));
    for (name, is_granted_first) in [("granted_before", true), ("granted_after", false)] {
        let first = tempfile::tempdir().unwrap();
        let url = cluster.database(name);
        if is_granted_first {
            cluster.sql(name, &grants());
        }
        Server::start(first.path(), &[("SCANYARD_DATABASE_URL", &url)]);
        if !is_granted_first {
            cluster.sql(name, &grants());
        }
        // As a node with Kafka says it: from here on each move of a scan is noted for it.
        cluster.sql(name, "INSERT INTO kafka_use (id, until) VALUES (1, 9999999999999)");
        let second = beside(first.path());
        let server = Server::start(second.path(), &[("SCANYARD_DATABASE_URL", &url.replace("scanyard:", "node:"))]);
        let id = server.submit(json!({"target": "127.0.0.1", "scanType": "sentinel", "options": {"ports": "64000"}}));
        server.wait(&id, "sentinel", "the scan ends", |scan| scan["status"] == "completed");
        assert_ne!(cluster.sql(name, "SELECT COUNT(*) FROM kafka_message").trim(), "0");
    }
}

#[test]
fn a_server_with_too_little_room_for_a_node_is_told_of() {
    let cluster = Cluster::start();
    let first = tempfile::tempdir().unwrap();
    let url = cluster.database("little");
    Server::start(first.path(), &[("SCANYARD_DATABASE_URL", &url)]);
    for (connections, is_too_many) in [("8", false), ("200", true)] {
        // It ends for want of the master key.
        let second = tempfile::tempdir().unwrap();
        let env = [("SCANYARD_DATABASE_URL", url.as_str()), ("SCANYARD_DATABASE_CONNECTIONS", connections)];
        let output = serve_command(second.path(), &env).stderr(Stdio::piped()).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(said.contains("WARN") && said.contains("share is 202 more"), is_too_many, "{said}");
        assert!(said.contains("master key"), "{said}");
    }
}

/// Has every caller ask a few times and submit as often, and none wait for as long as a pool waits for a new connection.
fn all_are_answered(server: &Server, callers: usize) {
    let body = json!({"target": "127.0.0.1", "scanType": "sentinel", "options": {"ports": "64000"}}).to_string();
    let ask = || {
        let asked = Instant::now();
        assert_eq!(server.call("GET", "/scans", "").0, 200);
        assert_eq!(server.call("POST", "/scans", &body).0, 201);
        asked.elapsed()
    };
    let in_turn = || (0..10).map(|_| ask()).max().unwrap();
    let slowest = std::thread::scope(|scope| {
        let callers: Vec<_> = (0..callers).map(|_| scope.spawn(in_turn)).collect();
        callers.into_iter().map(|caller| caller.join().unwrap()).max().unwrap()
    });
    assert!(slowest < Duration::from_secs(10), "{slowest:?}");
}

#[test]
fn a_node_without_room_for_more_connections_works_with_those_that_it_has() {
    let cluster = Cluster::start();
    let url = cluster.database("scarce");
    cluster.sql("scarce", &format!("CREATE ROLE few LOGIN PASSWORD '{PASSWORD}'; GRANT ALL ON SCHEMA public TO few"));
    let limit = |limit: i32| cluster.sql("postgres", &format!("ALTER ROLE few CONNECTION LIMIT {limit}"));
    let start = |dir: &Path| {
        let url = url.replace("scanyard:", "few:");
        Server::start(dir, &[("SCANYARD_DATABASE_URL", &url), ("SCANYARD_LIMITS_PER_MINUTE", "1000000")])
    };
    let dir = tempfile::tempdir().unwrap();
    // Known at the start: three beside the pool, and two in it.
    limit(5);
    let server = start(dir.path());
    all_are_answered(&server, 24);
    let few = "SELECT COUNT(*) FROM pg_stat_activity WHERE usename = 'few'";
    assert_eq!(cluster.sql("postgres", few).trim(), "5", "the word between nodes has its own");
    drop(server);
    // Found when more are wanted.
    limit(-1);
    let server = start(dir.path());
    limit(5);
    all_are_answered(&server, 12);
}

#[test]
fn a_role_that_lacks_a_right_is_refused_with_what_it_lacks() {
    let cluster = Cluster::start();
    let first = tempfile::tempdir().unwrap();
    let url = cluster.database("shared");
    Server::start(first.path(), &[("SCANYARD_DATABASE_URL", &url)]);
    cluster.sql("postgres", &format!("CREATE ROLE node LOGIN PASSWORD '{PASSWORD}'"));
    cluster.sql("shared", "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO node");
    let second = beside(first.path());
    let url = url.replace("scanyard:", "node:");
    let (exit, said) = refused(second.path(), &url);
    assert_eq!(exit, Some(2), "{said}");
    assert!(said.contains("database.url") && said.contains("kafka_message_id_seq"), "{said}");
    cluster.sql("shared", &grants());
    cluster.sql("shared", "REVOKE DELETE ON job FROM node");
    let (exit, said) = refused(second.path(), &url);
    assert_eq!((exit, said.contains("no right to use job")), (Some(2), true), "{said}");
    // What others keep in the same database is none of ours.
    cluster.sql("shared", &grants());
    cluster.sql(
        "shared",
        "CREATE ROLE other; GRANT CREATE ON SCHEMA public TO other; SET ROLE other; CREATE TABLE theirs (id BIGINT)",
    );
    Server::start(second.path(), &[("SCANYARD_DATABASE_URL", &url)]);
}

#[test]
fn a_command_beside_the_nodes_makes_no_instance_and_brings_none_up_to_date() {
    let cluster = Cluster::start();
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    std::fs::create_dir(&data).unwrap();
    let server = cluster.database("none");
    let file = format!("sqlite://{}", data.join("scanyard.db").display());
    let commands: [&[&str]; 3] =
        [&["keys", "create", "x"], &["users", "create", "a@b.test", "--role", "viewer"], &["reseal"]];
    let refused = |url: &str, exit: i32, what: &str| {
        for arguments in commands {
            let mut command = command(arguments);
            command.env("SCANYARD_DATABASE_URL", url).env("SCANYARD_DATA_DIR", &data);
            let (code, text) = said(&command.output().unwrap());
            assert_eq!((code, text.contains("database.url") && text.contains(what)), (Some(exit), true), "{text}");
        }
    };
    for url in [&server, &file] {
        refused(url, 2, "was never started on it");
    }
    assert_eq!(std::fs::read_dir(&data).unwrap().count(), 0, "something was made");
    assert_eq!(cluster.sql("none", "SELECT COUNT(*) FROM pg_tables WHERE schemaname = 'public'").trim(), "0");
    drop(Server::start(dir.path(), &[("SCANYARD_DATABASE_URL", &server)]));
    cluster.sql("none", "DELETE FROM schema_version WHERE version = (SELECT MAX(version) FROM schema_version)");
    refused(&server, 3, "brings it up to date");
}

#[test]
fn a_schema_from_the_future_is_refused() {
    let cluster = Cluster::start();
    let dir = tempfile::tempdir().unwrap();
    let postgres = cluster.database("future");
    let file = format!("sqlite://{}", dir.path().join("data/scanyard.db").display());
    Server::start(dir.path(), &[("SCANYARD_DATABASE_URL", &postgres)]);
    Server::start(dir.path(), &[]);
    cluster.sql("future", "INSERT INTO schema_version VALUES (999)");
    let python = format!(
        "import sqlite3; c = sqlite3.connect('{}'); c.execute('INSERT INTO schema_version VALUES (999)'); c.commit()",
        dir.path().join("data/scanyard.db").display()
    );
    let done = std::process::Command::new("python3").args(["-c", &python]).status();
    assert!(done.expect("python3 is needed: apt-get install python3").success());
    for url in [postgres, file] {
        let (exit, said) = refused(dir.path(), &url);
        assert_eq!(exit, Some(3), "{said}");
        assert!(said.contains("has schema version 999") && said.contains("run the newer program"), "{said}");
    }
}

#[test]
fn an_old_server_and_a_stranger_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let old = spawn_server(|mut stream| {
        answer_as_version(&mut stream, "90624");
    });
    let (exit, said) = refused(dir.path(), &format!("postgres://u:hunter2@127.0.0.1:{old}/d?sslmode=disable"));
    assert_eq!(exit, Some(3), "{said}");
    assert!(said.contains("database.url") && said.contains("too old; it must be at least 14"), "{said}");
    let stranger = spawn_server(|mut stream| {
        let _startup = stream.read(&mut [0; 1024]);
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
    });
    let (exit, said) = refused(dir.path(), &format!("postgres://u:hunter2@127.0.0.1:{stranger}/d?sslmode=disable"));
    assert_eq!(exit, Some(2), "{said}");
    assert!(said.contains("PostgreSQL server"), "{said}");
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let (exit, said) = refused(dir.path(), &format!("postgres://u:hunter2@127.0.0.1:{port}/d"));
    assert_eq!(exit, Some(5), "{said}");
    assert!(said.contains("database.url") && said.contains("does not answer as PostgreSQL"), "{said}");
}

fn spawn_server(answer: impl Fn(std::net::TcpStream) + Send + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || listener.incoming().flatten().for_each(answer));
    port
}

/// The few words of PostgreSQL's protocol with which a server lets anyone in and tells its version.
fn answer_as_version(stream: &mut std::net::TcpStream, version: &str) {
    let message = |kind: u8, body: &[u8]| {
        let length = (body.len() as u32 + 4).to_be_bytes();
        [&[kind], &length[..], body].concat()
    };
    let mut asked = [0; 1024];
    let _startup = stream.read(&mut asked);
    let ready = message(b'Z', b"I");
    let _ = stream.write_all(&[message(b'R', &[0; 4]), ready.clone()].concat());
    let column =
        [b"\0\x01v\0".as_slice(), &[0; 6], &25u32.to_be_bytes(), &(-1i16).to_be_bytes(), &[0xff; 4], &[0; 2]].concat();
    let row = [b"\0\x01".as_slice(), &(version.len() as u32).to_be_bytes(), version.as_bytes()].concat();
    let rows = [message(b'T', &column), message(b'D', &row), message(b'C', b"SHOW\0"), ready].concat();
    while stream.read(&mut asked).is_ok_and(|count| count > 0) {
        let _ = stream.write_all(&rows);
    }
}

#[test]
fn a_node_whose_clock_is_another_goes_by_the_databases() {
    let cluster = Cluster::start();
    let dir = tempfile::tempdir().unwrap();
    let url = cluster.database("behind");
    cluster.sql(
        "behind",
        "CREATE FUNCTION clock_timestamp() RETURNS TIMESTAMPTZ LANGUAGE sql \
         AS $$ SELECT pg_catalog.clock_timestamp() - INTERVAL '1000 s' $$",
    );
    cluster.sql("postgres", "ALTER DATABASE behind SET search_path = public, pg_catalog");
    let server = Server::start(dir.path(), &[("SCANYARD_DATABASE_URL", &url)]);
    let id = server.submit(json!({"target": "127.0.0.1", "scanType": "sentinel", "options": {"ports": "64000"}}));
    let scan = server.wait(&id, "sentinel", "the scan ends", |scan| scan["status"] == "completed");
    let at = |field: &str| scan[field].as_str().unwrap().parse::<Timestamp>().unwrap().0;
    // Its waiting is no part of what the clocks differ by.
    assert!((at("startedAt") - at("createdAt")).abs() < 500_000, "{scan}");
}

#[test]
fn a_worker_outlives_a_sighup() {
    let cluster = Cluster::start();
    let dir = tempfile::tempdir().unwrap();
    let url = cluster.database("shared");
    let server = Server::start(dir.path(), &[("SCANYARD_DATABASE_URL", &url), ("SCANYARD_WORKER_CONCURRENCY", "0")]);
    let second = beside(dir.path());
    let data = second.path().join("data");
    let args = ["worker", "--data-dir", data.to_str().unwrap(), "--database-url", &url];
    let mut worker = command(&args).spawn().unwrap();
    let lines = BufReader::new(worker.stdout.take().unwrap()).lines();
    assert!(lines.map_while(Result::ok).any(|line| line.contains("Scanyard works")));
    kill(Pid::from_raw(worker.id() as i32), Signal::SIGHUP).unwrap();
    let id = server.submit(json!({"target": "127.0.0.1", "scanType": "sentinel", "options": {"ports": "64000"}}));
    server.wait(&id, "sentinel", "the worker runs a scan after it", |scan| scan["status"] == "completed");
    kill(Pid::from_raw(worker.id() as i32), Signal::SIGTERM).unwrap();
    assert_eq!(worker.wait().unwrap().code(), Some(0));
}
