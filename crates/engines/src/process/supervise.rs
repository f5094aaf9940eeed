//! The supervisor: one per run, a process of its own with one thread, between the worker and the engine.

use super::bounds::{Enforced, Limits};
use super::confine::{NICENESS, confine, hand_over};
use super::job_dir;
use super::protocol::{Ending, Exit, INTERRUPT, KILL, MAX_LINE, RENEW, Spec, TERMINATE};
use super::tree;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::prctl;
use nix::sys::signal::{SigHandler, SigSet, Signal, killpg};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::stat::{Mode, umask};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{Pid, User, getpid, getppid, setsid};
use std::fs::File;
use std::io::{self, PipeWriter, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How often memory and processes are counted: a look costs a few milliseconds on a busy machine.
const LOOK: Duration = Duration::from_millis(500);

/// Runs one engine for the worker at the other end of stdin; returns when no process of it is left.
///
/// The environment is the engine's already: the runner started this process with it and nothing else.
pub fn main() -> ExitCode {
    // Unbuffered, unlike `io::stdin`: orders follow the spec and are polled for.
    let Ok(mut worker) = io::stdin().as_fd().try_clone_to_owned().map(File::from) else {
        return ExitCode::FAILURE;
    };
    let not_started = |error: io::Error| Ending::without_bounds(Exit::NotStarted(format!("supervisor: {error}")));
    let (ending, dir) = match read_spec(&mut worker) {
        Ok(spec) => (supervise(&mut worker, &spec).unwrap_or_else(not_started), Some(spec.dir)),
        Err(error) => (not_started(error), None),
    };
    let mut line = serde_json::to_string(&ending).unwrap_or_default();
    line.push('\n');
    // The worker may be dead, and then nobody asks.
    let _ = worker.write_all(line.as_bytes());
    if let Some(dir) = dir.filter(|_| is_hung_up(&worker)) {
        // Nobody reads what the engine left, and what it was given is for nobody else: credentials are among it.
        job_dir::remove(&dir);
    }
    ExitCode::SUCCESS
}

/// Whether the other end is closed. A worker that lives keeps it open until this process has ended.
fn is_hung_up(worker: &File) -> bool {
    let mut fds = [PollFd::new(worker.as_fd(), PollFlags::empty())];
    let polled = poll(&mut fds, PollTimeout::ZERO);
    polled.is_ok() && fds[0].revents().is_some_and(|events| events.contains(PollFlags::POLLHUP))
}

/// The engine's own process, and how it ended once it has.
struct Engine {
    pid: Pid,
    exit: Option<Exit>,
}

fn supervise(worker: &mut File, spec: &Spec) -> io::Result<Ending> {
    let mut signals = SigSet::empty();
    for signal in [Signal::SIGCHLD, Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP] {
        signals.add(signal);
    }
    signals.thread_block()?;
    let signals = SignalFd::with_flags(&signals, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC)?;
    prctl::set_child_subreaper(true)?;

    let (stdin, _held_open) = stdin(spec)?;
    let (mut command, bounds) = prepare(spec, stdin)?;
    // Reaped below with every other child, so the handle is not kept.
    let pid = match command.spawn() {
        Ok(child) => Pid::from_raw(child.id() as i32),
        Err(error) => {
            let message = format!("{}: {error}", spec.program.display());
            let exit = match error.raw_os_error().map(Errno::from_raw) {
                Some(Errno::ENOENT | Errno::EACCES) => Exit::Missing(message),
                _ => Exit::NotStarted(message),
            };
            return Ok(Ending { exit, bounds });
        }
    };
    let mut engine = Engine { pid, exit: None };
    let watched = watch(worker, &signals, &mut engine, spec);
    kill_all(&mut engine);
    let exit = match watched? {
        Watched::LeaseLost => Exit::LeaseLost,
        Watched::LimitExceeded(what) => Exit::LimitExceeded(what),
        Watched::Over => engine.exit.unwrap_or(Exit::SupervisorLost),
    };
    Ok(Ending { exit, bounds })
}

fn read_spec(worker: &mut File) -> io::Result<Spec> {
    let mut line = Vec::new();
    let mut byte = [0];
    // Byte by byte, because orders may follow at once and belong to the loop below.
    while line.len() < MAX_LINE {
        worker.read_exact(&mut byte)?;
        if byte[0] == b'\n' {
            return Ok(serde_json::from_slice(&line)?);
        }
        line.push(byte[0]);
    }
    Err(io::Error::other("the spec is too long"))
}

/// Sets the bounds that the engine inherits, and makes its command: in a session of its own, so that it has no
/// controlling terminal to read keys from and is a group to signal.
fn prepare(spec: &Spec, stdin: Stdio) -> io::Result<(Command, Vec<Enforced>)> {
    umask(Mode::from_bits_truncate(0o077));
    std::env::set_current_dir(&spec.dir)?;
    let user = match &spec.user {
        Some(name) => Some(
            User::from_name(name)?.ok_or_else(|| io::Error::other(format!("engines.user: there is no user {name}")))?,
        ),
        None => None,
    };
    let mut command = Command::new(&spec.program);
    command.args(&spec.args).stdin(stdin);
    if let Some(user) = &user {
        hand_over(&spec.dir, user)?;
        command.uid(user.uid.as_raw()).gid(user.gid.as_raw());
    }
    let (bounds, files) = confine(spec, user.as_ref())?;
    let supervisor = getpid();
    // PDEATHSIG is cleared by a change of user, and this runs after it; the supervisor may be dead before it is set.
    let in_child = move || {
        // The supervisor's blocked signals would be inherited, and the engine would not hear a SIGTERM.
        SigSet::empty().thread_set_mask()?;
        hear(Signal::SIGINT, SigHandler::SigDfl)?;
        hear(Signal::SIGTERM, SigHandler::SigDfl)?;
        // A target that hangs up is a failed request, and not the end of an engine that does not care for the signal.
        hear(Signal::SIGPIPE, SigHandler::SigIgn)?;
        setsid()?;
        prctl::set_pdeathsig(Signal::SIGKILL)?;
        // Not the supervisor, which must not wait behind what it has to end. A process may become nicer, but not less so.
        if rustix::process::getpriority_process(None)? < NICENESS {
            rustix::process::setpriority_process(None, NICENESS)?;
        }
        if getppid() != supervisor {
            return Err(Errno::ESRCH.into());
        }
        files.as_ref().map_or(Ok(()), |files| files.take().map(drop))
    };
    #[expect(unsafe_code, reason = "no other door between fork and exec; nothing is locked, for there is one thread")]
    unsafe {
        command.pre_exec(in_child);
    }
    Ok((command, bounds))
}

/// Lets a signal do what it does by itself, or nothing: whoever started the server may ignore it, as a shell has its background
/// jobs do with SIGINT, and what is ignored stays so in every program that is started.
fn hear(signal: Signal, handler: SigHandler) -> nix::Result<()> {
    #[expect(unsafe_code, reason = "neither of the two runs code of ours")]
    unsafe { nix::sys::signal::signal(signal, handler) }.map(drop)
}

/// The engine's stdin, and the end of it that must stay open as long as the engine runs.
fn stdin(spec: &Spec) -> io::Result<(Stdio, Option<PipeWriter>)> {
    let Some(text) = &spec.stdin else { return Ok((Stdio::null(), None)) };
    let (reader, mut writer) = io::pipe()?;
    // More would not fit into the pipe, and nobody reads it yet.
    writer.write_all(&text.as_bytes()[..text.len().min(4096)])?;
    Ok((reader.into(), Some(writer)))
}

enum Watched {
    /// The engine ended, or shall.
    Over,
    /// No renewal for one lease: the worker is frozen.
    LeaseLost,
    /// The engine used more than it may.
    LimitExceeded(String),
}

/// Waits for orders and for the engine's end, whichever is first.
fn watch(worker: &mut File, signals: &SignalFd, engine: &mut Engine, spec: &Spec) -> io::Result<Watched> {
    let lease = Duration::from_millis(spec.lease_ms);
    let mut deadline = Instant::now() + lease;
    let mut next_look = Instant::now() + LOOK;
    loop {
        let left = deadline.min(next_look).saturating_duration_since(Instant::now());
        let timeout = PollTimeout::try_from(left + Duration::from_millis(1)).unwrap_or(PollTimeout::MAX);
        let mut fds = [PollFd::new(worker.as_fd(), PollFlags::POLLIN), PollFd::new(signals.as_fd(), PollFlags::POLLIN)];
        match poll(&mut fds, timeout) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(error) => return Err(error.into()),
        }
        // Also when the other end hung up, and then the read says so.
        let has_orders = fds[0].any().unwrap_or(false);
        while let Some(signal) = signals.read_signal()? {
            if signal.ssi_signo != Signal::SIGCHLD as u32 {
                return Ok(Watched::Over);
            }
        }
        reap(engine);
        if engine.exit.is_some() {
            return Ok(Watched::Over);
        }
        if has_orders {
            let mut orders = [0; 64];
            let read = worker.read(&mut orders)?;
            if read == 0 {
                // End of file: the worker is dead.
                return Ok(Watched::Over);
            }
            for order in &orders[..read] {
                match *order {
                    RENEW => deadline = Instant::now() + lease,
                    // Gone already is fine.
                    INTERRUPT => _ = killpg(engine.pid, Signal::SIGINT),
                    TERMINATE => signal_all(Signal::SIGTERM),
                    KILL => return Ok(Watched::Over),
                    other => return Err(io::Error::other(format!("unknown order {other}"))),
                }
            }
        }
        let now = Instant::now();
        if now >= deadline {
            return Ok(Watched::LeaseLost);
        }
        if now >= next_look {
            if let Some(what) = exceeded(&spec.limits) {
                return Ok(Watched::LimitExceeded(what));
            }
            next_look = Instant::now() + LOOK;
        }
    }
}

/// What the engine and all that it started use together, where that is too much.
fn exceeded(limits: &Limits) -> Option<String> {
    let processes = tree::descendants(getpid().as_raw());
    if processes.len() as u64 > limits.processes {
        return Some(format!("it had more than {} processes", limits.processes));
    }
    let memory: u64 = processes.iter().map(|process| process.memory()).sum();
    let is_over = memory > limits.memory_bytes;
    is_over.then(|| format!("its processes used more than {} MiB of memory", limits.memory_bytes >> 20))
}

fn signal_all(signal: Signal) {
    for process in tree::descendants(getpid().as_raw()) {
        process.signal(signal);
    }
}

/// Kills every descendant until none is left, and reaps them all: orphans come to this process, which is their subreaper.
fn kill_all(engine: &mut Engine) {
    tree::freeze(|| tree::descendants(getpid().as_raw()));
    let mut pause = Duration::from_millis(1);
    loop {
        let found = tree::descendants(getpid().as_raw());
        if found.is_empty() {
            return;
        }
        for process in found {
            process.signal(Signal::SIGKILL);
        }
        sleep(pause);
        // Something that cannot be killed now must not cost a whole processor.
        pause = (pause * 2).min(Duration::from_millis(100));
        reap(engine);
    }
}

/// Reaps what has ended; keeps the engine's own end.
fn reap(engine: &mut Engine) {
    loop {
        let (pid, exit) = match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::Exited(pid, code)) => (pid, Exit::Code(code)),
            Ok(WaitStatus::Signaled(pid, signal, _)) => (pid, Exit::Signal(signal as i32)),
            Ok(WaitStatus::StillAlive) | Err(_) => return,
            Ok(_) => continue,
        };
        if pid == engine.pid {
            engine.exit = Some(exit);
        }
    }
}
