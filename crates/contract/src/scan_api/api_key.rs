//! API keys: made and changed by people, never by other keys.

use crate::catalogue::{Category, Kind, Retry, Row, Source};
use crate::contract::Contract;
use crate::example::{Call, SESSION, right, wrong};

const fn get(path: &'static str) -> Call {
    Call { method: "GET", path, headers: &[SESSION], body: None, flags: "" }
}

const fn post(path: &'static str, body: &'static str) -> Call {
    Call { method: "POST", path, headers: &[SESSION], body: Some(body), flags: "" }
}

pub static API_KEY_NOT_FOUND: Row = Row {
    contract: Contract::ScanApi,
    service: None,
    code: Some("API_KEY_NOT_FOUND"),
    status: Some(404),
    source: Source::Scanyard,
    category: Category::ApiKey,
    kind: Kind::NotFound,
    retry: Retry::Never,
    is_open: false,
    message: "API key not found",
    meaning: "Your organization has no API key with this id. Whether another organization has one is not told.",
    causes: &[
        "The key itself, or its first characters, stands where its id belongs.",
        "The id lacks its `key-`, or is not complete.",
        "The key belongs to another organization.",
    ],
    resolution: "List the keys and take the id from there, with its `key-`.",
    examples: &[
        right("the whole id", get("/api-keys/key-$UUID")),
        wrong("the name instead of the id", get("/api-keys/ci")),
    ],
};

pub static API_KEY_REVOKED: Row = Row {
    contract: Contract::ScanApi,
    service: None,
    code: Some("API_KEY_REVOKED"),
    status: Some(409),
    source: Source::Scanyard,
    category: Category::ApiKey,
    kind: Kind::Conflict,
    retry: Retry::Never,
    is_open: false,
    message: "The API key has been revoked, which is final",
    meaning: "A revoked key stays revoked: it can be read, but neither changed, rotated, suspended nor resumed. Nothing \
              was done.",
    causes: &["Somebody revoked the key.", "A program uses the id of an old key."],
    resolution: "Make a new key. To stop a key for a while only, suspend it instead of revoking it.",
    examples: &[
        right("a new key", post("/api-keys", r#"{"name": "ci", "scopes": ["scans:create", "scans:read"]}"#)),
        wrong("a revoked key", post("/api-keys/key-$UUID/rotate", r#"{"overlapSeconds": 3600}"#)),
    ],
};

pub static INVALID_SCOPE: Row = Row {
    contract: Contract::ScanApi,
    service: None,
    code: Some("INVALID_SCOPE"),
    status: Some(400),
    source: Source::Scanyard,
    category: Category::ApiKey,
    kind: Kind::BadRequest,
    retry: Retry::Never,
    is_open: false,
    message: "Invalid scope: {scope}",
    meaning: "There is no such scope, or no API key of your organization can have it. `details` names each such scope \
              and those that there are.",
    causes: &[
        "A typing error, such as `scan:create`.",
        "A wildcard, such as `scans:*`: what a key may do stands there word by word.",
        "A scope of the operator, such as `tenants:read`, for a key of another organization, or one that only users \
         have, such as `api-keys:create`.",
    ],
    resolution: "Take the scopes from `details`, and only those that the job needs.",
    examples: &[
        right("scopes word by word", post("/api-keys", r#"{"name": "ci", "scopes": ["scans:create", "scans:read"]}"#)),
        wrong("a wildcard", post("/api-keys", r#"{"name": "ci", "scopes": ["scans:*"]}"#)),
    ],
};

pub static SESSION_REQUIRED: Row = Row {
    contract: Contract::ScanApi,
    service: None,
    code: Some("SESSION_REQUIRED"),
    status: Some(401),
    source: Source::Scanyard,
    category: Category::ApiKey,
    kind: Kind::Unauthenticated,
    retry: Retry::Never,
    is_open: false,
    message: "This route takes a user's session, not an API key",
    meaning: "API keys are made and changed by people who are logged in. A key that could make keys would outlive its \
              own revocation.",
    causes: &[
        "The request has `X-API-Key`, as other routes want it.",
        "The request has no `Authorization: Bearer` with the access token of a login.",
    ],
    resolution: "Log in with `POST /auth/login` and send the access token as `Authorization: Bearer …`, without \
                 `X-API-Key`. On the server's own machine, `scanyard keys create` makes a key without a session.",
    examples: &[right("with a session", get("/api-keys")), wrong("with a key", crate::example::get("/api-keys"))],
};
