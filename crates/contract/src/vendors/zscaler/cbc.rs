//! Zscaler Cloud & Branch Connector, in addresses `ztw`.

use super::shared;
use crate::catalogue::{Category, Kind, Retry, Row};
use crate::contract::{Contract, Service};
use crate::vendors::{base, no_content, ok};

const CBC: Row = base(Contract::Zscaler, Some(Service::Cbc), Category::CloudBranchConnector);

pub(super) static ROWS: &[Row] = &[
    ok(CBC),
    no_content(CBC),
    Row {
        status: Some(400),
        kind: Kind::BadRequest,
        message: "Bad Request",
        meaning: "The request was not carried out because its syntax is not right.",
        causes: &["JSON that is not well-formed.", "A required field is missing, or a value is not valid."],
        resolution: "Read `code` and `message`; either may be absent. Compare the body with the endpoint's page.",
        ..CBC
    },
    Row {
        status: Some(401),
        kind: Kind::Unauthenticated,
        retry: Retry::FreshToken,
        message: "Unauthorized",
        meaning: "The session is not authenticated, or it has timed out.",
        causes: &["More than five minutes without a request in a session.", "A token that is missing or has expired."],
        resolution: "Sign in or get a token once more, and repeat the request once.",
        ..CBC
    },
    shared::session_not_valid(CBC),
    shared::access_blocked(CBC),
    Row {
        status: Some(403),
        kind: Kind::Permission,
        is_open: true,
        message: "Forbidden",
        meaning: "The request was refused for one of three reasons that the status alone does not tell apart.",
        causes: &[
            "The service provider has disabled the API key.",
            "The user's role has no access permission or functional scope for it.",
            "The admin portal is in maintenance mode during a scheduled upgrade, and the request was a POST, PUT or DELETE; \
             then the answer carries `STATE_READONLY` or `x-zscaler-mode: read-only`.",
        ],
        resolution: "Look for a code and for `x-zscaler-mode` in the answer first. If reads fail as well, ask whether the key \
                     was disabled; else compare the role. Zscaler's support or the account team can tell which it is.",
        ..CBC
    },
    shared::read_only(CBC),
    shared::not_subscribed(CBC),
    shared::scope_limited(CBC),
    shared::invalid_operation(CBC),
    shared::invalid_input(CBC),
    shared::limit_exceeded(CBC),
    shared::not_found(CBC),
    shared::edit_conflict(CBC),
    shared::edit_lock(CBC),
    shared::duplicate_item(CBC),
    shared::org_barrier(CBC),
    shared::media_type(CBC),
    Row {
        status: Some(429),
        kind: Kind::RateLimited,
        retry: Retry::AfterWait,
        is_open: true,
        message: "Too Many Requests",
        meaning: "A rate limit or a quota is used up; the status stands for both.",
        causes: &[
            "A loop without pauses.",
            "More DELETE requests than 1 a minute.",
            "The quota of the hour, such as 4 DELETE requests: then the wait is long.",
        ],
        resolution: "Wait as `Retry-After` says. It stands in the body here, such as `\"Retry-After\": \"0 seconds\"`; a header \
                     is not promised.",
        ..CBC
    },
    shared::server(CBC),
    shared::unavailable(CBC),
];
