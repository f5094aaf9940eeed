//! Templates: named settings from which scans are launched.

use crate::catalogue::{Category, Kind, Retry, Row, Source};
use crate::contract::Contract;
use crate::example::{get, post, right, wrong};

pub static TEMPLATE_NOT_FOUND: Row = Row {
    contract: Contract::ScanApi,
    service: None,
    code: Some("TEMPLATE_NOT_FOUND"),
    status: Some(404),
    source: Source::Reference,
    category: Category::Template,
    kind: Kind::NotFound,
    retry: Retry::Never,
    is_open: false,
    message: "Scan template not found",
    meaning: "Your organization has no template with this id. Whether another organization has one is not told.",
    causes: &[
        "The id lacks its `tmpl-`, is not complete, or is the id of something else.",
        "The template was deleted.",
        "The template belongs to another organization.",
    ],
    resolution: "List your templates and take the id from there, with its `tmpl-`.",
    examples: &[
        right("the whole id", post("/scan-templates/tmpl-$UUID/launch", r#"{"target": "127.0.0.1"}"#)),
        wrong("the name instead of the id", post("/scan-templates/nightly/launch", r#"{"target": "127.0.0.1"}"#)),
    ],
};

pub static TEMPLATE_NAME_REQUIRED: Row = Row {
    contract: Contract::ScanApi,
    service: None,
    code: Some("TEMPLATE_NAME_REQUIRED"),
    status: Some(400),
    source: Source::Reference,
    category: Category::Template,
    kind: Kind::BadRequest,
    retry: Retry::Never,
    is_open: false,
    message: "Template name is required",
    meaning: "A template needs a name, and the body has none.",
    causes: &["`name` is absent, empty or only blanks.", "The name stands in another field, such as `title`."],
    resolution: "Add `name`, at most 255 characters, which no other template of your organization has.",
    examples: &[
        right("with a name", post("/scan-templates", r#"{"name": "nightly", "scanType": "sentinel"}"#)),
        wrong("without a name", post("/scan-templates", r#"{"scanType": "sentinel"}"#)),
    ],
};

pub static DUPLICATE_TEMPLATE_NAME: Row = Row {
    contract: Contract::ScanApi,
    service: None,
    code: Some("DUPLICATE_TEMPLATE_NAME"),
    status: Some(400),
    source: Source::Reference,
    category: Category::Template,
    kind: Kind::Conflict,
    retry: Retry::Never,
    is_open: false,
    message: "Template name already exists",
    meaning: "Your organization has a template of this name already. Nothing was changed.",
    causes: &[
        "A script creates its template at every run.",
        "A colleague chose the same name.",
        "The first request succeeded and only its answer got lost.",
    ],
    resolution: "Use the template that exists, change that one, or choose another name. Send an `Idempotency-Key` with \
                 a POST, so that a repeat gets the first answer instead of this failure.",
    examples: &[
        right("look first", get("/scan-templates")),
        wrong(
            "the name of a template that exists",
            post("/scan-templates", r#"{"name": "nightly", "scanType": "sentinel"}"#),
        ),
    ],
};
