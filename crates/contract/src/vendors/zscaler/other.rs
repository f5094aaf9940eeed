//! Services that the error reference leaves out: Digital Experience, Business Insights, the GraphQL APIs.

use crate::catalogue::{Category, Kind, Retry, Row, Source};
use crate::contract::{Contract, Service};
use crate::vendors::base;

const fn of(service: Service) -> Row {
    let row = base(Contract::Zscaler, Some(service), Category::ZscalerOther);
    Row { source: Source::Documentation, ..row }
}

pub(super) static ROWS: &[Row] = &[
    Row {
        status: Some(429),
        kind: Kind::RateLimited,
        retry: Retry::AfterWait,
        is_open: true,
        message: "Too Many Requests",
        meaning: "The rate limit of 5 requests a second is used up, or the quota that the tier of the subscription gives for a \
                  minute, an hour or a day: the status stands for both.",
        causes: &["A loop without pauses.", "A tier that is too small for what is asked of it."],
        resolution: "Wait as `Retry-After` says; without it until `RateLimit-Reset`, which is a point in time here (seconds \
                     after 1970), not a number of seconds.",
        ..of(Service::Zdx)
    },
    Row {
        code: Some("RATE_LIMIT_EXCEEDED"),
        status: Some(429),
        kind: Kind::RateLimited,
        retry: Retry::AfterWait,
        message: "Rate limit exceeded. Maximum 2 requests per second and 1000 requests per hour is allowed.",
        meaning: "More than 2 reads a second or 1,000 an hour, or more than 1 heavy request a second or 400 an hour.",
        causes: &["A loop without pauses."],
        resolution: "The answer names no wait. Without a `Retry-After` pause a second, then longer each time.",
        ..of(Service::Bi)
    },
    Row {
        code: Some("errors"),
        status: Some(200),
        kind: Kind::Unknown,
        message: "OK, with errors in the body",
        meaning: "A GraphQL answer: the status is 200, and `errors` in the body says what failed. `data` is missing or lacks a \
                  part.",
        causes: &[
            "A field or argument that the schema does not have.",
            "A part of the query that the client may not see.",
        ],
        resolution: "Look at `errors` before `data`, always. Read each one's `message` and `path`.",
        ..of(Service::Graphql)
    },
];
