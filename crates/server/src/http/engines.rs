//! The engines: what each takes and whether it is there.

use crate::App;
use crate::error::ApiError;
use crate::fleet;
use crate::http::answer::Answer;
use crate::http::auth::Auth;
use crate::http::query::Query;
use axum::extract::State;
use scanyard_contract::scan::EngineInfo;
use scanyard_contract::wire::Success;

/// The ten engines
///
/// What each takes as a target and as options, and whether some living worker can run it now. Any live key may ask.
#[utoipa::path(get, path = "/engines", operation_id = "list_engines", tag = "engines",
    responses((status = 200, description = "The engines", body = Success<Vec<EngineInfo>>)),
    security(("apiKey" = [])))]
pub async fn list_engines(_: Auth, State(app): State<App>, query: Query) -> Result<Answer<Vec<EngineInfo>>, ApiError> {
    query.none()?;
    Ok(Answer(fleet::infos(&app).await?))
}
