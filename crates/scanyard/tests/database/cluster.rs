//! A PostgreSQL server of a test's own, with TLS and passwords, that the test stops, freezes and starts again.

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, Uid};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The password of the user `scanyard`.
pub const PASSWORD: &str = "correct-horse-7";

pub struct Cluster {
    dir: tempfile::TempDir,
    pub port: u16,
}

const HBA: &str = "local all all trust
hostssl all all 127.0.0.1/32 scram-sha-256
hostnossl tlsonly all 127.0.0.1/32 reject
hostnossl all all 127.0.0.1/32 scram-sha-256
";

fn bin() -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = versions.map(|version| version.path().join("bin")).collect();
    found.sort();
    found.pop().expect("PostgreSQL is needed: apt-get install postgresql")
}

/// A command as a user whom PostgreSQL accepts: not root.
fn command(program: &Path) -> Command {
    if !Uid::effective().is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]).arg(program);
    command
}

fn run(command: &mut Command) -> String {
    let output = command.current_dir("/").output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{command:?}: {said}");
    String::from_utf8(output.stdout).unwrap()
}

impl Cluster {
    pub fn start() -> Cluster {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("password"), PASSWORD).unwrap();
        certify(dir.path());
        own(dir.path());
        let data = dir.path().join("data");
        run(command(&bin().join("initdb"))
            .args(["--username=scanyard", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync", "-D"])
            .arg(&data)
            .arg("--pwfile")
            .arg(dir.path().join("password")));
        std::fs::write(data.join("pg_hba.conf"), HBA).unwrap();
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let cluster = Cluster { dir, port };
        cluster.up();
        cluster
    }

    fn path(&self, name: &str) -> String {
        self.dir.path().join(name).display().to_string()
    }

    fn ctl(&self) -> Command {
        let mut command = command(&bin().join("pg_ctl"));
        command.args(["--silent", "--wait", "-D"]).arg(self.dir.path().join("data"));
        command
    }

    /// Starts the server, again.
    pub fn up(&self) {
        let options = format!(
            "-c listen_addresses=127.0.0.1 -p {} -c unix_socket_directories={} -c ssl=on -c ssl_cert_file={} -c ssl_key_file={}",
            self.port,
            self.dir.path().display(),
            self.path("cert.pem"),
            self.path("key.pem")
        );
        run(self.ctl().args(["--log", &self.path("log"), "--options", &options, "start"]));
    }

    /// Ends the server as a crash would.
    pub fn down(&self) {
        run(self.ctl().args(["--mode=immediate", "stop"]));
    }

    /// Stops or continues every process of the server, the way a machine under water does.
    pub fn signal(&self, signal: Signal) {
        let Ok(pids) = std::fs::read_to_string(self.dir.path().join("data/postmaster.pid")) else { return };
        let postmaster: i32 = pids.lines().next().unwrap().parse().unwrap();
        let children = std::fs::read_to_string(format!("/proc/{postmaster}/task/{postmaster}/children")).unwrap();
        let all = children.split_whitespace().map(|pid| pid.parse::<i32>().unwrap()).chain([postmaster]);
        all.for_each(|pid| {
            // A backend may have ended since.
            let _ = kill(Pid::from_raw(pid), signal);
        });
    }

    /// One statement as the owner of everything; its rows as text.
    pub fn sql(&self, database: &str, sql: &str) -> String {
        let port = self.port.to_string();
        let mut psql = Command::new(bin().join("psql"));
        psql.args([
            "-h",
            &self.path(""),
            "-p",
            &port,
            "-U",
            "scanyard",
            "-d",
            database,
            "-XAtq",
            "-v",
            "ON_ERROR_STOP=1",
        ]);
        run(psql.args(["-c", sql]))
    }

    /// An empty database, and the URL of the server with it.
    pub fn database(&self, name: &str) -> String {
        self.sql("postgres", &format!("CREATE DATABASE {name}"));
        self.url(name)
    }

    pub fn url(&self, database: &str) -> String {
        format!("postgres://scanyard:{PASSWORD}@127.0.0.1:{}/{database}", self.port)
    }

    /// The file of the authority that signed the server's certificate.
    pub fn ca(&self) -> String {
        self.path("ca.pem")
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.signal(Signal::SIGCONT);
        let _ = self.ctl().args(["--mode=immediate", "stop"]).current_dir("/").output();
    }
}

/// Gives the folder to the user that PostgreSQL runs as.
fn own(dir: &Path) {
    if Uid::effective().is_root() {
        run(Command::new("chown").args(["-R", "postgres:postgres"]).arg(dir));
    }
}

/// Writes a certificate for 127.0.0.1 with its key, and its authority's.
fn certify(dir: &Path) {
    let issuer = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    std::fs::write(dir.join("ca.pem"), params.self_signed(&issuer).unwrap().pem()).unwrap();
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(vec!["127.0.0.1".to_string()]).unwrap();
    let cert = leaf.signed_by(&key, &Issuer::new(params, issuer)).unwrap();
    std::fs::write(dir.join("cert.pem"), cert.pem()).unwrap();
    std::fs::write(dir.join("key.pem"), key.serialize_pem()).unwrap();
    std::fs::set_permissions(dir.join("key.pem"), PermissionsExt::from_mode(0o600)).unwrap();
}
