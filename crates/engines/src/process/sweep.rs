//! What runs of a dead worker left behind.

use super::tree::{self, Process};
use super::{RUN_ID, job_dir};
use nix::sys::signal::Signal;
use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;
use uuid::Uuid;

/// Kills every process of earlier runs under this work folder and removes their job folders; returns how many processes
/// there were. To be called before the first run, by the one worker that owns the folder.
///
/// A process belongs to a run when its environment names the run and, as its home, that run's folder under `work_dir`:
/// another instance's engines and all other processes are left alone.
pub fn sweep(work_dir: &Path) -> io::Result<usize> {
    let Some(work_dir) = there(work_dir.canonicalize())? else { return Ok(0) };
    let killed = kill_where(|run_id, home| home == job_dir::path(&work_dir, run_id));
    // A supervisor whose worker died removes its folder, and may have done so just now.
    for entry in there(std::fs::read_dir(&work_dir))?.into_iter().flatten().flatten() {
        if entry.file_name().to_str().is_some_and(|name| Uuid::parse_str(name).is_ok()) {
            there(std::fs::remove_dir_all(entry.path()))?;
        }
    }
    Ok(killed)
}

/// What was found; `None` where there is nothing.
fn there<T>(found: io::Result<T>) -> io::Result<Option<T>> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Kills every process of one run; blocks until none is left.
pub fn kill_run(run_id: Uuid) {
    kill_where(|id, _| id == run_id);
}

/// How long to look for processes that do not go away, such as those in an uninterruptible call.
const TRIES: u32 = 500;

fn kill_where(is_ours: impl Fn(Uuid, &Path) -> bool) -> usize {
    let mut seen: Vec<Process> = Vec::new();
    let find =
        || -> Vec<Process> { tree::all().into_iter().filter(|process| belongs(process.pid, &is_ours)).collect() };
    tree::freeze(find);
    for _ in 0..TRIES {
        let found = find();
        if found.is_empty() {
            break;
        }
        for process in found {
            process.signal(Signal::SIGKILL);
            if !seen.contains(&process) {
                seen.push(process);
            }
        }
        sleep(Duration::from_millis(10));
    }
    seen.len()
}

/// Whether the environment of a process names a run that is ours. Zombies have none and do not count.
fn belongs(pid: i32, is_ours: impl Fn(Uuid, &Path) -> bool) -> bool {
    if pid == std::process::id() as i32 {
        return false;
    }
    let Ok(environ) = std::fs::read(format!("/proc/{pid}/environ")) else { return false };
    let value = |name: &str| {
        let mut entries = environ.split(|byte| *byte == 0);
        entries.find_map(|entry| entry.strip_prefix(name.as_bytes())?.strip_prefix(b"="))
    };
    let run_id = value(RUN_ID).and_then(|id| Uuid::try_parse_ascii(id).ok());
    match (run_id, value("HOME")) {
        (Some(run_id), Some(home)) => is_ours(run_id, Path::new(OsStr::from_bytes(home))),
        _ => false,
    }
}
