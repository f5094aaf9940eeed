//! Engine processes and their supervisors, found through /proc by the folder that they work in.

use nix::unistd::Pid;
use std::collections::HashSet;
use std::path::Path;

/// The engine processes under this folder that none of these nodes is an ancestor of.
pub fn of(work_dir: &Path, nodes: &[Pid]) -> Vec<i32> {
    let living: HashSet<i32> = nodes.iter().map(|pid| pid.as_raw()).collect();
    let home = [b"HOME=", work_dir.as_os_str().as_encoded_bytes()].concat();
    let pids = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = pids.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    pids.filter(|pid| works_in(*pid, &home) && !descends(*pid, &living)).collect()
}

/// Zombies have no environment any more and do not count.
fn works_in(pid: i32, home: &[u8]) -> bool {
    let environ = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
    environ.split(|byte| *byte == 0).any(|entry| entry.starts_with(home))
}

fn descends(pid: i32, from: &HashSet<i32>) -> bool {
    let mut pid = pid;
    while pid > 1 {
        if from.contains(&pid) {
            return true;
        }
        pid = parent(pid);
    }
    false
}

fn parent(pid: i32) -> i32 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The name in brackets can hold anything; the state and the parent follow the last bracket.
    let after = stat.rsplit(')').next().unwrap_or_default();
    after.split_whitespace().nth(1).and_then(|pid| pid.parse().ok()).unwrap_or(0)
}

/// The processes that a process started and that still run.
pub fn children(of: i32) -> Vec<i32> {
    let pids = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = pids.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    pids.filter(|pid| parent(*pid) == of).collect()
}

/// What a process is, for whoever reads of it when it is gone.
pub fn describe(pid: i32) -> String {
    let read = |file: &str| std::fs::read(format!("/proc/{pid}/{file}")).unwrap_or_default();
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).replace('\0', " ").trim().to_string();
    let stat = text(read("stat"));
    let state = stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().next()).unwrap_or("?").to_string();
    let environ = text(read("environ"));
    let home = environ.split(' ').find(|entry| entry.starts_with("HOME=")).unwrap_or("").to_string();
    format!("{pid} (parent {}, state {state}, {home}): {}", parent(pid), text(read("cmdline")))
}
