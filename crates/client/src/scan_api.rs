//! The typed client of the Scan API.

use crate::error::Error;
use crate::retry::Retrying;
use crate::transport::{Call, FileBody, Transport};
use http::{HeaderValue, Method};
use reqwest::Certificate;
use scanyard_contract::scan::{CreateScan, EngineInfo, Results};
use scanyard_contract::wire::{Page, Pagination, Success};
use scanyard_contract::{ErrorInfo, Kind, Priority, Scan, ScanStatus, ScanType};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::Url;
use uuid::Uuid;

/// Findings asked for per page: the most that the API gives.
const PAGE_LIMIT: &str = "100";
/// More pages than any list has; ends a server's circle.
const MAX_PAGES: usize = 10_000;

/// Calls one Scan API with one key; cheap to clone.
#[derive(Debug, Clone)]
pub struct Client {
    base: Url,
    transport: Transport,
}

/// Why a client cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    #[error("the server's address is not a URL: {0}")]
    NotAUrl(#[from] url::ParseError),
    #[error("the server's address must begin with http:// or https:// and carry no credentials")]
    Unsuitable,
    #[error("the API key is empty or holds characters that no key has")]
    UnusableKey,
    #[error("the file of certificates holds none in PEM that can be used")]
    UnusableCa,
    #[error("TLS: {0}")]
    Tls(#[from] reqwest::Error),
}

/// What [`Client::list`] lists; what is `None` does not filter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListScans {
    pub scan_type: Option<ScanType>,
    pub status: Option<ScanStatus>,
    pub priority: Option<Priority>,
}

/// One page of results: `data` is an object whose findings are paged.
#[derive(Debug, Deserialize)]
struct ResultsPage {
    data: Results,
    pagination: Pagination,
}

impl Client {
    /// A client of the API at `server`, such as `https://scan.example.test`, with a key for all but the errors.
    pub fn new(server: &str, key: Option<String>, retrying: Retrying) -> Result<Client, SetupError> {
        Client::trusting(server, key, retrying, None)
    }

    /// The same, trusting the servers whose certificates these in `ca` (PEM) vouch for, and nobody else's.
    pub fn trusting(
        server: &str,
        key: Option<String>,
        retrying: Retrying,
        ca: Option<&[u8]>,
    ) -> Result<Client, SetupError> {
        let mut base = Url::parse(server)?;
        let is_clean = base.username().is_empty() && base.password().is_none() && base.has_host();
        if !matches!(base.scheme(), "http" | "https") || !is_clean {
            return Err(SetupError::Unsuitable);
        }
        base.set_query(None);
        base.set_fragment(None);
        let path = base.path().trim_end_matches('/');
        let path = path.strip_suffix("/api/v1").unwrap_or(path).to_string();
        base.set_path(&format!("{path}/api/v1/"));
        let key = match key.map(|key| HeaderValue::from_str(key.trim())) {
            Some(Ok(mut key)) if !key.is_empty() && key.to_str().is_ok() => {
                key.set_sensitive(true);
                Some(key)
            }
            Some(_) => return Err(SetupError::UnusableKey),
            None => None,
        };
        let roots = match ca.map(Certificate::from_pem_bundle) {
            Some(Ok(roots)) if !roots.is_empty() => Some(roots),
            Some(_) => return Err(SetupError::UnusableCa),
            // Plain HTTP must also work on a system without any root certificates.
            None => (base.scheme() == "http").then(Vec::new),
        };
        let transport = Transport::new(key, retrying, roots)?;
        Ok(Client { base, transport })
    }

    /// `POST /scans`: repeated with one `Idempotency-Key`, so that it never makes two scans.
    pub async fn create_scan(&self, scan: &CreateScan) -> Result<Scan, Error> {
        let mut call = self.call(Method::POST, "scans", &[]);
        call.body = Some(serde_json::to_vec(scan).map_err(|error| {
            self.transport.unexpected(&call, Kind::UnexpectedValue, format!("the scan has no JSON: {error}"), b"")
        })?);
        self.data(&call).await
    }

    /// `POST /scans/import`: repeated with one `Idempotency-Key`, so that it never makes two scans. Without a target it is
    /// what the report names.
    pub async fn import_scan(
        &self,
        scan_type: ScanType,
        target: Option<&str>,
        report: FileBody,
    ) -> Result<Scan, Error> {
        let query = [("scanType", Some(scan_type.as_str())), ("target", target)];
        let query: Vec<_> = query.into_iter().filter_map(|(name, text)| Some((name, text?))).collect();
        let mut call = self.call(Method::POST, "scans/import", &query);
        call.file = Some(report);
        self.data(&call).await
    }

    /// `GET /scans/{id}`.
    pub async fn get_scan(&self, id: Uuid, scan_type: ScanType) -> Result<Scan, Error> {
        self.data(&self.call(Method::GET, &format!("scans/{id}"), &[("scanType", scan_type.as_str())])).await
    }

    /// `POST /scans/{id}/cancel`.
    pub async fn cancel(&self, id: Uuid, scan_type: ScanType) -> Result<Scan, Error> {
        self.data(&self.call(Method::POST, &format!("scans/{id}/cancel"), &[("scanType", scan_type.as_str())])).await
    }

    /// `GET /scans`, every page of it.
    pub async fn list(&self, filter: &ListScans) -> Result<Vec<Scan>, Error> {
        let words = [
            ("scanType", filter.scan_type.map(ScanType::as_str)),
            ("status", filter.status.map(ScanStatus::as_str)),
            ("priority", filter.priority.map(Priority::as_str)),
        ];
        let query: Vec<_> = words.into_iter().filter_map(|(name, word)| Some((name, word?))).collect();
        let (mut scans, mut cursor) = (Vec::new(), None);
        for _ in 0..MAX_PAGES {
            let call = self.page("scans", &query, cursor.as_deref());
            let page: Page<Scan> = self.decode(&call).await?;
            scans.extend(page.data);
            match page.pagination.next_cursor {
                Some(next) => cursor = Some(next),
                None => return Ok(scans),
            }
        }
        let call = self.page("scans", &query, None);
        Err(self.transport.unexpected(&call, Kind::UnexpectedValue, "the list has no end", b""))
    }

    /// `GET /scans/{id}/results`, every page of it: all findings, or an error, never a shorter list.
    pub async fn results(&self, id: Uuid, scan_type: ScanType) -> Result<Results, Error> {
        let (path, query) = (format!("scans/{id}/results"), [("scanType", scan_type.as_str())]);
        let mut call = self.page(&path, &query, None);
        let ResultsPage { data: mut results, mut pagination } = self.decode(&call).await?;
        for _ in 0..MAX_PAGES {
            let Some(cursor) = pagination.next_cursor.take() else { break };
            call = self.page(&path, &query, Some(&cursor));
            let page: ResultsPage = self.decode(&call).await?;
            results.findings.extend(page.data.findings);
            pagination = page.pagination;
        }
        let (got, total) = (results.findings.len() as u64, results.summary.total);
        if got != total {
            let message = format!("the pages hold {got} findings of {total}");
            return Err(self.transport.unexpected(&call, Kind::UnexpectedValue, message, b""));
        }
        Ok(results)
    }

    /// `GET /engines`.
    pub async fn engines(&self) -> Result<Vec<EngineInfo>, Error> {
        self.data(&self.call(Method::GET, "engines", &[])).await
    }

    /// `GET /errors`: the server's catalogue; needs no key.
    pub async fn errors(&self) -> Result<Vec<ErrorInfo>, Error> {
        self.data(&self.call(Method::GET, "errors", &[])).await
    }

    /// `GET /errors/{code}`; needs no key.
    pub async fn error(&self, code: &str) -> Result<ErrorInfo, Error> {
        let mut call = self.call(Method::GET, "errors/", &[]);
        if let Ok(mut segments) = call.url.path_segments_mut() {
            segments.pop_if_empty().push(code);
        }
        self.data(&call).await
    }

    /// `GET /openapi.json`; needs no key.
    pub async fn openapi(&self) -> Result<Value, Error> {
        self.decode(&self.call(Method::GET, "openapi.json", &[])).await
    }

    fn call(&self, method: Method, path: &str, query: &[(&str, &str)]) -> Call {
        let mut url = self.base.clone();
        url.set_path(&format!("{}{path}", self.base.path()));
        for (name, value) in query {
            url.query_pairs_mut().append_pair(name, value);
        }
        Call { method, url, body: None, file: None }
    }

    fn page(&self, path: &str, query: &[(&str, &str)], cursor: Option<&str>) -> Call {
        let mut query = query.to_vec();
        query.push(("limit", PAGE_LIMIT));
        query.extend(cursor.map(|cursor| ("cursor", cursor)));
        self.call(Method::GET, path, &query)
    }

    async fn data<T: DeserializeOwned>(&self, call: &Call) -> Result<T, Error> {
        Ok(self.decode::<Success<T>>(call).await?.data)
    }

    async fn decode<T: DeserializeOwned>(&self, call: &Call) -> Result<T, Error> {
        let body = self.transport.send(call).await?;
        serde_json::from_slice(&body).map_err(|error| {
            let message = format!("the answer is not what the Scan API says: {error}");
            self.transport.unexpected(call, Kind::Decode, message, &body)
        })
    }
}
