//! What an orchestrator asks: alive, ready, how busy. At the root, without a key.

use crate::App;
use crate::bootstrap::TENANT;
use crate::error::ApiError;
use crate::http::answer::Answer;
use crate::http::query::Query;
use crate::store::tenant;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use scanyard_contract::Code;
use scanyard_contract::wire::Success;
use serde::Serialize;
use utoipa::ToSchema;

/// The state of this node.
#[derive(Debug, Serialize, ToSchema)]
pub struct Health {
    /// `ok`.
    pub status: &'static str,
}

/// Seconds after which to ask again.
const ASK_AGAIN_SECONDS: u64 = 5;

/// Whether the process is alive
#[utoipa::path(get, path = "/livez", operation_id = "get_livez", tag = "health",
    responses((status = 200, description = "It is", body = Success<Health>)))]
pub async fn get_livez(query: Query) -> Result<Answer<Health>, ApiError> {
    query.none()?;
    Ok(Answer(Health { status: "ok" }))
}

/// Whether this node takes requests
///
/// The database answers and the node is not draining.
#[utoipa::path(get, path = "/readyz", operation_id = "get_readyz", tag = "health",
    responses((status = 200, description = "It does", body = Success<Health>)))]
pub async fn get_readyz(State(app): State<App>, query: Query) -> Result<Answer<Health>, ApiError> {
    query.none()?;
    if app.draining.is_cancelled() {
        return Err(ApiError::new(Code::ServiceUnavailable).after(ASK_AGAIN_SECONDS).detail("node", "is draining"));
    }
    if app.store.is_down() {
        return Err(ApiError::new(Code::DatabaseError).after(ASK_AGAIN_SECONDS));
    }
    tenant::by_name(&mut *app.store.read().await?, TENANT).await?;
    Ok(Answer(Health { status: "ok" }))
}

/// Counters, gauges and histograms
///
/// In the text format of Prometheus; docs/OPERATIONS.md tells what each means and when to be woken by it.
#[utoipa::path(get, path = "/metrics", operation_id = "get_metrics", tag = "health",
    responses((status = 200, description = "The metrics", body = String, content_type = "text/plain")))]
pub async fn get_metrics(State(app): State<App>, query: Query) -> Result<Response, ApiError> {
    query.none()?;
    let media_type = [(http::header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
    Ok((media_type, crate::metrics::render(&app).await).into_response())
}
