//! The HTTP side: one file per resource, routes and handlers together. It must not know SQL.

pub mod accept;
pub mod answer;
pub mod api_keys;
pub mod audit;
pub mod auth;
pub mod bearer;
pub mod body;
pub mod change;
pub mod cookie;
pub mod deliveries;
pub mod engines;
pub mod errors;
pub mod events;
pub mod export;
pub mod health;
pub mod idempotency;
pub mod import;
pub mod json;
pub mod openapi;
pub mod outgoing;
pub mod page;
pub mod panic;
pub mod posted;
pub mod query;
pub mod report;
pub mod respond;
pub mod results;
pub mod scan_list;
pub mod scans;
pub mod serve;
pub mod sessions;
pub mod source;
pub mod status;
pub mod templates;
pub mod tenants;
pub mod tidy;
pub mod uploads;
pub mod usage;
pub mod users;
pub mod webhooks;

use crate::App;
use crate::error::ApiError;
use axum::Router;
use axum::extract::Request;
use axum::middleware::from_fn_with_state;
use scanyard_contract::{Code, Support};
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The paths under which the whole API answers; the first is the one of the contract.
pub const BASES: [&str; 2] = ["/scan-api/api/v1", "/api/v1"];

/// The API's routes, as they stand under each base path.
fn api() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(scans::create_scan, scan_list::list_scans))
        .routes(routes!(scans::get_scan, scans::delete_scan))
        .routes(routes!(events::watch_scan))
        .routes(routes!(results::get_results))
        .routes(routes!(report::get_report))
        .routes(routes!(import::import_scan))
        .routes(routes!(export::export_scan))
        .routes(routes!(scans::cancel_scan))
        .routes(routes!(engines::list_engines))
        .routes(routes!(errors::list_errors))
        .routes(routes!(errors::get_error))
        .routes(routes!(errors::get_contract_error))
        .routes(routes!(errors::get_service_error))
        .routes(routes!(errors::get_service_code_error))
        .routes(routes!(openapi::get_openapi))
        .routes(routes!(tenants::create_tenant, tenants::list_tenants))
        .routes(routes!(tenants::get_tenant, tenants::update_tenant))
        .routes(routes!(tenants::suspend_tenant))
        .routes(routes!(tenants::resume_tenant))
        .routes(routes!(audit::list_audit))
        .routes(routes!(status::get_status))
        .routes(routes!(sessions::login))
        .routes(routes!(sessions::refresh_session))
        .routes(routes!(sessions::logout))
        .routes(routes!(sessions::get_me))
        .routes(routes!(sessions::change_password))
        .routes(routes!(users::create_user, users::list_users))
        .routes(routes!(users::get_user, users::update_user, users::delete_user))
        .routes(routes!(users::unlock_user))
        .routes(routes!(api_keys::create_api_key, api_keys::list_api_keys))
        .routes(routes!(api_keys::get_api_key, api_keys::update_api_key, api_keys::revoke_api_key))
        .routes(routes!(api_keys::rotate_api_key))
        .routes(routes!(api_keys::suspend_api_key))
        .routes(routes!(api_keys::resume_api_key))
        .routes(routes!(templates::create_template, templates::list_templates))
        .routes(routes!(templates::get_template, templates::update_template, templates::delete_template))
        .routes(routes!(templates::launch_template))
        .routes(routes!(uploads::create_upload, uploads::list_uploads))
        .routes(routes!(uploads::get_upload, uploads::delete_upload))
        .routes(routes!(usage::get_usage_summary))
        .routes(routes!(usage::get_usage_history))
        .routes(routes!(usage::get_usage_by_key))
        .routes(routes!(usage::get_usage_by_scan_type))
        .routes(routes!(usage::get_usage_by_endpoint))
        .routes(routes!(usage::get_usage_quota))
        .routes(routes!(usage::list_usage_logs))
        .routes(routes!(webhooks::create_webhook, webhooks::list_webhooks))
        .routes(routes!(webhooks::get_webhook, webhooks::update_webhook, webhooks::delete_webhook))
        .routes(routes!(webhooks::test_webhook))
        .routes(routes!(webhooks::rotate_webhook_secret))
        .routes(routes!(deliveries::redeliver_webhook))
        .routes(routes!(deliveries::list_deliveries))
        .routes(routes!(deliveries::get_delivery))
        .routes(routes!(deliveries::redeliver_delivery))
}

/// The routes at the root.
fn root() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(health::get_livez))
        .routes(routes!(health::get_readyz))
        .routes(routes!(health::get_metrics))
}

/// The OpenAPI document of every route.
pub fn openapi(support: &Support) -> OpenApi {
    openapi::with_contact(openapi::complete(collected()), support)
}

/// What the handlers state of themselves, without their failures.
fn collected() -> OpenApi {
    OpenApiRouter::with_openapi(openapi::frame()).merge(api()).merge(root()).into_openapi()
}

/// Every route, behind the layer that finishes every answer.
pub fn router(app: App) -> Router {
    let (api, _) = api().split_for_parts();
    let (root, _) = root().split_for_parts();
    let api = api.method_not_allowed_fallback(method_not_allowed);
    let mut router = root.method_not_allowed_fallback(method_not_allowed).fallback(route_not_found);
    for base in BASES {
        router = router.nest(base, api.clone());
    }
    guarded(router.with_state(app.clone()), app)
}

/// What a node without the API answers: probes and metrics, as the API's node does.
pub fn probes(app: App) -> Router {
    let (root, _) = root().split_for_parts();
    let router = root.method_not_allowed_fallback(method_not_allowed).fallback(route_not_found);
    guarded(router.with_state(app.clone()), app)
}

/// Puts the layer around a router that every answer passes.
pub fn guarded(router: Router, app: App) -> Router {
    router.layer(from_fn_with_state(app, respond::respond))
}

async fn route_not_found(request: Request) -> ApiError {
    ApiError::new(Code::RouteNotFound).with("path", request.uri().path())
}

/// axum adds `Allow`.
async fn method_not_allowed(request: Request) -> ApiError {
    ApiError::new(Code::MethodNotAllowed).with("method", request.method().as_str())
}
