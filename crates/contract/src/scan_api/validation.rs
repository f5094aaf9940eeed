//! 400: what the request says, field by field, and the `Idempotency-Key`.

use crate::catalogue::{Category, Kind, Retry, Row, Source};
use crate::contract::Contract;
use crate::example::{Call, KEY, SESSION, get, post, right, wrong};

pub static INVALID_JSON: Row = Row {
    contract: Contract::ScanApi,
    service: None,
    code: Some("INVALID_JSON"),
    status: Some(400),
    source: Source::Reference,
    category: Category::Validation,
    kind: Kind::BadRequest,
    retry: Retry::Never,
    is_open: false,
    message: "Request body is not valid JSON",
    meaning: "The body cannot be read as JSON. `details` has the line and the column of the first fault.",
    causes: &[
        "A comma too many or too few, single quotes, or a comment.",
        "The body is empty, or was cut on the way.",
        "The shell replaced something inside the quotes.",
        "The text is not UTF-8.",
    ],
    resolution: "Look at the line and column in `details`. Let a library or `jq` write the JSON instead of pasting it \
                 together.",
    examples: &[
        right("whole JSON", post("/scans", r#"{"target": "127.0.0.1", "scanType": "sentinel"}"#)),
        wrong("a comma too many", post("/scans", r#"{"target": "127.0.0.1", "scanType": "sentinel",}"#)),
    ],
};

pub static MISSING_REQUIRED_FIELD: Row = Row {
    contract: Contract::ScanApi,
    service: None,
    code: Some("MISSING_REQUIRED_FIELD"),
    status: Some(400),
    source: Source::Reference,
    category: Category::Validation,
    kind: Kind::BadRequest,
    retry: Retry::Never,
    is_open: false,
    message: "Missing required field: {field}",
    meaning: "A field without which the request has no meaning is absent. `details` names every fault of the body, not \
              only the first.",
    causes: &["The field was forgotten.", "Its value was `undefined` in a program, so that it was left out."],
    resolution: "Add the field that the message names, and the others in `details`. `POST /scans` needs `target` and \
                 `scanType`; the rest is optional.",
    examples: &[
        right("both fields", post("/scans", r#"{"target": "127.0.0.1", "scanType": "sentinel"}"#)),
        wrong("no `scanType`", post("/scans", r#"{"target": "127.0.0.1"}"#)),
    ],
};

pub static INVALID_FIELD_TYPE: Row = Row {
    contract: Contract::ScanApi,
    service: None,
    code: Some("INVALID_FIELD_TYPE"),
    status: Some(400),
    source: Source::Reference,
    category: Category::Validation,
    kind: Kind::BadRequest,
    retry: Retry::Never,
    is_open: false,
    message: "Field {field} must be of type {type}",
    meaning: "A field holds a value of another JSON type than the one it has, or, where the field takes fixed words, \
              something that is not one of them.",
    causes: &[
        "A number or a boolean in quotes.",
        "A single value where a list belongs, such as `tags`.",
        "`null`: leave a field out instead.",
    ],
    resolution: "Correct the type; the message names field and type, `details` all of them. The OpenAPI document and \
                 the schemas in `GET /engines` give the type of every field.",
    examples: &[
        right("a number", post("/scans", r#"{"target": "127.0.0.1", "scanType": "sentinel", "timeout": 600}"#)),
        wrong(
            "a number in quotes",
            post("/scans", r#"{"target": "127.0.0.1", "scanType": "sentinel", "timeout": "600"}"#),
        ),
    ],
};

pub static INVALID_FIELD_VALUE: Row = Row {
    contract: Contract::ScanApi,
    service: None,
    code: Some("INVALID_FIELD_VALUE"),
    status: Some(400),
    source: Source::Scanyard,
    category: Category::Validation,
    kind: Kind::BadRequest,
    retry: Retry::Never,
    is_open: false,
    message: "Invalid value of field {field}",
    meaning: "The field has the right type, but its value is outside what is allowed. `details` says what is.",
    causes: &[
        "A number outside its range, such as a `timeout` above 86,400 seconds or port 99999.",
        "A text that is too long or not of the form that the field needs.",
        "An option of the engine with a value that the engine does not take.",
    ],
    resolution: "Read `details` and correct the value. Ranges and forms stand in the OpenAPI document and, for \
                 `options` and `config`, in the schemas of `GET /engines`.",
    examples: &[
        right(
            "ports from 1 to 65535",
            post("/scans", r#"{"target": "127.0.0.1", "scanType": "nmap", "options": {"ports": "22,80,443"}}"#),
        ),
        wrong(
            "a port that does not exist",
            post("/scans", r#"{"target": "127.0.0.1", "scanType": "nmap", "options": {"ports": "99999"}}"#),
        ),
    ],
};

pub static UNKNOWN_FIELD: Row = Row {
    contract: Contract::ScanApi,
    service: None,
    code: Some("UNKNOWN_FIELD"),
    status: Some(400),
    source: Source::Scanyard,
    category: Category::Validation,
    kind: Kind::BadRequest,
    retry: Retry::Never,
    is_open: false,
    message: "Unknown field: {field}",
    meaning: "The body has a field that this request does not have. It is refused, because a setting that is silently \
              ignored is worse than a failure.",
    causes: &[
        "A typing error, or `snake_case` where the field is `camelCase`.",
        "An option that another engine has.",
        "A field of another version of the API, or one that only answers carry.",
    ],
    resolution: "Correct or remove the field. The OpenAPI document lists the fields of each body, `GET /engines` the \
                 options of each engine.",
    examples: &[
        right("`scanType`", post("/scans", r#"{"target": "127.0.0.1", "scanType": "sentinel"}"#)),
        wrong(
            "a field too many",
            post("/scans", r#"{"target": "127.0.0.1", "scanType": "sentinel", "scan_name": "nightly"}"#),
        ),
    ],
};

pub static INVALID_PAGE: Row = Row {
    contract: Contract::ScanApi,
    service: None,
    code: Some("INVALID_PAGE"),
    status: Some(400),
    source: Source::Reference,
    category: Category::Validation,
    kind: Kind::BadRequest,
    retry: Retry::Never,
    is_open: false,
    message: "Page must be a positive integer",
    meaning: "`page` is not a whole number from 1 up.",
    causes: &["Pages are counted from 0 in the program.", "The value is empty, negative, too large or no number."],
    resolution: "Use `page=1` for the first page. To walk a long list send `cursor` with the `nextCursor` of the answer \
                 instead: it is faster and does not shift when scans are added.",
    examples: &[right("the first page", get("/scans?page=1&limit=20")), wrong("page 0", get("/scans?page=0"))],
};

pub static INVALID_LIMIT: Row = Row {
    contract: Contract::ScanApi,
    service: None,
    code: Some("INVALID_LIMIT"),
    status: Some(400),
    source: Source::Reference,
    category: Category::Validation,
    kind: Kind::BadRequest,
    retry: Retry::Never,
    is_open: false,
    message: "Limit must be between 1 and 100",
    meaning: "`limit`, the number of items on a page, is not a whole number from 1 to 100.",
    causes: &["A program asks for everything at once.", "The value is 0, negative, empty or no number."],
    resolution: "Use `limit` from 1 to 100 (20 when it is absent) and fetch the next pages with `nextCursor`.",
    examples: &[right("the largest page", get("/scans?limit=100")), wrong("too many at once", get("/scans?limit=101"))],
};

pub static UNKNOWN_PARAMETER: Row = Row {
    contract: Contract::ScanApi,
    service: None,
    code: Some("UNKNOWN_PARAMETER"),
    status: Some(400),
    source: Source::Scanyard,
    category: Category::Validation,
    kind: Kind::BadRequest,
    retry: Retry::Never,
    is_open: false,
    message: "Unknown query parameter: {parameter}",
    meaning: "The query has a parameter that this route does not have. It is refused, because a filter that is silently \
              ignored makes a list wider than it looks.",
    causes: &["A typing error, such as `scantype` for `scanType`.", "A filter that another route has."],
    resolution: "Correct or remove the parameter; the OpenAPI document lists those of each route.",
    examples: &[
        right("`scanType`", get("/scans?scanType=sentinel")),
        wrong("small letters", get("/scans?scantype=sentinel")),
    ],
};

pub static INVALID_PARAMETER: Row = Row {
    contract: Contract::ScanApi,
    service: None,
    code: Some("INVALID_PARAMETER"),
    status: Some(400),
    source: Source::Scanyard,
    category: Category::Validation,
    kind: Kind::BadRequest,
    retry: Retry::Never,
    is_open: false,
    message: "Invalid value of query parameter {parameter}",
    meaning: "The route has this parameter, but not with this value. `details` says what it takes.",
    causes: &[
        "A word that is not one of the parameter's words.",
        "A `cursor` that was changed, or that belongs to another list.",
        "The same parameter twice, or two that exclude each other, such as `page` and `cursor`.",
        "A percent sign that is not followed by two hexadecimal digits.",
    ],
    resolution: "Read `details` and correct the value. A `cursor` is used as it came, with the same filters.",
    examples: &[
        right("a status that exists", get("/scans?status=completed")),
        wrong("a word of another system", get("/scans?status=done")),
    ],
};

pub static INVALID_IDEMPOTENCY_KEY: Row = Row {
    contract: Contract::ScanApi,
    service: None,
    code: Some("INVALID_IDEMPOTENCY_KEY"),
    status: Some(400),
    source: Source::Scanyard,
    category: Category::Validation,
    kind: Kind::BadRequest,
    retry: Retry::Never,
    is_open: false,
    message: "Idempotency-Key must be 1 to 255 visible ASCII characters",
    meaning: "The `Idempotency-Key` header is there, but cannot serve as one. Nothing was carried out.",
    causes: &[
        "The variable that should hold it is empty.",
        "Blanks or letters outside ASCII in it.",
        "More than 255 characters, such as the whole body.",
    ],
    resolution: "Use a fresh random value per intended scan, such as a UUID, and the same one for each repeat of it.",
    examples: &[
        right(
            "a UUID",
            Call {
                headers: &[KEY, "Idempotency-Key: $(uuidgen)"],
                ..post("/scans", r#"{"target": "127.0.0.1", "scanType": "sentinel"}"#)
            },
        ),
        wrong(
            "blanks in it",
            Call {
                headers: &[KEY, "Idempotency-Key: my nightly scan"],
                ..post("/scans", r#"{"target": "127.0.0.1", "scanType": "sentinel"}"#)
            },
        ),
    ],
};

pub static IDEMPOTENCY_KEY_REUSED: Row = Row {
    contract: Contract::ScanApi,
    service: None,
    code: Some("IDEMPOTENCY_KEY_REUSED"),
    status: Some(422),
    source: Source::Scanyard,
    category: Category::Validation,
    kind: Kind::Conflict,
    retry: Retry::Never,
    is_open: false,
    message: "Idempotency-Key was used with another request",
    meaning: "Within the last 24 hours the same `Idempotency-Key` came with another body. The first request stands; \
              this one was not carried out.",
    causes: &[
        "One value is used for all requests, such as the name of the job.",
        "The body changed between the repeats, for instance by a time stamp in `name`.",
    ],
    resolution: "For a new scan take a new value. For a repeat send exactly the body of the first request.",
    examples: &[
        right(
            "a value of its own for each scan",
            Call {
                headers: &[KEY, "Idempotency-Key: $(uuidgen)"],
                ..post("/scans", r#"{"target": "127.0.0.1", "scanType": "sentinel"}"#)
            },
        ),
        wrong(
            "the value of an earlier scan of another target",
            Call {
                headers: &[KEY, "Idempotency-Key: nightly"],
                ..post("/scans", r#"{"target": "localhost", "scanType": "sentinel"}"#)
            },
        ),
    ],
};

pub static IDEMPOTENCY_IN_PROGRESS: Row = Row {
    contract: Contract::ScanApi,
    service: None,
    code: Some("IDEMPOTENCY_IN_PROGRESS"),
    status: Some(409),
    source: Source::Scanyard,
    category: Category::Validation,
    kind: Kind::Conflict,
    retry: Retry::AfterWait,
    is_open: false,
    message: "A request with this Idempotency-Key is still running",
    meaning: "The first request with this `Idempotency-Key` has not been answered yet. The server waited for it for a \
              while; this request was not carried out.",
    causes: &[
        "A client gave up early and repeated the request while the first one was still at work.",
        "Two jobs use the same value.",
    ],
    resolution: "Wait the seconds in `Retry-After` and repeat with the same value: the answer of the first request \
                 comes back, with `Idempotency-Replayed: true`.",
    examples: &[right(
        "the same request again, after the wait",
        Call {
            headers: &[KEY, "Idempotency-Key: $FIRST_VALUE"],
            ..post("/scans", r#"{"target": "127.0.0.1", "scanType": "sentinel"}"#)
        },
    )],
};

pub static SECRET_ALREADY_SHOWN: Row = Row {
    contract: Contract::ScanApi,
    service: None,
    code: Some("SECRET_ALREADY_SHOWN"),
    status: Some(409),
    source: Source::Scanyard,
    category: Category::Validation,
    kind: Kind::Conflict,
    retry: Retry::Never,
    is_open: false,
    message: "This request was carried out; its answer held a secret and is not kept",
    meaning: "An earlier request with this `Idempotency-Key` did what it asked for, and its answer held a secret. Secrets \
              are shown once and never stored, so the answer cannot be sent again. Nothing was done now.",
    causes: &["The answer to the first request was lost on its way.", "The request was sent twice."],
    resolution: "The resource is there: `details` names its id. If its secret is lost, rotate it, or delete the resource \
                 and make another with a new `Idempotency-Key`.",
    examples: &[
        right(
            "another key, by a value of its own",
            Call {
                headers: &[SESSION, "Idempotency-Key: $(uuidgen)"],
                ..post("/api-keys", r#"{"name": "ci", "scopes": ["scans:create", "scans:read"]}"#)
            },
        ),
        wrong(
            "the first request once more",
            Call {
                headers: &[SESSION, "Idempotency-Key: $FIRST_VALUE"],
                ..post("/api-keys", r#"{"name": "ci", "scopes": ["scans:create", "scans:read"]}"#)
            },
        ),
    ],
};
