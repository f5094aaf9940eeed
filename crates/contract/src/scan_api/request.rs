//! Faults of the HTTP request itself: route, method, media type, size.

use crate::catalogue::{Category, Kind, Retry, Row, Source};
use crate::contract::Contract;
use crate::example::{Call, KEY, get, post, right, wrong};

pub static ROUTE_NOT_FOUND: Row = Row {
    contract: Contract::ScanApi,
    service: None,
    code: Some("ROUTE_NOT_FOUND"),
    status: Some(404),
    source: Source::Scanyard,
    category: Category::Request,
    kind: Kind::NotFound,
    retry: Retry::Never,
    is_open: false,
    message: "No such route: {path}",
    meaning: "The server has nothing at this path. This speaks of the path, not of a scan.",
    causes: &[
        "The base path is missing or doubled: it is `/scan-api/api/v1` or `/api/v1`.",
        "A typing error, such as `/scan` for `/scans`, or a slash at the end.",
        "A variable in the path was empty, so that two slashes follow each other.",
        "The route belongs to another version of the server.",
    ],
    resolution: "Compare the path with the OpenAPI document at `/api/v1/openapi.json`.",
    examples: &[right("`/scans`", get("/scans")), wrong("`/scan`", get("/scan"))],
};

pub static ERROR_NOT_FOUND: Row = Row {
    contract: Contract::ScanApi,
    service: None,
    code: Some("ERROR_NOT_FOUND"),
    status: Some(404),
    source: Source::Scanyard,
    category: Category::Request,
    kind: Kind::NotFound,
    retry: Retry::Never,
    is_open: false,
    message: "No such error code: {code}",
    meaning: "The catalogue has no failure of this code.",
    causes: &["A typing error, or small letters.", "The code is one of another product or of a newer version."],
    resolution: "Copy the code from the `code` of an answer, or look through the whole list at `GET /errors`.",
    examples: &[
        right("a code of the catalogue", Call { headers: &[], ..get("/errors/SCAN_NOT_FOUND") }),
        wrong("a code that nobody has", Call { headers: &[], ..get("/errors/SCAN_LOST") }),
    ],
};

pub static METHOD_NOT_ALLOWED: Row = Row {
    contract: Contract::ScanApi,
    service: None,
    code: Some("METHOD_NOT_ALLOWED"),
    status: Some(405),
    source: Source::Scanyard,
    category: Category::Request,
    kind: Kind::Method,
    retry: Retry::Never,
    is_open: false,
    message: "Method {method} is not allowed here",
    meaning: "The path exists, but not with this method. The `Allow` header lists those that it has.",
    causes: &[
        "DELETE to stop a scan: that is `POST …/cancel`.",
        "A redirect or a library turned a POST into a GET.",
        "PUT or PATCH of something that cannot be changed, such as a scan.",
    ],
    resolution: "Use a method of the `Allow` header.",
    examples: &[
        right("a cancel", Call { method: "POST", ..get("/scans/$SCAN_ID/cancel?scanType=sentinel") }),
        wrong("a delete", Call { method: "DELETE", ..get("/scans/$SCAN_ID?scanType=sentinel") }),
    ],
};

pub static NOT_ACCEPTABLE: Row = Row {
    contract: Contract::ScanApi,
    service: None,
    code: Some("NOT_ACCEPTABLE"),
    status: Some(406),
    source: Source::Scanyard,
    category: Category::Request,
    kind: Kind::Accept,
    retry: Retry::Never,
    is_open: false,
    message: "None of the accepted media types can be produced",
    meaning: "The `Accept` header rules out everything that this route can answer with.",
    causes: &["`Accept` names only `text/html`, XML or an image.", "`Accept` gives JSON a weight of 0."],
    resolution: "Send `Accept: application/json`, or no `Accept` at all. `application/problem+json` is possible for \
                 failures.",
    examples: &[
        right("JSON", Call { headers: &[KEY, "Accept: application/json"], ..get("/scans") }),
        wrong("XML only", Call { headers: &[KEY, "Accept: application/xml"], ..get("/scans") }),
    ],
};

pub static REQUEST_TIMEOUT: Row = Row {
    contract: Contract::ScanApi,
    service: None,
    code: Some("REQUEST_TIMEOUT"),
    status: Some(408),
    source: Source::Scanyard,
    category: Category::Request,
    kind: Kind::Timeout,
    retry: Retry::Idempotent,
    is_open: false,
    message: "The request body did not arrive in time",
    meaning: "The headers came, but the body stopped on the way. Nothing was carried out.",
    causes: &[
        "`Content-Length` promises more bytes than were sent.",
        "A slow or broken line, or a program that waits for its own input while sending.",
    ],
    resolution: "Send the request again. If it happens each time, check `Content-Length` and what stands between you \
                 and the server.",
    examples: &[
        right("curl counts the bytes itself", post("/scans", r#"{"target": "127.0.0.1", "scanType": "sentinel"}"#)),
        wrong("more promised than sent", Call { headers: &[KEY, "Content-Length: 1000"], ..post("/scans", "{}") }),
    ],
};

pub static PAYLOAD_TOO_LARGE: Row = Row {
    contract: Contract::ScanApi,
    service: None,
    code: Some("PAYLOAD_TOO_LARGE"),
    status: Some(413),
    source: Source::Scanyard,
    category: Category::Request,
    kind: Kind::TooLarge,
    retry: Retry::Never,
    is_open: false,
    message: "Request body is larger than {limit} bytes",
    meaning: "The body is larger than the server takes. It was not looked at.",
    causes: &[
        "A file was sent instead of the request that names it.",
        "A program puts its own data into `options` or `tags`.",
    ],
    resolution: "Send less. A scan's body is a few hundred bytes; several targets are several scans. The operator sets \
                 the limit with `http.max_body_bytes`, that of uploads with `http.upload_bytes` and `uploads.tenant_bytes`.",
    examples: &[
        right("one target", post("/scans", r#"{"target": "127.0.0.1", "scanType": "sentinel"}"#)),
        wrong("a whole inventory", post("/scans", "@inventory.json")),
    ],
};

pub static URI_TOO_LONG: Row = Row {
    contract: Contract::ScanApi,
    service: None,
    code: Some("URI_TOO_LONG"),
    status: Some(414),
    source: Source::Scanyard,
    category: Category::Request,
    kind: Kind::TooLarge,
    retry: Retry::Never,
    is_open: false,
    message: "Request URL is longer than {limit} bytes",
    meaning: "Path and query together are longer than the server takes.",
    causes: &["The body was put into the query.", "A redirect or a template appends to the URL again and again."],
    resolution: "Put data into the body of a POST, and use fewer filters in one query.",
    examples: &[
        right("data in the body", post("/scans", r#"{"target": "127.0.0.1", "scanType": "sentinel"}"#)),
        wrong("a file in the query", Call { flags: "--get --data-urlencode x@inventory.json", ..get("/scans") }),
    ],
};

pub static UNSUPPORTED_MEDIA_TYPE: Row = Row {
    contract: Contract::ScanApi,
    service: None,
    code: Some("UNSUPPORTED_MEDIA_TYPE"),
    status: Some(415),
    source: Source::Scanyard,
    category: Category::Request,
    kind: Kind::MediaType,
    retry: Retry::Never,
    is_open: false,
    message: "Request body must be {types}",
    meaning: "The body is declared as something that this route does not take, so it was not read.",
    causes: &[
        "`curl -d` without a `Content-Type` declares a form.",
        "The `Content-Type` header is absent, or names XML, plain text or a form.",
        "The body is compressed (`Content-Encoding`) or in another character set than UTF-8.",
    ],
    resolution: "Send `Content-Type: application/json`; with curl, `--json` does that. `POST /uploads` takes gzip, zip and octet \
                 streams besides.",
    examples: &[
        right("`--json`", post("/scans", r#"{"target": "127.0.0.1", "scanType": "sentinel"}"#)),
        wrong(
            "a form, as `curl -d` declares it",
            Call {
                headers: &[KEY, "Content-Type: application/x-www-form-urlencoded"],
                ..post("/scans", r#"{"target": "127.0.0.1", "scanType": "sentinel"}"#)
            },
        ),
    ],
};

pub static HEADERS_TOO_LARGE: Row = Row {
    contract: Contract::ScanApi,
    service: None,
    code: Some("HEADERS_TOO_LARGE"),
    status: Some(431),
    source: Source::Scanyard,
    category: Category::Request,
    kind: Kind::TooLarge,
    retry: Retry::Never,
    is_open: false,
    message: "Request headers are larger than {limit} bytes",
    meaning: "All headers together are larger than the server takes.",
    causes: &["Cookies of other sites on the same host name.", "A proxy that appends to a header at every step."],
    resolution: "Send only the headers that the call needs: `X-API-Key`, `Content-Type`, `Accept`, `Idempotency-Key`.",
    examples: &[
        right("the header that the call needs", get("/scans")),
        wrong("a cookie jar", Call { flags: "--cookie cookies.txt", ..get("/scans") }),
    ],
};

pub static NOT_IMPLEMENTED: Row = Row {
    contract: Contract::ScanApi,
    service: None,
    code: Some("NOT_IMPLEMENTED"),
    status: Some(501),
    source: Source::Scanyard,
    category: Category::Request,
    kind: Kind::NotImplemented,
    retry: Retry::Never,
    is_open: false,
    message: "Method {method} is not implemented",
    meaning: "The server does not know this HTTP method at all, on any path.",
    causes: &["A method of WebDAV or of a proxy, such as PROPFIND or CONNECT.", "A typing error in the method."],
    resolution: "Use GET, POST, PATCH or DELETE as the OpenAPI document lists them. Repeating never helps.",
    examples: &[right("GET", get("/scans")), wrong("a method of WebDAV", Call { method: "PROPFIND", ..get("/scans") })],
};
