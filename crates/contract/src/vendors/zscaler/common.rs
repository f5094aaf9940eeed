//! What all services share: the answers of OneAPI's gateway and of its token endpoint. Other tables fall back on this one.

use crate::catalogue::{Category, Kind, Retry, Row, Source};
use crate::contract::{Contract, Service};
use crate::vendors::base;

const COMMON: Row = base(Contract::Zscaler, Some(Service::Common), Category::OneApi);

pub(super) static ROWS: &[Row] = &[
    Row {
        status: Some(401),
        kind: Kind::Unauthenticated,
        retry: Retry::FreshToken,
        message: "Unauthorized",
        meaning: "The access token is missing, has expired or is not valid. The gateway says so in `detail`, with empty `type` \
                  and `title`.",
        causes: &[
            "The token has lived its time, which `expires_in` told.",
            "A token of another cloud or tenant.",
            "No token.",
        ],
        resolution: "Get a new token and repeat once. If that fails as well, check the client's id, its secret or key, the \
                     vanity domain and the cloud.",
        ..COMMON
    },
    Row {
        code: Some("invalid_client"),
        status: Some(401),
        source: Source::Library,
        kind: Kind::Unauthenticated,
        message: "invalid_client",
        meaning: "The token endpoint does not accept the client's credentials.",
        causes: &[
            "A wrong client id or secret, or a secret that was replaced.",
            "An assertion signed with another key, with a wrong audience, or too old.",
            "The vanity domain of another tenant.",
        ],
        resolution: "Check id, secret or private key of the API client in ZIdentity, and the vanity domain. Repeating does not \
                     help.",
        ..COMMON
    },
    Row {
        status: Some(403),
        kind: Kind::Permission,
        is_open: true,
        message: "Forbidden",
        meaning: "The API client has no access to this resource.",
        causes: &[
            "The client's role lacks the permission or the functional scope.",
            "The organization has no subscription (SKU) for the feature.",
            "The service is in maintenance and the request was a write; then `x-zscaler-mode: read-only` or \
             `STATE_READONLY` says so.",
        ],
        resolution: "Look for a code and for `x-zscaler-mode` in the answer: they tell the causes apart. Without them compare \
                     the client's role in ZIdentity with what the endpoint wants, then ask for the subscription.",
        ..COMMON
    },
    Row {
        status: Some(404),
        kind: Kind::NotFound,
        message: "Not Found",
        meaning: "There is no such resource.",
        causes: &["A wrong id.", "A path without the service's prefix, such as `/zia/api/v1`.", "A wrong customer id."],
        resolution: "Check the path's prefix, then list the resources and take the id from there.",
        ..COMMON
    },
    Row {
        status: Some(408),
        kind: Kind::Timeout,
        retry: Retry::Idempotent,
        message: "Request Timeout",
        meaning: "The client did not send its whole request in time.",
        causes: &["A slow or broken connection.", "A `Content-Length` larger than the body."],
        resolution: "Repeat it. Before repeating a write, look whether it took effect.",
        ..COMMON
    },
    Row {
        status: Some(413),
        kind: Kind::TooLarge,
        message: "Payload Too Large",
        meaning: "The request is larger than the gateway takes.",
        causes: &["A list in one request that is too long, such as URLs of a category."],
        resolution: "Send it in parts.",
        ..COMMON
    },
    Row {
        status: Some(429),
        kind: Kind::RateLimited,
        retry: Retry::AfterWait,
        is_open: true,
        message: "Too Many Requests",
        meaning: "A rate limit or a quota is used up: the status stands for both, and only the wait tells them apart.",
        causes: &[
            "More requests in a second, minute or hour than the service allows: each has its own limits.",
            "A quota for the day, whose wait is hours.",
        ],
        resolution: "Wait as `Retry-After` says: in the header, with or without a unit, or in the body. The `x-ratelimit-*` \
                     headers describe the gateway's own quota, not the service's, and `x-ratelimit-remaining` is no number \
                     of seconds.",
        ..COMMON
    },
    Row {
        status: Some(500),
        kind: Kind::Server,
        retry: Retry::Idempotent,
        message: "Internal Server Error",
        meaning: "The service failed while it worked on the request.",
        causes: &["A fault or a passing trouble inside the service."],
        resolution: "Repeat a read with growing pauses. Before repeating a write, look whether it took effect. Give the \
                     answer's `x-transaction-id` to Zscaler's support.",
        ..COMMON
    },
    Row {
        status: Some(502),
        source: Source::Library,
        kind: Kind::Unavailable,
        retry: Retry::Idempotent,
        message: "Bad Gateway",
        meaning: "The gateway got no usable answer from the service behind it.",
        causes: &["A restart or an overload inside the service."],
        resolution: "Repeat a read with growing pauses. Before repeating a write, look whether it took effect.",
        ..COMMON
    },
    Row {
        status: Some(503),
        kind: Kind::Unavailable,
        retry: Retry::Idempotent,
        message: "Service Unavailable",
        meaning: "The resource cannot be had at present.",
        causes: &["Maintenance, or an overload."],
        resolution: "Wait as long as `Retry-After` says, else with growing pauses. With that header the request was refused, \
                     so that any method can be repeated.",
        ..COMMON
    },
    Row {
        status: Some(504),
        kind: Kind::Timeout,
        retry: Retry::Idempotent,
        message: "Gateway Timeout",
        meaning: "The service took longer than the gateway waits. Whether the request took effect is unknown.",
        causes: &["A write that waits for an edit lock.", "A query that takes too long."],
        resolution: "Repeat a read. Before repeating a write, look whether it took effect.",
        ..COMMON
    },
    Row {
        code: Some("ONLY_ONEAPI_SUPPORTED"),
        source: Source::Library,
        kind: Kind::Unsupported,
        message: "only through zscaler oneapi",
        meaning: "The tenant was moved to OneAPI, and the older address with its own login no longer serves it.",
        causes: &["A client that signs in with an API key or a session at the service's own host."],
        resolution: "Make an API client in ZIdentity and call `https://api.zsapi.net` with its token.",
        ..COMMON
    },
    Row {
        service: None,
        source: Source::Scanyard,
        message: "A status that the reference does not list",
        meaning: "None of Zscaler's tables lists this answer. It is judged by what its status means everywhere.",
        causes: &["A proxy, a firewall or a load balancer on the way answered in place of the service."],
        resolution: "Look at the headers: the services' own answers carry `x-transaction-id`. If it is there, ask Zscaler's \
                     support with that id.",
        ..COMMON
    },
];
