//! trivy: files and images to findings. Nothing is downloaded and nobody is told; what is scanned is never the folder
//! that trivy works in, for it takes its own settings from there.

mod argv;
mod findings;
mod login;
mod nested;
mod options;
mod redact;
mod report;
#[cfg(test)]
mod samples;
mod settings;
mod verdict;

pub use options::{Level, Options, Scanner};

use crate::Target;
use crate::auth::fault_beside;
use crate::job::{Control, Job, Outcome, Parsed, RawReport, Report, raise};
use crate::process::{self, Ended, JobDir, Program, Soft, Stdout, Stream};
use crate::text::unmarked;
use crate::upload::{self, Packed, UploadFault, UploadKind};
use argv::Subject;
use report::Document;
use scanyard_contract::ScanType;
use scanyard_contract::scan::{Coverage, FailureReason};
use std::collections::HashSet;
use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::{DirBuilderExt, symlink};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The most bytes of JSON that are read of one run.
const MAX_REPORT_BYTES: u64 = 64 * 1024 * 1024;
/// The largest file that a run may write: layers of an image lie in its folder for a while.
const MAX_FILE_BYTES: u64 = 1024 * 1024 * 1024;
/// How long trivy may take to end after SIGTERM. It leaves no partial report that were worth more of a wait, and its second
/// signal ends it at once.
const GRACE: Duration = Duration::from_secs(3);
/// Names inside the job folder.
const REPORT: &str = "report.json";
const CACHE: &str = "cache";
const UPLOAD: &str = "upload";
/// What the operator's cache has that is read: databases of vulnerabilities and of Java's packages, checks.
const SHARED: [&str; 3] = ["db", "java-db", "policy"];

/// Runs trivy over the job's upload or image.
pub async fn run(job: Job, mut control: Control) -> Report {
    let crate::Options::Trivy(options) = &job.options else {
        return Report::failed(FailureReason::EngineFailed, "these are not options of trivy");
    };
    let Some(path) = job.program.clone() else {
        return Report::failed(FailureReason::EngineMissing, "trivy is not installed");
    };
    let dir = match JobDir::create(&job.work_dir, job.run_id) {
        Ok(dir) => dir,
        Err(error) => return Report::no_job_dir(&job, &error),
    };
    let prepared = match prepare(&job, &dir).await {
        Ok(prepared) => prepared,
        Err(failed) => return *failed,
    };
    let subject = prepared.subject(&job.target);
    let scanners = subject.scanners(&options.scanners);
    if scanners.is_empty() {
        let message = "a bill of materials holds no files: ask for the scanners vuln or license";
        return Report::failed(FailureReason::EngineFailed, message);
    }
    let program = Program {
        path,
        args: argv::argv(subject, options, &scanners, job.timeout, REPORT, CACHE),
        soft: Soft::Terminate,
        grace: GRACE,
        stdin: None,
        stdout: Stdout::Log,
        max_report_bytes: MAX_FILE_BYTES,
        has_sockets: false,
    };
    let mut log = verdict::Log::default();
    let mut run = process::run(&job, &mut control, &program, &dir, |stream, bytes| {
        if stream == Stream::Stderr {
            log.read(bytes);
        }
    })
    .await;
    run.last_lines.retain(|line| !verdict::is_debug(line));
    if run.ended == Ended::Stopped {
        return Report::stopped();
    }
    // Without a report its absence says so.
    let mut raw = dir.read(REPORT, MAX_REPORT_BYTES + 1).unwrap_or_default();
    if raw.len() as u64 > MAX_REPORT_BYTES {
        let message =
            format!("trivy's report is larger than {MAX_REPORT_BYTES} bytes; ask for less, or leave folders out");
        return Report::failed(FailureReason::OutputTooLarge, message);
    }
    if !prepared.within.is_empty() {
        raw = nested::lifted(raw, &prepared.within);
    }
    let (mut parsed, results) = read_results(&raw, &job.target);
    let said = log.end();
    parsed.collected.drop_all("component that trivy does not know", said.unknown);
    let mut fault = parsed.fault.take();
    if fault.is_none() && scanners.contains(&Scanner::Misconfig) && matches!(subject, Subject::Tree { .. }) {
        let root = dir.path().join(&prepared.path).join(&prepared.within);
        fault = unread_settings(root, results, options.skip_dirs.clone()).await;
    }
    let is_full = options.license_full && !matches!(subject, Subject::Sbom(_));
    let idle: Vec<Scanner> = scanners.iter().copied().filter(|scanner| said.is_idle(*scanner, is_full)).collect();
    if fault.is_none() && idle.len() == scanners.len() {
        fault = Some(verdict::nothing());
    } else if fault.is_none() {
        let name = job.upload.as_ref().map_or_else(|| job.target.host(), |upload| upload.name.clone());
        idle.iter().for_each(|scanner| parsed.collected.add(findings::nothing(*scanner, &name, &job.target)));
    }
    let outcome = verdict::outcome(&run, said.complaint, fault);
    if outcome == Outcome::Completed {
        raise(&control.progress, 100);
    }
    let raw = kept(raw).map(|bytes| RawReport { media_type: "application/json", bytes });
    Report::of(outcome, parsed, raw)
}

/// The report without the secrets in it; `None` for one that cannot be searched for them: it is not JSON, or too large.
pub fn kept(mut report: Vec<u8>) -> Option<Vec<u8>> {
    let mark = report.len() - unmarked(&report).len();
    report.drain(..mark);
    let is_small = report.len() as u64 <= MAX_REPORT_BYTES;
    is_small.then(|| redact::report(report)).filter(|report| !report.is_empty())
}

/// Reads a report that was made elsewhere. Without results it proves nothing: that of an empty folder looks so.
pub(crate) fn import(report: &[u8], target: &Target) -> Parsed {
    let (mut parsed, results) = read_results(report, target);
    if parsed.fault.is_none() && results.is_empty() {
        (parsed.fault, parsed.coverage.reached) = (Some(verdict::no_results()), 0);
    }
    parsed
}

/// Reads a report, as trivy writes it with `--format json`.
pub fn read(report: &[u8], target: &Target) -> Parsed {
    read_results(report, target).0
}

/// The same, and the paths that trivy lists: of what it looked at, or found something in.
fn read_results(report: &[u8], target: &Target) -> (Parsed, HashSet<String>) {
    let (document, error) = match serde_json::from_slice::<Document<'_>>(report) {
        Ok(document) => (document, None),
        Err(error) => (Document::default(), Some(error)),
    };
    let collected = findings::findings(&document, target);
    let fault = verdict::fault(&document, error.as_ref()).or_else(|| verdict::unread(&collected.records));
    let parsed = Parsed {
        collected,
        coverage: Coverage { hosts: 1, reached: u64::from(fault.is_none()) },
        engine_version: document.trivy.version.map(|version| crate::text::clean(version.as_bytes(), 50)),
        fault,
    };
    (parsed, document.results.into_iter().map(|part| part.target).collect())
}

/// Why the scan of a folder is none of its settings. In a thread of its own, for it reads files.
async fn unread_settings(
    root: PathBuf,
    scanned: HashSet<String>,
    skip_dirs: Vec<String>,
) -> Option<(FailureReason, String)> {
    let looking = tokio::task::spawn_blocking(move || {
        settings::passed_over(&root, &scanned, &nested::skipped(&root, &skip_dirs))
    });
    match looking.await {
        Ok(Ok(paths)) => verdict::unread_settings(&paths),
        Ok(Err(error)) => Some((FailureReason::EngineFailed, format!("looking at what was scanned: {error}"))),
        Err(error) => Some((FailureReason::EngineFailed, format!("looking at what was scanned: {error}"))),
    }
}

/// What trivy finds in its job folder, as a path below it; `None` for an image.
struct Prepared {
    kind: Option<UploadKind>,
    path: String,
    /// The folder below `path` that everything lies in, with a slash; empty where that is `path` itself.
    within: String,
}

impl Prepared {
    fn subject<'a>(&'a self, target: &'a Target) -> Subject<'a> {
        match (self.kind, target) {
            (None, Target::Image(image)) => Subject::Image(image),
            (Some(UploadKind::CycloneDx | UploadKind::Spdx), _) => Subject::Sbom(&self.path),
            (Some(UploadKind::TarGz | UploadKind::Zip | UploadKind::File) | None, _) => {
                Subject::Tree { path: &self.path, within: &self.within }
            }
        }
    }
}

/// Puts the cache together and unpacks the upload.
async fn prepare(job: &Job, dir: &JobDir) -> Result<Prepared, Box<Report>> {
    let failed = |message: String| Box::new(Report::failed(FailureReason::EngineFailed, message));
    make_cache(&dir.path().join(CACHE), job.settings.trivy_cache_dir.as_deref())
        .map_err(|error| failed(format!("trivy's cache: {error}")))?;
    if let Some(detail) = job.auth.as_ref().and_then(|_| fault_beside(ScanType::Trivy, &job.target)) {
        return Err(failed(format!("auth {}", detail.reason)));
    }
    let packed = match (&job.target, job.upload.clone()) {
        (Target::Image(image), _) => {
            if let Some(basic) = job.auth.as_ref().and_then(|auth| auth.basic.as_ref()) {
                login::write(dir, image, basic).map_err(|error| failed(format!("the login of a registry: {error}")))?;
            }
            return Ok(Prepared { kind: None, path: String::new(), within: String::new() });
        }
        (Target::Upload(_), Some(packed)) => packed,
        (target @ Target::Upload(_), None) => return Err(failed(format!("the files of {target} are not here"))),
        (target @ (Target::Ip(_) | Target::Network(_) | Target::Host(_) | Target::Url(_) | Target::Files(_)), _) => {
            return Err(failed(format!("trivy scans no {}", target.target_type())));
        }
    };
    let kind = Some(packed.kind);
    match unpack(packed, dir.path().join(UPLOAD)).await {
        Ok((path, within)) => {
            let below = path.strip_prefix(dir.path()).unwrap_or(&path);
            Ok(Prepared { kind, path: below.display().to_string(), within })
        }
        Err(UploadFault::Refused(reason)) => Err(failed(format!("the upload {reason}"))),
        Err(UploadFault::Disk(error)) => Err(failed(format!("unpacking the upload: {error}"))),
    }
}

/// In a thread of its own: decompression takes its time.
async fn unpack(packed: Packed, root: PathBuf) -> Result<(PathBuf, String), UploadFault> {
    let unpacked = tokio::task::spawn_blocking(move || {
        DirBuilder::new().mode(0o700).create(&root)?;
        let path = upload::unpack(&packed, &root)?;
        if is_saved_image(&path) {
            let reason = "is an image as `docker save` writes it, whose layers are archives that would not be looked into: scan \
                          it in its registry";
            return Err(UploadFault::Refused(reason.to_string()));
        }
        let within = nested::nest(&path, &packed.name)?;
        Ok((path, within))
    });
    unpacked.await.map_err(|error| UploadFault::Disk(io::Error::other(error)))?
}

/// Whether a folder holds the layers of an image, in the form of the OCI or in Docker's own.
fn is_saved_image(folder: &Path) -> bool {
    let manifest = std::fs::read_to_string(folder.join("manifest.json")).unwrap_or_default();
    folder.join("oci-layout").is_file() || (manifest.contains("\"Layers\"") && manifest.contains("\"Config\""))
}

/// A cache of the run's own, in which the operator's databases are links: what trivy writes stays in the job folder.
fn make_cache(cache: &Path, shared: Option<&Path>) -> io::Result<()> {
    DirBuilder::new().mode(0o700).create(cache)?;
    let Some(shared) = shared else { return Ok(()) };
    let shared = shared.canonicalize()?;
    for name in SHARED {
        if shared.join(name).is_dir() {
            symlink(shared.join(name), cache.join(name))?;
        }
    }
    Ok(())
}
