//! The exception classes of pyTenable. The published page describes the first generation, up to 1.3.3; with 1.4.0 the base
//! and most of the classes were replaced.

use super::base;
use crate::catalogue::{Category, Kind, Retry, Row, Source};
use crate::contract::Contract;

const PYTENABLE: Row = base(Contract::Pytenable, None, Category::PytenableErrors);

/// A class that came with 1.4.0 and stands in no reference.
const TODAY: Row = Row { source: Source::Library, ..PYTENABLE };

pub(super) static ROWS: &[Row] = &[
    Row {
        code: Some("APIError"),
        message: "An answer that is not what was expected",
        meaning: "The base of every class that stands for an answer, and the class of a status that has none of its own, such \
                  as 299, 304, 423 or 507. `code` is the status and `response` the answer. In all generations; `uuid` exists \
                  only up to 1.3.3, where it is None when the header is missing.",
        causes: &[
            "A status without a class of its own.",
            "In Tenable.sc: a 403 up to 1.3.3, and an error number in a 200.",
        ],
        resolution: "Look up `code` as a status of `tenable`, and read `response.text`.",
        ..PYTENABLE
    },
    Row {
        code: Some("ConnectionError"),
        kind: Kind::Connection,
        message: "The first connection failed",
        meaning: "The application could not be reached, or it is not the one that was expected. Up to 1.3.3 for Tenable.sc and \
                  Nessus; later for API keys with a Tenable.sc before 5.13. It hides the built-in class of that name, and a \
                  network that fails raises `requests.exceptions.ConnectionError` instead.",
        causes: &[
            "A wrong host or port.",
            "Another program answers there.",
            "A version of Tenable.sc that has no API keys.",
        ],
        resolution: "Open the address in a browser. Catch the exception of `requests` and the built-in one as well.",
        ..PYTENABLE
    },
    Row {
        code: Some("ImpersonationError"),
        kind: Kind::Impersonation,
        message: "Impersonation failed",
        meaning: "Meant for trouble with acting as another user. No release raises it, in any generation: today's class is \
                  `ForbiddenError`, from the first request after `users.impersonate`.",
        causes: &["The user does not exist or may not be impersonated."],
        resolution: "Catch `ForbiddenError` (403) around the first request after impersonating.",
        ..PYTENABLE
    },
    Row {
        code: Some("NotFoundError"),
        status: Some(404),
        kind: Kind::NotFound,
        message: "Not Found",
        meaning: "The object does not exist or cannot be had. In all generations.",
        causes: &["A wrong id.", "An object that was deleted, or that this user may not see."],
        resolution: "See `tenable/404`.",
        ..PYTENABLE
    },
    Row {
        code: Some("PackageMissingError"),
        kind: Kind::FeatureMissing,
        message: "An optional package is missing",
        meaning: "A function needs a library that is not installed. Raised up to 1.3.3; later it is only defined, and a missing \
                  library is Python's `ModuleNotFoundError`.",
        causes: &["`docker` or `defusedxml` is not installed."],
        resolution: "Install the library that the message names.",
        ..PYTENABLE
    },
    Row {
        code: Some("PasswordComplexityError"),
        kind: Kind::PasswordComplexity,
        message: "The password is too weak",
        meaning: "Meant for a new password that does not meet the policy. Nothing has ever raised it: up to 1.3.3 it is \
                  `InvalidInputError`, today's class is `BadRequestError`, both from a 400.",
        causes: &["A new password that is too short, too simple or was used before."],
        resolution: "Catch `BadRequestError` (400) around a change of password; see `tenable/400/password`.",
        ..PYTENABLE
    },
    Row {
        code: Some("RetryError"),
        kind: Kind::RetriesExhausted,
        message: "Too many attempts",
        meaning: "The last of several attempts failed as well; `attempts` counts them, 6 by default. Up to 1.3.3, after 429, 501, \
                  502, 503 and 504. Since 1.4.0 the class is gone: the class of the last status itself is raised, such as \
                  `TooManyRequestsError`, with `retries`.",
        causes: &["A rate limit or an outage that lasts longer than the attempts.", "A 501, which never gets better."],
        resolution: "Look at `code`: it is the status of the last answer. Wait longer, or ask less often.",
        ..PYTENABLE
    },
    Row {
        code: Some("ServerError"),
        status: Some(500),
        kind: Kind::Server,
        message: "Internal Server Error",
        meaning: "The service failed. In all generations, for 500 alone: 502, 503 and 504 have classes of their own since 1.4.0. \
                  The library does not repeat a 500.",
        causes: &["A trouble inside the service.", "Input that the service did not check."],
        resolution: "Repeat reads yourself; see `tenable/500`.",
        ..PYTENABLE
    },
    Row {
        code: Some("TenableException"),
        message: "The base of all classes",
        meaning: "The base of every exception up to 1.3.3; never raised itself. Since 1.4.0 the base is `RestflyException`.",
        causes: &["Any exception of the library."],
        resolution: "Catch `RestflyException` today.",
        ..PYTENABLE
    },
    Row {
        code: Some("TioExportsError"),
        kind: Kind::ExportFailed,
        message: "The export failed",
        meaning: "An export ended with status ERROR. In all generations; carries `export` and `uuid`. An export that was \
                  cancelled elsewhere raises nothing: the iterator waits for ever.",
        causes: &[
            "A failure inside the service.",
            "One iterator that is used both directly and by threads, since 1.4.0.",
        ],
        resolution: "Start the export again. Give the loop a deadline of your own.",
        ..PYTENABLE
    },
    Row {
        code: Some("TioExportsTimeout"),
        kind: Kind::ExportTimedOut,
        message: "The export took too long",
        meaning: "The export stayed QUEUED longer than `timeout`, was cancelled, and this was raised. In all generations; since \
                  1.4.0 below `TioExportsError`. Once an export is PROCESSING the timeout no longer counts.",
        causes: &["Other exports of the container are in front of it."],
        resolution: "Run fewer exports at once. Give the loop a deadline of your own.",
        ..PYTENABLE
    },
    Row {
        code: Some("UnexpectedValueError"),
        kind: Kind::UnexpectedValue,
        message: "A parameter is out of bounds",
        meaning: "A parameter's value is none of those allowed; found before anything is sent. In all generations. A wrong type \
                  is Python's `TypeError`, a bad filter of an export an error of the validation library.",
        causes: &["A value that is not among the choices.", "A text that is no UUID, address or date."],
        resolution: "Read the message: it names parameter, value and choices.",
        ..PYTENABLE
    },
    Row {
        code: Some("UnknownError"),
        message: "A status without a class",
        meaning: "The fallback up to 1.3.3, for 405, 406, 413, 415 and every other status without a class. Since 1.4.0 these \
                  have classes of their own, and the rest is `APIError`.",
        causes: &["A status that the library does not know."],
        resolution: "Look up `code` as a status of `tenable`.",
        ..PYTENABLE
    },
    Row {
        code: Some("UnsupportedError"),
        status: Some(409),
        kind: Kind::Unsupported,
        message: "An unsupported call",
        meaning: "The class of a 409 up to 1.3.3; despite its name it is a conflict of states. Today's class is \
                  `RequestConflictError`.",
        causes: &["A name that is taken.", "A scan or an export in a state that does not allow the call."],
        resolution: "Catch `RequestConflictError` today; see `tenable/409`.",
        ..PYTENABLE
    },
    Row {
        code: Some("InvalidInputError"),
        status: Some(400),
        kind: Kind::BadRequest,
        message: "Bad Request",
        meaning: "The class of a 400 up to 1.3.3; missing in the published page. Today's class is `BadRequestError`.",
        causes: &["A request that is incomplete or not valid."],
        resolution: "See `tenable/400`.",
        ..TODAY
    },
    Row {
        code: Some("PermissionError"),
        status: Some(403),
        kind: Kind::Permission,
        message: "Forbidden",
        meaning: "The class of 401 and 403 alike up to 1.3.3; missing in the published page. Today's classes are \
                  `UnauthorizedError` and `ForbiddenError`.",
        causes: &["Wrong keys (401).", "A role or permission that is missing (403)."],
        resolution: "Look at `code`: it tells 401 from 403.",
        ..TODAY
    },
    Row {
        code: Some("FileDownloadError"),
        kind: Kind::ExportFailed,
        message: "The file could not be made",
        meaning: "The export of a scan or workbench to a file ended with status `error`. In all generations; missing in the \
                  published page. The library polls without a limit before.",
        causes: &["A failure inside the service."],
        resolution: "Ask for the file again.",
        ..TODAY
    },
    Row {
        code: Some("RestflyException"),
        message: "The base of all classes",
        meaning: "The base of every exception since 1.4.0. It writes itself to the log at level ERROR whenever it is made, once \
                  for each attempt.",
        causes: &["Any exception of the library."],
        resolution: "Catch it where `TenableException` was caught.",
        ..TODAY
    },
    Row {
        code: Some("AuthenticationWarning"),
        kind: Kind::Unauthenticated,
        message: "No credentials were found",
        meaning: "A warning, not an exception, since 1.4.0: neither arguments nor environment named keys, or a user with a \
                  password. The session goes on unauthenticated, and its first call fails with `UnauthorizedError`.",
        causes: &["`TIO_ACCESS_KEY` and `TIO_SECRET_KEY` are not set where the program runs."],
        resolution: "Give the keys. Turn the warning into an error with `warnings.simplefilter`.",
        ..TODAY
    },
    today("BadRequestError", 400, Kind::BadRequest, "Bad Request"),
    today("UnauthorizedError", 401, Kind::Unauthenticated, "Unauthorized"),
    today("ForbiddenError", 403, Kind::Permission, "Forbidden"),
    today("InvalidMethodError", 405, Kind::Method, "Method Not Allowed"),
    today("NotAcceptableError", 406, Kind::Accept, "Not Acceptable"),
    today("ProxyAuthenticationError", 407, Kind::Unauthenticated, "Proxy Authentication Required"),
    today("RequestTimeoutError", 408, Kind::Timeout, "Request Timeout"),
    today("RequestConflictError", 409, Kind::Conflict, "Conflict"),
    today("NoLongerExistsError", 410, Kind::NotFound, "Gone"),
    today("LengthRequiredError", 411, Kind::BadRequest, "Length Required"),
    today("PreconditionFailedError", 412, Kind::Conflict, "Precondition Failed"),
    today("PayloadTooLargeError", 413, Kind::TooLarge, "Payload Too Large"),
    today("URITooLongError", 414, Kind::BadRequest, "URI Too Long"),
    today("UnsupportedMediaTypeError", 415, Kind::MediaType, "Unsupported Media Type"),
    today("RangeNotSatisfiableError", 416, Kind::BadRequest, "Range Not Satisfiable"),
    today("ExpectationFailedError", 417, Kind::BadRequest, "Expectation Failed"),
    today("TeapotResponseError", 418, Kind::Unknown, "I'm a teapot"),
    today("MisdirectRequestError", 421, Kind::BadRequest, "Misdirected Request"),
    today("InvalidContentError", 422, Kind::BadRequest, "Unprocessable Content"),
    today("TooEarlyError", 425, Kind::Unavailable, "Too Early"),
    today("UpgradeRequiredError", 426, Kind::BadRequest, "Upgrade Required"),
    today("PreconditionRequiredError", 428, Kind::BadRequest, "Precondition Required"),
    today("RequestHeaderFieldsTooLargeError", 431, Kind::TooLarge, "Request Header Fields Too Large"),
    today("UnavailableForLegalReasonsError", 451, Kind::Permission, "Unavailable For Legal Reasons"),
    repeated("TooManyRequestsError", 429, Kind::RateLimited, "Too Many Requests"),
    repeated("MethodNotImplementedError", 501, Kind::NotImplemented, "Not Implemented"),
    repeated("BadGatewayError", 502, Kind::Unavailable, "Bad Gateway"),
    repeated("ServiceUnavailableError", 503, Kind::Unavailable, "Service Unavailable"),
    repeated("GatewayTimeoutError", 504, Kind::Timeout, "Gateway Timeout"),
    today("NotExtendedError", 510, Kind::Unknown, "Not Extended"),
    today("NetworkAuthenticationRequiredError", 511, Kind::Unauthenticated, "Network Authentication Required"),
];

/// A class that stands for one status since 1.4.0.
const fn today(class: &'static str, status: u16, kind: Kind, message: &'static str) -> Row {
    Row {
        code: Some(class),
        status: Some(status),
        kind,
        message,
        meaning: match status {
            400 => {
                "The class of this status since 1.4.0, raised after the first answer; up to 1.3.3 that was \
                    `InvalidInputError`. The vendor's text is only in `response`, not in the exception."
            }
            401 | 403 => {
                "The class of this status since 1.4.0, raised after the first answer; up to 1.3.3 401 and 403 alike \
                          were `PermissionError`. The vendor's text is only in `response`, not in the exception."
            }
            409 => {
                "The class of this status since 1.4.0, raised after the first answer; up to 1.3.3 that was \
                    `UnsupportedError`. The vendor's text is only in `response`, not in the exception."
            }
            _ => {
                "The class of this status since 1.4.0, raised after the first answer; up to 1.3.3 the status had none and was \
                  `UnknownError`. The vendor's text is only in `response`, not in the exception."
            }
        },
        causes: &["An answer with this status."],
        resolution: "Look up the status of `tenable`, and read `response.text`.",
        ..TODAY
    }
}

/// The same for a status that the library repeats before it raises.
const fn repeated(class: &'static str, status: u16, kind: Kind, message: &'static str) -> Row {
    Row {
        retry: Retry::Never,
        meaning: match status {
            429 => {
                "The class of 429 and of 420 since 1.4.0, raised after six attempts, whatever the method; up to 1.3.3 a 429 was \
                    `RetryError`, a 420 `UnknownError` at once. `retries` says how often it was repeated. It waits as \
                    `Retry-After` says in seconds; a date there is a `ValueError`."
            }
            _ => {
                "The class of this status since 1.4.0, raised after six attempts, whatever the method; up to 1.3.3 that was \
                  `RetryError`. `retries` says how often it was repeated. It waits as `Retry-After` says in seconds; a date \
                  there is a `ValueError`."
            }
        },
        resolution: "Look up the status of `tenable`. The library has waited already: wait longer before the next try.",
        ..today(class, status, kind, message)
    }
}
