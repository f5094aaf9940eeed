//! The state of the instance, for everybody: what a 503 sends people to.

use crate::App;
use crate::error::ApiError;
use crate::http::answer::Answer;
use crate::http::auth::Anonymous;
use crate::http::query::Query;
use crate::status;
use axum::extract::State;
use scanyard_contract::status::Status;
use scanyard_contract::wire::{Detail, Success};

/// Its path below the base.
pub const PATH: &str = "/status";

/// Whether the instance works
///
/// Each part with its condition and since when. It answers 200 also when a part is down, and while the node stops.
#[utoipa::path(get, path = "/status", operation_id = "get_status", tag = "health",
    responses((status = 200, description = "How each part works", body = Success<Status>)))]
pub async fn get_status(_: Anonymous, State(app): State<App>, query: Query) -> Result<Answer<Status>, ApiError> {
    query.none()?;
    Ok(Answer(status::look(&app).await))
}

/// What every 503 says besides.
pub fn pointer() -> Detail {
    let path = format!("{}{PATH}", super::BASES[1]);
    Detail::field("status", format!("GET {path} says which part of the server is affected and since when"))
}
