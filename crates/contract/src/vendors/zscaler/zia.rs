//! Zscaler Internet Access.

use super::shared;
use crate::catalogue::{Category, Kind, Retry, Row, Source};
use crate::contract::{Contract, Service};
use crate::vendors::{base, no_content, ok};

const ZIA: Row = base(Contract::Zscaler, Some(Service::Zia), Category::Zia);

pub(super) static ROWS: &[Row] = &[
    ok(ZIA),
    no_content(ZIA),
    Row {
        status: Some(400),
        kind: Kind::BadRequest,
        message: "Bad Request",
        meaning: "The request is not valid.",
        causes: &["A required field is missing: `message` names it.", "A value that the field does not take."],
        resolution: "Read `code` and `message`; either may be absent. Compare the body with the endpoint's page.",
        ..ZIA
    },
    shared::session_not_valid(ZIA),
    shared::access_blocked(ZIA),
    Row {
        status: Some(403),
        kind: Kind::Permission,
        is_open: true,
        message: "Forbidden",
        meaning: "The request was refused for one of three reasons that the status alone does not tell apart.",
        causes: &[
            "The role of the user or API client has no access permission or functional scope for it.",
            "A subscription (SKU) is missing that the feature needs.",
            "The admin portal is in maintenance mode during a scheduled upgrade, and the request was a POST, PUT or DELETE; \
             then the answer carries `STATE_READONLY` or `x-zscaler-mode: read-only`.",
        ],
        resolution: "Look for a code and for `x-zscaler-mode` in the answer first. Without them compare the role with what the \
                     endpoint wants, then the subscription. Zscaler's support or the account team can tell which it is.",
        ..ZIA
    },
    shared::read_only(ZIA),
    shared::not_subscribed(ZIA),
    shared::scope_limited(ZIA),
    shared::invalid_operation(ZIA),
    shared::invalid_input(ZIA),
    shared::limit_exceeded(ZIA),
    shared::not_found(ZIA),
    Row {
        status: Some(405),
        kind: Kind::Method,
        message: "Method Not Allowed",
        meaning: "The resource does not support the request's method.",
        causes: &["PUT where POST is wanted or the reverse.", "A write to a resource that can only be read."],
        resolution: "Take method and path from the endpoint's page.",
        ..ZIA
    },
    Row {
        status: Some(406),
        source: Source::Observation,
        kind: Kind::Accept,
        message: "Not Acceptable",
        meaning: "The `Accept` header asks for a type that the service does not produce. The answer is a page for people.",
        causes: &["An `Accept` header other than `application/json` or `*/*`."],
        resolution: "Send `Accept: application/json`.",
        ..ZIA
    },
    shared::edit_conflict(ZIA),
    shared::edit_lock(ZIA),
    shared::duplicate_item(ZIA),
    shared::org_barrier(ZIA),
    shared::media_type(ZIA),
    Row {
        status: Some(429),
        source: Source::Documentation,
        kind: Kind::RateLimited,
        retry: Retry::AfterWait,
        is_open: true,
        message: "Rate Limit (2/SECOND) exceeded",
        meaning: "A rate limit or a quota is used up: the status stands for both. Reads (light) may come 2 a second and 1,000 \
                  an hour, POST and PUT (medium) 1 a second and 400 an hour, DELETE (heavy) 1 a minute and 4 an hour. Many \
                  endpoints have limits of their own.",
        causes: &[
            "A loop without pauses.",
            "Several programs that work on one organization: the limit counts them together.",
            "The quota of the hour: then the wait is long.",
        ],
        resolution: "Wait as `Retry-After` says: a header in seconds, and in the body such as `1 seconds`. `0 seconds` means \
                     that the next second will do. Keep within the limits on your own side, DELETE above all.",
        ..ZIA
    },
    shared::server(ZIA),
    shared::unavailable(ZIA),
];
