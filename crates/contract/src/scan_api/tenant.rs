//! Tenants: the organizations on a server, in the operator's hands.

use crate::catalogue::{Category, Kind, Retry, Row, Source};
use crate::contract::Contract;
use crate::example::{Call, get, post, right, wrong};

pub static TENANT_NOT_FOUND: Row = Row {
    contract: Contract::ScanApi,
    service: None,
    code: Some("TENANT_NOT_FOUND"),
    status: Some(404),
    source: Source::Scanyard,
    category: Category::Tenant,
    kind: Kind::NotFound,
    retry: Retry::Never,
    is_open: false,
    message: "Tenant not found",
    meaning: "This server has no tenant with this id.",
    causes: &[
        "The name stands where the id belongs.",
        "The id is not complete, or is the id of something else.",
        "The id comes from another server, such as the one for tests.",
    ],
    resolution: "List the tenants and take the id from there.",
    examples: &[
        right("the id", get("/tenants/$TENANT_ID")),
        wrong("the name instead of the id", get("/tenants/example-org")),
    ],
};

pub static DUPLICATE_TENANT_NAME: Row = Row {
    contract: Contract::ScanApi,
    service: None,
    code: Some("DUPLICATE_TENANT_NAME"),
    status: Some(409),
    source: Source::Scanyard,
    category: Category::Tenant,
    kind: Kind::Conflict,
    retry: Retry::Never,
    is_open: false,
    message: "Tenant name already exists",
    meaning: "Another tenant has this name. Nothing was made; `details` has that tenant's id.",
    causes: &[
        "The tenant was made earlier, perhaps by a request whose answer was lost.",
        "Two organizations have the same name.",
    ],
    resolution: "Use the tenant whose id is in `details`, if it is the one that you mean; else take another name. With \
                 an `Idempotency-Key` a repeated request gets the first one's answer instead of this failure.",
    examples: &[
        right("a name of its own", post("/tenants", r#"{"name": "Example Org Berlin"}"#)),
        wrong("the operator's own", post("/tenants", r#"{"name": "default"}"#)),
    ],
};

pub static OPERATOR_TENANT: Row = Row {
    contract: Contract::ScanApi,
    service: None,
    code: Some("OPERATOR_TENANT"),
    status: Some(409),
    source: Source::Scanyard,
    category: Category::Tenant,
    kind: Kind::Conflict,
    retry: Retry::Never,
    is_open: false,
    message: "The operator's own tenant cannot be suspended",
    meaning: "This tenant is the operator's. Suspended, it could not be resumed through the API by anybody, so it is \
              refused.",
    causes: &["A program goes through all tenants.", "The id was taken from the operator's own key."],
    resolution: "Leave out the tenant with `isOperator: true`. To stop single keys of it, suspend or revoke those.",
    examples: &[
        right("another tenant", Call { method: "POST", ..get("/tenants/$TENANT_ID/suspend") }),
        wrong("the one with `isOperator: true`", Call { method: "POST", ..get("/tenants/$OPERATORS_ID/suspend") }),
    ],
};
