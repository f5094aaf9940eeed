//! The OpenAPI document: the operations as their handlers state them, their failures from one table and the catalogue.

mod codes;

pub use codes::codes;

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
use scanyard_contract::{Code, ExportFormat, Support};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::LazyLock;
use utoipa::OpenApi as _;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::{Operation, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::SchemaType;
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::{
    ContactBuilder, ContentBuilder, ObjectBuilder, OpenApi, PathItem, Ref, RefOr, Required, Response as Documented,
    ResponseBuilder, Server, Type,
};

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
        ExportFormat,
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
        (name = "uploads", description = "Files to scan"),
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
        if let Some(post) = &mut item.post {
            add_idempotency(post);
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
        by_status.entry(code.status()).or_default().push(code);
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
    let waits = codes.iter().any(|code| matches!(code.status(), 429 | 503) || *code == Code::IdempotencyInProgress);
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

/// Every POST takes an `Idempotency-Key`; what is special about one, its handler says itself.
fn add_idempotency(operation: &mut Operation) {
    const KEY: &str = "Idempotency-Key";
    let is_secret = codes(operation.operation_id.as_deref().unwrap_or_default()).contains(&Code::SecretAlreadyShown);
    let parameters = operation.parameters.get_or_insert_default();
    if parameters.iter().any(|parameter| matches!(parameter, RefOr::T(parameter) if parameter.name == KEY)) {
        return;
    }
    let effect = if is_secret {
        "a repeat within 24 h changes nothing, and is told the id but not the secret"
    } else {
        "makes the request safe to repeat for 24 h"
    };
    let text = ObjectBuilder::new().schema_type(SchemaType::from_iter([Type::String, Type::Null])).build();
    let parameter = ParameterBuilder::new().name(KEY).parameter_in(ParameterIn::Header).required(Required::False);
    let parameter = parameter.description(Some(format!("1 to 255 visible ASCII characters: {effect}")));
    parameters.push(parameter.schema(Some(text.clone())).build().into());
    if is_secret {
        return;
    }
    let replayed =
        HeaderBuilder::new().schema(Some(text)).description(Some("`true` on the answer of an earlier request"));
    let replayed = replayed.build();
    for (status, response) in &mut operation.responses.responses {
        if let (true, RefOr::T(response)) = (status.starts_with('2'), response) {
            response.headers.insert("Idempotency-Replayed".to_string(), replayed.clone().into());
        }
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
