//! A PostgreSQL server of the drill's own, so that it can be killed like everything else.

use anyhow::{Context, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, User};
use sqlx::ConnectOptions;
use sqlx::any::AnyConnectOptions;
use std::fs::File;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::str::FromStr;
use std::time::{Duration, Instant};
use tokio::process::{Child, Command};

/// How long the server may take to start, its recovery after a crash included.
const START: Duration = Duration::from_secs(60);

/// The server and its cluster of databases.
#[derive(Debug)]
pub struct Postgres {
    bin: PathBuf,
    dir: PathBuf,
    pub port: u16,
    /// Whom it runs as when we are root, whom it refuses.
    user: Option<User>,
    child: Option<Child>,
}

impl Postgres {
    /// Makes a cluster and starts its server.
    pub async fn start(dir: &Path, port: u16) -> anyhow::Result<Postgres> {
        let user = match nix::unistd::getuid().is_root() {
            true => Some(User::from_name("postgres")?.context("no user postgres: apt-get install postgresql")?),
            false => None,
        };
        std::fs::create_dir_all(dir)?;
        std::fs::set_permissions(dir, std::fs::Permissions::from_mode(0o700))?;
        if let Some(user) = &user {
            chown(dir, Some(user.uid.as_raw()), Some(user.gid.as_raw()))?;
        }
        let mut postgres = Postgres { bin: programs()?, dir: dir.to_path_buf(), port, user, child: None };
        let mut initdb = postgres.command("initdb");
        initdb.arg("--pgdata").arg(dir.join("data"));
        initdb.args(["--username", "scanyard", "--auth", "trust", "--encoding", "UTF8", "--locale", "C.UTF-8"]);
        let output = initdb.output().await.context("running initdb")?;
        if !output.status.success() {
            bail!("initdb: {}", String::from_utf8_lossy(&output.stderr));
        }
        postgres.come_back().await?;
        Ok(postgres)
    }

    /// Its address for one that connects to this port: the server's own, or a proxy's.
    pub fn url(port: u16) -> String {
        format!("postgres://scanyard@127.0.0.1:{port}/postgres")
    }

    /// Starts the server and waits until it answers.
    pub async fn come_back(&mut self) -> anyhow::Result<()> {
        let until = Instant::now() + START;
        let connect = AnyConnectOptions::from_str(&Postgres::url(self.port))?;
        loop {
            let has_ended = match &mut self.child {
                Some(child) => child.try_wait()?.is_some(),
                None => true,
            };
            // Until the last process of the one before is gone, it refuses the shared memory and ends at once.
            if has_ended {
                self.child = Some(self.spawn()?);
            }
            if connect.connect().await.is_ok() {
                return Ok(());
            }
            if Instant::now() > until {
                bail!("PostgreSQL does not answer after {START:?}; see {}", self.dir.join("log").display());
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// kill -9 of the server and every process of it, as a power cut would end them.
    pub async fn kill(&mut self) -> anyhow::Result<()> {
        let Some(mut child) = self.child.take() else { return Ok(()) };
        let Some(server) = child.id() else { return Ok(()) };
        let backends = crate::orphans::children(server as i32);
        for pid in std::iter::once(server as i32).chain(backends) {
            let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
        }
        child.wait().await?;
        Ok(())
    }

    /// What `pg_amcheck` finds wrong with tables and indexes.
    pub async fn damage(&self) -> anyhow::Result<Vec<String>> {
        let mut check = self.command("pg_amcheck");
        check.args(["--host", "127.0.0.1", "--port", &self.port.to_string(), "--username", "scanyard"]);
        check.args(["--install-missing", "--heapallindexed", "--database", "postgres"]);
        let output = check.output().await.context("running pg_amcheck")?;
        if output.status.success() {
            return Ok(Vec::new());
        }
        let said = [output.stdout, output.stderr].concat();
        Ok(String::from_utf8_lossy(&said).lines().map(str::to_string).collect())
    }

    fn spawn(&self) -> anyhow::Result<Child> {
        let log = self.dir.join("log");
        let log = File::options().create(true).append(true).open(&log).with_context(|| format!("opening {log:?}"))?;
        let mut server = self.command("postgres");
        server.arg("-D").arg(self.dir.join("data"));
        let settings = [
            "listen_addresses=127.0.0.1".to_string(),
            format!("port={}", self.port),
            format!("unix_socket_directories={}", self.dir.display()),
            "max_connections=200".to_string(),
            "fsync=on".to_string(),
        ];
        for setting in settings {
            server.args(["-c", &setting]);
        }
        let server = server.stdout(log.try_clone()?).stderr(log).kill_on_drop(true);
        server.spawn().context("starting PostgreSQL")
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.bin.join(program));
        command.current_dir(&self.dir).stdin(Stdio::null());
        if let Some(user) = &self.user {
            command.uid(user.uid.as_raw()).gid(user.gid.as_raw());
        }
        command
    }
}

/// The folder of the newest server's programs.
fn programs() -> anyhow::Result<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut versions: Vec<(u32, PathBuf)> = versions
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
        .filter(|(_, bin)| bin.join("postgres").exists())
        .collect();
    versions.sort();
    let (_, newest) = versions.pop().context("PostgreSQL is missing: apt-get install postgresql")?;
    Ok(newest)
}
