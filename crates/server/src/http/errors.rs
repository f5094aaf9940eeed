//! The catalogue, served: what each failure means and what to do about it.

use crate::App;
use crate::error::ApiError;
use crate::http::answer::Answer;
use crate::http::auth::Anonymous;
use crate::http::query::{Query, Segments};
use axum::extract::State;
use scanyard_contract::wire::Success;
use scanyard_contract::{Category, Code, ErrorInfo};
use utoipa::ToSchema;

/// The contract that this server answers from.
const CONTRACT: &str = "scan-api";

/// Every documented failure
///
/// In the order of the contract; `category` narrows it.
#[utoipa::path(get, path = "/errors", operation_id = "list_errors", tag = "errors",
    params(
        ("category" = Option<Category>, Query, description = "Only failures of this category"),
        ("contract" = inline(Option<Contract>), Query, description = "Only failures of this API"),
    ),
    responses((status = 200, description = "The failures", body = Success<Vec<ErrorInfo>>)))]
pub async fn list_errors(
    _: Anonymous,
    State(app): State<App>,
    query: Query,
) -> Result<Answer<Vec<ErrorInfo>>, ApiError> {
    let params = query.only(&["category", "contract"])?;
    params.word::<Contract>("contract", || CONTRACT.to_string())?;
    let category: Option<Category> = params.word("category", Category::words)?;
    let rows = Code::ALL.iter().map(|code| code.row());
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
    find(&app, CONTRACT, segments.text(0))
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
    find(&app, segments.text(0), segments.text(1))
}

fn find(app: &App, contract: &str, code: &str) -> Result<Answer<ErrorInfo>, ApiError> {
    match code.parse::<Code>() {
        Ok(code) if contract == CONTRACT => Ok(Answer(code.row().info(&app.support))),
        Ok(_) | Err(()) => Err(ApiError::new(Code::ErrorNotFound).with("code", code)),
    }
}

/// A word of `?contract=`.
#[derive(ToSchema)]
enum Contract {
    #[schema(rename = "scan-api")]
    ScanApi,
}

impl std::str::FromStr for Contract {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        if text == CONTRACT { Ok(Contract::ScanApi) } else { Err(()) }
    }
}
