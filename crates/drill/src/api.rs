//! The few calls of the Scan API that a drill makes.

use anyhow::{Context, bail};
use reqwest::{Client, Method};
use serde_json::Value;
use std::time::Duration;

/// How long a call may take; longer is an answer that never came.
const PATIENCE: Duration = Duration::from_secs(20);

/// A caller with a key.
#[derive(Clone)]
pub struct Api {
    client: Client,
    key: String,
}

/// An answer: its status and its body.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub body: Value,
}

impl Answer {
    /// The catalogue's code of a failure; empty for a success.
    pub fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }
}

impl Api {
    /// A caller with this key. Every call has a connection of its own: the server behind it may be another one by now.
    pub fn new(key: &str) -> anyhow::Result<Api> {
        let client = Client::builder().no_proxy().timeout(PATIENCE).pool_max_idle_per_host(0).build()?;
        Ok(Api { client, key: key.to_string() })
    }

    /// One call; `None` when no answer came.
    pub async fn call(&self, method: Method, url: &str, body: Option<&Value>, key: Option<&str>) -> Option<Answer> {
        let mut request = self.client.request(method, url).header("X-API-Key", &self.key);
        if let Some(key) = key {
            request = request.header("Idempotency-Key", key);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await.ok()?;
        let status = response.status().as_u16();
        let body = response.json().await.ok()?;
        Some(Answer { status, body })
    }

    /// A call that has to succeed, at the latest at its third time: the machine may be busy. Answers `data`.
    pub async fn must(&self, method: Method, url: &str, body: Option<&Value>) -> anyhow::Result<Value> {
        let called = format!("{method} {url}");
        let mut failed = String::new();
        for _ in 0..3 {
            match self.call(method.clone(), url, body, None).await {
                Some(mut answer) if (200..300).contains(&answer.status) => return Ok(answer.body["data"].take()),
                Some(answer) => failed = format!("{} {}", answer.status, answer.body),
                None => failed = "no answer".into(),
            }
        }
        bail!("{called}: {failed}")
    }

    /// How many scans there are by the API's own count.
    pub async fn total(&self, base: &str) -> anyhow::Result<u64> {
        let url = format!("{base}/scans?limit=1");
        for _ in 0..3 {
            if let Some(answer) = self.call(Method::GET, &url, None, None).await {
                return answer.body["pagination"]["total"]
                    .as_u64()
                    .with_context(|| format!("no total in {}", answer.body));
            }
        }
        bail!("no answer to GET /scans")
    }
}

impl std::fmt::Debug for Api {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Api")
    }
}
