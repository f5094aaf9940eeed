//! The catalogue, served: what each failure means and what to do about it.

use crate::App;
use crate::error::ApiError;
use crate::http::answer::Answer;
use crate::http::auth::Anonymous;
use crate::http::query::{Query, Segments};
use axum::extract::State;
use scanyard_contract::wire::Success;
use scanyard_contract::{Category, Code, Contract, ErrorInfo, catalogue};

/// Every documented failure
///
/// In the order of the contract; `category` narrows it.
#[utoipa::path(get, path = "/errors", operation_id = "list_errors", tag = "errors",
    params(
        ("category" = Option<Category>, Query, description = "Only failures of this category"),
        ("contract" = Option<Contract>, Query, description = "The failures of this API, in place of the Scan API's"),
    ),
    responses((status = 200, description = "The failures", body = Success<Vec<ErrorInfo>>)))]
pub async fn list_errors(
    _: Anonymous,
    State(app): State<App>,
    query: Query,
) -> Result<Answer<Vec<ErrorInfo>>, ApiError> {
    let params = query.only(&["category", "contract"])?;
    let contract: Option<Contract> = params.word("contract", Contract::words)?;
    let category: Option<Category> = params.word("category", Category::words)?;
    let rows = catalogue::rows_of(contract.unwrap_or(Contract::ScanApi));
    let asked = rows.filter(|row| category.is_none_or(|category| row.category == category));
    Ok(Answer(asked.map(|row| row.info(&app.support)).collect()))
}

/// One documented failure
#[utoipa::path(get, path = "/errors/{code}", operation_id = "get_error", tag = "errors",
    params(("code" = String, Path, description = "The code of a failure", example = "INVALID_TARGET")),
    responses((status = 200, description = "The failure", body = Success<ErrorInfo>)))]
pub async fn get_error(
    _: Anonymous,
    State(app): State<App>,
    segments: Segments,
    query: Query,
) -> Result<Answer<ErrorInfo>, ApiError> {
    query.none()?;
    find(&app, segments.text(0), &["scan-api", segments.text(0)])
}

/// One documented failure, by its id
#[utoipa::path(get, path = "/errors/{contract}/{code}", operation_id = "get_contract_error", tag = "errors",
    params(
        ("contract" = String, Path, description = "The API", example = "scan-api"),
        ("code" = String, Path, description = "The code of a failure", example = "INVALID_TARGET"),
    ),
    responses((status = 200, description = "The failure", body = Success<ErrorInfo>)))]
pub async fn get_contract_error(
    _: Anonymous,
    State(app): State<App>,
    segments: Segments,
    query: Query,
) -> Result<Answer<ErrorInfo>, ApiError> {
    query.none()?;
    find(&app, segments.text(1), &[segments.text(0), segments.text(1)])
}

/// One documented failure of an API with services, or one whose status has several
#[utoipa::path(get, path = "/errors/{contract}/{service}/{code}", operation_id = "get_service_error", tag = "errors",
    params(
        ("contract" = String, Path, description = "The API", example = "zscaler"),
        ("service" = String, Path, description = "Its service, or the status before a code", example = "zia"),
        ("code" = String, Path, description = "The status or the code of a failure", example = "403"),
    ),
    responses((status = 200, description = "The failure", body = Success<ErrorInfo>)))]
pub async fn get_service_error(
    _: Anonymous,
    State(app): State<App>,
    segments: Segments,
    query: Query,
) -> Result<Answer<ErrorInfo>, ApiError> {
    query.none()?;
    find(&app, segments.text(2), &[segments.text(0), segments.text(1), segments.text(2)])
}

/// One documented failure of a service whose status has several
#[utoipa::path(get, path = "/errors/{contract}/{service}/{status}/{code}", operation_id = "get_service_code_error",
    tag = "errors",
    params(
        ("contract" = String, Path, description = "The API", example = "zscaler"),
        ("service" = String, Path, description = "Its service", example = "zia"),
        ("status" = String, Path, description = "The status", example = "403"),
        ("code" = String, Path, description = "The code of a failure", example = "STATE_READONLY"),
    ),
    responses((status = 200, description = "The failure", body = Success<ErrorInfo>)))]
pub async fn get_service_code_error(
    _: Anonymous,
    State(app): State<App>,
    segments: Segments,
    query: Query,
) -> Result<Answer<ErrorInfo>, ApiError> {
    query.none()?;
    let id = [segments.text(0), segments.text(1), segments.text(2), segments.text(3)];
    find(&app, segments.text(3), &id)
}

/// The row whose id has these parts.
fn find(app: &App, code: &str, id: &[&str]) -> Result<Answer<ErrorInfo>, ApiError> {
    match catalogue::find(&id.join("/")).first() {
        Some(row) => Ok(Answer(row.info(&app.support))),
        None => Err(ApiError::new(Code::ErrorNotFound).with("code", code)),
    }
}
