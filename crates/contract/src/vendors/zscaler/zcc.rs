//! Zscaler Client Connector.

use crate::catalogue::{Category, Kind, Retry, Row, Source};
use crate::contract::{Contract, Service};
use crate::vendors::{base, ok};

const ZCC: Row = base(Contract::Zscaler, Some(Service::Zcc), Category::ClientConnector);

pub(super) static ROWS: &[Row] = &[
    ok(ZCC),
    Row {
        status: Some(400),
        kind: Kind::BadRequest,
        message: "Bad Request",
        meaning: "The request is not valid. The body may be empty.",
        causes: &["A parameter that is missing or not valid, such as a page size.", "A device id of the wrong form."],
        resolution: "Read `errorMessage` or `errorMsg` if there is a body. Compare the request with the endpoint's page.",
        ..ZCC
    },
    Row {
        status: Some(401),
        kind: Kind::Unauthenticated,
        retry: Retry::FreshToken,
        message: "Unauthorized",
        meaning: "The token is missing, has expired or is not valid.",
        causes: &["The token has lived its time.", "At the older address: the token must stand in `auth-token`."],
        resolution: "Get a new token and repeat once.",
        ..ZCC
    },
    Row {
        status: Some(403),
        kind: Kind::Permission,
        is_open: true,
        message: "Forbidden",
        meaning: "The client has no access to this resource.",
        causes: &[
            "The client's role lacks the permission.",
            "The organization has no subscription (SKU) for the feature.",
        ],
        resolution: "Compare the client's role with what the endpoint wants, then the subscription.",
        ..ZCC
    },
    Row {
        status: Some(404),
        kind: Kind::NotFound,
        message: "Not Found",
        meaning: "There is no such resource. The body may be the bare words `404 Not Found`, whatever its type says.",
        causes: &["A wrong path or version.", "A device that is not enrolled."],
        resolution: "Check the path, then list the devices.",
        ..ZCC
    },
    Row {
        status: Some(429),
        source: Source::Documentation,
        kind: Kind::RateLimited,
        retry: Retry::AfterWait,
        is_open: true,
        message: "Too Many Requests",
        meaning: "The rate limit of 100 requests in an hour is used up, or the quota of 3 downloads of devices or of service \
                  status in a day: the status stands for both.",
        causes: &[
            "A download endpoint in a loop: three calls a day is all there is.",
            "Several programs in one tenant.",
        ],
        resolution: "Wait the seconds in `X-Rate-Limit-Retry-After-Seconds` (or `Retry-After`); after a download that can be \
                     hours. `X-Rate-Limit-Remaining` says what is left, it is no time.",
        ..ZCC
    },
];
