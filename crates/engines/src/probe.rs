//! A short run of a program that scans nothing: to hear its version, or to see what this host bounds.

use crate::job::{Control, Job};
use crate::process::{Enforced, JobDir, Limits, Program, Run, Soft, Stdout, run_in_bounds};
use crate::{Options, Target, sentinel};
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// A Java or Python engine on a busy machine takes seconds to say its version, and the first time half a minute.
const TIMEOUT: Duration = Duration::from_secs(60);
/// The most bytes that a program may say meanwhile.
const MAX_OUTPUT: u64 = 256 * 1024;

/// How programs are run here; the fields are those of a [`Job`].
#[derive(Debug, Clone)]
pub struct Probe {
    pub supervisor: Vec<String>,
    pub work_dir: PathBuf,
    pub user: Option<String>,
    pub limits: Limits,
}

/// What a short run came to.
#[derive(Debug)]
pub struct Probed {
    /// Everything that it said, on both streams.
    pub said: String,
    pub run: Run,
    /// What kept it in bounds.
    pub bounds: Vec<Enforced>,
}

impl Probe {
    /// As the job's own program is run.
    pub fn of_job(job: &Job) -> Probe {
        Probe {
            supervisor: job.supervisor.clone(),
            work_dir: job.work_dir.clone(),
            user: job.user.clone(),
            limits: job.limits,
        }
    }

    /// Runs a program within the bounds of any engine; an error is a work folder that cannot be used.
    pub async fn run(&self, path: &Path, args: Vec<String>) -> io::Result<Probed> {
        let job = self.job();
        let dir = JobDir::create(&job.work_dir, job.run_id)?;
        let program = Program {
            path: path.to_path_buf(),
            args,
            soft: Soft::Terminate,
            grace: Duration::from_secs(1),
            stdin: None,
            stdout: Stdout::Report,
            max_report_bytes: MAX_OUTPUT,
            has_sockets: false,
        };
        let (progress, _) = watch::channel(0);
        // Held until the end: a lease that nobody can renew any more would be none.
        let (_renew, renewed) = watch::channel(0);
        let (cancel, stop) = (CancellationToken::new(), CancellationToken::new());
        let mut control = Control { progress, cancel, stop, renewed, lease: TIMEOUT * 2 };
        let mut said = Vec::new();
        let on_output = |_, bytes: &[u8]| said.extend_from_slice(bytes);
        let (run, bounds) = run_in_bounds(&job, &mut control, &program, &dir, on_output).await;
        Ok(Probed { said: String::from_utf8_lossy(&said).into_owned(), run, bounds })
    }

    /// A run that has no target; its address is there so that names are held as they are for a target.
    fn job(&self) -> Job {
        let this = IpAddr::V4(Ipv4Addr::LOCALHOST);
        Job {
            timeout: TIMEOUT,
            supervisor: self.supervisor.clone(),
            user: self.user.clone(),
            limits: self.limits,
            ..Job::of(Target::Ip(this), Options::Sentinel(sentinel::Options::default()), self.work_dir.clone())
        }
    }
}
