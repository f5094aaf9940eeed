//! Zscaler Private Access.

use crate::catalogue::{Category, Kind, Retry, Row, Source};
use crate::contract::{Contract, Service};
use crate::vendors::{base, created, no_content, ok};

const ZPA: Row = base(Contract::Zscaler, Some(Service::Zpa), Category::Zpa);

const NO_SUCH_OBJECT: Row = Row {
    code: Some("resource.not.found"),
    kind: Kind::NotFound,
    message: "resource.not.found",
    meaning: "There is no object with this id or name. This API says so with 400 for an object, and with 404 for a path.",
    causes: &["A wrong id; `params` holds it.", "The object was deleted.", "The customer id of another tenant."],
    resolution: "List the objects and take the id from there. Treat it as not found, whatever the status.",
    ..ZPA
};

const SIMULTANEOUS: Row = Row {
    kind: Kind::EditLock,
    retry: Retry::EditLock,
    message: "Unable to modify the resource due to concurrent change requests. Try again",
    meaning: "Two changes of one policy set met. This one was not carried out.",
    causes: &["Several writes to one policy set at the same time, also by different programs."],
    resolution: "Repeat with growing pauses, and send only one write per policy set at a time.",
    ..ZPA
};

pub(super) static ROWS: &[Row] = &[
    ok(ZPA),
    created(ZPA),
    no_content(ZPA),
    Row {
        status: Some(400),
        kind: Kind::BadRequest,
        message: "Bad Request",
        meaning: "The request is not valid; `id` names the kind of fault, `reason` says it in words, `params` what it is about.",
        causes: &["A required field is missing.", "A reference to an object that does not exist."],
        resolution: "Read `id`, `reason` and `params`, and compare the body with the endpoint's page.",
        ..ZPA
    },
    Row { status: Some(400), ..NO_SUCH_OBJECT },
    Row {
        code: Some("bad.request"),
        status: Some(400),
        source: Source::Library,
        kind: Kind::BadRequest,
        is_open: true,
        message: "bad.request",
        meaning: "The request is not valid. The vendor's Go library repeats it, because it also comes when changes meet.",
        causes: &[
            "A body that the service does not understand.",
            "Another change of the same object at the same time.",
        ],
        resolution: "Compare the body with the endpoint's page. If nothing is wrong with it, send writes one after the other.",
        ..ZPA
    },
    Row {
        code: Some("non.restricted.entity.authorization.failed"),
        status: Some(400),
        source: Source::Library,
        kind: Kind::Permission,
        is_open: true,
        message: "non.restricted.entity.authorization.failed",
        meaning: "The client may not change this object.",
        causes: &["A role or a microtenant that does not cover the object.", "Another change at the same time."],
        resolution: "Check the role and the microtenant of the API client.",
        ..ZPA
    },
    Row { code: Some("db.simultaneous.request"), status: Some(400), source: Source::Library, ..SIMULTANEOUS },
    Row { code: Some("api.concurrent.access.error"), status: Some(400), source: Source::Library, ..SIMULTANEOUS },
    Row {
        status: Some(401),
        kind: Kind::Unauthenticated,
        retry: Retry::FreshToken,
        message: "Unauthorized",
        meaning: "The access token is missing, has expired or is not valid.",
        causes: &["The token has lived its time.", "A token of another cloud or tenant."],
        resolution: "Get a new token and repeat once.",
        ..ZPA
    },
    Row {
        code: Some("access.denied"),
        status: Some(401),
        kind: Kind::Unauthenticated,
        retry: Retry::FreshToken,
        message: "Access denied",
        meaning: "The token does not give access.",
        causes: &["The token has lived its time.", "A token of another tenant than the customer id in the path."],
        resolution: "Get a new token and repeat once. If that fails as well, compare the customer id with the token's tenant.",
        ..ZPA
    },
    Row {
        code: Some("authz.featureflag.permission.denied"),
        status: Some(401),
        source: Source::Observation,
        kind: Kind::FeatureMissing,
        message: "Feature flag disabled for the customer",
        meaning: "The tenant lacks the feature; `params` names its flag. The status speaks of tokens, yet no token helps.",
        causes: &["The feature is not part of the tenant's subscription, or not switched on."],
        resolution: "Ask Zscaler's support or the account team to switch the feature on.",
        ..ZPA
    },
    Row {
        status: Some(403),
        kind: Kind::Permission,
        is_open: true,
        message: "Forbidden",
        meaning: "The API client is known, and has no access to this resource.",
        causes: &[
            "The client's role lacks the permission.",
            "The tenant has no subscription (SKU) for the feature.",
            "The object belongs to another microtenant.",
        ],
        resolution: "Compare the client's role with what the endpoint wants, then the subscription.",
        ..ZPA
    },
    Row {
        status: Some(404),
        kind: Kind::NotFound,
        message: "Not Found",
        meaning: "There is no such path or object.",
        causes: &["A wrong path or version.", "A wrong customer id."],
        resolution: "Check the path and the customer id in it.",
        ..ZPA
    },
    Row { status: Some(404), source: Source::Observation, ..NO_SUCH_OBJECT },
    Row {
        status: Some(409),
        kind: Kind::Conflict,
        message: "Conflict",
        meaning: "The request contradicts the present state.",
        causes: &[
            "An object with this name exists.",
            "Writes to a policy set that meet: then `id` is \
                   `api.concurrent.access.error`.",
        ],
        resolution: "Read `id`. If it is not a matter of concurrent changes, look the object up and decide anew.",
        ..ZPA
    },
    Row { code: Some("api.concurrent.access.error"), status: Some(409), ..SIMULTANEOUS },
    Row {
        status: Some(429),
        kind: Kind::RateLimited,
        retry: Retry::AfterWait,
        is_open: true,
        message: "Too Many Requests",
        meaning: "A rate limit or a quota is used up; the status stands for both.",
        causes: &[
            "More than 20 reads or 10 writes in 10 seconds from one address for one organization.",
            "A quota: then the wait is longer than those 10 seconds.",
        ],
        resolution: "Wait as `Retry-After` says; its value has a unit here, such as `13s`.",
        ..ZPA
    },
    Row {
        code: Some("invalid.toomanyrequests"),
        status: Some(429),
        kind: Kind::RateLimited,
        retry: Retry::AfterWait,
        message: "Exceeded the number of requests allowed",
        meaning: "The rate limit is used up; the request was not carried out.",
        causes: &["More than 20 reads or 10 writes in 10 seconds from one address for one organization."],
        resolution: "Wait as `Retry-After` says; its value has a unit here, such as `13s`.",
        ..ZPA
    },
    Row {
        status: Some(503),
        kind: Kind::Unavailable,
        retry: Retry::Idempotent,
        message: "Service Unavailable",
        meaning: "The service takes no requests at present.",
        causes: &["Maintenance, or an overload."],
        resolution: "Wait as `Retry-After` says, else with growing pauses.",
        ..ZPA
    },
    Row {
        code: Some("retryable.server.error"),
        status: Some(503),
        kind: Kind::Unavailable,
        retry: Retry::Idempotent,
        message: "An error occurred. Refer to the Retry-After header, and then try again.",
        meaning: "A passing trouble; the service asks to be called again later.",
        causes: &["An overload, or a restart inside the service."],
        resolution: "Wait as `Retry-After` says, such as `10s`; with it any method can be repeated. Without it repeat reads, \
                     with growing pauses.",
        ..ZPA
    },
];
