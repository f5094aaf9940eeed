//! Scans and what they found.

use super::{Client, PAGE_LIMIT};
use crate::error::Error;
use crate::request::Request;
use crate::stream::{Items, MAX_PAGES, all};
use http::header::{CONTENT_TYPE, HeaderValue};
use scanyard_contract::scan::{CreateScan, Results};
use scanyard_contract::wire::{Deleted, Pagination};
use scanyard_contract::{Contract, Kind, Priority, Scan, ScanStatus, ScanType};
use serde::Deserialize;
use std::time::Duration;
use uuid::Uuid;

/// The largest report at a slow line's 128 KiB a second.
const IMPORT_TIMEOUT: Duration = Duration::from_secs(2048);

/// What [`Client::list`] lists; what is `None` does not filter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListScans {
    pub scan_type: Option<ScanType>,
    pub status: Option<ScanStatus>,
    pub priority: Option<Priority>,
    pub tag: Option<String>,
    pub target: Option<String>,
}

/// One page of results: `data` is an object whose findings are paged.
#[derive(Debug, Deserialize)]
struct ResultsPage {
    data: Results,
    pagination: Pagination,
}

impl Client {
    /// `POST /scans`: repeated with one `Idempotency-Key`, so that it never makes two scans.
    pub async fn create_scan(&self, scan: &CreateScan) -> Result<Scan, Error> {
        self.data(Request::post("scans").json(scan)).await
    }

    /// `POST /scans/import`: a report as its engine wrote it; without a target it is what the report names.
    pub async fn import_scan(&self, scan_type: ScanType, target: Option<&str>, report: Vec<u8>) -> Result<Scan, Error> {
        let mut request = Request::post("scans/import").with("scanType", scan_type).with_some("target", target);
        request.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
        request.body = Some(report);
        request.timeout = Some(IMPORT_TIMEOUT);
        self.data(request).await
    }

    /// `GET /scans/{id}`.
    pub async fn get_scan(&self, id: Uuid, scan_type: ScanType) -> Result<Scan, Error> {
        self.data(Request::get(format!("scans/{id}")).with("scanType", scan_type)).await
    }

    /// `POST /scans/{id}/cancel`.
    pub async fn cancel(&self, id: Uuid, scan_type: ScanType) -> Result<Scan, Error> {
        self.data(Request::post(format!("scans/{id}/cancel")).with("scanType", scan_type)).await
    }

    /// `DELETE /scans/{id}`: the scan, its findings and its report.
    pub async fn delete_scan(&self, id: Uuid, scan_type: ScanType) -> Result<Deleted, Error> {
        self.data(Request::delete(format!("scans/{id}")).with("scanType", scan_type)).await
    }

    /// `GET /scans`, every page of it.
    pub async fn list(&self, filter: &ListScans) -> Result<Vec<Scan>, Error> {
        all(self.scans(filter)).await
    }

    /// `GET /scans` as a stream.
    pub fn scans(&self, filter: &ListScans) -> Items<Scan> {
        let request = Request::get("scans")
            .with_some("scanType", filter.scan_type)
            .with_some("status", filter.status)
            .with_some("priority", filter.priority)
            .with_some("tag", filter.tag.as_ref())
            .with_some("target", filter.target.as_ref());
        self.items(request)
    }

    /// `GET /scans/{id}/results`, every page of it: all findings, or an error, never a shorter list.
    pub async fn results(&self, id: Uuid, scan_type: ScanType) -> Result<Results, Error> {
        let first = Request::get(format!("scans/{id}/results")).with("scanType", scan_type).with("limit", PAGE_LIMIT);
        let ResultsPage { data: mut results, mut pagination } = self.fetch(first.clone()).await?;
        for _ in 0..MAX_PAGES {
            let Some(cursor) = pagination.next_cursor.take() else { break };
            let page: ResultsPage = self.fetch(first.clone().with("cursor", cursor)).await?;
            results.findings.extend(page.data.findings);
            pagination = page.pagination;
        }
        let (got, total) = (results.findings.len() as u64, results.summary.total);
        if got != total {
            let message = format!("the pages of the scan {id} hold {got} findings of {total}");
            return Err(Error::here(Contract::ScanApi, Kind::UnexpectedValue, message));
        }
        Ok(results)
    }

    /// `GET /scans/{id}/report`: what the engine wrote, as it wrote it.
    pub async fn report(&self, id: Uuid, scan_type: ScanType) -> Result<Vec<u8>, Error> {
        let request = Request::get(format!("scans/{id}/report")).with("scanType", scan_type).binary();
        Ok(self.request(&request).await?.body)
    }
}
