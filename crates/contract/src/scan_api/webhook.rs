//! Webhooks: calls to the customer's own endpoint when a scan starts or ends.

use crate::catalogue::{Category, Kind, Retry, Row, Source};
use crate::contract::Contract;
use crate::example::{Call, get, post, right, wrong};

pub static WEBHOOK_NOT_FOUND: Row = Row {
    contract: Contract::ScanApi,
    service: None,
    code: Some("WEBHOOK_NOT_FOUND"),
    status: Some(404),
    source: Source::Reference,
    category: Category::Webhook,
    kind: Kind::NotFound,
    retry: Retry::Never,
    is_open: false,
    message: "Webhook not found",
    meaning: "Your organization has no webhook with this id. Whether another organization has one is not told.",
    causes: &[
        "The id lacks its `wh-`, is not complete, or is the id of something else.",
        "The webhook was deleted.",
        "The webhook belongs to another organization.",
    ],
    resolution: "List your webhooks and take the id from there, with its `wh-`.",
    examples: &[
        right("the whole id", get("/webhooks/wh-$UUID")),
        wrong("the id without its `wh-`", get("/webhooks/$UUID")),
    ],
};

pub static INVALID_WEBHOOK_URL: Row = Row {
    contract: Contract::ScanApi,
    service: None,
    code: Some("INVALID_WEBHOOK_URL"),
    status: Some(400),
    source: Source::Reference,
    category: Category::Webhook,
    kind: Kind::BadRequest,
    retry: Retry::Never,
    is_open: false,
    message: "Webhook URL must use HTTPS",
    meaning: "What a webhook sends is confidential, so its `url`, and a scan's `callbackUrl`, must begin with \
              `https://`.",
    causes: &["The URL begins with `http://` or has no scheme.", "The text is not a URL, or has a user name in it."],
    resolution: "Give an `https://` URL. For an endpoint without a certificate put a proxy with one in front of it.",
    examples: &[
        right("https", post("/webhooks", r#"{"name": "ci", "url": "https://ci.example.com/scanyard"}"#)),
        wrong("plain http", post("/webhooks", r#"{"name": "ci", "url": "http://ci.example.com/scanyard"}"#)),
    ],
};

pub static WEBHOOK_URL_UNREACHABLE: Row = Row {
    contract: Contract::ScanApi,
    service: None,
    code: Some("WEBHOOK_URL_UNREACHABLE"),
    status: Some(400),
    source: Source::Reference,
    category: Category::Webhook,
    kind: Kind::BadRequest,
    retry: Retry::Never,
    is_open: false,
    message: "Could not reach webhook URL",
    meaning: "Before a webhook is stored the server connects to its URL and makes the TLS handshake. That failed. The \
              HTTP status of the endpoint plays no part.",
    causes: &[
        "The endpoint is not running, or a firewall keeps the server out.",
        "The certificate is expired, for another name, or not signed by a known authority.",
        "The name resolves to a private or otherwise refused address.",
    ],
    resolution: "Make the endpoint reachable from where the server runs, with a certificate that is valid for its \
                 name, and send the request again.",
    examples: &[right(
        "a public endpoint with a valid certificate",
        post("/webhooks", r#"{"name": "ci", "url": "https://ci.example.com/scanyard"}"#),
    )],
};

pub static INVALID_WEBHOOK_EVENT: Row = Row {
    contract: Contract::ScanApi,
    service: None,
    code: Some("INVALID_WEBHOOK_EVENT"),
    status: Some(400),
    source: Source::Reference,
    category: Category::Webhook,
    kind: Kind::BadRequest,
    retry: Retry::Never,
    is_open: false,
    message: "Invalid event type: {event}",
    meaning: "`events` names something that is not an event of a scan.",
    causes: &["A typing error, such as `scan.complete` or `scan.canceled`.", "An event of another product."],
    resolution: "Use scan.completed, scan.failed, scan.started and scan.cancelled. Without `events` a webhook gets \
                 scan.completed and scan.failed.",
    examples: &[
        right(
            "the exact names",
            post(
                "/webhooks",
                r#"{"name": "ci", "url": "https://ci.example.com/scanyard", "events": ["scan.completed"]}"#,
            ),
        ),
        wrong(
            "a name that only resembles one",
            post("/webhooks", r#"{"name": "ci", "url": "https://ci.example.com/scanyard", "events": ["scan.done"]}"#),
        ),
    ],
};

pub static WEBHOOK_DISABLED: Row = Row {
    contract: Contract::ScanApi,
    service: None,
    code: Some("WEBHOOK_DISABLED"),
    status: Some(409),
    source: Source::Reference,
    category: Category::Webhook,
    kind: Kind::Conflict,
    retry: Retry::Never,
    is_open: false,
    message: "Webhook is disabled due to consecutive failures",
    meaning: "The webhook is not called any more: because its endpoint failed too many times in a row, answered 410, or \
              somebody disabled it. `details` says which.",
    causes: &[
        "The endpoint is gone, or answers with something other than 2xx.",
        "Its certificate has expired.",
        "It answers too slowly.",
    ],
    resolution: "Look at the failed deliveries, repair the endpoint, then enable the webhook again with PATCH and \
                 `{\"isActive\": true}`.",
    examples: &[
        right("enable it again", Call { method: "PATCH", ..post("/webhooks/wh-$UUID", r#"{"isActive": true}"#) }),
        wrong("a test delivery while it is disabled", Call { method: "POST", ..get("/webhooks/wh-$UUID/test") }),
    ],
};

pub static DELIVERY_NOT_FOUND: Row = Row {
    contract: Contract::ScanApi,
    service: None,
    code: Some("DELIVERY_NOT_FOUND"),
    status: Some(404),
    source: Source::Scanyard,
    category: Category::Webhook,
    kind: Kind::NotFound,
    retry: Retry::Never,
    is_open: false,
    message: "Delivery not found",
    meaning: "The webhook is there, but it has no delivery with this id.",
    causes: &[
        "The id lacks its `dlv-`, is not complete, or is the id of something else.",
        "The delivery belongs to another webhook.",
        "The delivery is older than deliveries are kept on this server.",
    ],
    resolution: "List the webhook's deliveries and take the id from there, with its `dlv-`.",
    examples: &[
        right("an id from the list", get("/webhooks/wh-$UUID/deliveries/dlv-$UUID")),
        wrong("the id without its `dlv-`", get("/webhooks/wh-$UUID/deliveries/$UUID")),
    ],
};
