//! A real Scanyard process: started, signalled, waited for.

use anyhow::{Context, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs::OpenOptions;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};
use tokio::process::{Child, Command};

/// How long a process may take until it listens, its database being there.
const START: Duration = Duration::from_secs(60);

/// What a node does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The API, and scans.
    Serve,
    /// Scans, and of HTTP only whether it lives.
    Worker,
}

impl Role {
    /// The subcommand, and the option that says where it listens.
    fn words(self) -> [&'static str; 2] {
        match self {
            Role::Serve => ["serve", "--listen"],
            Role::Worker => ["worker", "--worker-listen"],
        }
    }
}

/// A `scanyard serve` or `scanyard worker` on one port of loopback, with a data folder and a log of its own.
#[derive(Debug)]
pub struct Node {
    pub name: String,
    pub role: Role,
    /// The folder with the embedded database.
    pub data: PathBuf,
    log: PathBuf,
    port: u16,
    program: PathBuf,
    settings: Vec<String>,
    child: Option<Child>,
}

impl Node {
    /// A node that does not run yet, on a free port. Its log is in `dir`, its data in `data`.
    pub fn new(program: &Path, dir: &Path, role: Role, name: &str, data: PathBuf) -> anyhow::Result<Node> {
        let (name, log) = (name.to_string(), dir.join(format!("{name}.log")));
        let (port, program) = (free_port()?, program.to_path_buf());
        Ok(Node { name, role, data, log, port, program, settings: Vec::new(), child: None })
    }

    /// The same with settings, `name=value` as `--set` takes them.
    pub fn with(self, settings: Vec<String>) -> Node {
        Node { settings, ..self }
    }

    /// Where the API is.
    pub fn base(&self) -> String {
        format!("http://127.0.0.1:{}/api/v1", self.port)
    }

    /// The process, while it runs.
    pub fn pid(&self) -> Option<Pid> {
        Some(Pid::from_raw(self.child.as_ref()?.id()? as i32))
    }

    /// Starts the process without waiting for it.
    pub fn spawn(&mut self) -> anyhow::Result<()> {
        let log = OpenOptions::new().create(true).append(true).open(&self.log);
        let log = log.with_context(|| format!("opening {}", self.log.display()))?;
        let mut command = Command::new(&self.program);
        command.args(self.role.words()).arg(format!("127.0.0.1:{}", self.port)).arg("--data-dir").arg(&self.data);
        for setting in &self.settings {
            command.args(["--set", setting]);
        }
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).kill_on_drop(true);
        let child = command.spawn().with_context(|| format!("starting {}", self.program.display()))?;
        self.child = Some(child);
        Ok(())
    }

    /// Starts the process and waits until it answers.
    pub async fn start(&mut self) -> anyhow::Result<()> {
        self.spawn()?;
        let until = Instant::now() + START;
        // An answer, not a connection: the port is open before the first key is written.
        while !self.is_alive().await {
            if let Some(child) = &mut self.child
                && let Some(status) = child.try_wait()?
            {
                bail!("{} ended with {status} before it answered; see {}", self.name, self.log.display());
            }
            if Instant::now() > until {
                bail!("{} does not answer after {START:?}; see {}", self.name, self.log.display());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    async fn is_alive(&self) -> bool {
        let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(2)).build();
        let url = format!("http://127.0.0.1:{}/livez", self.port);
        match client {
            Ok(client) => client.get(url).send().await.is_ok_and(|answer| answer.status().is_success()),
            Err(_) => false,
        }
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        let pid = self.pid().with_context(|| format!("{} does not run", self.name))?;
        kill(pid, signal).with_context(|| format!("sending {signal} to {}", self.name))
    }

    /// Waits until the process has ended.
    pub async fn ended(&mut self, within: Duration) -> anyhow::Result<ExitStatus> {
        let mut child = self.child.take().with_context(|| format!("{} does not run", self.name))?;
        match tokio::time::timeout(within, child.wait()).await {
            Ok(status) => Ok(status?),
            Err(_) => bail!("{} has not ended after {within:?}", self.name),
        }
    }

    /// Ends the process at once, as a power cut would end it.
    pub async fn kill(&mut self) -> anyhow::Result<()> {
        self.signal(Signal::SIGKILL)?;
        self.ended(Duration::from_secs(10)).await.map(|_| ())
    }
}

/// A port of loopback that is free now.
pub fn free_port() -> anyhow::Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("looking for a free port")?;
    Ok(listener.local_addr()?.port())
}
