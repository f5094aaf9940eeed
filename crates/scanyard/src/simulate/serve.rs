//! The simulator on a socket: HTTP/1.1, over TLS where it is asked for, and as the proxy of clients that only know their
//! vendor's host.

use super::exchange::{Asked, Reply};
use super::{Authority, Outcome, Simulator};
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

/// A client that has nothing to say is let go.
const HEADER_TIMEOUT: Duration = Duration::from_secs(30);
/// A handshake is short.
const TLS_TIMEOUT: Duration = Duration::from_secs(10);
/// More connections wait.
const MAX_CONNECTIONS: usize = 512;
/// What is read of a body that is too large, so that its sender sees the answer.
const MAX_READ: usize = 16 * 1024 * 1024;

/// What all connections share.
#[derive(Clone)]
struct Shared {
    simulator: Arc<Simulator>,
    authority: Arc<Authority>,
}

/// Serves until the token is set. With a host, every connection is TLS as that host.
pub async fn serve(
    listener: TcpListener,
    simulator: Simulator,
    authority: Authority,
    tls_host: Option<String>,
    stop: CancellationToken,
) -> io::Result<()> {
    let shared = Shared { simulator: Arc::new(simulator), authority: Arc::new(authority) };
    let slots = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let Ok(slot) = slots.clone().acquire_owned().await else { return Ok(()) };
        let (stream, _) = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(_) => {
                    // Out of descriptors: the connections that there are have to end first.
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            },
            () = stop.cancelled() => return Ok(()),
        };
        let (shared, tls_host) = (shared.clone(), tls_host.clone());
        tokio::spawn(async move {
            match tls_host {
                Some(host) => over_tls(shared, host, stream).await,
                None => over(shared, None, stream).await,
            }
            drop(slot);
        });
    }
}

async fn over_tls<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(shared: Shared, host: String, stream: S) {
    let Ok(config) = shared.authority.config(&host) else { return };
    let handshake = tokio::time::timeout(TLS_TIMEOUT, TlsAcceptor::from(config).accept(stream));
    if let Ok(Ok(stream)) = handshake.await {
        over(shared, Some(host), stream).await;
    }
}

/// Serves one connection; inside a tunnel the host is the tunnel's.
async fn over<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(shared: Shared, host: Option<String>, stream: S) {
    let service = service_fn(move |request| {
        let (shared, host) = (shared.clone(), host.clone());
        async move {
            if request.method() == Method::CONNECT && host.is_none() {
                return Ok::<_, io::Error>(tunnel(shared, request));
            }
            answer(&shared.simulator, host, request).await
        }
    });
    let mut builder = hyper::server::conn::http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEADER_TIMEOUT);
    // A client that breaks off is its own affair.
    let _ = builder.serve_connection(TokioIo::new(stream), service).with_upgrades().await;
}

/// Takes the place of the host that the client wants to reach.
fn tunnel(shared: Shared, request: Request<Incoming>) -> Response<Full<Bytes>> {
    let Some(host) = request.uri().host().map(|host| host.trim_matches(['[', ']']).to_string()) else {
        return respond(Reply::empty(400));
    };
    tokio::spawn(async move {
        if let Ok(upgraded) = hyper::upgrade::on(request).await {
            Box::pin(over_tls(shared, host, TokioIo::new(upgraded))).await;
        }
    });
    respond(Reply::empty(200))
}

async fn answer(
    simulator: &Simulator,
    host: Option<String>,
    request: Request<Incoming>,
) -> io::Result<Response<Full<Bytes>>> {
    let (mut asked, body) = asked(host, request);
    let max = simulator.settings().max_body;
    let read = tokio::time::timeout(simulator.settings().body_timeout, Limited::new(body, MAX_READ.max(max)).collect());
    let reply = match read.await {
        Err(_) => simulator.refuse(&mut asked, 408).with("connection", "close"),
        Ok(Err(_)) => simulator.refuse(&mut asked, 413).with("connection", "close"),
        Ok(Ok(body)) => {
            asked.body = body.to_bytes().to_vec();
            match simulator.answer(&mut asked) {
                Outcome::Now(reply) => reply,
                Outcome::Later(reply, wait, busy) => {
                    tokio::time::sleep(wait).await;
                    if let Some(policy_set) = busy {
                        simulator.release(&policy_set);
                    }
                    reply
                }
            }
        }
    };
    if reply.is_dropped {
        return Err(io::Error::other("broken off, as planned"));
    }
    Ok(respond(reply))
}

fn asked(host: Option<String>, request: Request<Incoming>) -> (Asked, Incoming) {
    let (head, body) = request.into_parts();
    let named = head.headers.get("host").and_then(|host| host.to_str().ok());
    let host = host.or_else(|| head.uri.host().map(str::to_string)).or_else(|| named.map(str::to_string));
    let host = host.unwrap_or_default();
    let query = url::form_urlencoded::parse(head.uri.query().unwrap_or_default().as_bytes()).into_owned().collect();
    let asked = Asked {
        number: 0,
        method: head.method.to_string(),
        host: host.rsplit_once(':').map_or(host.as_str(), |(host, _)| host).to_string(),
        path: head.uri.path().to_string(),
        query,
        headers: head.headers,
        body: Vec::new(),
    };
    (asked, body)
}

fn respond(reply: Reply) -> Response<Full<Bytes>> {
    let mut builder = Response::builder().status(reply.status);
    for (name, value) in &reply.headers {
        builder = builder.header(name, value);
    }
    let fallback = |_: http::Error| -> Result<Response<Full<Bytes>>, Infallible> {
        let mut response =
            Response::new(Full::new(Bytes::from_static(b"the plan has a header or a status that cannot be sent")));
        *response.status_mut() = http::StatusCode::INTERNAL_SERVER_ERROR;
        Ok(response)
    };
    builder.body(Full::new(Bytes::from(reply.body))).or_else(fallback).unwrap_or_else(|never| match never {})
}
