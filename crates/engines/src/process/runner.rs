//! One run of one program: starts its supervisor, drains its output, passes on what the worker orders, and comes back
//! when the last process is gone.

use super::job_dir::JobDir;
use super::protocol::{Exit, INTERRUPT, KILL, MAX_LINE, RENEW, Spec, TERMINATE};
use super::{RUN_ID, sweep};
use crate::job::{Control, Job};
use crate::text;
use std::collections::VecDeque;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::process::{Child, ChildStdout, Command};
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
    /// The most bytes that it may write to stdout, and to any one file.
    pub max_report_bytes: u64,
}

/// The signal that an engine ends softly on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Soft {
    Interrupt,
    Terminate,
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
    /// The last lines of stderr, cleaned.
    pub last_lines: Vec<String>,
}

/// After SIGTERM, before SIGKILL.
const TERM_GRACE: Duration = Duration::from_secs(3);
/// The same when we stop ourselves.
const STOP_GRACE: Duration = Duration::from_secs(1);
/// Lines of stderr that are kept.
const LAST_LINES: usize = 20;
/// Bytes of one such line that are kept.
const LINE_BYTES: usize = 500;

/// Runs the program to its end and hands every piece of its stdout to `on_output`.
pub async fn run(job: &Job, control: &mut Control, program: &Program, mut on_output: impl FnMut(&[u8])) -> Run {
    let dir = match JobDir::create(&job.work_dir, job.run_id) {
        Ok(dir) => dir,
        Err(error) => return not_started(format!("job folder in {}: {error}", job.work_dir.display())),
    };
    let (mut child, mut socket) = match start(job, control, program, &dir).await {
        Ok(started) => started,
        Err(error) => return not_started(format!("supervisor {}: {error}", job.supervisor.join(" "))),
    };
    let (Some(mut stdout), Some(mut stderr)) = (child.stdout.take(), child.stderr.take()) else {
        return not_started("the supervisor has no pipes".to_string());
    };
    let (mut from_supervisor, mut to_supervisor) = socket.split();
    let errors = last_lines(&mut stderr);
    let exit = async {
        let exit = read_exit(&mut from_supervisor).await;
        if exit == Exit::SupervisorLost {
            let run_id = job.run_id;
            // Nobody else is left to end them; a task that panicked would have nothing more to say.
            let _ = tokio::task::spawn_blocking(move || sweep::kill_run(run_id)).await;
        }
        exit
    };
    let steering = steer(job, control, program, &mut stdout, &mut to_supervisor, &mut on_output);
    let (exit, last_lines, ended) = tokio::join!(exit, errors, steering);
    if let Err(error) = child.wait().await {
        tracing::warn!(run_id = %job.run_id, %error, "the supervisor could not be waited for");
    }
    let ended = if exit == Exit::LeaseLost { Ended::Stopped } else { ended };
    Run { ended, exit, last_lines }
}

fn not_started(message: String) -> Run {
    Run { ended: Ended::ByItself, exit: Exit::NotStarted(message), last_lines: Vec::new() }
}

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
    command.env("HOME", dir.path()).env("TMPDIR", dir.tmp()).env(RUN_ID, job.run_id.to_string());
    let child = command.spawn()?;
    // The command holds the other end of the socket, which would hide the supervisor's death.
    drop(command);

    ours.set_nonblocking(true)?;
    let mut socket = UnixStream::from_std(ours)?;
    let spec = Spec {
        program: program.path.clone(),
        args: program.args.clone(),
        dir: dir.path().to_path_buf(),
        lease_ms: control.lease.as_millis() as u64,
        user: job.user.clone(),
        max_file_bytes: program.max_report_bytes,
    };
    let mut line = serde_json::to_vec(&spec)?;
    line.push(b'\n');
    socket.write_all(&line).await?;
    Ok((child, socket))
}

/// Drains stdout until its end, which comes with the last process, and passes on every order meanwhile.
async fn steer(
    job: &Job,
    control: &mut Control,
    program: &Program,
    stdout: &mut ChildStdout,
    orders: &mut tokio::net::unix::WriteHalf<'_>,
    on_output: &mut impl FnMut(&[u8]),
) -> Ended {
    let soft = match program.soft {
        Soft::Interrupt => INTERRUPT,
        Soft::Terminate => TERMINATE,
    };
    let deadline = Instant::now() + job.timeout;
    let mut ended = Ended::ByItself;
    let mut steps: VecDeque<(Instant, u8)> = VecDeque::new();
    let mut is_renewing = true;
    let mut left = program.max_report_bytes;
    let mut buffer = vec![0; 64 * 1024];
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
                steps = softly(soft, program.grace);
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
                    steps = softly(soft, program.grace);
                }
            },
            read = stdout.read(&mut buffer) => {
                let read = read.unwrap_or(0);
                if read == 0 {
                    return ended;
                }
                let kept = read.min(usize::try_from(left).unwrap_or(usize::MAX));
                on_output(&buffer[..kept]);
                left -= kept as u64;
                if kept < read && ended == Ended::ByItself {
                    ended = Ended::OutputTooLarge;
                    steps = [(now, KILL)].into();
                }
            }
        }
    }
}

fn softly(soft: u8, grace: Duration) -> VecDeque<(Instant, u8)> {
    let now = Instant::now();
    [(now, soft), (now + grace, TERMINATE), (now + grace + TERM_GRACE, KILL)].into()
}

/// Sends an order. A supervisor that does not take it is gone or frozen, and its exit or our end says so.
fn send(orders: &tokio::net::unix::WriteHalf<'_>, order: u8) {
    if let Err(error) = orders.try_write(&[order]) {
        tracing::debug!(%error, "the supervisor took no order");
    }
}

async fn read_exit(from_supervisor: &mut (impl AsyncRead + Unpin)) -> Exit {
    let mut line = Vec::new();
    let read = from_supervisor.take(MAX_LINE as u64).read_to_end(&mut line).await;
    match read.ok().and_then(|_| serde_json::from_slice(&line).ok()) {
        Some(exit) => exit,
        None => Exit::SupervisorLost,
    }
}

/// Reads to the end and keeps the last lines, cleaned.
async fn last_lines(stderr: &mut (impl AsyncRead + Unpin)) -> Vec<String> {
    let mut lines: VecDeque<String> = VecDeque::new();
    let mut line: Vec<u8> = Vec::new();
    let mut buffer = vec![0; 8 * 1024];
    loop {
        let read = stderr.read(&mut buffer).await.unwrap_or(0);
        for byte in &buffer[..read] {
            if *byte == b'\n' {
                push_line(&mut lines, &line);
                line.clear();
            } else if line.len() < LINE_BYTES {
                line.push(*byte);
            }
        }
        if read == 0 {
            push_line(&mut lines, &line);
            return lines.into();
        }
    }
}

fn push_line(lines: &mut VecDeque<String>, line: &[u8]) {
    let line = text::clean(line, LINE_BYTES);
    if line.trim().is_empty() {
        return;
    }
    if lines.len() == LAST_LINES {
        lines.pop_front();
    }
    lines.push_back(line);
}
