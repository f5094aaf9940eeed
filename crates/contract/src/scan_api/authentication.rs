//! 401: who is calling.

use crate::catalogue::{Category, Kind, Retry, Row, Source};
use crate::contract::Contract;
use crate::example::{Call, get, right, wrong};

pub static MISSING_API_KEY: Row = Row {
    contract: Contract::ScanApi,
    service: None,
    code: Some("MISSING_API_KEY"),
    status: Some(401),
    source: Source::Reference,
    category: Category::Authentication,
    kind: Kind::Unauthenticated,
    retry: Retry::Never,
    is_open: false,
    message: "API key is required",
    meaning: "The request carries no API key where the server looks for one: in the `X-API-Key` header.",
    causes: &[
        "The `X-API-Key` header is absent. curl leaves it out when the variable that should hold the key is not set.",
        "The key stands in the query string, such as `?apiKey=cix_sk_…`.",
        "The key stands in `Authorization: Bearer cix_sk_…`; that header is for access tokens of the console.",
        "A proxy on the way removes headers that it does not know.",
    ],
    resolution: "Send the key in the `X-API-Key` header. A key that has stood in a URL is in access logs and shell \
                 histories by now: replace it.",
    examples: &[
        right("the key in its header", get("/scans")),
        wrong("the key in the URL", Call { headers: &[], ..get("/scans?apiKey=cix_sk_...") }),
        wrong("the key as a bearer token", Call { headers: &["Authorization: Bearer cix_sk_..."], ..get("/scans") }),
    ],
};

pub static INVALID_API_KEY: Row = Row {
    contract: Contract::ScanApi,
    service: None,
    code: Some("INVALID_API_KEY"),
    status: Some(401),
    source: Source::Reference,
    category: Category::Authentication,
    kind: Kind::Unauthenticated,
    retry: Retry::Never,
    is_open: false,
    message: "Invalid API key",
    meaning: "There is a key in `X-API-Key`, but it is not the key of anybody on this server.",
    causes: &[
        "The key was cut or changed while copying: a whole one is `cix_sk_` and 40 letters and digits.",
        "Quotes, a blank or a line end came along from a file or a secret store.",
        "The key belongs to another server, for instance to the one for tests.",
        "What was sent is the key's shown prefix or its id, not the key.",
        "The header is there twice, or is empty.",
    ],
    resolution: "Compare the start of what you send with `cix_sk_` and its length with 47 characters, and check the \
                 address of the server. A key is shown once, at its creation, and cannot be read again: if it is lost, \
                 have a new one made.",
    examples: &[
        right("the key as it was issued", get("/scans")),
        wrong("quotes that became part of the key", Call { headers: &["X-API-Key: 'cix_sk_...'"], ..get("/scans") }),
    ],
};

pub static KEY_EXPIRED: Row = Row {
    contract: Contract::ScanApi,
    service: None,
    code: Some("KEY_EXPIRED"),
    status: Some(401),
    source: Source::Reference,
    category: Category::Authentication,
    kind: Kind::Unauthenticated,
    retry: Retry::Never,
    is_open: false,
    message: "API key has expired",
    meaning: "The key is genuine, but the moment in its `expiresAt` has passed.",
    causes: &[
        "The key was made for a limited time and nobody replaced it.",
        "A job still uses the old key although there is a newer one.",
    ],
    resolution: "Have the key rotated or a new one made, put it where the job reads it, and note its `expiresAt` in \
                 your calendar. An expiry cannot be moved after it has passed.",
    examples: &[right("the new key, under the same variable", get("/scans"))],
};

pub static KEY_REVOKED: Row = Row {
    contract: Contract::ScanApi,
    service: None,
    code: Some("KEY_REVOKED"),
    status: Some(401),
    source: Source::Reference,
    category: Category::Authentication,
    kind: Kind::Unauthenticated,
    retry: Retry::Never,
    is_open: false,
    message: "API key has been revoked",
    meaning: "Somebody ended this key for good. A revoked key never works again.",
    causes: &[
        "The key was found in a place where it should not be and was withdrawn.",
        "The key was replaced, and this caller was forgotten.",
        "The person or the job that it was made for is gone.",
    ],
    resolution: "Ask whoever manages your keys why it was revoked, then have a new key made. Waiting or repeating does \
                 not help.",
    examples: &[right("the new key, under the same variable", get("/scans"))],
};

pub static KEY_SUSPENDED: Row = Row {
    contract: Contract::ScanApi,
    service: None,
    code: Some("KEY_SUSPENDED"),
    status: Some(401),
    source: Source::Reference,
    category: Category::Authentication,
    kind: Kind::Unauthenticated,
    retry: Retry::Never,
    is_open: false,
    message: "API key has been suspended",
    meaning: "An administrator of your organization has stopped this key for now. It can be released again.",
    causes: &[
        "An administrator looks into unusual calls with this key.",
        "The key is being kept out of use, for instance during a change freeze.",
    ],
    resolution: "Contact the administrator of your organization. The same key works again at once when it is released; \
                 nothing has to change on your side.",
    examples: &[right("the same call, once the key is released", get("/scans"))],
};

pub static INVALID_CREDENTIALS: Row = Row {
    contract: Contract::ScanApi,
    service: None,
    code: Some("INVALID_CREDENTIALS"),
    status: Some(401),
    source: Source::Scanyard,
    category: Category::Authentication,
    kind: Kind::Unauthenticated,
    retry: Retry::Never,
    is_open: false,
    message: "Invalid e-mail or password",
    meaning: "The login was refused. The answer is the same for an unknown e-mail address and for a wrong password, so \
              that nobody can find out who has an account.",
    causes: &[
        "The password is wrong, or belongs to another account.",
        "The e-mail address has a typing error.",
        "The password was changed, here or by an administrator.",
    ],
    resolution: "Check both, and ask an administrator of your organization for a new password if it is lost. Do not \
                 let a program try again: after five wrong passwords the address is locked for 15 minutes.",
    examples: &[],
};

pub static INVALID_TOKEN: Row = Row {
    contract: Contract::ScanApi,
    service: None,
    code: Some("INVALID_TOKEN"),
    status: Some(401),
    source: Source::Scanyard,
    category: Category::Authentication,
    kind: Kind::Unauthenticated,
    retry: Retry::FreshToken,
    is_open: false,
    message: "Invalid access token",
    meaning: "`Authorization: Bearer …` holds something that is not an access token issued by this server.",
    causes: &[
        "The token was cut, or belongs to another server.",
        "The user has logged out, or the signing key was replaced.",
        "A script sends a bearer token although it should send an API key.",
    ],
    resolution: "Scripts and pipelines: use an API key in `X-API-Key` instead. In a console session: get a fresh token \
                 once; if that one is refused as well, log in again.",
    examples: &[
        right("a script with its API key", get("/scans")),
        wrong("any other token", Call { headers: &["Authorization: Bearer eyJhbGciOi..."], ..get("/scans") }),
    ],
};

pub static TOKEN_EXPIRED: Row = Row {
    contract: Contract::ScanApi,
    service: None,
    code: Some("TOKEN_EXPIRED"),
    status: Some(401),
    source: Source::Scanyard,
    category: Category::Authentication,
    kind: Kind::Unauthenticated,
    retry: Retry::FreshToken,
    is_open: false,
    message: "Access token has expired",
    meaning: "The access token was issued by this server, but its 15 minutes are over.",
    causes: &[
        "The session was idle and the token was not refreshed.",
        "The clock of a caller that refreshes in advance is behind.",
    ],
    resolution: "Refresh the token and repeat the request once. If the refresh is refused too, log in again.",
    examples: &[],
};
