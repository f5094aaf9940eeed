//! Live events of a scan, as server-sent events. The database keeps them, so a stream can go on where another one ended, on
//! any node. A change wakes the stream, on PostgreSQL also one on another node; what is missed is seen within a second.

use crate::App;
use crate::error::ApiError;
use crate::http::auth::Auth;
use crate::http::query::{Query, Segments};
use crate::http::scans::{find, scan_type};
use crate::live;
use crate::scope::Scope;
use crate::store::scan::{self, ScanRecord};
use crate::store::scan_event::{self, EventRecord, QUEUED};
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use futures::stream;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, StatusCode};
use scanyard_contract::scan::ScanEvent;
use scanyard_contract::{Code, ScanType, Timestamp};
use std::convert::Infallible;
use std::time::Duration;
use tokio::time::Instant;

/// The end of the route's path, by which the outermost layer knows it.
pub const PATH: &str = "/scans/{scanId}/events";
/// Media type of server-sent events.
pub const EVENT_STREAM: &str = "text/event-stream";
/// How often a stream looks by itself: for events of other nodes, and whether its caller may still call.
const LOOK: Duration = Duration::from_secs(1);
/// Milliseconds after which a client connects again.
const RETRY_MS: u32 = 2_000;
/// Events read at one time.
const EVENTS: u32 = 100;
/// Seconds after which a stream of the caller's is likely to have ended.
const FULL_SECONDS: u64 = 5;

/// Watch a scan live
///
/// Server-sent events: `event` is the kind, `data` a `ScanEvent` in JSON, `id` what to send as `Last-Event-ID` to go on behind
/// it. The first is that the scan was queued; of progress only the newest is told. The stream ends behind the event whose
/// `final` is `true`, and when the server goes down. While nothing happens a comment comes every 15 seconds. `Accept` must take
/// `text/event-stream`.
#[utoipa::path(get, path = "/scans/{scanId}/events", operation_id = "watch_scan", tag = "scans",
    params(
        ("scanId" = uuid::Uuid, Path, description = "Id of the scan"),
        ("scanType" = Option<ScanType>, Query, description = "The scan's engine; default `nmap`"),
        ("Last-Event-ID" = Option<String>, Header, description = "`id` of the last event that was seen"),
    ),
    responses(
        (status = 200, description = "The events, each with a `ScanEvent` as its data", body = ScanEvent,
            content_type = "text/event-stream"),
        (status = 204, description = "Nothing follows `Last-Event-ID`: the scan is over. An `EventSource` stops here"),
    ),
    security(("apiKey" = [])))]
pub async fn watch_scan(
    auth: Auth,
    State(app): State<App>,
    segments: Segments,
    query: Query,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    auth.require(Scope::ScansRead)?;
    let scan_type = scan_type(&query.only(&["scanType"])?)?;
    let seen = last_event_id(&headers)?;
    let scan = find(&app, &auth, segments.scan_id()?, scan_type).await?;
    let most = app.config.http.max_event_streams;
    let place = app.live.open(auth.principal(), scan.id, most).ok_or_else(|| {
        let error = ApiError::new(Code::TooManyStreams).with("limit", most.to_string()).after(FULL_SECONDS);
        error.detail("streams", format!("{most} streams of this caller are open on this node"))
    })?;
    let mut watch = Watch { app, auth, place, scan, seen, ended: false, looked_at: Instant::now() };
    let Some(first) = watch.first().await? else { return Ok(StatusCode::NO_CONTENT.into_response()) };
    let first = format!("retry: {RETRY_MS}\n\n{first}");
    let rest = stream::unfold(watch, |mut watch| async move { watch.next().await.map(|text| (text, watch)) });
    let all = futures::StreamExt::chain(stream::iter([first]), rest);
    let body = futures::StreamExt::map(all, |text| Ok::<_, Infallible>(Bytes::from(text)));
    let mut response = Response::new(Body::from_stream(body));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(EVENT_STREAM));
    // A proxy that collects an answer before it passes it on would make the events late.
    response.headers_mut().insert("x-accel-buffering", HeaderValue::from_static("no"));
    Ok(response)
}

/// What the client has seen; 0 is nothing.
fn last_event_id(headers: &HeaderMap) -> Result<i64, ApiError> {
    let Some(value) = headers.get("last-event-id") else { return Ok(0) };
    let text = value.to_str().unwrap_or_default();
    let id = if text.bytes().all(|b| b.is_ascii_digit()) { text.parse().ok() } else { None };
    id.ok_or_else(|| {
        let error = ApiError::new(Code::InvalidParameter).with("parameter", "Last-Event-ID");
        error.detail("Last-Event-ID", "is not the id of an event of this stream")
    })
}

/// One stream.
struct Watch {
    app: App,
    auth: Auth,
    place: live::Stream,
    /// As it was when it was last looked at.
    scan: ScanRecord,
    /// The ordinal of the last event that was told.
    seen: i64,
    ended: bool,
    looked_at: Instant,
}

impl Watch {
    /// What there is to tell at once; none when nothing will ever follow.
    async fn first(&mut self) -> Result<Option<String>, ApiError> {
        let mut text = String::new();
        if self.seen < QUEUED {
            text.push_str(&self.tell(&EventRecord::queued(&self.scan)));
        }
        // In this order: what happens in between is seen again, never missed.
        let is_over = self.scan.is_over();
        let events = self.read().await?;
        text.push_str(&events);
        self.ended |= is_over && events.is_empty();
        Ok(if self.ended && text.is_empty() { None } else { Some(text) })
    }

    /// The next text of the stream; none at its end.
    async fn next(&mut self) -> Option<String> {
        let heartbeat = Instant::now() + self.app.config.http.event_heartbeat;
        while !self.ended {
            match self.look().await {
                Ok(text) if !text.is_empty() => return Some(text),
                Ok(_) => {}
                // The client comes again with the id of its last event.
                Err(error) => {
                    tracing::debug!(scan = %self.scan.id, ?error, "a stream of events ends early");
                    return None;
                }
            }
            if self.ended {
                return None;
            }
            let draining = self.app.draining.clone();
            tokio::select! {
                () = draining.cancelled() => return None,
                () = self.place.changed() => {}
                () = tokio::time::sleep_until(self.looked_at + LOOK) => {}
                () = tokio::time::sleep_until(heartbeat) => return Some(": nothing new\n\n".to_string()),
            }
        }
        None
    }

    /// The events since the last look; ends the stream when there will be none, or when its caller may not call any more.
    async fn look(&mut self) -> Result<String, ApiError> {
        if self.looked_at.elapsed() >= LOOK {
            self.looked_at = Instant::now();
            if !self.auth.is_still_live(&self.app).await? {
                self.ended = true;
                return Ok(String::new());
            }
            let mut conn = self.app.store.read().await?;
            match scan::get(&mut conn, &self.scan.tenant_id, self.scan.id, self.scan.scan_type).await? {
                Some(scan) => self.scan = scan,
                None => self.ended = true,
            }
        }
        let is_over = self.scan.is_over();
        let text = self.read().await?;
        self.ended |= is_over && text.is_empty();
        Ok(text)
    }

    /// The stored events that were not told yet.
    async fn read(&mut self) -> Result<String, ApiError> {
        let id = self.scan.id.to_string();
        let events = scan_event::after(&mut *self.app.store.read().await?, &id, self.seen.max(QUEUED), EVENTS).await?;
        Ok(events.iter().map(|event| self.tell(event)).collect())
    }

    fn tell(&mut self, event: &EventRecord) -> String {
        self.seen = event.ordinal;
        self.ended |= event.is_final;
        let data = ScanEvent {
            scan_id: self.scan.id,
            kind: event.kind,
            status: event.status,
            progress: event.progress,
            attempts: event.attempts,
            at: Timestamp(event.at),
            is_final: event.is_final,
        };
        let json = serde_json::to_string(&data).unwrap_or_default();
        format!("id: {}\nevent: {}\ndata: {json}\n\n", event.ordinal, event.kind)
    }
}
