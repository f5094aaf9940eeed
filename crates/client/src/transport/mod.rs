//! Sends requests and repeats them by the catalogue's rule; knows HTTP, not what is asked.

mod exchange;
mod failure;

use crate::auth::{Auth, Pass, Session, Token};
use crate::error::Error;
use crate::limit::{Bucket, Limiter};
use crate::request::{Answer, MAX_ANSWER, Request};
use crate::retry::{Attempt, Stop, random};
use crate::secret::Secrets;
use crate::settings::{Repeat, Settings, SetupError};
use exchange::{Arrived, Want};
use failure::Failure;
use http::header::ACCEPT;
use http::{HeaderMap, HeaderValue, Method};
use scanyard_contract::{Context, Contract, Kind, Retry, Service};
use serde::de::DeserializeOwned;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};
use tokio::time::Instant;
use url::Url;
use uuid::Uuid;

/// A write to ZIA or CBC is answered by an edit lock after 30 s: to stop waiting before would leave its outcome unknown.
const LOCKED_WRITE: Duration = Duration::from_secs(40);

/// Sends to one API with one credential; its clones share token, limits and connections.
#[derive(Debug, Clone)]
pub(crate) struct Transport(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    http: reqwest::Client,
    contract: Contract,
    auth: Auth,
    secrets: Secrets,
    settings: Settings,
    limiter: Limiter,
    /// Whether the expected application has answered before.
    is_met: AtomicBool,
}

/// One request on its way to one service.
pub(crate) struct Call<'a> {
    pub service: Option<Service>,
    pub base: &'a Url,
    pub request: &'a Request,
    /// Asks for the token itself.
    pub is_login: bool,
}

/// A call that is ready to be sent, as often as it takes.
struct Prepared<'a> {
    call: &'a Call<'a>,
    url: Url,
    headers: HeaderMap,
    buckets: Vec<Bucket>,
    is_idempotent: bool,
    started: Instant,
}

impl Transport {
    pub fn new(contract: Contract, auth: Auth, secrets: Secrets, settings: Settings) -> Result<Transport, SetupError> {
        let http = exchange::http(&settings)?;
        let (limiter, is_met) = (Limiter::default(), AtomicBool::new(false));
        Ok(Transport(Arc::new(Inner { http, contract, auth, secrets, settings, limiter, is_met })))
    }

    pub fn session(&self) -> Option<&Session> {
        match &self.0.auth {
            Auth::Session(session) => Some(session),
            Auth::Nobody | Auth::Fixed(_) => None,
        }
    }

    /// Sends a request until it succeeds or the policy ends.
    pub async fn send(&self, service: Option<Service>, base: &Url, request: &Request) -> Result<Answer, Error> {
        let call = Call { service, base, request, is_login: false };
        self.run(&call).await
    }

    /// The same, and decodes the answer.
    pub async fn fetch<T: DeserializeOwned>(
        &self,
        service: Option<Service>,
        base: &Url,
        request: &Request,
    ) -> Result<T, Error> {
        let answer = self.send(service, base, request).await?;
        self.decode(service, base, request, &answer)
    }

    /// Decodes an answer of this request.
    pub fn decode<T: DeserializeOwned>(
        &self,
        service: Option<Service>,
        base: &Url,
        request: &Request,
        answer: &Answer,
    ) -> Result<T, Error> {
        let call = Call { service, base, request, is_login: false };
        answer.decode().map_err(|error| {
            let message = format!("the answer is not what the API says: {error}");
            self.unexpected(&call, self.stranger(Kind::Decode), message, Some(answer))
        })
    }

    /// An answer of this request that is none.
    pub fn not_as_promised(
        &self,
        service: Option<Service>,
        base: &Url,
        request: &Request,
        what: impl Into<String>,
        answer: &Answer,
    ) -> Error {
        let call = Call { service, base, request, is_login: false };
        self.unexpected(&call, Kind::Decode, what, Some(answer))
    }

    /// Opens a file: the head of the answer, its body still to come.
    pub async fn open(&self, base: &Url, request: &Request) -> Result<reqwest::Response, Error> {
        let call = Call { service: None, base, request, is_login: false };
        match self.repeat(&call, Want::Head).await? {
            (Arrived::Head(response), _) => Ok(response),
            (Arrived::Whole { .. }, _) => Err(self.unexpected(&call, Kind::Decode, "the answer has no body", None)),
        }
    }

    /// The body of an open file broke off: the caller has the first part, so that only the caller can begin again.
    pub fn broken(&self, base: &Url, request: &Request, error: reqwest::Error) -> Error {
        let call = Call { service: None, base, request, is_login: false };
        self.error(&call, Failure::on_the_way(error), 1, Stop::Final)
    }

    async fn run(&self, call: &Call<'_>) -> Result<Answer, Error> {
        match self.repeat(call, Want::Body(MAX_ANSWER)).await? {
            (Arrived::Whole { status, headers, body }, attempts) => Ok(Answer { status, headers, body, attempts }),
            (Arrived::Head(_), _) => Err(self.unexpected(call, Kind::Decode, "the answer has no body", None)),
        }
    }

    async fn repeat(&self, call: &Call<'_>, want: Want) -> Result<(Arrived, u32), Error> {
        let prepared = self.prepare(call)?;
        let (mut sent, mut stale, mut is_renewed) = (0, None, false);
        loop {
            let pass = self.pass(call, stale.take()).await?;
            self.wait_for_room(&prepared, sent).await?;
            sent += 1;
            let failure = match self.attempt(&prepared, &pass, want).await {
                Ok(arrived) => {
                    self.0.is_met.store(true, Ordering::Relaxed);
                    return Ok((arrived, sent));
                }
                Err(failure) => *failure,
            };
            if let (Some(pass), false, true) = (&pass, is_renewed, failure.is_about_the_token()) {
                (stale, is_renewed) = (Some(pass.login), true);
                self.tell(&prepared, &failure, sent, Duration::ZERO);
                continue;
            }
            let pause = match self.0.settings.retrying.pause(&attempt(&prepared, &failure, sent)) {
                Ok(pause) => pause,
                Err(stop) => return Err(self.error(call, failure, sent, stop)),
            };
            if failure.classified.retry == Retry::AfterWait {
                self.0.limiter.hold(&prepared.buckets, Instant::now() + pause);
            }
            self.tell(&prepared, &failure, sent, pause);
            tokio::time::sleep(pause).await;
        }
    }

    fn prepare<'a>(&self, call: &'a Call<'a>) -> Result<Prepared<'a>, Error> {
        let request = call.request;
        let url = self.url(call)?;
        let mut headers = HeaderMap::new();
        headers.insert(
            ACCEPT,
            HeaderValue::from_static(if call.request.is_download { "*/*" } else { "application/json" }),
        );
        let mut is_idempotent = request.is_idempotent();
        // One key for all attempts makes a repeated POST to the Scan API safe.
        if self.0.contract == Contract::ScanApi && request.method == Method::POST {
            if let Ok(key) = HeaderValue::from_str(&Uuid::new_v4().to_string()) {
                headers.insert("idempotency-key", key);
            }
            is_idempotent = request.is_idempotent.unwrap_or(true);
        }
        // A map replaces what has the name already; pairs would stand beside it.
        headers.extend(request.headers.clone());
        let buckets = match self.0.settings.keep_limits && !call.is_login {
            true => Bucket::of(call.service, &request.method, url.path()),
            false => Vec::new(),
        };
        Ok(Prepared { call, url, headers, buckets, is_idempotent, started: Instant::now() })
    }

    /// The address, which is never outside the base: no id can lead elsewhere.
    fn url(&self, call: &Call<'_>) -> Result<Url, Error> {
        let path = call.request.path.trim_start_matches('/');
        let mut url = call.base.clone();
        url.set_path(&format!("{}{path}", call.base.path()));
        for (name, value) in &call.request.query {
            url.query_pairs_mut().append_pair(name, value);
        }
        let is_inside = url.path().starts_with(call.base.path()) && !path.starts_with('/');
        if is_inside { Ok(url) } else { Err(self.refused("path", path, "a path below the API's base")) }
    }

    /// The token for one attempt; `None` where none is needed.
    async fn pass(&self, call: &Call<'_>, stale: Option<u64>) -> Result<Option<Pass>, Error> {
        match self.session() {
            Some(session) if !call.is_login => {
                // A login is a call itself: without the box the future would contain itself.
                let log_in = Box::pin(self.log_in(session));
                session.pass(stale, Instant::now(), log_in).await.map(Some)
            }
            Some(_) | None => Ok(None),
        }
    }

    async fn log_in(&self, session: &Session) -> Result<Token, Error> {
        let (base, service, request) = session.login.request(SystemTime::now())?;
        let call = Call { service, base: &base, request: &request, is_login: true };
        let answer = self.run(&call).await?;
        match session.login.read(&answer) {
            Ok(token) => {
                token.secrets.iter().for_each(|secret| self.0.secrets.learn(secret));
                Ok(token)
            }
            // The answer may hold a token in a place that is not known: it is not kept.
            Err(what) => Err(self.unexpected(&call, Kind::Decode, what, None)),
        }
    }

    /// Waits until our own limits have room.
    async fn wait_for_room(&self, prepared: &Prepared<'_>, sent: u32) -> Result<(), Error> {
        let retrying = &self.0.settings.retrying;
        let left = retrying.deadline.saturating_sub(prepared.started.elapsed());
        match self.0.limiter.reserve(&prepared.buckets, Instant::now(), retrying.max_pause.min(left)) {
            Ok(wait) if wait.is_zero() => Ok(()),
            Ok(wait) => {
                let failure = Failure::own_limit(wait);
                self.tell(prepared, &failure, sent, wait);
                tokio::time::sleep(wait).await;
                Ok(())
            }
            Err(wait) => {
                let stop = if wait > retrying.max_pause { Stop::WaitTooLong } else { Stop::Deadline };
                Err(self.error(prepared.call, Failure::own_limit(wait), sent, stop))
            }
        }
    }

    fn tell(&self, prepared: &Prepared<'_>, failure: &Failure, sent: u32, pause: Duration) {
        let call = prepared.call;
        let secrets = call.request.all_secrets();
        let hiding = self.0.secrets.with(&secrets);
        let repeat = Repeat {
            method: call.request.method.to_string(),
            url: hiding.hide_url(&prepared.url),
            sent,
            status: failure.status,
            kind: failure.classified.kind,
            message: hiding.hide(&failure.classified.message).into_owned(),
            pause,
        };
        tracing::debug!(url = %repeat.url, sent, ?pause, reason = %repeat.message, "trying again");
        if let Some(on_retry) = &self.0.settings.on_retry {
            (on_retry.0)(&repeat);
        }
    }

    /// A value that is refused before anything is sent.
    pub fn refused(&self, name: &str, value: impl std::fmt::Display, allowed: &str) -> Error {
        Error::refused(self.0.contract, name, value, allowed)
    }

    fn context<'a>(&self, call: &'a Call<'a>, path: &'a str) -> Context<'a> {
        Context {
            contract: self.0.contract,
            service: call.service,
            method: call.request.method.as_str(),
            path,
            is_impersonated: call.request.headers.contains_key("x-impersonate"),
            is_password_change: path.ends_with("/chpasswd"),
            is_sign_in: call.is_login,
            is_download: call.request.is_download,
        }
    }
}

fn attempt(prepared: &Prepared<'_>, failure: &Failure, sent: u32) -> Attempt {
    Attempt {
        retry: failure.classified.retry,
        wait: failure.classified.wait,
        status: failure.status,
        is_idempotent: prepared.is_idempotent || failure.is_unsent,
        sent,
        elapsed: prepared.started.elapsed(),
        random: random(),
    }
}

impl Inner {
    /// One attempt as a whole, within what is left until the deadline.
    fn timeout(&self, call: &Call<'_>, elapsed: Duration) -> Duration {
        let is_write = !matches!(call.request.method, Method::GET | Method::HEAD | Method::OPTIONS);
        let asked = call.request.timeout.unwrap_or(self.settings.attempt_timeout);
        let timeout = match call.service {
            Some(Service::Zia | Service::Cbc) if is_write => return asked.max(LOCKED_WRITE),
            Some(_) | None => asked,
        };
        timeout.min(self.settings.retrying.deadline.saturating_sub(elapsed)).max(Duration::from_millis(1))
    }
}
