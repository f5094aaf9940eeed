//! Processes as /proc shows them.

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::collections::HashMap;

/// One process: a pid alone may be used again, a pid with its start time is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Process {
    pub pid: i32,
    pub parent: i32,
    /// Clock ticks after boot.
    pub started: u64,
}

impl Process {
    /// Reads one process; `None` when it is gone.
    pub fn read(pid: i32) -> Option<Process> {
        let stat = std::fs::read(format!("/proc/{pid}/stat")).ok()?;
        parse(&String::from_utf8_lossy(&stat))
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

/// Reads a line of `/proc/<pid>/stat`. The name stands in parentheses and may hold any byte, so the last one ends it.
fn parse(stat: &str) -> Option<Process> {
    let (head, tail) = stat.rsplit_once(')')?;
    let pid = head.split_once(' ')?.0.parse().ok()?;
    let fields: Vec<&str> = tail.split_whitespace().collect();
    // Fields 4 and 22 of proc(5); the tail begins with field 3.
    Some(Process { pid, parent: fields.get(1)?.parse().ok()?, started: fields.get(19)?.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_parentheses_and_blanks_does_not_shift_the_fields() {
        let line = "7 (a) R 1 (b) S 3 7 7 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 9001 0 0";
        assert_eq!(parse(line), Some(Process { pid: 7, parent: 3, started: 9001 }));
        assert_eq!(parse("7 (cut"), None);
        assert_eq!(parse("7 (cut) S 3"), None);
    }

    #[test]
    fn this_process_descends_from_its_parent() {
        let me = std::process::id() as i32;
        let parent = Process::read(me).unwrap().parent;
        assert!(descendants(parent).iter().any(|process| process.pid == me));
    }
}
