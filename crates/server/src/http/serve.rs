//! The accept loop: bounds on connections and on the time a head may take, and an orderly drain.

use crate::App;
use crate::error::ApiError;
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use scanyard_contract::Code;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

/// The address a request came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Source(pub IpAddr);

/// hyper's own bound lies above ours, so that a request with too many headers is answered in the envelope.
const HYPER_MAX_HEADERS: usize = 512;
/// Connections beyond the cap that are told so; more are closed at once.
const TURNED_AWAY: usize = 64;
/// Seconds after which a connection is likely to be free.
const FULL_SECONDS: u64 = 1;
/// Rest after a failed accept: the process is out of file descriptors, and trying at once would only spin.
const ACCEPT_REST: Duration = Duration::from_millis(50);

/// Serves until `app.draining`, then lets what runs finish for at most `grace`.
pub async fn serve(listener: TcpListener, app: App, router: Router, grace: Duration) {
    let seats = Arc::new(Semaphore::new(app.config.http.max_connections));
    let standing = Arc::new(Semaphore::new(TURNED_AWAY));
    let full = full(app.clone());
    let connections = TaskTracker::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = app.draining.cancelled() => break,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "accepting a connection");
                tokio::time::sleep(ACCEPT_REST).await;
                continue;
            }
        };
        let source = Source(peer.ip().to_canonical());
        let (seat, router, keep_alive) = if let Ok(seat) = seats.clone().try_acquire_owned() {
            (seat, router.clone(), true)
        } else if let Ok(place) = standing.clone().try_acquire_owned() {
            (place, full.clone(), false)
        } else {
            continue;
        };
        let connection = Connection { source, app: app.clone(), router, keep_alive, _seat: seat };
        connections.spawn(connection.run(stream));
    }
    drop(listener);
    connections.close();
    if tokio::time::timeout(grace, connections.wait()).await.is_err() {
        tracing::warn!(open = connections.len(), "connections still open after the grace period");
    }
}

/// What a connection beyond the cap is told.
fn full(app: App) -> Router {
    let answer = || async { ApiError::new(Code::ServiceUnavailable).after(FULL_SECONDS) };
    super::guarded(Router::new().fallback(answer), app)
}

/// One connection from its first byte to its last.
struct Connection {
    source: Source,
    app: App,
    router: Router,
    keep_alive: bool,
    /// Held as long as the connection lasts, its handshake included.
    _seat: OwnedSemaphorePermit,
}

impl Connection {
    async fn run(self, stream: TcpStream) {
        // Answers are written whole: waiting to fill a segment would only delay them.
        let _ = stream.set_nodelay(true);
        let app = self.app.clone();
        let Some(tls) = &app.tls else { return self.talk(stream).await };
        tokio::select! {
            shaken = tls.accept(stream) => match shaken {
                Ok(stream) => self.talk(stream).await,
                Err(error) => tracing::debug!(%error, source = %self.source.0, "TLS handshake"),
            },
            () = app.draining.cancelled() => {}
        }
    }

    async fn talk(self, stream: impl AsyncRead + AsyncWrite + Unpin) {
        let Connection { source, app, router, keep_alive, _seat } = self;
        let service = hyper::service::service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
            let mut request: Request = request.map(Body::new);
            request.extensions_mut().insert(source);
            router.clone().oneshot(request)
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(app.config.http.header_timeout)
            .keep_alive(keep_alive)
            .max_headers(HYPER_MAX_HEADERS)
            .serve_connection(TokioIo::new(stream), service);
        tokio::pin!(connection);
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = app.draining.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%error, "connection ended");
        }
    }
}
