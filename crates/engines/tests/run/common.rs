//! What the live tests share.

use scanyard_engines::process::Limits;
use scanyard_engines::{Control, Job, Options, Target};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// The supervisor as a program of its own.
pub const SUPERVISOR: &str = env!("CARGO_BIN_EXE_scanyard-supervise");

/// The other ends of a [`Control`].
pub struct Steering {
    pub control: Control,
    pub cancel: CancellationToken,
    pub stop: CancellationToken,
    pub renew: watch::Sender<u64>,
    pub progress: watch::Receiver<u8>,
}

pub fn steering(lease: Duration) -> Steering {
    let (cancel, stop) = (CancellationToken::new(), CancellationToken::new());
    let (progress, seen) = watch::channel(0);
    let (renew, renewed) = watch::channel(0);
    let control = Control { progress, cancel: cancel.clone(), stop: stop.clone(), renewed, lease };
    Steering { control, cancel, stop, renew, progress: seen }
}

pub fn job(target: &str, options: Options, work_dir: &Path) -> Job {
    Job {
        timeout: Duration::from_secs(60),
        program: Some("/usr/bin/nmap".into()),
        supervisor: vec![SUPERVISOR.to_string()],
        limits: unconfined(),
        ..Job::of(Target::parse(target).unwrap(), options, work_dir)
    }
}

/// The limits of an engine that is a script of a test, and writes beside itself what the test wants to know.
pub fn unconfined() -> Limits {
    Limits { is_confined: false, ..Limits::default() }
}

/// Waits for a fact, ten seconds at most.
pub async fn until(fact: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !fact() {
        assert!(Instant::now() < deadline, "it did not come true in 10 s");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// The numbers in a file, one a line; none while there is no file.
pub fn read_pids(path: &Path) -> Vec<i32> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines().map(|line| line.parse().unwrap()).collect()
}

/// Whether a process runs; a zombie does not.
pub fn is_alive(pid: i32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
}

/// Whether this process can reach nothing but loopback. Where it cannot say so, it runs the test again in a namespace
/// that has nothing else, and the test is over.
pub fn is_alone(test: &str) -> bool {
    let devices = std::fs::read_to_string("/proc/self/net/dev").unwrap();
    let others = devices.lines().filter_map(|line| line.split_once(':')).filter(|(name, _)| name.trim() != "lo");
    if others.count() == 0 {
        return true;
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/alone");
    let again =
        Command::new(script).arg(std::env::current_exe().unwrap()).args(["--exact", test, "--nocapture"]).output();
    let again = again.expect("scripts/alone runs");
    let text = String::from_utf8_lossy(&again.stdout);
    let is_passed = again.status.success() && text.contains("1 passed");
    assert!(
        is_passed,
        "in a namespace of its own (unshare, of util-linux): {text}\n{}",
        String::from_utf8_lossy(&again.stderr)
    );
    false
}
