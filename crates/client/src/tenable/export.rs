//! Exports: a job at Tenable whose chunks are fetched as they get ready.

use super::filters::What;
use super::{Client, check};
use crate::error::{Error, ExportJob};
use crate::request::Request;
use crate::stream::Items;
use futures::stream::{StreamExt, TryStreamExt};
use scanyard_contract::{Contract, Kind};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

/// How often a chunk is fetched whose content is not what it should be.
const MAX_CHUNK_READS: u32 = 3;
/// How long the job's cancelling at the deadline may take.
const CANCELLING: Duration = Duration::from_secs(30);
/// The kinds of exports whose job can be found again.
const KINDS: [&str; 3] = ["vulns", "assets", "compliance"];

/// How an export is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waiting {
    /// The first pause between two looks at the job; grows by half each time.
    pub first: Duration,
    pub longest: Duration,
    /// From the start to the last chunk; then the job is cancelled. Chunks live for 24 hours.
    pub deadline: Duration,
    /// Whether to go on with the same export when Tenable says that it runs already.
    pub adopt: bool,
}

impl Default for Waiting {
    fn default() -> Waiting {
        Waiting {
            first: Duration::from_secs(2),
            longest: Duration::from_secs(30),
            deadline: Duration::from_secs(24 * 60 * 60),
            adopt: true,
        }
    }
}

/// Where an export stands, to go on with later: see [`Client::resume`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Checkpoint {
    /// `vulns`, `assets` or `compliance`.
    pub kind: String,
    pub job_id: String,
    /// Chunks that were handed out.
    pub done: BTreeSet<u64>,
}

/// How far an export is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Progress {
    /// As Tenable says it, such as `PROCESSING`.
    pub status: String,
    /// Chunks that were handed out.
    pub done: u64,
    /// Chunks that wait to be fetched.
    pub ready: u64,
    /// Chunks that there will be, once Tenable knows.
    pub total: Option<u64>,
}

/// A part of an export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk<T> {
    pub id: u64,
    pub items: Vec<T>,
}

/// An export that runs. Dropping it leaves the job to Tenable.
#[derive(Debug)]
pub struct Export {
    client: Client,
    kind: &'static str,
    job_id: String,
    done: BTreeSet<u64>,
    waiting: Waiting,
    pause: Duration,
    ends_at: Instant,
    state: State,
    is_adopted: bool,
    /// One of the exports that Tenable runs at a time; given back when the job is over.
    permit: Option<OwnedSemaphorePermit>,
}

/// Tenable's answer about a job.
#[derive(Debug, Default, Deserialize)]
struct State {
    #[serde(default)]
    status: String,
    #[serde(default)]
    chunks_available: Vec<u64>,
    #[serde(default)]
    chunks_failed: Vec<u64>,
    #[serde(default)]
    chunks_cancelled: Vec<u64>,
    #[serde(default)]
    total_chunks: Option<u64>,
}

/// Where a job is, by Tenable's word for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Running,
    Finished,
    Cancelled,
    Failed,
}

impl Client {
    /// Starts an export, or goes on with the same one when it runs already.
    pub async fn export(&self, what: &What, waiting: Waiting) -> Result<Export, Error> {
        #[derive(Deserialize)]
        struct Started {
            export_uuid: String,
        }
        let (kind, body) = (what.kind(), what.body()?);
        let ends_at = Instant::now() + waiting.deadline;
        let permit = match tokio::time::timeout_at(ends_at, self.exports.clone().acquire_owned()).await {
            Ok(Ok(permit)) => Some(permit),
            Ok(Err(_)) => None,
            Err(_) => {
                let message = "ten exports of this caller are running, which is all that Tenable runs at a time";
                return Err(Error::here(Contract::Tenable, Kind::ExportTimedOut, message));
            }
        };
        // A second start is refused as a duplicate, and adopted: sending it again does no harm.
        let mut request = Request::post(format!("{kind}/export")).json(&body);
        request.is_idempotent = Some(waiting.adopt);
        let started = async {
            match self.fetch::<Started>(request).await {
                Ok(started) => Ok((started.export_uuid, false)),
                Err(error) if waiting.adopt => match self.running_job(kind, &error).await {
                    Some(job_id) => Ok((job_id, true)),
                    None => Err(error),
                },
                Err(error) => Err(error),
            }
        };
        let (job_id, is_adopted) = tokio::time::timeout_at(ends_at, started).await.map_err(|_| {
            let message = "the deadline passed before Tenable said whether the export was started";
            Error::here(Contract::Tenable, Kind::ExportTimedOut, message)
        })??;
        check::id("export_uuid", &job_id)?;
        tracing::debug!(kind, job_id, is_adopted, "an export runs");
        Ok(Export { is_adopted, permit, ..Export::of(self, kind, job_id, waiting, ends_at) })
    }

    /// The job that a refusal as a duplicate is about: the one that it names, else the only one of the kind that runs.
    async fn running_job(&self, kind: &str, error: &Error) -> Option<String> {
        #[derive(Deserialize)]
        struct Jobs {
            exports: Vec<Job>,
        }
        #[derive(Deserialize)]
        struct Job {
            uuid: String,
            status: String,
        }
        // The older answer names no job.
        if error.status != Some(429) || error.cause_kind != Kind::Conflict {
            return active_job(error);
        }
        let jobs: Jobs = self.fetch(Request::get(format!("{kind}/export/status"))).await.ok()?;
        let mut running = jobs.exports.into_iter().filter(|job| phase(&job.status) == Phase::Running);
        let job = running.next().filter(|_| running.next().is_none())?;
        check::id("uuid", &job.uuid).ok()
    }

    /// Goes on with an export from where it stood, also after a restart of the program.
    pub fn resume(&self, checkpoint: Checkpoint, waiting: Waiting) -> Result<Export, Error> {
        let Some(kind) = KINDS.into_iter().find(|kind| *kind == checkpoint.kind) else {
            return Err(self.transport.refused("kind", &checkpoint.kind, &format!("one of {}", KINDS.join(", "))));
        };
        let job_id = check::id("job_id", &checkpoint.job_id)?;
        let export = Export::of(self, kind, job_id, waiting, Instant::now() + waiting.deadline);
        Ok(Export { done: checkpoint.done, ..export })
    }
}

impl Export {
    fn of(client: &Client, kind: &'static str, job_id: String, waiting: Waiting, ends_at: Instant) -> Export {
        Export {
            client: client.clone(),
            kind,
            job_id,
            done: BTreeSet::new(),
            waiting,
            pause: waiting.first,
            ends_at,
            state: State::default(),
            is_adopted: false,
            permit: None,
        }
    }

    /// Whether the job was started by somebody else with the same filters.
    pub fn is_adopted(&self) -> bool {
        self.is_adopted
    }

    /// Where it stands, to go on with later.
    pub fn checkpoint(&self) -> Checkpoint {
        Checkpoint { kind: self.kind.to_string(), job_id: self.job_id.clone(), done: self.done.clone() }
    }

    /// How far it is, as of the last look.
    pub fn progress(&self) -> Progress {
        Progress {
            status: self.state.status.clone(),
            done: self.done.len() as u64,
            ready: self.ready().count() as u64,
            total: self.state.total_chunks,
        }
    }

    /// The next chunk, waited for; `None` after the last. After an error that passes, such as exhausted retries, calling
    /// again tries the same chunk again. Chunks that Tenable failed to make are an error once all others are handed out.
    pub async fn next_chunk<T: DeserializeOwned>(&mut self) -> Result<Option<Chunk<T>>, Error> {
        loop {
            if Instant::now() >= self.ends_at {
                return Err(self.give_up().await);
            }
            let next = self.ready().next();
            if let Some(id) = next {
                let items = chunk(self.client.clone(), self.path(&format!("chunks/{id}")));
                let items = self.in_time(items).await?;
                self.done.insert(id);
                self.pause = self.waiting.first;
                return Ok(Some(Chunk { id, items }));
            }
            match phase(&self.state.status) {
                Phase::Finished => return self.end().map(|()| None),
                Phase::Cancelled => return Err(self.failed("the export was cancelled")),
                Phase::Failed => return Err(self.failed("the export failed at Tenable")),
                Phase::Running => {}
            }
            self.look().await?;
        }
    }

    /// Every item of every chunk; ends after the first error. [`Export::next_chunk`] can go on after one.
    pub fn items<T: DeserializeOwned + Send + 'static>(self) -> Items<T> {
        futures::stream::try_unfold(self, |mut export| async move {
            let chunk = export.next_chunk::<T>().await?;
            Ok(chunk.map(|chunk| (futures::stream::iter(chunk.items.into_iter().map(Ok)), export)))
        })
        .try_flatten()
        .boxed()
    }

    /// Stops the job at Tenable.
    pub async fn cancel(&mut self) -> Result<(), Error> {
        let request = Request::post(self.path("cancel")).idempotent();
        let outcome = self.client.request(&request).await;
        self.permit = None;
        outcome.map(|_| ()).map_err(|error| self.of_job(error))
    }

    fn ready(&self) -> impl Iterator<Item = u64> {
        self.state.chunks_available.iter().copied().filter(|id| !self.done.contains(id))
    }

    /// Looks at the job, at the first time at once.
    async fn look(&mut self) -> Result<(), Error> {
        if !self.state.status.is_empty() {
            tokio::time::sleep_until((Instant::now() + self.pause).min(self.ends_at)).await;
            self.pause = (self.pause * 3 / 2).min(self.waiting.longest);
        }
        let (client, request) = (self.client.clone(), Request::get(self.path("status")));
        self.state = self.in_time(client.fetch(request)).await?;
        if self.state.status.is_empty() {
            self.state.status = "UNKNOWN".to_string();
        }
        if phase(&self.state.status) != Phase::Running {
            self.permit = None;
        }
        Ok(())
    }

    /// A path of the job's.
    fn path(&self, of: &str) -> String {
        format!("{}/export/{}/{of}", self.kind, self.job_id)
    }

    /// What a call of the job answers before the deadline, however long Tenable asks to wait for it.
    async fn in_time<T>(&mut self, call: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        match tokio::time::timeout_at(self.ends_at, call).await {
            Ok(outcome) => outcome.map_err(|error| self.of_job(error)),
            Err(_) => Err(self.give_up().await),
        }
    }

    /// Whether everything was handed out.
    fn end(&self) -> Result<(), Error> {
        let State { chunks_failed, chunks_cancelled, .. } = &self.state;
        let lost: Vec<String> = chunks_failed.iter().chain(chunks_cancelled).map(u64::to_string).collect();
        if lost.is_empty() {
            return Ok(());
        }
        let mut error = self.failed("the export is not whole: Tenable failed to make some of its chunks");
        error.parameters = lost;
        Err(error)
    }

    /// The deadline: nobody waits for the job any more.
    async fn give_up(&mut self) -> Error {
        let is_running = phase(&self.state.status) == Phase::Running;
        let message = match is_running {
            false => "the deadline passed before every chunk was fetched".to_string(),
            true => match tokio::time::timeout(CANCELLING, self.cancel()).await {
                Ok(Ok(())) => "the deadline passed; the export was cancelled at Tenable".to_string(),
                Ok(Err(error)) => {
                    format!("the deadline passed, and the export could not be cancelled: {}", error.message)
                }
                Err(_) => "the deadline passed, and the export could not be cancelled in time".to_string(),
            },
        };
        self.of_job(Error::here(Contract::Tenable, Kind::ExportTimedOut, message))
    }

    fn failed(&self, message: &str) -> Error {
        self.of_job(Error::here(Contract::Tenable, Kind::ExportFailed, message))
    }

    fn of_job(&self, mut error: Error) -> Error {
        error.export = Some(ExportJob { kind: self.kind, job_id: self.job_id.clone() });
        error
    }
}

/// A chunk; fetched again when its content is not what it should be.
async fn chunk<T: DeserializeOwned>(client: Client, path: String) -> Result<Vec<T>, Error> {
    let mut reads = 1;
    loop {
        match client.fetch(Request::get(path.clone())).await {
            Err(error) if error.kind == Kind::Decode && reads < MAX_CHUNK_READS => reads += 1,
            outcome => return outcome,
        }
    }
}

fn phase(status: &str) -> Phase {
    match status.to_ascii_uppercase().as_str() {
        "FINISHED" => Phase::Finished,
        "CANCELLED" | "CANCELED" => Phase::Cancelled,
        "ERROR" => Phase::Failed,
        // Queued, processing, or a word of tomorrow: the deadline ends it.
        _ => Phase::Running,
    }
}

/// The job that a refusal as a duplicate names.
fn active_job(error: &Error) -> Option<String> {
    #[derive(Deserialize)]
    struct Duplicate {
        active_job_id: String,
    }
    let body = error.body.as_deref().filter(|_| error.status == Some(409))?;
    let duplicate: Duplicate = serde_json::from_str(body).ok()?;
    check::id("active_job_id", &duplicate.active_job_id).ok()
}
