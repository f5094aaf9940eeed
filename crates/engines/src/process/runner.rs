//! One run of one program: starts its supervisor, drains its output, passes on what the worker orders, and comes back
//! when the last process is gone.

use super::bounds::Enforced;
use super::job_dir::JobDir;
use super::lines::Lines;
use super::protocol::{Ending, Exit, INTERRUPT, KILL, MAX_LINE, RENEW, Spec, TERMINATE};
use super::{RUN_ID, sweep};
use crate::job::{Control, Job};
use crate::{Target, text};
use std::collections::VecDeque;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::process::{Child, ChildStderr, ChildStdout, Command};
use tokio::time::{Instant, sleep_until};

/// A program and how it wants to be ended.
#[derive(Debug, Clone)]
pub struct Program {
    /// Absolute; from the configuration, never from a user or from `PATH`.
    pub path: PathBuf,
    pub args: Vec<String>,
    /// The signal after which it still writes its report.
    pub soft: Soft,
    /// How long it may take for that.
    pub grace: Duration,
    /// What it finds on its stdin, which then stays open; `None`: nothing, and the end at once. At most 4 KiB.
    pub stdin: Option<String>,
    pub stdout: Stdout,
    /// The most bytes that it may write to stdout, and to any one file.
    pub max_report_bytes: u64,
    /// Whether it puts sockets into the folder for temporary files.
    pub has_sockets: bool,
}

/// The signal that an engine ends softly on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Soft {
    Interrupt,
    /// Once more after a third of the grace: the first signal may only end the phase that the engine is in.
    InterruptTwice,
    Terminate,
}

/// What an engine writes to its stdout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stdout {
    /// Its report.
    Report,
    /// What it says to people; its report is a file, and stdout may hold its last words as well as stderr.
    Log,
}

/// Where a piece of output came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    Stdout,
    Stderr,
}

/// What ended the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// The program itself, well or not: see [`Run::exit`].
    ByItself,
    TimedOut,
    OutputTooLarge,
    Cancelled,
    /// By an orderly stop of ours or a lost lease.
    Stopped,
}

/// How the run went.
#[derive(Debug)]
pub struct Run {
    pub ended: Ended,
    pub exit: Exit,
    /// The last lines of its log, cleaned.
    pub last_lines: Vec<String>,
}

/// After SIGTERM, before SIGKILL.
const TERM_GRACE: Duration = Duration::from_secs(3);
/// The same when we stop ourselves.
const STOP_GRACE: Duration = Duration::from_secs(1);
/// Lines of the log that are kept.
const LAST_LINES: usize = 20;
/// Bytes of one such line that are kept.
const LINE_BYTES: usize = 500;

/// Runs the program to its end in a job folder and hands every piece of its output to `on_output`.
pub async fn run(
    job: &Job,
    control: &mut Control,
    program: &Program,
    dir: &JobDir,
    on_output: impl FnMut(Stream, &[u8]),
) -> Run {
    run_in_bounds(job, control, program, dir, on_output).await.0
}

/// The same, and what kept it in bounds; nothing when its supervisor was killed.
pub async fn run_in_bounds(
    job: &Job,
    control: &mut Control,
    program: &Program,
    dir: &JobDir,
    on_output: impl FnMut(Stream, &[u8]),
) -> (Run, Vec<Enforced>) {
    let (mut child, mut socket) = match start(job, control, program, dir).await {
        Ok(started) => started,
        Err(error) => return not_started(format!("supervisor {}: {error}", job.supervisor.join(" "))),
    };
    let (Some(stdout), Some(stderr)) = (child.stdout.take(), child.stderr.take()) else {
        return not_started("the supervisor has no pipes".to_string());
    };
    let (mut from_supervisor, mut orders) = socket.split();
    let ending = async {
        let ending = read_ending(&mut from_supervisor).await;
        if ending.exit == Exit::SupervisorLost {
            let run_id = job.run_id;
            // Nobody else is left to end them; a task that panicked would have nothing more to say.
            let _ = tokio::task::spawn_blocking(move || sweep::kill_run(run_id)).await;
        }
        ending
    };
    let mut drain = Drain {
        stdout,
        stderr,
        has_stdout_ended: false,
        has_stderr_ended: false,
        stdout_is: program.stdout,
        log: Log::default(),
        on_output,
    };
    let steering = steer(job, control, program, &mut drain, &mut orders);
    let (Ending { exit, bounds }, ended) = tokio::join!(ending, steering);
    if let Err(error) = child.wait().await {
        tracing::warn!(run_id = %job.run_id, %error, "the supervisor could not be waited for");
    }
    let ended = if exit == Exit::LeaseLost { Ended::Stopped } else { ended };
    (Run { ended, exit, last_lines: drain.log.end() }, bounds)
}

fn not_started(message: String) -> (Run, Vec<Enforced>) {
    (Run { ended: Ended::ByItself, exit: Exit::NotStarted(message), last_lines: Vec::new() }, Vec::new())
}

/// The folder for temporary files, for whatever works in the job folder: the path of a socket has at most 107 bytes, of which
/// the job folder's own takes most.
const SHORT_TMP: &str = "/proc/self/cwd/tmp";

/// Starts the supervisor and tells it what to run. The socket is its stdin: when this process dies, it reads the end.
async fn start(job: &Job, control: &Control, program: &Program, dir: &JobDir) -> std::io::Result<(Child, UnixStream)> {
    let Some((supervisor, args)) = job.supervisor.split_first() else {
        return Err(std::io::Error::other("no program is configured"));
    };
    let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
    let mut command = Command::new(supervisor);
    command.args(args).process_group(0).stdin(OwnedFd::from(theirs)).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.env_clear().envs([
        ("PATH", "/usr/bin:/bin"),
        ("LANG", "C.UTF-8"),
        ("TZ", "UTC"),
        ("TERM", "dumb"),
        ("PYTHONUNBUFFERED", "1"),
        ("PYTHONIOENCODING", "utf-8"),
    ]);
    let tmp = if program.has_sockets { SHORT_TMP.into() } else { dir.tmp() };
    command.env("HOME", dir.path()).env("TMPDIR", tmp).env(RUN_ID, job.run_id.to_string());
    let child = command.spawn()?;
    // The command holds the other end of the socket, which would hide the supervisor's death.
    drop(command);

    ours.set_nonblocking(true)?;
    let mut socket = UnixStream::from_std(ours)?;
    let spec = Spec {
        program: program.path.clone(),
        args: program.args.clone(),
        stdin: program.stdin.clone(),
        dir: dir.path().to_path_buf(),
        lease_ms: control.lease.as_millis() as u64,
        user: job.user.clone(),
        max_file_bytes: program.max_report_bytes,
        limits: job.limits,
        reads: job.templates.iter().chain(&job.settings.trivy_cache_dir).cloned().collect(),
        hosts: hosts(job),
    };
    let mut line = serde_json::to_vec(&spec)?;
    line.push(b'\n');
    socket.write_all(&line).await?;
    Ok((child, socket))
}

/// The hosts file of a run whose target was looked up: the addresses that were checked, and this machine's own name for
/// itself. An engine whose target has no addresses is one that asks others about it, and looks them up; and a registry
/// keeps its images on hosts of other names.
fn hosts(job: &Job) -> Option<String> {
    if job.addresses.is_empty() || matches!(job.target, Target::Image(_)) {
        return None;
    }
    let mut text = "127.0.0.1 localhost\n::1 localhost\n".to_string();
    if let Some(name) = job.target.name() {
        let lines = job.addresses.iter().map(|address| format!("{address} {name}\n"));
        text.extend(lines);
    }
    Some(text)
}

/// Drains both pipes until their end, which comes with the last process, and passes on every order meanwhile.
async fn steer(
    job: &Job,
    control: &mut Control,
    program: &Program,
    drain: &mut Drain<impl FnMut(Stream, &[u8])>,
    orders: &mut tokio::net::unix::WriteHalf<'_>,
) -> Ended {
    let deadline = Instant::now() + job.timeout;
    let mut ended = Ended::ByItself;
    let mut steps: VecDeque<(Instant, u8)> = VecDeque::new();
    let mut is_renewing = true;
    let mut left = program.max_report_bytes;
    let (mut buffer, mut errors) = (vec![0; 64 * 1024], vec![0; 8 * 1024]);
    loop {
        let next = steps.front().map_or(deadline, |step| step.0);
        let now = Instant::now();
        tokio::select! {
            biased;
            () = control.stop.cancelled(), if ended != Ended::Stopped => {
                ended = Ended::Stopped;
                steps = [(now, TERMINATE), (now + STOP_GRACE, KILL)].into();
            }
            () = control.cancel.cancelled(), if ended == Ended::ByItself => {
                ended = Ended::Cancelled;
                steps = softly(program.soft, program.grace);
            }
            changed = control.renewed.changed(), if is_renewing => match changed {
                Ok(()) => send(orders, RENEW),
                // Nobody renews any more: the lease runs out, and the supervisor sees that.
                Err(_) => is_renewing = false,
            },
            () = sleep_until(next), if ended == Ended::ByItself || !steps.is_empty() => match steps.pop_front() {
                Some((_, order)) => send(orders, order),
                None => {
                    ended = Ended::TimedOut;
                    steps = softly(program.soft, program.grace);
                }
            },
            read = drain.stdout.read(&mut buffer), if !drain.has_stdout_ended => {
                let read = read.unwrap_or(0);
                drain.has_stdout_ended = read == 0;
                let kept = read.min(usize::try_from(left).unwrap_or(usize::MAX));
                drain.take(Stream::Stdout, &buffer[..kept]);
                left -= kept as u64;
                if kept < read && ended == Ended::ByItself {
                    ended = Ended::OutputTooLarge;
                    steps = [(now, KILL)].into();
                }
            }
            read = drain.stderr.read(&mut errors), if !drain.has_stderr_ended => {
                let read = read.unwrap_or(0);
                drain.has_stderr_ended = read == 0;
                drain.take(Stream::Stderr, &errors[..read]);
            }
        }
        if drain.has_stdout_ended && drain.has_stderr_ended {
            return ended;
        }
    }
}

fn softly(soft: Soft, grace: Duration) -> VecDeque<(Instant, u8)> {
    let now = Instant::now();
    let mut steps: VecDeque<(Instant, u8)> = match soft {
        Soft::Interrupt => [(now, INTERRUPT)].into(),
        Soft::InterruptTwice => [(now, INTERRUPT), (now + grace / 3, INTERRUPT)].into(),
        Soft::Terminate => [(now, TERMINATE)].into(),
    };
    steps.extend([(now + grace, TERMINATE), (now + grace + TERM_GRACE, KILL)]);
    steps
}

/// Sends an order. A supervisor that does not take it is gone or frozen, and its exit or our end says so.
fn send(orders: &tokio::net::unix::WriteHalf<'_>, order: u8) {
    if let Err(error) = orders.try_write(&[order]) {
        tracing::debug!(%error, "the supervisor took no order");
    }
}

async fn read_ending(from_supervisor: &mut (impl AsyncRead + Unpin)) -> Ending {
    let mut line = Vec::new();
    // A supervisor that ends with orders unread resets the connection, after its line: what was read counts.
    if let Err(error) = from_supervisor.take(MAX_LINE as u64).read_to_end(&mut line).await {
        tracing::debug!(%error, "the supervisor left orders unread");
    }
    serde_json::from_slice(&line).unwrap_or_else(|_| Ending::without_bounds(Exit::SupervisorLost))
}

/// Both pipes, and who listens to them.
struct Drain<F> {
    stdout: ChildStdout,
    stderr: ChildStderr,
    has_stdout_ended: bool,
    has_stderr_ended: bool,
    stdout_is: Stdout,
    log: Log,
    on_output: F,
}

impl<F: FnMut(Stream, &[u8])> Drain<F> {
    fn take(&mut self, stream: Stream, bytes: &[u8]) {
        match (stream, self.stdout_is) {
            (Stream::Stdout, Stdout::Report) => {}
            (Stream::Stdout, Stdout::Log) => self.log.push(0, bytes),
            (Stream::Stderr, _) => self.log.push(1, bytes),
        }
        (self.on_output)(stream, bytes);
    }
}

/// The last lines of stdout and stderr, in the order in which they ended.
#[derive(Default)]
struct Log {
    streams: [Lines; 2],
    last: VecDeque<String>,
}

impl Log {
    fn push(&mut self, stream: usize, bytes: &[u8]) {
        let last = &mut self.last;
        self.streams[stream].push(bytes, |line| keep(last, line));
    }

    fn end(mut self) -> Vec<String> {
        for stream in &mut self.streams {
            stream.end(|line| keep(&mut self.last, line));
        }
        self.last.into()
    }
}

fn keep(last: &mut VecDeque<String>, line: &str) {
    if last.len() == LAST_LINES {
        last.pop_front();
    }
    last.push_back(text::clean(line.as_bytes(), LINE_BYTES));
}
