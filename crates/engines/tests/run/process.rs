//! The supervisor and its runner, with programs that behave badly.

use crate::common::{self, Steering, is_alive, job, read_pids, steering, unconfined, until};
use scanyard_engines::Options;
use scanyard_engines::nmap;
use scanyard_engines::process::{self, Ended, Exit, JobDir, Limits, Program, Run, Soft, Stdout, Stream};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A shell script as an engine. `$1` is a file for the pids that the script starts.
struct Fake {
    dir: TempDir,
    program: Program,
    steering: Steering,
    lease: Duration,
    timeout: Duration,
}

impl Fake {
    fn new(script: &str) -> Fake {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("engine.sh");
        std::fs::write(&path, script).unwrap();
        let args = [&path, &dir.path().join("pids")].map(|path| path.display().to_string());
        let program = Program {
            path: PathBuf::from("/bin/sh"),
            args: args.into(),
            soft: Soft::Interrupt,
            grace: Duration::from_millis(200),
            stdin: None,
            stdout: Stdout::Report,
            max_report_bytes: 1024 * 1024,
            has_sockets: false,
        };
        let (minute, lease) = (Duration::from_secs(60), Duration::from_secs(30));
        Fake { dir, program, steering: steering(lease), lease, timeout: minute }
    }

    fn pids(&self) -> PathBuf {
        self.dir.path().join("pids")
    }

    fn work_dir(&self) -> PathBuf {
        self.dir.path().join("work")
    }

    /// Runs the script, with `meanwhile` beside it, and checks what holds for every run: it left nothing behind.
    async fn run(&mut self, meanwhile: impl AsyncFnOnce(&Steering)) -> (Run, Vec<u8>) {
        let mut job = job("127.0.0.1", Options::Nmap(nmap::Options::default()), &self.work_dir());
        job.timeout = self.timeout;
        // As a shell starts its background jobs: without a care for SIGINT, which is inherited.
        let ignoring = ["/bin/sh", "-c", "trap '' INT; exec \"$0\""].map(str::to_string);
        job.supervisor = ignoring.into_iter().chain(job.supervisor).collect();
        let mut control = self.steering.control.clone();
        control.lease = self.lease;
        let mut output = Vec::new();
        let folder = JobDir::create(&job.work_dir, job.run_id).unwrap();
        let on_output = |stream, bytes: &[u8]| {
            if stream == Stream::Stdout {
                output.extend_from_slice(bytes);
            }
        };
        let (run, ()) = tokio::join!(
            process::run(&job, &mut control, &self.program, &folder, on_output),
            meanwhile(&self.steering)
        );
        drop(folder);
        for pid in read_pids(&self.pids()) {
            assert!(!is_alive(pid), "process {pid} survived the run");
        }
        assert_eq!(std::fs::read_dir(self.work_dir()).unwrap().count(), 0, "the job folder is gone");
        (run, output)
    }
}

async fn nothing(_: &Steering) {}

const STUBBORN: &str = r#"
trap '' INT TERM
echo $$ >> "$1"
setsid sh -c "trap '' INT TERM; echo \$\$ >> '$1'; while :; do sleep 1; done" &
(setsid sh -c "echo \$\$ >> '$1'; sleep 600" &)
while :; do sleep 1; done
"#;

#[tokio::test]
async fn the_log_is_both_streams_where_the_report_is_a_file() {
    let mut fake = Fake::new("echo said; echo wrong >&2; printf last");
    fake.program.stdout = Stdout::Log;
    let (run, _) = fake.run(nothing).await;
    let mut lines = run.last_lines;
    lines.sort();
    assert_eq!(lines, ["last", "said", "wrong"]);
}

#[tokio::test]
async fn what_is_told_on_stdin_waits_there_and_no_end_follows() {
    let mut fake = Fake::new("read -r word; echo \"$word\"; timeout 0.2 cat; echo $?");
    fake.program.stdin = Some("go\n".to_string());
    let (_, output) = fake.run(nothing).await;
    assert_eq!(String::from_utf8(output).unwrap(), "go\n124\n");
}

#[tokio::test]
async fn output_exit_code_and_last_lines_come_back() {
    let (run, output) = Fake::new("echo out; printf 'a\\033[31mb\\nlast' >&2; exit 7").run(nothing).await;
    assert_eq!(output, b"out\n");
    assert_eq!(run.ended, Ended::ByItself);
    assert_eq!(run.exit, Exit::Code(7));
    assert_eq!(run.last_lines, ["ab", "last"]);
}

#[tokio::test]
async fn only_the_last_twenty_lines_of_stderr_are_kept() {
    let (run, _) = Fake::new("i=0; while [ $i -lt 50 ]; do i=$((i+1)); echo line $i >&2; done").run(nothing).await;
    assert_eq!(run.last_lines.len(), 20);
    assert_eq!(run.last_lines[19], "line 50");
}

#[tokio::test]
async fn a_program_killed_by_a_signal_says_which() {
    let (run, _) = Fake::new("kill -SEGV $$").run(nothing).await;
    assert_eq!(run.exit, Exit::Signal(11));
}

#[tokio::test]
async fn a_program_that_is_not_there_is_missing() {
    let mut fake = Fake::new("");
    fake.program.path = PathBuf::from("/nowhere/engine");
    let (run, _) = fake.run(nothing).await;
    assert!(matches!(run.exit, Exit::Missing(_)), "{:?}", run.exit);
}

#[tokio::test]
async fn the_environment_holds_the_named_variables_only() {
    let (_, output) = Fake::new("env; umask; pwd; ulimit -c; readlink /proc/$$/fd/0").run(nothing).await;
    let text = String::from_utf8(output).unwrap();
    let mut names: Vec<&str> = text.lines().filter_map(|line| Some(line.split_once('=')?.0)).collect();
    names.sort_unstable();
    let expected = [
        "HOME",
        "LANG",
        "PATH",
        "PWD",
        "PYTHONIOENCODING",
        "PYTHONUNBUFFERED",
        "SCANYARD_RUN_ID",
        "TERM",
        "TMPDIR",
        "TZ",
    ];
    // PWD is the shell's own.
    assert_eq!(names, expected);
    let home = text.lines().find_map(|line| line.strip_prefix("HOME=")).unwrap();
    let rest: Vec<&str> = text.lines().filter(|line| !line.contains('=')).collect();
    assert_eq!(rest, ["0077", home, "0", "/dev/null"]);
}

#[tokio::test]
async fn the_program_starts_with_no_signal_blocked() {
    let mut fake = Fake::new("");
    // Not by way of the shell, which unblocks them itself.
    fake.program.path = PathBuf::from("/bin/grep");
    fake.program.args = ["SigBlk", "/proc/self/status"].map(str::to_string).into();
    let (_, output) = fake.run(nothing).await;
    assert_eq!(output, b"SigBlk:\t0000000000000000\n");
}

#[tokio::test]
async fn children_that_a_finished_program_leaves_are_killed() {
    let script = r#"(setsid sh -c "echo \$\$ >> '$1'; sleep 600" &) ; while [ ! -s "$1" ]; do :; done; echo done"#;
    let mut fake = Fake::new(script);
    let (run, output) = fake.run(nothing).await;
    assert_eq!((run.exit, output.as_slice()), (Exit::Code(0), &b"done\n"[..]));
    assert_eq!(read_pids(&fake.pids()).len(), 1);
}

#[tokio::test]
async fn a_flood_of_output_ends_the_run() {
    let (run, output) = Fake::new("exec cat /dev/zero").run(nothing).await;
    assert_eq!(run.ended, Ended::OutputTooLarge);
    assert_eq!(output.len(), 1024 * 1024);
}

#[tokio::test]
async fn a_file_larger_than_the_limit_cannot_be_written() {
    let (run, _) = Fake::new("exec head -c 2000000 /dev/zero > report").run(nothing).await;
    assert_ne!(run.exit, Exit::Code(0));
}

#[tokio::test]
async fn a_program_past_its_time_is_ended_softly_and_its_output_kept() {
    let mut fake = Fake::new("echo $$ >> $1; trap 'echo partial; exit 3' INT; while :; do sleep 0.02; done");
    fake.timeout = Duration::from_secs(3);
    let (run, output) = fake.run(nothing).await;
    assert_eq!((run.ended, run.exit), (Ended::TimedOut, Exit::Code(3)));
    assert_eq!(output, b"partial\n");
}

#[tokio::test]
async fn a_cancel_reaches_the_program_softly() {
    let mut fake = Fake::new("trap 'echo partial; exit 3' INT; echo $$ >> $1; while :; do sleep 0.02; done");
    let pids = fake.pids();
    let (run, output) = fake
        .run(async |steering| {
            until(|| read_pids(&pids).len() == 1).await;
            steering.cancel.cancel();
        })
        .await;
    assert_eq!((run.ended, run.exit), (Ended::Cancelled, Exit::Code(3)));
    assert_eq!(output, b"partial\n");
}

#[tokio::test]
async fn a_stop_kills_a_program_and_children_that_ignore_signals() {
    let mut fake = Fake::new(STUBBORN);
    let pids = fake.pids();
    let started = Instant::now();
    let (run, _) = fake
        .run(async |steering| {
            until(|| read_pids(&pids).len() == 3).await;
            steering.stop.cancel();
        })
        .await;
    assert_eq!((run.ended, run.exit), (Ended::Stopped, Exit::Signal(9)));
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn without_a_renewal_for_one_lease_everything_is_killed() {
    let mut fake = Fake::new(STUBBORN);
    fake.lease = Duration::from_millis(500);
    let pids = fake.pids();
    let (run, _) = fake.run(async |_| until(|| read_pids(&pids).len() == 3).await).await;
    assert_eq!((run.ended, run.exit), (Ended::Stopped, Exit::LeaseLost));
}

#[tokio::test]
async fn renewals_keep_a_run_alive_past_its_first_lease() {
    let mut fake = Fake::new("sleep 1.2; echo done");
    fake.lease = Duration::from_millis(500);
    let (run, output) = fake
        .run(async |steering| {
            for beat in 1..=12 {
                tokio::time::sleep(Duration::from_millis(100)).await;
                steering.renew.send_replace(beat);
            }
        })
        .await;
    assert_eq!((run.ended, run.exit), (Ended::ByItself, Exit::Code(0)));
    assert_eq!(output, b"done\n");
}

#[tokio::test]
async fn a_dropped_run_leaves_no_process() {
    let fake = Fake::new(STUBBORN);
    let job = job("127.0.0.1", Options::Nmap(nmap::Options::default()), &fake.work_dir());
    let mut control = fake.steering.control.clone();
    let program = fake.program.clone();
    let run = tokio::spawn(async move {
        let folder = JobDir::create(&job.work_dir, job.run_id).unwrap();
        process::run(&job, &mut control, &program, &folder, |_, _| {}).await
    });
    until(|| read_pids(&fake.pids()).len() == 3).await;
    run.abort();
    until(|| read_pids(&fake.pids()).iter().all(|pid| !is_alive(*pid))).await;
}

#[tokio::test]
async fn a_killed_supervisor_takes_everything_with_it() {
    let mut fake = Fake::new(&format!("echo $PPID > \"$1.parent\"\n{STUBBORN}"));
    let pids = fake.pids();
    let (run, _) = fake
        .run(async |_| {
            until(|| read_pids(&pids).len() == 3).await;
            kill(read_pids(&pids.with_extension("parent"))[0]);
        })
        .await;
    assert_eq!(run.exit, Exit::SupervisorLost);
}

/// Starts a supervisor whose worker is a process of its own; returns both.
fn supervised_by_another_process(dir: &Path, run_id: &str) -> (std::process::Child, std::process::Child) {
    let home = dir.join("work").join(run_id);
    std::fs::create_dir_all(home.join("tmp")).unwrap();
    supervised(&home, &dir.join("pids"), unconfined())
}

/// The same in a job folder that is there already.
fn supervised(home: &Path, pids: &Path, limits: Limits) -> (std::process::Child, std::process::Child) {
    let spec = serde_json::json!({
        "program": "/bin/sh", "args": ["-c", STUBBORN, "engine", pids], "dir": home,
        "lease_ms": 60_000, "user": null, "max_file_bytes": 1_000_000, "hosts": null, "reads": [], "limits": limits,
    });
    let run_id = home.file_name().unwrap();
    let mut worker = std::process::Command::new("/bin/sh");
    worker.args(["-c", "printf '%s\\n' \"$0\"; exec sleep 600", &spec.to_string()]);
    let mut worker = worker.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
    let mut supervisor = std::process::Command::new(common::SUPERVISOR);
    supervisor.env_clear().env("PATH", "/usr/bin:/bin").env("HOME", home).env(process::RUN_ID, run_id);
    let supervisor = supervisor.stdin(worker.stdout.take().unwrap()).spawn().unwrap();
    (worker, supervisor)
}

fn kill(pid: i32) {
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGKILL).unwrap();
}

#[tokio::test]
async fn no_engine_survives_a_worker_that_is_killed() {
    let dir = tempfile::tempdir().unwrap();
    let (mut worker, mut supervisor) = supervised_by_another_process(dir.path(), &uuid::Uuid::now_v7().to_string());
    let pids = dir.path().join("pids");
    until(|| read_pids(&pids).len() == 3).await;
    worker.kill().unwrap();
    worker.wait().unwrap();
    until(|| read_pids(&pids).iter().all(|pid| !is_alive(*pid))).await;
    supervisor.wait().unwrap();
}

#[tokio::test]
async fn the_job_folder_of_a_worker_that_is_killed_goes_and_no_link_in_it_is_followed() {
    // With the bounds on files as well: from inside them nobody can remove the folder.
    for limits in [unconfined(), Limits::default()] {
        let dir = tempfile::tempdir().unwrap();
        let (work, theirs) = (dir.path().join("work"), dir.path().join("theirs"));
        let home = work.join(uuid::Uuid::now_v7().to_string());
        std::fs::create_dir_all(home.join("tmp")).unwrap();
        std::fs::create_dir(&theirs).unwrap();
        std::fs::write(theirs.join("file"), "theirs").unwrap();
        std::fs::write(home.join("credentials"), "secret").unwrap();
        std::os::unix::fs::symlink(&theirs, home.join("tmp/link")).unwrap();
        let pids = home.join("pids");
        let (mut worker, mut supervisor) = supervised(&home, &pids, limits);
        until(|| read_pids(&pids).len() == 3).await;
        let started = read_pids(&pids);
        worker.kill().unwrap();
        worker.wait().unwrap();
        supervisor.wait().unwrap();
        assert!(started.iter().all(|pid| !is_alive(*pid)), "the engine goes first");
        assert!(!work.exists(), "and then all that it worked in");
        assert_eq!(std::fs::read_to_string(theirs.join("file")).unwrap(), "theirs");
    }
}

#[tokio::test]
async fn the_job_folder_stays_for_a_worker_that_lives() {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().join("work").join(uuid::Uuid::now_v7().to_string());
    std::fs::create_dir_all(home.join("tmp")).unwrap();
    let pids = home.join("pids");
    let (mut worker, mut supervisor) = supervised(&home, &pids, unconfined());
    until(|| read_pids(&pids).len() == 3).await;
    // The engine ends while its worker lives.
    kill(read_pids(&pids)[0]);
    supervisor.wait().unwrap();
    assert!(pids.exists(), "it has not read the report yet");
    worker.kill().unwrap();
    worker.wait().unwrap();
}

#[tokio::test]
async fn the_sweep_ends_runs_of_its_own_folder_and_no_others() {
    let dirs = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let mut started: Vec<_> =
        dirs.iter().map(|dir| supervised_by_another_process(dir.path(), &uuid::Uuid::now_v7().to_string())).collect();
    let pids = dirs.each_ref().map(|dir| dir.path().join("pids"));
    until(|| pids.iter().all(|pids| read_pids(pids).len() == 3)).await;

    let [mine, other] = dirs.each_ref().map(|dir| dir.path().join("work"));
    assert!(process::sweep(&mine).unwrap() >= 4, "a supervisor and three processes of its engine");
    assert!(read_pids(&pids[0]).iter().all(|pid| !is_alive(*pid)));
    assert_eq!(std::fs::read_dir(&mine).unwrap().count(), 0);
    assert!(read_pids(&pids[1]).iter().all(|pid| is_alive(*pid)));

    process::sweep(&other).unwrap();
    for (worker, supervisor) in &mut started {
        worker.kill().unwrap();
        worker.wait().unwrap();
        supervisor.wait().unwrap();
    }
}

#[tokio::test]
async fn an_order_that_is_none_ends_the_engine() {
    let dir = tempfile::tempdir().unwrap();
    let spec = serde_json::json!({
        "program": "/bin/sleep", "args": ["600"], "dir": dir.path(),
        "lease_ms": 60_000, "user": null, "max_file_bytes": 1_000_000, "hosts": null, "reads": [], "limits": unconfined(),
    });
    let mut supervisor = std::process::Command::new(common::SUPERVISOR);
    let mut supervisor = supervisor.stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = supervisor.stdin.take().unwrap();
    stdin.write_all(format!("{spec}\n?").as_bytes()).unwrap();
    assert!(supervisor.wait().unwrap().success());
}
