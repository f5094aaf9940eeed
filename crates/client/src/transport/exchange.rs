//! One request, one answer.

use super::failure::Failure;
use super::{Prepared, Transport};
use crate::auth::{Auth, Pass};
use crate::settings::{Settings, SetupError};
use http::HeaderMap;
use reqwest::{Certificate, Proxy, Response};
use scanyard_contract::{Kind, Retry, classify, classify_success};
use std::time::SystemTime;

/// The largest body of a failure that is read.
const MAX_FAILURE: usize = 1024 * 1024;

/// How much of an answer is wanted.
#[derive(Clone, Copy)]
pub(super) enum Want {
    /// All of it, at most so many bytes.
    Body(usize),
    /// Status and headers; the caller reads on.
    Head,
}

/// A 2xx answer.
pub(super) enum Arrived {
    Whole { status: u16, headers: HeaderMap, body: Vec<u8> },
    Head(Response),
}

/// The connections: TLS by ring, no redirects, no proxy but the one that is asked for.
pub(super) fn http(settings: &Settings) -> Result<reqwest::Client, SetupError> {
    // Fails when a provider is installed already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut builder = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(settings.connect_timeout)
        .user_agent(concat!("scanyard/", env!("CARGO_PKG_VERSION")));
    if let Some(proxy) = &settings.proxy {
        builder = builder.proxy(Proxy::all(proxy.clone())?);
    }
    if let Some(ca) = &settings.ca {
        // Also on a system without any root certificates; an empty list trusts nobody, as plain HTTP needs none.
        let roots = if ca.is_empty() { Vec::new() } else { roots(ca)? };
        builder = builder.tls_certs_only(roots);
    }
    Ok(builder.build()?)
}

fn roots(ca: &[u8]) -> Result<Vec<Certificate>, SetupError> {
    match Certificate::from_pem_bundle(ca) {
        Ok(roots) if !roots.is_empty() => Ok(roots),
        Ok(_) | Err(_) => Err(SetupError::UnusableCa),
    }
}

impl Transport {
    pub(super) async fn attempt(
        &self,
        prepared: &Prepared<'_>,
        pass: &Option<Pass>,
        want: Want,
    ) -> Result<Arrived, Box<Failure>> {
        let (call, inner) = (prepared.call, &self.0);
        let mut headers = prepared.headers.clone();
        match (&inner.auth, pass) {
            (_, Some(pass)) => headers.extend(pass.headers.clone()),
            (Auth::Fixed(fixed), None) => headers.extend(fixed.clone()),
            (Auth::Nobody | Auth::Session(_), None) => {}
        }
        let timeout = inner.timeout(call, prepared.started.elapsed());
        let mut request = inner.http.request(call.request.method.clone(), prepared.url.clone()).headers(headers);
        if let Some(body) = &call.request.body {
            request = request.body(body.clone());
        }
        if let Some(file) = &call.request.file {
            let body = file.open().await.map_err(|error| {
                let message = format!("{}: {error}", file.path.display());
                Box::new(Failure::without_answer(Kind::UnexpectedValue, Retry::Never, message))
            })?;
            request = request.body(body);
        }
        // A file takes as long as it takes: only its head has a limit.
        if let Want::Body(_) = want {
            request = request.timeout(timeout);
        }
        let response = match tokio::time::timeout(timeout, request.send()).await {
            Ok(response) => response.map_err(Failure::on_the_way)?,
            Err(_) => return Err(Box::new(Failure::timed_out(timeout))),
        };
        let is_success = response.status().is_success();
        match want {
            Want::Head if is_success => Ok(Arrived::Head(response)),
            Want::Head => Err(self.judge(prepared, read(response, MAX_FAILURE).await?)),
            Want::Body(most) => {
                let whole = read(response, if is_success { most } else { MAX_FAILURE }).await?;
                let context = self.context(call, prepared.url.path());
                let Whole { status, headers, body } = &whole;
                match is_success {
                    true => match classify_success(&context, *status, headers, body, SystemTime::now()) {
                        None => Ok(Arrived::Whole { status: *status, headers: whole.headers, body: whole.body }),
                        Some(mut classified) => {
                            if classified.kind == Kind::Decode {
                                classified.kind = self.stranger(Kind::Decode);
                            }
                            Err(Box::new(Failure::of_answer(*status, whole.headers, whole.body, classified)))
                        }
                    },
                    false => Err(self.judge(prepared, whole)),
                }
            }
        }
    }

    fn judge(&self, prepared: &Prepared<'_>, whole: Whole) -> Box<Failure> {
        let Whole { status, headers, body } = whole;
        let context = self.context(prepared.call, prepared.url.path());
        let mut classified = classify(&context, status, &headers, &body, SystemTime::now());
        let is_page = crate::request::is_html(&headers, &body) && matches!(status, 300..=399 | 404 | 405);
        if is_page && classified.code.is_none() && classified.request_id.is_none() {
            classified.kind = self.stranger(classified.kind);
        } else if classified.code.is_some() || classified.request_id.is_some() {
            self.0.is_met.store(true, std::sync::atomic::Ordering::Relaxed);
        }
        Box::new(Failure::of_answer(status, headers, body, classified))
    }

    /// Until the expected application has answered once, what answers otherwise is somebody else.
    pub(super) fn stranger(&self, otherwise: Kind) -> Kind {
        if self.0.is_met.load(std::sync::atomic::Ordering::Relaxed) { otherwise } else { Kind::Connection }
    }
}

struct Whole {
    status: u16,
    headers: HeaderMap,
    body: Vec<u8>,
}

async fn read(mut response: Response, most: usize) -> Result<Whole, Box<Failure>> {
    let (status, headers) = (response.status().as_u16(), std::mem::take(response.headers_mut()));
    let is_success = response.status().is_success();
    let mut body = Vec::new();
    loop {
        let chunk = match response.chunk().await {
            Ok(Some(chunk)) => chunk,
            Ok(None) => return Ok(Whole { status, headers, body }),
            // The status of a failure says more than the end of its body.
            Err(_) if !is_success => return Ok(Whole { status, headers, body }),
            Err(error) => return Err(Failure::on_the_way(error).into()),
        };
        if body.len() + chunk.len() > most {
            if !is_success {
                return Ok(Whole { status, headers, body });
            }
            let message = format!("the answer is larger than {most} bytes");
            return Err(Box::new(Failure::without_answer(Kind::UnexpectedValue, Retry::Never, message)));
        }
        body.extend_from_slice(&chunk);
    }
}
