//! Scans: made, launched, watched, exported as a file.

use super::download::Download;
use super::{Client, check};
use crate::error::Error;
use crate::request::Request;
use crate::stream::Items;
use scanyard_contract::{Contract, Kind};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::fmt::Display;
use std::time::Duration;
use tokio::time::Instant;

/// Formats of a scan's file.
const FORMATS: [&str; 5] = ["nessus", "html", "pdf", "csv", "db"];
/// Pause between two looks at a file that is made.
const LOOK: Duration = Duration::from_millis(2500);

/// A scan in the list; Tenable says more than is named here.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Scan {
    pub id: u64,
    #[serde(default)]
    pub uuid: Option<String>,
    #[serde(default)]
    pub name: String,
    /// `initializing`, `pending`, `running`, `publishing`, `completed`, `paused`, `canceled`, `aborted`, `stopped`, `empty`,
    /// `imported`, …
    #[serde(default)]
    pub status: String,
    /// Everything else, by Tenable's names.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// Which scans to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListScans {
    pub folder_id: Option<u64>,
    /// Seconds since 1970: scans that changed after it.
    pub last_modification_date: Option<i64>,
}

/// A file to be made of a scan's results.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ExportScan {
    /// `nessus`, `html`, `pdf`, `csv` or `db`.
    pub format: String,
    /// For HTML and PDF, such as `vuln_by_host`.
    pub chapters: Vec<String>,
    /// For `db`.
    pub password: Option<scanyard_contract::hidden::Hidden>,
    /// A run before the last one.
    pub history_id: Option<u64>,
}

impl Client {
    /// `GET /scans`.
    pub async fn scans(&self, filter: &ListScans) -> Result<Vec<Scan>, Error> {
        #[derive(Deserialize)]
        struct List {
            // `null` where there are none.
            scans: Option<Vec<Scan>>,
        }
        let request = Request::get("scans")
            .with_some("folder_id", filter.folder_id)
            .with_some("last_modification_date", filter.last_modification_date);
        Ok(self.fetch::<List>(request).await?.scans.unwrap_or_default())
    }

    /// `POST /scans`: a scan from a template, with Tenable's settings such as `name` and `text_targets`.
    pub async fn create_scan(&self, template: &str, settings: &Value) -> Result<Scan, Error> {
        #[derive(Deserialize)]
        struct Created {
            scan: Scan,
        }
        check::uuid("uuid", template)?;
        let request = Request::post("scans").json(&json!({"uuid": template, "settings": settings}));
        Ok(self.fetch::<Created>(request).await?.scan)
    }

    /// `GET /scans/{id}`: results and settings as Tenable shows them.
    pub async fn scan(&self, id: impl Display, history_id: Option<u64>) -> Result<Value, Error> {
        let request = Request::get(format!("scans/{}", check::id("scan_id", id)?));
        self.fetch(request.with_some("history_id", history_id)).await
    }

    /// `PUT /scans/{id}` with the whole document.
    pub async fn update_scan(&self, id: impl Display, scan: &Value) -> Result<Value, Error> {
        self.fetch(Request::put(format!("scans/{}", check::id("scan_id", id)?)).json(scan)).await
    }

    /// `DELETE /scans/{id}`.
    pub async fn delete_scan(&self, id: impl Display) -> Result<(), Error> {
        self.request(&Request::delete(format!("scans/{}", check::id("scan_id", id)?))).await.map(|_| ())
    }

    /// `POST /scans/{id}/launch`, on other targets than the scan's own when there are any. Answers the UUID of the run.
    pub async fn launch_scan(&self, id: impl Display, targets: &[String]) -> Result<String, Error> {
        #[derive(Deserialize)]
        struct Launched {
            scan_uuid: String,
        }
        let body = if targets.is_empty() { json!({}) } else { json!({"alt_targets": targets}) };
        let request = Request::post(format!("scans/{}/launch", check::id("scan_id", id)?)).json(&body);
        Ok(self.fetch::<Launched>(request).await?.scan_uuid)
    }

    /// `POST /scans/{id}/stop`.
    pub async fn stop_scan(&self, id: impl Display) -> Result<(), Error> {
        self.control(id, "stop").await
    }

    /// `POST /scans/{id}/pause`.
    pub async fn pause_scan(&self, id: impl Display) -> Result<(), Error> {
        self.control(id, "pause").await
    }

    /// `POST /scans/{id}/resume`.
    pub async fn resume_scan(&self, id: impl Display) -> Result<(), Error> {
        self.control(id, "resume").await
    }

    async fn control(&self, id: impl Display, verb: &str) -> Result<(), Error> {
        self.request(&Request::post(format!("scans/{}/{verb}", check::id("scan_id", id)?))).await.map(|_| ())
    }

    /// `GET /scans/{id}/latest-status`.
    pub async fn scan_status(&self, id: impl Display) -> Result<String, Error> {
        let request = Request::get(format!("scans/{}/latest-status", check::id("scan_id", id)?));
        Ok(self.fetch::<Status>(request).await?.status)
    }

    /// Waits until a scan does not run any more, and answers its status. A scan that never ran is not waited for.
    pub async fn wait_for_scan(&self, id: impl Display, look: Duration, deadline: Duration) -> Result<String, Error> {
        let (id, ends_at) = (check::id("scan_id", id)?, Instant::now() + deadline);
        loop {
            let status = self.scan_status(&id).await?;
            if is_over(&status) {
                return Ok(status);
            }
            if Instant::now() + look >= ends_at {
                let message = format!("the scan {id} is still {status} after {} s", deadline.as_secs());
                return Err(Error::here(Contract::Tenable, Kind::Timeout, message));
            }
            tokio::time::sleep(look).await;
        }
    }

    /// `GET /scans/{id}/history`, every page of it.
    pub fn scan_history(&self, id: impl Display) -> Result<Items<Value>, Error> {
        Ok(self.list(Request::get(format!("scans/{}/history", check::id("scan_id", id)?)), "history"))
    }

    /// Has a file made of a scan's results, waits for it at most so long and opens it.
    pub async fn export_scan(
        &self,
        id: impl Display,
        export: &ExportScan,
        deadline: Duration,
    ) -> Result<Download, Error> {
        #[derive(Deserialize)]
        struct Made {
            // A number or a name.
            file: Value,
        }
        check::word("format", &export.format, &FORMATS)?;
        let id = check::id("scan_id", id)?;
        let mut body = json!({"format": export.format});
        if !export.chapters.is_empty() {
            body["chapters"] = export.chapters.join(";").into();
        }
        let mut request = Request::post(format!("scans/{id}/export")).with_some("history_id", export.history_id);
        if let Some(password) = &export.password {
            body["password"] = password.reveal().into();
            request = request.hiding(password);
        }
        let made: Made = self.fetch(request.json(&body)).await?;
        let file = check::id("file", made.file.as_str().map_or(made.file.to_string(), str::to_string))?;
        self.wait_for_file(&format!("scans/{id}/export/{file}"), &file, deadline).await?;
        self.download(Request::get(format!("scans/{id}/export/{file}/download"))).await
    }

    async fn wait_for_file(&self, path: &str, file: &str, deadline: Duration) -> Result<(), Error> {
        let ends_at = Instant::now() + deadline;
        let fault = |kind, message: &str| {
            let mut error = Error::here(Contract::Tenable, kind, message);
            error.export = Some(crate::error::ExportJob { kind: "scan", job_id: file.to_string() });
            error
        };
        loop {
            let status: Status = self.fetch(Request::get(format!("{path}/status"))).await?;
            match status.status.as_str() {
                "ready" => return Ok(()),
                "error" => return Err(fault(Kind::ExportFailed, "the file could not be made")),
                _ if Instant::now() + LOOK >= ends_at => {
                    return Err(fault(Kind::ExportTimedOut, "the file was not ready before the deadline"));
                }
                _ => tokio::time::sleep(LOOK).await,
            }
        }
    }
}

#[derive(Deserialize)]
struct Status {
    status: String,
}

/// Whether a scan with this status does not run any more; `empty` has never run.
pub fn is_over(status: &str) -> bool {
    let over = ["completed", "canceled", "aborted", "stopped", "paused", "imported", "empty"];
    over.iter().any(|word| status.eq_ignore_ascii_case(word))
}
