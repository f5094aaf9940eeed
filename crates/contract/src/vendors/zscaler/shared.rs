//! Answers that Internet Access and Cloud & Branch Connector give in the same words: they share an ancestor.

use crate::catalogue::{Kind, Retry, Row, Source};

pub(super) const fn not_found(base: Row) -> Row {
    Row {
        status: Some(404),
        kind: Kind::NotFound,
        message: "Not Found",
        meaning: "The resource does not exist. The body may be empty.",
        causes: &["A wrong id, or one that was deleted.", "A path of another version of the API."],
        resolution: "List the resources and take the id from there.",
        ..base
    }
}

pub(super) const fn edit_conflict(base: Row) -> Row {
    Row {
        status: Some(409),
        kind: Kind::EditLock,
        retry: Retry::EditLock,
        message: "Conflict",
        meaning: "Probably someone else is saving a change at the same time. The reference says that the client repeats by \
                  itself; that means yours: nothing is repeated on the server's side.",
        causes: &["Another administrator or program is saving a change.", "Two writes of your own at the same time."],
        resolution: "Repeat with growing pauses, and send writes one after the other.",
        ..base
    }
}

pub(super) const fn edit_lock(base: Row) -> Row {
    Row {
        code: Some("EDIT_LOCK_NOT_AVAILABLE"),
        status: Some(409),
        source: Source::Observation,
        kind: Kind::EditLock,
        retry: Retry::EditLock,
        message: "EDIT_LOCK_NOT_AVAILABLE",
        meaning: "The service could not get the lock for changes. It tries for about 30 seconds before it says so, so that a \
                  client with a shorter read timeout never sees this answer.",
        causes: &["Another administrator or program is saving a change.", "An activation is under way."],
        resolution: "Repeat with growing pauses. Give writes a read timeout above 35 seconds, and send them one after the \
                     other.",
        ..base
    }
}

pub(super) const fn duplicate_item(base: Row) -> Row {
    Row {
        code: Some("DUPLICATE_ITEM"),
        status: Some(409),
        source: Source::Observation,
        kind: Kind::Conflict,
        message: "DUPLICATE_ITEM",
        meaning: "There is an object of this kind with that name or value already. This is no edit lock.",
        causes: &["A name that is taken.", "A create that was repeated after it had taken effect."],
        resolution: "Look for the object by its name and change it, or choose another name. Waiting does not help.",
        ..base
    }
}

pub(super) const fn org_barrier(base: Row) -> Row {
    Row {
        code: Some("UNEXPECTED_ERROR"),
        status: Some(412),
        source: Source::Observation,
        kind: Kind::EditLock,
        retry: Retry::EditLock,
        message: "Failed during enter Org barrier",
        meaning: "Another change of the organization is in the way; the older kind of edit lock, under an odd status.",
        causes: &["Several writes at the same time.", "An activation is under way."],
        resolution: "Repeat with growing pauses, and send writes one after the other.",
        ..base
    }
}

pub(super) const fn read_only(base: Row) -> Row {
    Row {
        code: Some("STATE_READONLY"),
        status: Some(403),
        source: Source::Documentation,
        kind: Kind::Maintenance,
        message: "The API service is undergoing a scheduled upgrade and is in read-only mode.",
        meaning: "Maintenance: the service takes no writes, reads still work. This is no matter of permissions. The header \
                  `x-zscaler-mode: read-only` says the same.",
        causes: &["A scheduled upgrade of the admin portal while the request used POST, PUT or DELETE."],
        resolution: "Wait until the upgrade is over: it takes hours, not seconds, so a program should not repeat it by \
                     itself. Any answer with `x-zscaler-mode: read-write` tells that it is.",
        ..base
    }
}

pub(super) const fn not_subscribed(base: Row) -> Row {
    Row {
        code: Some("NOT_SUBSCRIBED"),
        status: Some(403),
        source: Source::Observation,
        kind: Kind::FeatureMissing,
        message: "NOT_SUBSCRIBED",
        meaning: "The organization has no subscription (SKU) that includes this feature.",
        causes: &["The feature needs a subscription that is missing or has ended."],
        resolution: "Ask your Zscaler account team for the subscription. A larger role does not help.",
        ..base
    }
}

pub(super) const fn scope_limited(base: Row) -> Row {
    Row {
        code: Some("SCOPE_LIMITED"),
        status: Some(403),
        source: Source::Observation,
        kind: Kind::Permission,
        message: "SCOPE_LIMITED",
        meaning: "The caller's role is limited to a part of the organization, and the object lies outside of it.",
        causes: &["An admin scope of departments, locations or groups that does not cover the object."],
        resolution: "Widen the scope of the role, or use a client whose role covers the object.",
        ..base
    }
}

pub(super) const fn limit_exceeded(base: Row) -> Row {
    Row {
        code: Some("LIMIT_EXCEEDED"),
        status: Some(403),
        source: Source::Observation,
        kind: Kind::Quota,
        message: "LIMIT_EXCEEDED",
        meaning: "The organization has as many objects of this kind as it may have. That is no rate limit.",
        causes: &["A script that makes objects and never deletes them.", "A subscription with a small number."],
        resolution: "Delete objects that nobody needs, or ask Zscaler's support for a higher limit. Waiting does not help.",
        ..base
    }
}

pub(super) const fn invalid_operation(base: Row) -> Row {
    Row {
        code: Some("INVALID_OPERATION"),
        status: Some(403),
        source: Source::Observation,
        kind: Kind::Unsupported,
        message: "INVALID_OPERATION",
        meaning: "The operation is not one that this object takes.",
        causes: &["A change to a predefined object.", "An operation that the object's state does not allow."],
        resolution: "Read the object and see whether it is predefined or locked. A larger role does not help.",
        ..base
    }
}

pub(super) const fn invalid_input(base: Row) -> Row {
    Row {
        code: Some("INVALID_INPUT_ARGUMENT"),
        status: Some(403),
        source: Source::Observation,
        kind: Kind::BadRequest,
        message: "INVALID_INPUT_ARGUMENT",
        meaning: "A value is not valid, although the status speaks of permissions.",
        causes: &["A field with a value that the service does not take."],
        resolution: "Read `message`, and correct the value. Roles have nothing to do with it.",
        ..base
    }
}

pub(super) const fn session_not_valid(base: Row) -> Row {
    Row {
        code: Some("SESSION_NOT_VALID"),
        status: Some(401),
        source: Source::Documentation,
        kind: Kind::Unauthenticated,
        retry: Retry::FreshToken,
        message: "Session is not valid",
        meaning: "The session has ended: one that is idle for five minutes does.",
        causes: &[
            "More than five minutes between two requests.",
            "The session was logged out, or ended by an activation.",
        ],
        resolution: "Sign in once more and repeat the request once.",
        ..base
    }
}

pub(super) const fn access_blocked(base: Row) -> Row {
    Row {
        code: Some("Resource Access Blocked"),
        status: Some(401),
        source: Source::Observation,
        kind: Kind::RateLimited,
        retry: Retry::AfterWait,
        message: "Resource Access Blocked",
        meaning: "Too many requests at the same time: a block that is sent as 401 in place of 429. The token is good.",
        causes: &["Several requests of one client at once."],
        resolution: "Wait, as `Retry-After` says if it is there, and send fewer requests at the same time. A fresh token does \
                     not help.",
        ..base
    }
}

pub(super) const fn media_type(base: Row) -> Row {
    Row {
        status: Some(415),
        kind: Kind::MediaType,
        message: "Unsupported Media Type",
        meaning: "The body's type is not `application/json`. The answer's own body is empty.",
        causes: &["A write without `Content-Type: application/json`.", "A form in place of JSON."],
        resolution: "Send `Content-Type: application/json` with every write.",
        ..base
    }
}

pub(super) const fn server(base: Row) -> Row {
    Row {
        status: Some(500),
        kind: Kind::Server,
        retry: Retry::Idempotent,
        message: "Internal Server Error",
        meaning: "The service failed unexpectedly. The body may be empty.",
        causes: &["A fault or a passing trouble inside the service.", "Input that was not checked."],
        resolution: "Repeat a read with growing pauses. Before repeating a write, look whether it took effect. Give the \
                     answer's `x-transaction-id` to Zscaler's support.",
        ..base
    }
}

pub(super) const fn unavailable(base: Row) -> Row {
    Row {
        status: Some(503),
        kind: Kind::Unavailable,
        retry: Retry::Idempotent,
        message: "Service Unavailable",
        meaning: "The service takes no requests at present.",
        causes: &["Maintenance, or an overload."],
        resolution: "Wait as long as `Retry-After` says, else with growing pauses. With that header the request was refused, \
                     so that any method can be repeated.",
        ..base
    }
}
