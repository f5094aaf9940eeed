//! Processes as /proc shows them.

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, SysconfVar, Uid, sysconf};
use std::collections::{HashMap, HashSet};
use std::os::unix::fs::MetadataExt;

/// One process: a pid alone may be used again, a pid with its start time is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Process {
    pub pid: i32,
    pub parent: i32,
    /// Clock ticks after boot.
    pub started: u64,
    pub threads: u64,
}

impl Process {
    /// Reads one process; `None` when it is gone.
    pub fn read(pid: i32) -> Option<Process> {
        let stat = std::fs::read(format!("/proc/{pid}/stat")).ok()?;
        parse(&String::from_utf8_lossy(&stat))
    }

    /// Bytes of memory that are this process's alone; 0 when it is gone.
    pub fn memory(self) -> u64 {
        let statm = std::fs::read_to_string(format!("/proc/{}/statm", self.pid)).unwrap_or_default();
        let mut pages = statm.split(' ').skip(1).map(|pages| pages.parse::<u64>().unwrap_or(0));
        let (resident, shared) = (pages.next().unwrap_or(0), pages.next().unwrap_or(0));
        resident.saturating_sub(shared).saturating_mul(page_bytes())
    }

    /// Sends a signal, unless the pid belongs to another process by now.
    pub fn signal(self, signal: Signal) {
        if Process::read(self.pid).is_some_and(|now| now.started == self.started) {
            // Gone meanwhile, or not ours to signal: the caller looks again.
            let _ = kill(Pid::from_raw(self.pid), signal);
        }
    }
}

/// Every process.
pub fn all() -> Vec<Process> {
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter_map(Process::read).collect()
}

fn page_bytes() -> u64 {
    let bytes = sysconf(SysconfVar::PAGE_SIZE).ok().flatten();
    bytes.and_then(|bytes| u64::try_from(bytes).ok()).unwrap_or(4096)
}

/// Processes and threads of a user.
pub fn tasks_of(uid: Uid) -> u64 {
    let is_of = |process: &Process| {
        std::fs::metadata(format!("/proc/{}", process.pid)).is_ok_and(|meta| meta.uid() == uid.as_raw())
    };
    all().iter().filter(|process| is_of(process)).map(|process| process.threads).sum()
}

/// Every descendant of a process, zombies included, parents before children.
pub fn descendants(ancestor: i32) -> Vec<Process> {
    let mut children: HashMap<i32, Vec<Process>> = HashMap::new();
    for process in all() {
        children.entry(process.parent).or_default().push(process);
    }
    let mut found = Vec::new();
    let mut parents = vec![ancestor];
    while let Some(parent) = parents.pop() {
        for child in children.remove(&parent).unwrap_or_default() {
            parents.push(child.pid);
            found.push(child);
        }
    }
    found
}

/// The most looks for processes that are not stopped yet.
const LOOKS: u32 = 1000;

/// Stops all processes of a group until a look finds none that is new. Killing alone does not end those that fork faster
/// than they are found: each death makes room for another, and what is stopped keeps its place and does not fork.
pub fn freeze(find: impl Fn() -> Vec<Process>) {
    let mut stopped = HashSet::new();
    for _ in 0..LOOKS {
        let fresh: Vec<Process> =
            find().into_iter().filter(|process| stopped.insert((process.pid, process.started))).collect();
        if fresh.is_empty() {
            return;
        }
        for process in fresh {
            process.signal(Signal::SIGSTOP);
        }
    }
}

/// Reads a line of `/proc/<pid>/stat`. The name stands in parentheses and may hold any byte, so the last one ends it.
fn parse(stat: &str) -> Option<Process> {
    let (head, tail) = stat.rsplit_once(')')?;
    let pid = head.split_once(' ')?.0.parse().ok()?;
    let fields: Vec<&str> = tail.split_whitespace().collect();
    // Fields 4, 20 and 22 of proc(5); the tail begins with field 3.
    let field = |number: usize| fields.get(number - 3).copied();
    Some(Process {
        pid,
        parent: field(4)?.parse().ok()?,
        threads: field(20)?.parse().ok()?,
        started: field(22)?.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_parentheses_and_blanks_does_not_shift_the_fields() {
        let line = "7 (a) R 1 (b) S 3 7 7 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 9001 0 0";
        assert_eq!(parse(line), Some(Process { pid: 7, parent: 3, started: 9001, threads: 1 }));
        assert_eq!(parse("7 (cut"), None);
        assert_eq!(parse("7 (cut) S 3"), None);
    }

    #[test]
    fn memory_that_is_touched_is_counted() {
        let me = Process::read(std::process::id() as i32).unwrap();
        let before = me.memory();
        let touched = std::hint::black_box(vec![1u8; 64 * 1024 * 1024]);
        assert!(me.memory() >= before + 60 * 1024 * 1024, "{before} and {}", me.memory());
        drop(touched);
    }

    #[test]
    fn this_process_descends_from_its_parent() {
        let me = std::process::id() as i32;
        let parent = Process::read(me).unwrap().parent;
        assert!(descendants(parent).iter().any(|process| process.pid == me));
    }
}
