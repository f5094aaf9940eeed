//! The OpenAPI document: the operations as their handlers state them, their failures from one table and the catalogue.

use crate::App;
use crate::error::ApiError;
use crate::http::answer::{JSON, PROBLEM};
use crate::http::auth::Anonymous;
use crate::http::query::Query;
use crate::http::tidy::tidy;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use scanyard_contract::usage::{Granularity, UsagePeriodName};
use scanyard_contract::webhook::{PingData, ScanEventData, WebhookPayload};
use scanyard_contract::wire::{Failed, Problem};
use scanyard_contract::{Code, Support};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::LazyLock;
use utoipa::OpenApi as _;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::{
    ContactBuilder, ContentBuilder, ObjectBuilder, OpenApi, PathItem, Ref, RefOr, Response as Documented,
    ResponseBuilder, Server, Type,
};

/// What every route can answer.
const ALWAYS: &[Code] = &[
    Code::UnknownParameter,
    Code::NotAcceptable,
    Code::MethodNotAllowed,
    Code::UriTooLong,
    Code::HeadersTooLarge,
    Code::NotImplemented,
    Code::OperationTimeout,
    Code::InternalError,
    Code::ServiceUnavailable,
];

/// What every route without a key can answer besides, but for those of health.
const ANONYMOUS: &[Code] = &[Code::RateLimitExceeded];

/// What every route with a key can answer besides.
const KEYED: &[Code] = &[
    Code::MissingApiKey,
    Code::InvalidApiKey,
    Code::KeyRevoked,
    Code::KeySuspended,
    Code::KeyExpired,
    Code::TenantSuspended,
    Code::IpNotAllowed,
    Code::InvalidToken,
    Code::TokenExpired,
    Code::UserSuspended,
    Code::ImpersonationNotAllowed,
    Code::RateLimitExceeded,
    Code::DatabaseError,
];

/// What every POST can answer besides: it may have a body and an `Idempotency-Key`.
const POSTED: &[Code] = &[
    Code::InvalidJson,
    Code::RequestTimeout,
    Code::PayloadTooLarge,
    Code::UnsupportedMediaType,
    Code::UnknownField,
    Code::InvalidFieldType,
    Code::InvalidIdempotencyKey,
    Code::IdempotencyKeyReused,
    Code::IdempotencyInProgress,
];

/// What a POST whose answer holds a secret can answer besides.
const SECRET: &[Code] = &[Code::SecretAlreadyShown];

/// What every PATCH can answer besides.
const PATCHED: &[Code] = &[
    Code::InvalidJson,
    Code::RequestTimeout,
    Code::PayloadTooLarge,
    Code::UnsupportedMediaType,
    Code::UnknownField,
    Code::InvalidFieldType,
    Code::InvalidFieldValue,
    Code::InvalidIdempotencyKey,
];

/// What every submission of a scan can answer besides.
const SUBMITTED: &[Code] = &[
    Code::InsufficientScope,
    Code::MissingRequiredField,
    Code::InvalidFieldValue,
    Code::InvalidPriority,
    Code::InvalidWebhookUrl,
    Code::WebhookUrlUnreachable,
    Code::InvalidTarget,
    Code::ScanTypeNotAllowed,
    Code::EngineUnavailable,
    Code::TargetNotAllowed,
    Code::TargetUnresolvable,
    Code::InvalidWebhookUrl,
    Code::QuotaExceeded,
];

/// What every paged list of usage can answer besides.
const BREAKDOWN: &[Code] = &[Code::InsufficientScope, Code::InvalidParameter, Code::InvalidPage, Code::InvalidLimit];

/// What each operation can answer besides.
const OPERATIONS: &[(&str, &[&[Code]])] = &[
    ("create_scan", &[KEYED, POSTED, SUBMITTED, &[Code::InvalidScanType]]),
    (
        "list_scans",
        &[
            KEYED,
            &[
                Code::InsufficientScope,
                Code::InvalidParameter,
                Code::InvalidScanType,
                Code::InvalidPriority,
                Code::InvalidTarget,
                Code::InvalidPage,
                Code::InvalidLimit,
            ],
        ],
    ),
    (
        "get_scan",
        &[KEYED, &[Code::InsufficientScope, Code::InvalidParameter, Code::InvalidScanType, Code::ScanNotFound]],
    ),
    (
        "get_results",
        &[
            KEYED,
            &[
                Code::InsufficientScope,
                Code::InvalidParameter,
                Code::InvalidScanType,
                Code::InvalidPage,
                Code::InvalidLimit,
                Code::ScanNotFound,
                Code::ResultsNotReady,
            ],
        ],
    ),
    (
        "watch_scan",
        &[
            KEYED,
            &[
                Code::InsufficientScope,
                Code::InvalidParameter,
                Code::InvalidScanType,
                Code::ScanNotFound,
                Code::TooManyStreams,
            ],
        ],
    ),
    (
        "get_report",
        &[
            KEYED,
            &[
                Code::InsufficientScope,
                Code::InvalidParameter,
                Code::InvalidScanType,
                Code::ScanNotFound,
                Code::ResultsNotReady,
                Code::ReportNotFound,
            ],
        ],
    ),
    (
        "delete_scan",
        &[
            KEYED,
            &[
                Code::InsufficientScope,
                Code::InvalidParameter,
                Code::InvalidScanType,
                Code::ScanNotFound,
                Code::ScanNotFinished,
            ],
        ],
    ),
    (
        "cancel_scan",
        &[
            KEYED,
            POSTED,
            &[
                Code::InsufficientScope,
                Code::InvalidParameter,
                Code::InvalidScanType,
                Code::ScanNotFound,
                Code::ScanAlreadyCompleted,
                Code::ScanAlreadyCancelled,
                Code::ScanAlreadyFailed,
            ],
        ],
    ),
    ("list_engines", &[KEYED]),
    ("list_errors", &[ANONYMOUS, &[Code::InvalidParameter]]),
    ("get_error", &[ANONYMOUS, &[Code::ErrorNotFound]]),
    ("get_contract_error", &[ANONYMOUS, &[Code::ErrorNotFound]]),
    ("get_openapi", &[ANONYMOUS]),
    (
        "create_template",
        &[
            KEYED,
            POSTED,
            &[
                Code::InsufficientScope,
                Code::TemplateNameRequired,
                Code::DuplicateTemplateName,
                Code::MissingRequiredField,
                Code::InvalidFieldValue,
                Code::InvalidScanType,
                Code::InvalidPriority,
            ],
        ],
    ),
    (
        "list_templates",
        &[
            KEYED,
            &[
                Code::InsufficientScope,
                Code::InvalidParameter,
                Code::InvalidScanType,
                Code::InvalidPage,
                Code::InvalidLimit,
            ],
        ],
    ),
    ("get_template", &[KEYED, &[Code::InsufficientScope, Code::TemplateNotFound]]),
    (
        "update_template",
        &[
            KEYED,
            PATCHED,
            &[
                Code::InsufficientScope,
                Code::TemplateNotFound,
                Code::TemplateNameRequired,
                Code::DuplicateTemplateName,
                Code::InvalidScanType,
                Code::InvalidPriority,
            ],
        ],
    ),
    ("delete_template", &[KEYED, &[Code::InsufficientScope, Code::TemplateNotFound]]),
    ("launch_template", &[KEYED, POSTED, SUBMITTED, &[Code::TemplateNotFound]]),
    ("get_usage_summary", &[KEYED, &[Code::InsufficientScope, Code::InvalidParameter]]),
    ("get_usage_history", &[KEYED, &[Code::InsufficientScope, Code::InvalidParameter]]),
    ("get_usage_by_key", &[KEYED, BREAKDOWN]),
    ("get_usage_by_scan_type", &[KEYED, BREAKDOWN]),
    ("get_usage_by_endpoint", &[KEYED, BREAKDOWN]),
    ("get_usage_quota", &[KEYED, &[Code::InsufficientScope]]),
    ("list_usage_logs", &[KEYED, BREAKDOWN, &[Code::InvalidScanType]]),
    ("get_livez", &[]),
    (
        "create_tenant",
        &[
            KEYED,
            POSTED,
            &[Code::InsufficientScope, Code::MissingRequiredField, Code::InvalidFieldValue, Code::DuplicateTenantName],
        ],
    ),
    (
        "list_tenants",
        &[KEYED, &[Code::InsufficientScope, Code::InvalidParameter, Code::InvalidPage, Code::InvalidLimit]],
    ),
    ("get_tenant", &[KEYED, &[Code::InsufficientScope, Code::TenantNotFound]]),
    ("update_tenant", &[KEYED, PATCHED, &[Code::InsufficientScope, Code::TenantNotFound]]),
    ("suspend_tenant", &[KEYED, POSTED, &[Code::InsufficientScope, Code::TenantNotFound, Code::OperatorTenant]]),
    ("resume_tenant", &[KEYED, POSTED, &[Code::InsufficientScope, Code::TenantNotFound]]),
    (
        "list_audit",
        &[
            KEYED,
            &[
                Code::InsufficientScope,
                Code::InvalidParameter,
                Code::InvalidPage,
                Code::InvalidLimit,
                Code::TenantNotFound,
            ],
        ],
    ),
    ("get_status", &[ANONYMOUS]),
    (
        "login",
        &[
            ANONYMOUS,
            POSTED,
            SECRET,
            &[
                Code::MissingRequiredField,
                Code::InvalidFieldValue,
                Code::InvalidCredentials,
                Code::AccountLocked,
                Code::UserSuspended,
                Code::TenantSuspended,
                Code::DatabaseError,
            ],
        ],
    ),
    (
        "refresh_session",
        &[
            ANONYMOUS,
            POSTED,
            SECRET,
            &[
                Code::InvalidFieldValue,
                Code::InvalidToken,
                Code::TokenExpired,
                Code::UserSuspended,
                Code::TenantSuspended,
                Code::DatabaseError,
            ],
        ],
    ),
    (
        "logout",
        &[ANONYMOUS, POSTED, &[Code::InvalidFieldValue, Code::InvalidToken, Code::TokenExpired, Code::DatabaseError]],
    ),
    ("get_me", &[KEYED, &[Code::SessionRequired]]),
    (
        "change_password",
        &[
            KEYED,
            POSTED,
            &[
                Code::SessionRequired,
                Code::MissingRequiredField,
                Code::InvalidFieldValue,
                Code::InvalidCredentials,
                Code::AccountLocked,
                Code::PasswordPolicyViolation,
            ],
        ],
    ),
    (
        "create_user",
        &[
            KEYED,
            POSTED,
            SECRET,
            &[
                Code::InsufficientScope,
                Code::InsufficientRole,
                Code::MissingRequiredField,
                Code::InvalidFieldValue,
                Code::PasswordPolicyViolation,
                Code::TenantNotFound,
                Code::DuplicateEmail,
            ],
        ],
    ),
    (
        "list_users",
        &[
            KEYED,
            &[
                Code::InsufficientScope,
                Code::InvalidParameter,
                Code::InvalidPage,
                Code::InvalidLimit,
                Code::TenantNotFound,
            ],
        ],
    ),
    ("get_user", &[KEYED, &[Code::InsufficientScope, Code::UserNotFound]]),
    (
        "update_user",
        &[
            KEYED,
            PATCHED,
            &[
                Code::InsufficientScope,
                Code::InsufficientRole,
                Code::PasswordPolicyViolation,
                Code::UserNotFound,
                Code::DuplicateEmail,
                Code::LastOwner,
            ],
        ],
    ),
    ("delete_user", &[KEYED, &[Code::InsufficientScope, Code::InsufficientRole, Code::UserNotFound, Code::LastOwner]]),
    ("unlock_user", &[KEYED, POSTED, &[Code::InsufficientScope, Code::InsufficientRole, Code::UserNotFound]]),
    (
        "create_api_key",
        &[
            KEYED,
            POSTED,
            SECRET,
            &[
                Code::SessionRequired,
                Code::InsufficientScope,
                Code::MissingRequiredField,
                Code::InvalidFieldValue,
                Code::InvalidScanType,
                Code::InvalidScope,
            ],
        ],
    ),
    (
        "list_api_keys",
        &[
            KEYED,
            &[
                Code::SessionRequired,
                Code::InsufficientScope,
                Code::InvalidParameter,
                Code::InvalidPage,
                Code::InvalidLimit,
            ],
        ],
    ),
    ("get_api_key", &[KEYED, &[Code::SessionRequired, Code::InsufficientScope, Code::ApiKeyNotFound]]),
    (
        "update_api_key",
        &[
            KEYED,
            PATCHED,
            &[
                Code::SessionRequired,
                Code::InsufficientScope,
                Code::InvalidScanType,
                Code::InvalidScope,
                Code::ApiKeyNotFound,
                Code::ApiKeyRevoked,
            ],
        ],
    ),
    ("revoke_api_key", &[KEYED, &[Code::SessionRequired, Code::InsufficientScope, Code::ApiKeyNotFound]]),
    (
        "rotate_api_key",
        &[
            KEYED,
            POSTED,
            SECRET,
            &[
                Code::SessionRequired,
                Code::InsufficientScope,
                Code::InvalidFieldValue,
                Code::ApiKeyNotFound,
                Code::ApiKeyRevoked,
            ],
        ],
    ),
    (
        "suspend_api_key",
        &[KEYED, POSTED, &[Code::SessionRequired, Code::InsufficientScope, Code::ApiKeyNotFound, Code::ApiKeyRevoked]],
    ),
    (
        "resume_api_key",
        &[KEYED, POSTED, &[Code::SessionRequired, Code::InsufficientScope, Code::ApiKeyNotFound, Code::ApiKeyRevoked]],
    ),
    (
        "create_webhook",
        &[
            KEYED,
            POSTED,
            SECRET,
            &[
                Code::InsufficientScope,
                Code::MissingRequiredField,
                Code::InvalidFieldValue,
                Code::InvalidWebhookUrl,
                Code::InvalidWebhookEvent,
                Code::WebhookUrlUnreachable,
            ],
        ],
    ),
    (
        "list_webhooks",
        &[KEYED, &[Code::InsufficientScope, Code::InvalidParameter, Code::InvalidPage, Code::InvalidLimit]],
    ),
    ("get_webhook", &[KEYED, &[Code::InsufficientScope, Code::WebhookNotFound]]),
    (
        "update_webhook",
        &[
            KEYED,
            PATCHED,
            &[
                Code::InsufficientScope,
                Code::WebhookNotFound,
                Code::InvalidWebhookUrl,
                Code::InvalidWebhookEvent,
                Code::WebhookUrlUnreachable,
            ],
        ],
    ),
    ("delete_webhook", &[KEYED, &[Code::InsufficientScope, Code::WebhookNotFound]]),
    ("test_webhook", &[KEYED, POSTED, &[Code::InsufficientScope, Code::WebhookNotFound, Code::WebhookDisabled]]),
    (
        "rotate_webhook_secret",
        &[KEYED, POSTED, SECRET, &[Code::InsufficientScope, Code::InvalidFieldValue, Code::WebhookNotFound]],
    ),
    (
        "redeliver_webhook",
        &[
            KEYED,
            POSTED,
            &[
                Code::InsufficientScope,
                Code::MissingRequiredField,
                Code::InvalidFieldValue,
                Code::WebhookNotFound,
                Code::WebhookDisabled,
            ],
        ],
    ),
    (
        "list_deliveries",
        &[
            KEYED,
            &[
                Code::InsufficientScope,
                Code::InvalidParameter,
                Code::InvalidPage,
                Code::InvalidLimit,
                Code::WebhookNotFound,
            ],
        ],
    ),
    ("get_delivery", &[KEYED, &[Code::InsufficientScope, Code::WebhookNotFound, Code::DeliveryNotFound]]),
    (
        "redeliver_delivery",
        &[
            KEYED,
            POSTED,
            &[Code::InsufficientScope, Code::WebhookNotFound, Code::WebhookDisabled, Code::DeliveryNotFound],
        ],
    ),
    ("get_readyz", &[&[Code::DatabaseError]]),
    ("get_metrics", &[]),
];

/// The codes that an operation can answer, in the order of the catalogue; empty for one that is not in the table.
pub fn codes(operation_id: &str) -> Vec<Code> {
    let Some((_, groups)) = OPERATIONS.iter().find(|(id, _)| *id == operation_id) else { return Vec::new() };
    let mut codes: Vec<Code> = groups.iter().flat_map(|group| group.iter()).chain(ALWAYS).copied().collect();
    codes.sort_unstable();
    codes.dedup();
    codes
}

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Scanyard Scan API",
        description = "One API for security scanning. Every failure is documented at `/errors` and has the same \
                       envelope, or the shape of RFC 9457 when `Accept` prefers `application/problem+json`.",
        license(name = "Apache-2.0 OR MIT", identifier = "Apache-2.0 OR MIT"),
    ),
    components(schemas(
        Failed,
        Problem,
        UsagePeriodName,
        Granularity,
        WebhookPayload<ScanEventData>,
        WebhookPayload<PingData>
    )),
    tags(
        (name = "scans", description = "Submit, watch and cancel scans; read what they found"),
        (name = "tenants", description = "The organizations on this server; the operator's alone"),
        (name = "api-keys", description = "Keys for programs; made and changed by people who are logged in"),
        (name = "sessions", description = "Log in and out"),
        (name = "users", description = "People who log in"),
        (name = "audit", description = "Who changed what, from where"),
        (name = "templates", description = "Settings from which scans are launched"),
        (name = "usage", description = "Who called what, and how the quota stands"),
        (name = "webhooks", description = "Be called when a scan starts or ends"),
        (name = "engines", description = "What can scan"),
        (name = "errors", description = "What each failure means"),
        (name = "health", description = "For orchestrators and monitoring"),
    )
)]
struct Frame;

/// The document's schemas as JSON, where their references point: they stay in memory, the rest is made when asked for.
static SCHEMAS: LazyLock<Value> = LazyLock::new(|| {
    let schemas = super::collected().components.map(|components| components.schemas);
    json!({"components": {"schemas": schemas}})
});

/// What references point into, and the schema of that name.
pub fn schema(name: &str) -> (&'static Value, &'static Value) {
    (&SCHEMAS, &SCHEMAS["components"]["schemas"][name])
}

/// The document's frame, to which the router adds its operations.
pub fn frame() -> OpenApi {
    let mut document = Frame::openapi();
    let servers = super::BASES.map(Server::new);
    document.servers = Some(servers.to_vec());
    document.webhooks = Some(super::outgoing::calls());
    let key = ApiKeyValue::with_description("X-API-Key", "A key: `cix_sk_` and 40 letters and digits");
    let schemes = &mut document.components.get_or_insert_default().security_schemes;
    schemes.insert("apiKey".to_string(), SecurityScheme::ApiKey(ApiKey::Header(key)).into());
    let session = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT");
    let session = session.description(Some("The access token of `POST /auth/login`")).build();
    schemes.insert("session".to_string(), SecurityScheme::Http(session).into());
    document
}

/// Completes the document that the router collected.
pub fn complete(mut document: OpenApi) -> OpenApi {
    for (path, item) in &mut document.paths.paths {
        if !is_under_base(path) {
            item.servers = Some(vec![Server::new("/")]);
        }
        for operation in operations(item) {
            add_failures(operation);
            add_headers(operation);
            add_session(operation);
        }
    }
    tidy(&document).unwrap_or(document)
}

/// Names the people whom this instance's users can ask.
pub fn with_contact(mut document: OpenApi, support: &Support) -> OpenApi {
    if let Some(contact) = support.contact.as_deref().filter(|contact| !contact.is_empty()) {
        let is_address = contact.contains('@');
        let builder = ContactBuilder::new().name(Some(contact));
        let builder = if is_address { builder.email(Some(contact)) } else { builder.url(Some(contact)) };
        document.info.contact = Some(builder.build());
    }
    document
}

fn is_under_base(path: &str) -> bool {
    !matches!(path, "/livez" | "/readyz" | "/metrics")
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [&mut item.get, &mut item.post, &mut item.put, &mut item.patch, &mut item.delete].into_iter().flatten()
}

/// One documented response for each status that an operation's codes have.
fn add_failures(operation: &mut Operation) {
    let mut by_status: BTreeMap<u16, Vec<Code>> = BTreeMap::new();
    for code in codes(operation.operation_id.as_deref().unwrap_or_default()) {
        by_status.entry(code.row().status).or_default().push(code);
    }
    for (status, codes) in by_status {
        operation.responses.responses.insert(status.to_string(), failure(&codes).into());
    }
}

fn failure(codes: &[Code]) -> Documented {
    let lines: Vec<String> = codes.iter().map(|code| format!("`{}`: {}", code.as_str(), code.row().message)).collect();
    let content = |name: &str| ContentBuilder::new().schema(Some(Ref::from_schema_name(name))).build();
    let builder = ResponseBuilder::new()
        .description(lines.join("\n\n"))
        .content(JSON, content("Failed"))
        .content(PROBLEM, content("Problem"));
    let waits = codes.iter().any(|code| matches!(code.row().status, 429 | 503) || *code == Code::IdempotencyInProgress);
    if waits {
        builder.header("Retry-After", integer("Whole seconds to wait, where known")).build()
    } else {
        builder.build()
    }
}

fn integer(description: &str) -> utoipa::openapi::Header {
    let schema = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(0)).build();
    HeaderBuilder::new().schema(Some(schema)).description(Some(description)).build()
}

/// Whatever takes a key takes a session too.
fn add_session(operation: &mut Operation) {
    if let Some(security) = &mut operation.security
        && security.contains(&SecurityRequirement::new("apiKey", NO_SCOPES))
    {
        security.push(SecurityRequirement::new("session", NO_SCOPES));
    }
}

/// Our scopes are not OAuth's.
const NO_SCOPES: [&str; 0] = [];

/// The headers of every answer.
fn add_headers(operation: &mut Operation) {
    for response in operation.responses.responses.values_mut() {
        if let RefOr::T(response) = response {
            let schema = ObjectBuilder::new().schema_type(Type::String).build();
            let header = HeaderBuilder::new().schema(Some(schema)).description(Some("Quote it to support")).build();
            response.headers.insert("X-Request-Id".to_string(), header.into());
        }
    }
}

/// This document
///
/// OpenAPI 3.1.
#[utoipa::path(get, path = "/openapi.json", operation_id = "get_openapi", tag = "errors",
    responses((status = 200, description = "The document", body = Object)))]
pub async fn get_openapi(_: Anonymous, State(app): State<App>, query: Query) -> Result<Response, ApiError> {
    query.none()?;
    let document = app.document().map_err(|error| ApiError::new(Code::InternalError).caused_by(error))?;
    Ok(super::answer::json_text(StatusCode::OK, document.as_bytes().to_vec()))
}
