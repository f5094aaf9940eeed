//! 5xx: trouble on the server's side.

use crate::catalogue::{Category, Kind, Retry, Row, Source};
use crate::contract::Contract;
use crate::example::{Call, KEY, get, post, right, wrong};

/// A scan that may be sent again without being run twice.
const REPEATABLE: Call = Call {
    headers: &[KEY, "Idempotency-Key: $VALUE_OF_THIS_SCAN"],
    flags: "--retry 5",
    ..post("/scans", r#"{"target": "127.0.0.1", "scanType": "sentinel"}"#)
};
/// The same without the header that makes it repeatable.
const UNREPEATABLE: Call = Call { headers: &[KEY], ..REPEATABLE };

pub static OPERATION_TIMEOUT: Row = Row {
    contract: Contract::ScanApi,
    service: None,
    code: Some("OPERATION_TIMEOUT"),
    status: Some(504),
    source: Source::Scanyard,
    category: Category::Server,
    kind: Kind::Timeout,
    retry: Retry::Idempotent,
    is_open: false,
    message: "The operation did not finish in time",
    meaning: "The server stopped waiting for its own work. Whether that work was done is not known: a scan may have \
              been stored all the same.",
    causes: &["The server or its database is overloaded.", "A query that touches very much."],
    resolution: "A GET: repeat it after a pause. A POST: repeat it with the same `Idempotency-Key`, which runs it at \
                 most once; if you sent none, look into `GET /scans` first. If it stays, contact {support.contact} \
                 with the `requestId` of the answer.",
    examples: &[
        right("repeatable by its `Idempotency-Key`", REPEATABLE),
        wrong("repeated without one: two scans may run", UNREPEATABLE),
    ],
};

pub static INTERNAL_ERROR: Row = Row {
    contract: Contract::ScanApi,
    service: None,
    code: Some("INTERNAL_ERROR"),
    status: Some(500),
    source: Source::Reference,
    category: Category::Server,
    kind: Kind::Server,
    retry: Retry::Idempotent,
    is_open: false,
    message: "An internal server error occurred",
    meaning: "The server has met a fault of its own. The cause is in its log under the `requestId` of the answer, not \
              in the answer.",
    causes: &["A fault in Scanyard.", "A state in the database that this version does not expect."],
    resolution: "Repeat it a few times with growing pauses, a POST with the same `Idempotency-Key`. If it stays, look \
                 for known outages at {support.status_url}, then contact {support.contact} with the `requestId`.",
    examples: &[
        right("repeatable by its `Idempotency-Key`", REPEATABLE),
        wrong("repeated without one: two scans may run", UNREPEATABLE),
    ],
};

pub static SERVICE_UNAVAILABLE: Row = Row {
    contract: Contract::ScanApi,
    service: None,
    code: Some("SERVICE_UNAVAILABLE"),
    status: Some(503),
    source: Source::Reference,
    category: Category::Server,
    kind: Kind::Unavailable,
    retry: Retry::AfterWait,
    is_open: false,
    message: "Service temporarily unavailable",
    meaning: "The server does not take this request now. It was not carried out and nothing was stored.",
    causes: &[
        "The server is starting or stopping.",
        "More requests than it can write down are waiting already.",
        "As many scans wait as the server takes: `queue.max_backlog`.",
        "As many connections are open as the server takes.",
    ],
    resolution: "Wait the seconds in `Retry-After`, then repeat, with growing pauses if the answer stays the same. \
                 `GET /status` says which part of the server is affected and since when. Look for known outages at \
                 {support.status_url}; if there is none, contact {support.contact}.",
    examples: &[
        right("curl waits as `Retry-After` says", Call { flags: "--retry 5", ..get("/scans") }),
        wrong("at once, again and again", Call { flags: "--retry 100 --retry-delay 0", ..get("/scans") }),
    ],
};

pub static DATABASE_ERROR: Row = Row {
    contract: Contract::ScanApi,
    service: None,
    code: Some("DATABASE_ERROR"),
    status: Some(503),
    source: Source::Reference,
    category: Category::Server,
    kind: Kind::Unavailable,
    retry: Retry::Idempotent,
    is_open: false,
    message: "Database operation failed",
    meaning: "The server could not read or write its database. What it had acknowledged before is safe; whether this \
              request took effect is not certain.",
    causes: &[
        "The disk is full, or reports faults.",
        "The database is down, restarting or not reachable, or all its connections are busy.",
        "The database ended the operation because of a deadlock or a lock that was held too long.",
    ],
    resolution: "Repeat it after a pause, a POST with the same `Idempotency-Key`. If it stays, contact \
                 {support.contact} with the `requestId`. `GET /status` says since when the database is down. Operators: `/readyz` and the log tell which of the causes it \
                 is; free disk space first.",
    examples: &[
        right("repeatable by its `Idempotency-Key`", REPEATABLE),
        wrong("repeated without one: two scans may run", UNREPEATABLE),
    ],
};

pub static KAFKA_ERROR: Row = Row {
    contract: Contract::ScanApi,
    service: None,
    code: Some("KAFKA_ERROR"),
    status: Some(503),
    source: Source::Reference,
    category: Category::Server,
    kind: Kind::Unavailable,
    retry: Retry::AfterWait,
    is_open: false,
    message: "Message queue operation failed",
    meaning: "Events of scans wait to be sent to Kafka, and so many are waiting that the server takes no more work. \
              Only a server that is configured with Kafka answers so. The request was not carried out.",
    causes: &[
        "The Kafka brokers are down or not reachable, or refuse the server's login.",
        "Kafka is slower than the scans that come in.",
    ],
    resolution: "Wait the seconds in `Retry-After`, then repeat, with growing pauses if the answer stays the same. If \
                 it stays, contact {support.contact}. Operators: check the brokers; scans that were accepted are not \
                 lost.",
    examples: &[
        right("repeatable by its `Idempotency-Key`", REPEATABLE),
        wrong("repeated without one: two scans may run", UNREPEATABLE),
    ],
};
