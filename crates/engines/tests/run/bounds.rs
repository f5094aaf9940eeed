//! What keeps an engine in bounds: memory, processes, user, files and names.

use crate::common::{self, job, steering};
use nix::unistd::geteuid;
use scanyard_engines::process::{
    Bound, Ended, Enforced, Exit, JobDir, Limits, Program, Run, Soft, Stdout, Stream, run_in_bounds,
};
use scanyard_engines::{Job, Options, Target, nmap};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;

/// A folder that every user can pass through, with the folders of runs in it.
fn open_dir() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o711)).unwrap();
    dir
}

fn job_in(dir: &Path) -> Job {
    let mut job = job("127.0.0.1", Options::Nmap(nmap::Options::default()), &dir.join("work"));
    job.limits = Limits::default();
    job
}

struct Ran {
    run: Run,
    bounds: Vec<Enforced>,
    output: String,
}

impl Ran {
    /// How a bound is enforced; fails when it is not.
    fn how(&self, bound: Bound) -> &str {
        let found = self.bounds.iter().find(|enforced| enforced.bound == bound).expect("every bound is told of");
        assert!(found.is_enforced, "{bound}: {}", found.how);
        &found.how
    }
}

async fn run(job: &Job, script: &str) -> Ran {
    let program = Program {
        path: PathBuf::from("/bin/sh"),
        args: vec!["-c".to_string(), script.to_string()],
        soft: Soft::Terminate,
        grace: Duration::from_millis(200),
        stdin: None,
        stdout: Stdout::Report,
        max_report_bytes: 1024 * 1024,
        has_sockets: false,
    };
    let mut control = steering(Duration::from_secs(30)).control;
    let folder = JobDir::create(&job.work_dir, job.run_id).unwrap();
    let mut output = Vec::new();
    let on_output = |stream, bytes: &[u8]| {
        if stream == Stream::Stdout {
            output.extend_from_slice(bytes);
        }
    };
    let (run, bounds) = run_in_bounds(job, &mut control, &program, &folder, on_output).await;
    Ran { run, bounds, output: String::from_utf8(output).unwrap() }
}

/// What a run ended with that used more than it may.
fn excess(ran: &Ran) -> &str {
    assert_eq!(ran.run.ended, Ended::ByItself);
    match &ran.run.exit {
        Exit::LimitExceeded(what) => what,
        other => panic!("{other:?}, {:?}", ran.run.last_lines),
    }
}

#[tokio::test]
async fn processes_that_use_too_much_memory_together_are_ended() {
    let dir = open_dir();
    let mut job = job_in(dir.path());
    job.limits.memory_bytes = 100 * 1024 * 1024;
    let ran = run(&job, "for _ in 1 2 3; do (head -c 50M /dev/zero; sleep 60) | tail & done; wait").await;
    assert_eq!(excess(&ran), "its processes used more than 100 MiB of memory");
}

#[tokio::test]
async fn one_process_cannot_take_much_more_before_anybody_looks() {
    let dir = open_dir();
    let mut job = job_in(dir.path());
    job.limits.memory_bytes = 64 * 1024 * 1024;
    // One allocation of a gigabyte, touched at once.
    let ran = run(&job, "dd if=/dev/zero of=/dev/null bs=1G count=1 2>&1; echo $?").await;
    assert!(ran.output.contains("exhausted") && ran.output.ends_with("1\n"), "{:?} {:?}", ran.run, ran.output);
}

#[tokio::test]
async fn an_engine_with_too_many_processes_is_ended() {
    let dir = open_dir();
    let mut job = job_in(dir.path());
    job.limits.processes = 20;
    let ran =
        run(&job, "for n in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22; do sleep 60 & done; wait").await;
    // Whoever is not root is stopped by the kernel already.
    if geteuid().is_root() {
        assert_eq!(excess(&ran), "it had more than 20 processes");
    } else {
        assert_ne!(ran.run.exit, Exit::Code(0));
    }
}

/// Only as a user whose processes the kernel counts: it asks for that before it begins.
const BOMB: &str = "limit=$(awk '/Max processes/ { print $3 }' /proc/self/limits)
[ \"$limit\" -lt 2000 ] || exit 9
bomb() { bomb | bomb & }; bomb; sleep 60";

#[tokio::test]
async fn a_fork_bomb_is_held_by_the_kernel_and_ended_with_the_run() {
    let dir = open_dir();
    let mut job = job_in(dir.path());
    job.limits.processes = 50;
    job.timeout = Duration::from_secs(3);
    job.user = geteuid().is_root().then(|| "nobody".to_string());
    let ran = run(&job, BOMB).await;
    assert!(ran.how(Bound::Processes).contains("kernel"));
    assert_ne!(ran.run.exit, Exit::Code(9));
    // `run` came back: its pipes have ended, so nothing that held them is left.
    assert_eq!(ran.output, "");
}

#[tokio::test]
async fn an_engine_of_root_runs_as_another_user_and_its_files_come_back() {
    if !geteuid().is_root() {
        // Whoever is not root cannot become another, and says so.
        let dir = open_dir();
        assert!(run(&job_in(dir.path()), "true").await.how(Bound::User).contains("not root"));
        return;
    }
    let dir = open_dir();
    let mut job = job_in(dir.path());
    job.user = Some("nobody".to_string());
    let ran = run(&job, "id -un; id -G; grep CapEff /proc/self/status; touch tmp/x report && stat -c %U report").await;
    assert_eq!(ran.output, "nobody\n65534\nCapEff:\t0000000000000000\nnobody\n");
    assert_eq!(ran.how(Bound::User), "nobody");

    job.run_id = uuid::Uuid::now_v7();
    job.user = Some("no-such-user".to_string());
    let message = format!("{:?}", run(&job, "true").await.run.exit);
    assert!(message.contains("there is no user no-such-user"), "{message}");

    std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
    job.run_id = uuid::Uuid::now_v7();
    job.user = Some("nobody".to_string());
    let message = format!("{:?}", run(&job, "true").await.run.exit);
    assert!(message.contains("cannot reach the job folder") && message.contains("engines.work_dir"), "{message}");
}

#[tokio::test]
async fn an_engine_reads_no_files_of_others_and_writes_in_its_folder_only() {
    let dir = open_dir();
    let secret = dir.path().join("secret");
    std::fs::write(&secret, "secret\n").unwrap();
    let mut job = job_in(dir.path());
    let (path, place) = (secret.display(), dir.path().display());
    let script = format!(
        "cat {path}; echo x > {place}/new; echo x >> /etc/hosts; ls {place}; kill -0 {}; echo mine > tmp/mine && cat tmp/mine; \
         echo x > /dev/null && sort --version | head -c 4",
        std::process::id()
    );
    let ran = run(&job, &script).await;
    assert_eq!(ran.output, "mine\nsort", "{:?}", ran.run.last_lines);
    assert_eq!(ran.run.last_lines.len(), 5, "each of the others failed: {:?}", ran.run.last_lines);
    ran.how(Bound::Files);
    assert!(!dir.path().join("new").exists());

    job.run_id = uuid::Uuid::now_v7();
    job.limits.is_confined = false;
    let ran = run(&job, &format!("cat {path}")).await;
    assert_eq!(ran.output, "secret\n", "and where it is switched off, it reads them");
    assert!(ran.bounds.iter().any(|enforced| enforced.bound == Bound::Files && !enforced.is_enforced));
}

#[tokio::test]
async fn a_name_has_the_addresses_that_were_checked_and_no_other_name_has_any() {
    let dir = open_dir();
    let mut job = job_in(dir.path());
    job.target = Target::parse("http://app.example.test:8080/").unwrap();
    job.addresses = vec!["127.0.0.9".parse().unwrap(), "127.0.0.10".parse().unwrap()];
    let names = "getent ahostsv4 app.example.test | grep STREAM; getent ahostsv4 localhost | head -n 1; \
                 getent ahosts b.example.test";
    let ran = run(&job, names).await;
    ran.how(Bound::Names);
    let found: Vec<&str> = ran.output.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(found, ["127.0.0.9", "127.0.0.10", "127.0.0.1"]);
    assert_eq!(ran.run.exit, Exit::Code(2), "the last name has none");
}

#[tokio::test]
async fn an_engine_yields_to_the_server_and_gains_no_rights() {
    let dir = open_dir();
    let ran = run(&job_in(dir.path()), "nice; grep NoNewPrivs /proc/self/status; ulimit -n; ls /dev/shm").await;
    let own = std::process::Command::new("nice").output().unwrap().stdout;
    let own: i32 = String::from_utf8(own).unwrap().trim().parse().unwrap();
    assert_eq!(ran.output, format!("{}\nNoNewPrivs:\t1\n4096\n", own.max(10)));
    for bound in [Bound::Niceness, Bound::Privileges, Bound::OpenFiles, Bound::FileSize, Bound::Memory] {
        ran.how(bound);
    }
}

/// The same on behalf of a server that is not root: names and files need no rights either.
#[tokio::test]
async fn a_server_without_rights_holds_the_same_bounds() {
    if !geteuid().is_root() {
        // Then every test here is this one.
        return;
    }
    let dir = open_dir();
    let supervisor = dir.path().join("supervisor");
    std::fs::copy(common::SUPERVISOR, &supervisor).unwrap();
    let mut job = job_in(dir.path());
    let as_nobody = ["/usr/bin/setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"];
    job.supervisor = as_nobody.map(str::to_string).into_iter().chain([supervisor.display().to_string()]).collect();
    job.target = Target::parse("http://app.example.test/").unwrap();
    job.addresses = vec!["127.0.0.9".parse().unwrap()];
    // The folder of the run must be nobody's, as it would be if nobody had made it.
    let program = "getent ahostsv4 app.example.test | head -n 1; echo x > mine && id -un; cat /etc/passwd | wc -l; ls / > /dev/null";
    let own = dir.path().join("work").join(job.run_id.to_string());
    let folder = JobDir::create(&job.work_dir, job.run_id).unwrap();
    for path in [own.clone(), own.join("tmp")] {
        nix::unistd::chown(&path, Some(65534.into()), Some(65534.into())).unwrap();
    }
    let program = Program {
        path: PathBuf::from("/bin/sh"),
        args: vec!["-c".to_string(), program.to_string()],
        soft: Soft::Terminate,
        grace: Duration::from_millis(200),
        stdin: None,
        stdout: Stdout::Report,
        max_report_bytes: 1024 * 1024,
        has_sockets: false,
    };
    let mut control = steering(Duration::from_secs(30)).control;
    let mut output = Vec::new();
    let (run, bounds) =
        run_in_bounds(&job, &mut control, &program, &folder, |_, bytes| output.extend_from_slice(bytes)).await;
    let ran = Ran { run, bounds, output: String::from_utf8(output).unwrap() };
    for bound in [Bound::User, Bound::Names, Bound::Files, Bound::Processes] {
        ran.how(bound);
    }
    assert!(ran.output.starts_with("127.0.0.9 "), "{}", ran.output);
    assert!(ran.output.contains("nobody\n"), "{}", ran.output);
}
