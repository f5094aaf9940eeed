//! The Aurora Endpoint Defense API, formerly Cylance: the statuses of its page of response codes.

use crate::catalogue::{Category, Kind, Retry, Row};
use crate::contract::{Contract, Service};
use crate::vendors::{base, ok};

const AURORA: Row = base(Contract::ArcticWolf, Some(Service::Aurora), Category::Aurora);

pub(super) static ROWS: &[Row] = &[
    ok(AURORA),
    Row {
        status: Some(400),
        kind: Kind::BadRequest,
        message: "Bad Request",
        meaning: "The request or its body has the wrong structure. The answer names the fault only where the service can tell.",
        causes: &["JSON that is not well-formed.", "A field that is missing or has the wrong type."],
        resolution: "Read `message` if there is a body, and run the JSON through a checker.",
        ..AURORA
    },
    Row {
        status: Some(401),
        kind: Kind::Unauthenticated,
        retry: Retry::FreshToken,
        message: "Unauthorized",
        meaning: "The credentials are not valid, or signing in failed in another way.",
        causes: &[
            "The access token is missing or has expired: it lives 30 minutes at most.",
            "The auth token was used before; each is good for one exchange, so `jti` must be new every time.",
            "The tenant lives in another region than the host of the request.",
            "A clock that is off, so that `iat` or `exp` is wrong.",
        ],
        resolution: "Exchange a new auth token (fresh `jti`) and repeat once. If that fails as well, check application id, \
                     secret, tenant id and the region's host.",
        ..AURORA
    },
    Row {
        status: Some(403),
        kind: Kind::Permission,
        message: "Forbidden",
        meaning: "The token is good, but access to this resource was not granted.",
        causes: &[
            "The custom application lacks the scope for this resource.",
            "`scp` in the auth token asked for less.",
        ],
        resolution: "Give the application the privilege in the console, then exchange a new token.",
        ..AURORA
    },
    Row {
        status: Some(404),
        kind: Kind::NotFound,
        is_open: true,
        message: "Not Found",
        meaning: "There is no such resource, or the key is not valid: the reference gives this status for both, and the answer \
                  does not tell which.",
        causes: &[
            "The URL is malformed: a wrong path, a missing `/v2`, an id in the wrong form.",
            "The API key or application is not valid.",
            "The resource does not exist in this tenant.",
        ],
        resolution: "Call a list with the same token, such as `/users/v2`. If that works, it is the URL or the id; if it gets \
                     404 as well, it is the key or the host.",
        ..AURORA
    },
    Row {
        status: Some(409),
        kind: Kind::Conflict,
        message: "Conflict",
        meaning: "The request would create or change something so that it contradicts another resource.",
        causes: &["A tenant name or a user's email address that is in use."],
        resolution: "Look the resource up and use it, or choose another name or address. Repeating does not help.",
        ..AURORA
    },
    Row {
        status: Some(429),
        kind: Kind::RateLimited,
        retry: Retry::AfterWait,
        message: "Too Many Requests",
        meaning: "Too many requests within a given time; a guard against floods. The number is not published, and no header is \
                  promised.",
        causes: &["A loop without pauses.", "Several programs that use one application."],
        resolution: "Wait as `Retry-After` says if it is there, else a minute, then repeat. Clients renew the token after some \
                     9,500 requests.",
        ..AURORA
    },
    Row {
        status: Some(500),
        kind: Kind::Server,
        retry: Retry::Idempotent,
        message: "Internal Server Error",
        meaning: "Any error that the service did not handle.",
        causes: &["A fault or a passing trouble inside the service."],
        resolution: "Repeat a read with growing pauses. If it stays, contact Arctic Wolf's support.",
        ..AURORA
    },
    Row {
        status: Some(501),
        kind: Kind::NotImplemented,
        message: "Not Implemented",
        meaning: "The resource exists, but this operation has not been built.",
        causes: &["An operation that the documentation marks as not available yet."],
        resolution: "Do without it: repeating never helps. A rule that repeats every 5xx must leave this one out.",
        ..AURORA
    },
    Row {
        message: "A status that the reference does not list",
        meaning: "Arctic Wolf's reference does not list this answer. It is judged by what its status means everywhere.",
        causes: &[
            "A proxy, a firewall or a load balancer on the way answered in place of the service.",
            "An answer that was added after the reference was written.",
        ],
        resolution: "Contact Arctic Wolf's support, as the reference asks for every status that it does not list.",
        ..AURORA
    },
];
