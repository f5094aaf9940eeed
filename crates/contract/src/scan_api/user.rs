//! Users: what their logins, passwords and roles can run into.

use crate::catalogue::{Category, Kind, Retry, Row, Source};
use crate::contract::Contract;
use crate::example::{Call, get, post, right, wrong};

/// The header of calls with a session.
const TOKEN: &str = "Authorization: Bearer $ACCESS_TOKEN";

pub static USER_SUSPENDED: Row = Row {
    contract: Contract::ScanApi,
    service: None,
    code: Some("USER_SUSPENDED"),
    status: Some(401),
    source: Source::Scanyard,
    category: Category::User,
    kind: Kind::Unauthenticated,
    retry: Retry::Never,
    is_open: false,
    message: "User has been suspended",
    meaning: "An owner or admin of your organization has stopped your account for now. Nothing of it is lost, and it can \
              be released again.",
    causes: &["You are away, or left.", "Somebody looks into unusual calls of your account."],
    resolution: "Contact an owner or admin of your organization. Logging in again does not help before the account is \
                 released.",
    examples: &[],
};

pub static ACCOUNT_LOCKED: Row = Row {
    contract: Contract::ScanApi,
    service: None,
    code: Some("ACCOUNT_LOCKED"),
    status: Some(429),
    source: Source::Scanyard,
    category: Category::User,
    kind: Kind::RateLimited,
    retry: Retry::Never,
    is_open: false,
    message: "Too many wrong passwords. Locked for {N} seconds.",
    meaning: "Five passwords in a row were wrong for this e-mail address, so no password is looked at for 15 minutes, \
              not even the right one. It says nothing about whether anybody has an account with this address.",
    causes: &[
        "The password was forgotten, or changed.",
        "A program or a password manager repeats an old password.",
        "Somebody else tries passwords out.",
    ],
    resolution: "Wait until the lock ends, as `retryAfter` says, then log in with the right password. If it is lost, ask an owner or \
                 admin of your organization for a new one; they can also unlock the account at once. Sessions that are \
                 open go on meanwhile.",
    examples: &[],
};

pub static PASSWORD_POLICY_VIOLATION: Row = Row {
    contract: Contract::ScanApi,
    service: None,
    code: Some("PASSWORD_POLICY_VIOLATION"),
    status: Some(400),
    source: Source::Scanyard,
    category: Category::User,
    kind: Kind::PasswordComplexity,
    retry: Retry::Never,
    is_open: false,
    message: "The password breaks {N} of the rules for passwords",
    meaning: "Nothing was changed: the new password is too easy to guess, or was used before. Each of the `details` names \
              one rule that it breaks.",
    causes: &[
        "It has less than 12 characters.",
        "It lacks an upper-case letter, a lower-case letter, a digit or a special character.",
        "It is one of the last five passwords of this user, the present one among them.",
    ],
    resolution: "Choose a password that keeps every rule; a password manager generates one. With `POST /users`, leave it \
                 out to have one generated.",
    examples: &[
        right(
            "a password that is generated",
            Call { headers: &[TOKEN], ..post("/users", r#"{"email": "ada@example.test", "role": "analyst"}"#) },
        ),
        wrong(
            "only lower-case letters",
            Call {
                headers: &[TOKEN],
                ..post("/users", r#"{"email": "ada@example.test", "role": "analyst", "password": "correcthorse"}"#)
            },
        ),
    ],
};

pub static USER_NOT_FOUND: Row = Row {
    contract: Contract::ScanApi,
    service: None,
    code: Some("USER_NOT_FOUND"),
    status: Some(404),
    source: Source::Scanyard,
    category: Category::User,
    kind: Kind::NotFound,
    retry: Retry::Never,
    is_open: false,
    message: "User not found",
    meaning: "Your organization has no user with this id. One of another organization is answered in the same way.",
    causes: &[
        "The user was deleted.",
        "The e-mail address stands where the id belongs, or the id lacks its `usr-`.",
        "The user belongs to another organization.",
    ],
    resolution: "List the users and take the id from there.",
    examples: &[
        right("the id", Call { headers: &[TOKEN], ..get("/users/$USER_ID") }),
        wrong("the e-mail address", Call { headers: &[TOKEN], ..get("/users/ada@example.test") }),
    ],
};

pub static DUPLICATE_EMAIL: Row = Row {
    contract: Contract::ScanApi,
    service: None,
    code: Some("DUPLICATE_EMAIL"),
    status: Some(409),
    source: Source::Scanyard,
    category: Category::User,
    kind: Kind::Conflict,
    retry: Retry::Never,
    is_open: false,
    message: "E-mail address already in use",
    meaning: "Somebody on this server has this e-mail address, in upper or lower case. Nothing was made or changed.",
    causes: &[
        "The user was made earlier, perhaps by a request whose answer was lost.",
        "The person has an account in another organization on this server: an address logs into one.",
    ],
    resolution: "List your users; if the person is not among them, use another address of theirs.",
    examples: &[],
};

pub static LAST_OWNER: Row = Row {
    contract: Contract::ScanApi,
    service: None,
    code: Some("LAST_OWNER"),
    status: Some(409),
    source: Source::Scanyard,
    category: Category::User,
    kind: Kind::Conflict,
    retry: Retry::Never,
    is_open: false,
    message: "The organization's last owner stays",
    meaning: "The change would leave your organization without an active owner, and nobody could make one again. Nothing \
              was changed.",
    causes: &["The user is the only active owner, and was to be deleted, suspended or given another role."],
    resolution: "Make another user an owner first, or release a suspended one.",
    examples: &[],
};

pub static INSUFFICIENT_ROLE: Row = Row {
    contract: Contract::ScanApi,
    service: None,
    code: Some("INSUFFICIENT_ROLE"),
    status: Some(403),
    source: Source::Scanyard,
    category: Category::User,
    kind: Kind::Permission,
    retry: Retry::Never,
    is_open: false,
    message: "Insufficient role: requires {role}",
    meaning: "You manage users, but not this one in this way: nobody gives a role above their own, and only owners manage \
              admins and owners.",
    causes: &[
        "An admin tried to make an owner.",
        "An admin tried to change, unlock or delete another admin, or an owner.",
        "A user tried to change their own role upwards.",
    ],
    resolution: "Ask somebody with the role that the message names.",
    examples: &[],
};

pub static IMPERSONATION_NOT_ALLOWED: Row = Row {
    contract: Contract::ScanApi,
    service: None,
    code: Some("IMPERSONATION_NOT_ALLOWED"),
    status: Some(403),
    source: Source::Scanyard,
    category: Category::User,
    kind: Kind::Impersonation,
    retry: Retry::Never,
    is_open: false,
    message: "Impersonation not allowed",
    meaning: "The request has the header `X-Impersonate` and was not carried out, neither as that user nor as you. \
              `details` says why.",
    causes: &[
        "Only owners and admins act as others, and only as users of their own organization whose role is below theirs.",
        "There is no such user, or the user is suspended.",
        "The request was made with an API key.",
        "What was asked for is for the user alone, such as a change of password.",
    ],
    resolution: "Leave the header out to act as yourself. To do something for a user with your role or a higher one, ask \
                 them.",
    examples: &[
        right("as yourself", Call { headers: &[TOKEN], ..get("/scans") }),
        wrong("with an API key", Call { headers: &[crate::example::KEY, "X-Impersonate: $USER_ID"], ..get("/scans") }),
    ],
};
