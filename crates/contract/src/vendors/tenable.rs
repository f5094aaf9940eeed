//! Tenable Vulnerability Management. Source of the thirteen statuses: its page of common API errors.

use super::base;
use crate::catalogue::{Category, Kind, Retry, Row, Source};
use crate::contract::Contract;

const TENABLE: Row = base(Contract::Tenable, None, Category::TenableCommon);

pub(super) static ROWS: &[Row] = &[
    Row {
        status: Some(400),
        kind: Kind::BadRequest,
        message: "Bad Request",
        meaning: "The body or a parameter is incomplete or not valid.",
        causes: &[
            "A required field is missing, or a value is outside of what the endpoint takes.",
            "A filter that does not exist, or has the wrong type.",
            "A JSON document that cannot be read.",
        ],
        resolution: "Read `message`, `error` or `validation.keys` in the body: some endpoints name the field. Compare the \
                     request with the endpoint's page. A job that ran before and now gets a 400 on its status was \
                     started with a filter that is no longer understood: start it again without it.",
        ..TENABLE
    },
    Row {
        code: Some("password"),
        status: Some(400),
        source: Source::Documentation,
        kind: Kind::PasswordComplexity,
        message: "Bad Request",
        meaning: "The new password was refused: it does not meet the policy for passwords.",
        causes: &[
            "Shorter than 12 characters, or without an upper-case letter, a lower-case letter, a digit or a special one.",
            "A password that was used before.",
            "The current password beside it is wrong.",
        ],
        resolution: "Choose a longer password with all four kinds of characters that was not used before. Five failed \
                     logins lock the account, so do not try in a loop.",
        ..TENABLE
    },
    Row {
        status: Some(401),
        kind: Kind::Unauthenticated,
        retry: Retry::FreshToken,
        is_open: true,
        message: "Unauthorized",
        meaning: "The service could not tell who is calling, or the caller lacks permissions: this status is documented for \
                  both, beside 403.",
        causes: &[
            "The `X-ApiKeys` header is missing, or one of its two keys is wrong. A key is replaced whenever new ones are \
             generated for the user.",
            "The session of a login by user name and password has ended.",
            "The user is disabled, or lacks the permissions that this endpoint wants.",
        ],
        resolution: "Check that the header reads `accessKey=…; secretKey=…` with the keys generated last. With a session, log \
                     in once more. If the keys work elsewhere, it is the user's role or permissions: ask an administrator.",
        ..TENABLE
    },
    Row {
        status: Some(403),
        kind: Kind::Permission,
        is_open: true,
        message: "Forbidden",
        meaning: "The service knows the caller and refuses: the user's role or permissions do not cover this object or task.",
        causes: &[
            "The user's role is too low for the endpoint.",
            "The object belongs to others and was not shared with this user.",
            "The scan is disabled, so that it cannot be launched.",
            "The request impersonates a user who does not exist or who may not be impersonated.",
            "The licence of the container does not include the feature.",
        ],
        resolution: "Compare the user's role with the one that the endpoint's page names, and the permissions on the object. \
                     Without `X-Impersonate` the same request tells whether impersonation is the reason.",
        ..TENABLE
    },
    Row {
        code: Some("X-Impersonate"),
        status: Some(403),
        source: Source::Observation,
        kind: Kind::Impersonation,
        message: "Forbidden",
        meaning: "The request carries `X-Impersonate` and was refused. The header is judged with the first request after it \
                  was set, not before.",
        causes: &[
            "The user to act for does not exist, or is written otherwise than `username=NAME`.",
            "The caller is no administrator, or the user to act for has a role that is not lower.",
            "The user who is impersonated lacks the permission for this request.",
        ],
        resolution: "Send the request without the header: if it succeeds, impersonation is what is refused. Check the name \
                     with `GET /users` as an administrator.",
        ..TENABLE
    },
    Row {
        status: Some(404),
        kind: Kind::NotFound,
        is_open: true,
        message: "Not Found",
        meaning: "The object does not exist, or this user cannot see it.",
        causes: &[
            "A wrong id, or an id of one kind where another is wanted: scans have a number and several UUIDs.",
            "The object was deleted. A chunk of an export is gone after 24 hours.",
            "The object is another user's: what one may not see is not found either.",
        ],
        resolution: "List the objects with the same keys and take the id from there. If a chunk of an export has expired, \
                     start the export again.",
        ..TENABLE
    },
    Row {
        status: Some(405),
        kind: Kind::Method,
        message: "Method Not Allowed",
        meaning: "The path exists, but not with this method.",
        causes: &[
            "GET where POST is wanted or the other way round.",
            "A path that is cut short, so that it names a list.",
        ],
        resolution: "Take method and path from the endpoint's page.",
        ..TENABLE
    },
    Row {
        status: Some(406),
        kind: Kind::Accept,
        message: "Not Acceptable",
        meaning: "The `Accept` header asks for a type that this endpoint does not produce.",
        causes: &[
            "`Accept: application/json` on `GET /workbenches/export/{file_id}/download`, which answers \
             `application/octet-stream`.",
            "An HTTP library that sets `Accept` for every request.",
        ],
        resolution: "Ask for `application/octet-stream` at downloads, or send `Accept: */*`.",
        ..TENABLE
    },
    Row {
        status: Some(408),
        source: Source::Library,
        kind: Kind::Timeout,
        retry: Retry::Idempotent,
        message: "Request Timeout",
        meaning: "The service did not get the whole request in time.",
        causes: &["A slow or broken connection.", "A `Content-Length` larger than the body."],
        resolution: "Repeat reads. Before repeating a write, look whether it took effect.",
        ..TENABLE
    },
    Row {
        status: Some(409),
        kind: Kind::Conflict,
        message: "Conflict",
        meaning: "The request contradicts the present state, such as a user name that is taken.",
        causes: &[
            "An object with this name exists already.",
            "A scan is asked to stop, pause or resume in a state that does not allow it.",
        ],
        resolution: "Read the object's state and decide anew: use what exists, or choose another name. For a scan, wait until \
                     it is running, pending or resuming.",
        ..TENABLE
    },
    Row {
        code: Some("active_job_id"),
        status: Some(409),
        source: Source::Documentation,
        kind: Kind::Conflict,
        message: "Conflict",
        meaning: "An export with the same filters is under way; `active_job_id` names it. No second one was started.",
        causes: &[
            "A program that ended before its export did, and was started again.",
            "Two programs export the same with the same filters.",
        ],
        resolution: "Adopt the export: go on with `active_job_id` as its UUID. Or cancel it and start anew.",
        ..TENABLE
    },
    Row {
        status: Some(413),
        kind: Kind::TooLarge,
        message: "Payload Too Large",
        meaning: "The body is longer than the service takes.",
        causes: &[
            "A list of assets or targets in one request that is too long.",
            "A file that is too large to upload.",
        ],
        resolution: "Send it in parts.",
        ..TENABLE
    },
    Row {
        status: Some(415),
        kind: Kind::MediaType,
        message: "Unsupported Media Type",
        meaning: "The `Content-Type` of the body is none that the endpoint reads.",
        causes: &[
            "A JSON body without `Content-Type: application/json`.",
            "A form where JSON is wanted, or the reverse.",
        ],
        resolution: "Send JSON with `Content-Type: application/json`, and uploads as `multipart/form-data`.",
        ..TENABLE
    },
    Row {
        status: Some(420),
        source: Source::Library,
        kind: Kind::RateLimited,
        retry: Retry::AfterWait,
        message: "Rate Limit Exceeded",
        meaning: "An old spelling of 429, which the vendor's library still treats alike.",
        causes: &["Too many requests within a short time."],
        resolution: "Wait as `Retry-After` says, else with growing pauses.",
        ..TENABLE
    },
    Row {
        status: Some(429),
        kind: Kind::RateLimited,
        retry: Retry::AfterWait,
        message: "Rate Limit Exceeded",
        meaning: "Too many requests. The limit is counted per minute for each user and depends on the load; the request was \
                  not carried out.",
        causes: &[
            "A loop polls without a pause, or several programs share one user's keys.",
            "More exports at once than the container may run (10), or more active scans (25).",
            "Several threads of one program: the service counts them together.",
        ],
        resolution: "Wait the seconds in `Retry-After`, then repeat. The edge answers with HTML or plain text and without a \
                     request id; the header is there all the same. Give each integration its own user, and do not ask with \
                     several threads.",
        ..TENABLE
    },
    Row {
        code: Some("Duplicate export not allowed"),
        status: Some(429),
        source: Source::Observation,
        kind: Kind::Conflict,
        message: "Duplicate export not allowed.",
        meaning: "The older answer to an export that is under way already. It says 429, but waiting is no cure: it lasts as \
                  long as that export does.",
        causes: &[
            "A program that ended before its export did, and was started again.",
            "Two programs export the same with the same filters.",
        ],
        resolution: "Find the export in `GET /{vulns|assets}/export/status`, then adopt it or cancel it.",
        ..TENABLE
    },
    Row {
        status: Some(500),
        kind: Kind::Server,
        retry: Retry::Idempotent,
        is_open: true,
        message: "Internal Server Error",
        meaning: "The service failed. It also answers so to some input that it should have refused.",
        causes: &[
            "A passing trouble inside the service.",
            "A field of the wrong type that was not checked, such as one id where a list is wanted.",
        ],
        resolution: "Repeat a read with growing pauses. If every try fails, look at the types of what you send; then give the \
                     `X-Request-Uuid` of the answer to Tenable's support.",
        ..TENABLE
    },
    Row {
        status: Some(501),
        kind: Kind::NotImplemented,
        message: "Not Implemented",
        meaning: "The service does not know the method or cannot do this for the resource. That does not change by itself.",
        causes: &["A method that no endpoint has.", "A feature that this product or site lacks."],
        resolution: "Do not repeat it, although the vendor's library does. Check method and path.",
        ..TENABLE
    },
    Row {
        status: Some(502),
        source: Source::Observation,
        kind: Kind::Unavailable,
        retry: Retry::Idempotent,
        message: "Bad Gateway",
        meaning: "The edge got no usable answer from the service behind it.",
        causes: &["A restart or an overload inside the service."],
        resolution: "Repeat a read with growing pauses. Before repeating a write, look whether it took effect.",
        ..TENABLE
    },
    Row {
        status: Some(503),
        kind: Kind::Unavailable,
        retry: Retry::Idempotent,
        message: "Service Unavailable",
        meaning: "The service is not ready to take requests at present.",
        causes: &["Maintenance, or an overload."],
        resolution: "Wait a moment, as long as `Retry-After` says where it is sent, and repeat.",
        ..TENABLE
    },
    Row {
        status: Some(504),
        source: Source::Observation,
        kind: Kind::Timeout,
        retry: Retry::Idempotent,
        message: "Gateway Timeout",
        meaning: "The edge waited too long for the service behind it. Whether the request took effect is unknown.",
        causes: &["A query that takes too long.", "An overload inside the service."],
        resolution: "Repeat a read, perhaps with a narrower filter. Before repeating a write, look whether it took effect.",
        ..TENABLE
    },
    Row {
        source: Source::Scanyard,
        message: "A status that the reference does not list",
        meaning: "Tenable's page of common errors does not list this answer. It is judged by what its status means everywhere.",
        causes: &["A proxy, a firewall or a load balancer on the way answered in place of the service."],
        resolution: "Look at the headers: an answer of the service carries `X-Request-Uuid`. If it does, ask Tenable's \
                     support with that id.",
        ..TENABLE
    },
];
