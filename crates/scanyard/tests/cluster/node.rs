//! Nodes of one PostgreSQL: each a real process with a data folder of its own and the same master key.

use crate::server::{Server, eventually, key_file};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

/// A database of its own on the test's server, and a folder for its nodes.
pub struct Cluster {
    pub url: String,
    pub dir: tempfile::TempDir,
    nodes: AtomicU32,
}

/// A worker's process; killed when dropped.
pub struct Worker {
    pub child: Child,
    /// Where it answers probes, if it does.
    pub address: Option<String>,
}

impl Cluster {
    pub fn new() -> Cluster {
        let server = std::env::var("SCANYARD_TEST_DATABASE_URL")
            .expect("a PostgreSQL server is needed: scripts/with-postgres cargo test --test cluster");
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("c{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let url = format!("{}/{name}", server.rsplit_once('/').expect("a database in the URL").0);
        psql(&server, &format!("CREATE DATABASE {name}"));
        Cluster { url, dir: tempfile::tempdir().unwrap(), nodes: AtomicU32::new(0) }
    }

    /// A folder for a node's data.
    fn folder(&self) -> PathBuf {
        let dir = self.dir.path().join(format!("node-{}", self.nodes.fetch_add(1, Ordering::Relaxed)));
        std::fs::create_dir(&dir).unwrap();
        dir
    }

    /// Everybody's key file.
    pub fn master_key(&self) -> PathBuf {
        self.dir.path().join("master.key")
    }

    /// Starts `scanyard serve`; the first one's key is everybody's.
    pub fn serve(&self, settings: &[(&str, &str)]) -> Server {
        let dir = self.folder();
        let master_key = self.master_key();
        let mut settings = settings.to_vec();
        settings.push(("SCANYARD_DATABASE_URL", &self.url));
        settings.push(("SCANYARD_MASTER_KEY_FILE", master_key.to_str().unwrap()));
        let (shared, own) = (self.dir.path().join("owner.key"), key_file(&dir));
        if shared.exists() {
            std::fs::copy(&shared, own).unwrap();
            return Server::start(&dir, &settings);
        }
        let server = Server::start(&dir, &settings);
        std::fs::copy(own, shared).unwrap();
        server
    }

    /// The command `scanyard worker`.
    pub fn worker_command(&self, settings: &[(&str, &str)]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_scanyard"));
        command
            .args(["worker", "--data-dir"])
            .arg(self.folder().join("data"))
            .env("SCANYARD_DATABASE_URL", &self.url)
            .env("SCANYARD_MASTER_KEY_FILE", self.master_key())
            .envs(settings.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit());
        command
    }

    /// Starts `scanyard worker` and waits until it works.
    pub fn worker(&self, settings: &[(&str, &str)]) -> Worker {
        let mut child = self.worker_command(settings).spawn().expect("starting scanyard worker");
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        assert_eq!(lines.next().as_deref(), Some("Scanyard works"), "scanyard worker ended before it worked");
        let listens = settings.iter().any(|(name, _)| *name == "SCANYARD_WORKER_LISTEN");
        let address = listens.then(|| lines.next().unwrap().split("http://").nth(1).unwrap().to_string());
        Worker { child, address }
    }

    /// The only value that a query finds.
    pub fn value(&self, sql: &str) -> String {
        psql(&self.url, sql)
    }
}

impl Worker {
    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id() as i32), signal).unwrap();
    }

    /// Ends it in order.
    pub fn stop(mut self) {
        self.signal(Signal::SIGTERM);
        let status = eventually("the worker ends", || self.child.try_wait().unwrap());
        assert_eq!(status.code(), Some(0));
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn psql(url: &str, sql: &str) -> String {
    let output = Command::new("psql")
        .args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--command", sql, url])
        .output()
        .expect("psql is needed: apt-get install postgresql");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_string()
}

/// What a command that does not start says.
pub fn refusal(mut command: Command) -> (Option<i32>, String) {
    let output = command.stderr(Stdio::piped()).output().unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}
