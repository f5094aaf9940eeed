//! 403: what the key may do.

use crate::catalogue::{Category, Kind, Retry, Row, Source};
use crate::contract::Contract;
use crate::example::{get, post, right, wrong};

pub static INSUFFICIENT_SCOPE: Row = Row {
    contract: Contract::ScanApi,
    service: None,
    code: Some("INSUFFICIENT_SCOPE"),
    status: Some(403),
    source: Source::Reference,
    category: Category::Authorization,
    kind: Kind::Permission,
    retry: Retry::Never,
    is_open: false,
    message: "Insufficient scope: requires {scope}",
    meaning: "The key is good, but it was not given the scope that this route needs. The message names the scope.",
    causes: &[
        "The key was made for another job, such as one that only reads.",
        "The call goes to a route that the job did not use before: `GET /scans` needs `scans:list`, a single scan \
         `scans:read`, its results `results:read`, a new scan `scans:create`, a cancel `scans:cancel`.",
    ],
    resolution: "Have a key made with the scope that the message names, or have the scope added to this key. Give a \
                 job only the scopes that it needs.",
    examples: &[
        right("with `scans:read`, one scan", get("/scans/$SCAN_ID?scanType=sentinel")),
        wrong("with `scans:read` only, the list, which needs `scans:list`", get("/scans")),
    ],
};

pub static SCAN_TYPE_NOT_ALLOWED: Row = Row {
    contract: Contract::ScanApi,
    service: None,
    code: Some("SCAN_TYPE_NOT_ALLOWED"),
    status: Some(403),
    source: Source::Reference,
    category: Category::Authorization,
    kind: Kind::Permission,
    retry: Retry::Never,
    is_open: false,
    message: "Scan type {type} not allowed for this API key",
    meaning: "The key is restricted to some engines by its `allowedScanTypes`, and the engine of this request is not \
              among them.",
    causes: &[
        "The key was made for one engine and is now used for another.",
        "Intrusive engines were left out of the key on purpose.",
    ],
    resolution: "Use an engine of the key's `allowedScanTypes`, or have this engine added to them, or use a key that \
                 has it.",
    examples: &[
        right("an engine of the key", post("/scans", r#"{"target": "127.0.0.1", "scanType": "sentinel"}"#)),
        wrong(
            "another engine, with a key for sentinel only",
            post("/scans", r#"{"target": "127.0.0.1", "scanType": "nmap"}"#),
        ),
    ],
};

pub static IP_NOT_ALLOWED: Row = Row {
    contract: Contract::ScanApi,
    service: None,
    code: Some("IP_NOT_ALLOWED"),
    status: Some(403),
    source: Source::Reference,
    category: Category::Authorization,
    kind: Kind::Permission,
    retry: Retry::Never,
    is_open: false,
    message: "Source IP not in allowed list",
    meaning: "The key may be used from the addresses in its `allowedIpAddresses` only, and the request came from \
              another one.",
    causes: &[
        "The job moved to another machine, or its provider gave it another address.",
        "A proxy or NAT stands between: the server sees its address, not your machine's.",
        "The call came over IPv6 and the list names IPv4 addresses only, or the reverse.",
        "Somebody else uses the key.",
    ],
    resolution: "Find the address from which your calls arrive, then have it (or its network, such as \
                 `198.51.100.0/24`) added to the key's `allowedIpAddresses`, or the restriction removed. If the call \
                 was not yours, have the key revoked.",
    examples: &[right("the same call, from an address on the list", get("/scans"))],
};

pub static TENANT_SUSPENDED: Row = Row {
    contract: Contract::ScanApi,
    service: None,
    code: Some("TENANT_SUSPENDED"),
    status: Some(403),
    source: Source::Reference,
    category: Category::Authorization,
    kind: Kind::Permission,
    retry: Retry::Never,
    is_open: false,
    message: "Tenant account is suspended",
    meaning: "Your whole organization is stopped on this server: none of its keys work. Its scans and findings are kept.",
    causes: &["The operator suspended the organization.", "A contract or a trial has ended."],
    resolution: "Contact {support.contact}. No other key of your organization will work until it is released.",
    examples: &[],
};

pub static TARGET_NOT_ALLOWED: Row = Row {
    contract: Contract::ScanApi,
    service: None,
    code: Some("TARGET_NOT_ALLOWED"),
    status: Some(403),
    source: Source::Scanyard,
    category: Category::Authorization,
    kind: Kind::Permission,
    retry: Retry::Never,
    is_open: false,
    message: "Target not allowed: {reason}",
    meaning: "The target is well-formed, but the policy forbids it. Nothing was sent to it.",
    causes: &[
        "The address, or the one that the name stands for, is loopback, private or otherwise not public, and your \
         organization was not granted that range.",
        "The target is on your organization's list of denied targets, or not on its list of allowed ones.",
        "The address is link-local, multicast, broadcast or a cloud's metadata service: these are refused for \
         everybody, whatever the lists say.",
        "The port in the URL is outside your organization's lists of ports.",
    ],
    resolution: "Read the reason in the message. Scan a target of your own that the policy allows; have your lists \
                 changed if they are too narrow; ask {support.contact} for a private range. Link-local and metadata \
                 addresses cannot be released.",
    examples: &[
        right("a target that is yours", post("/scans", r#"{"target": "127.0.0.1", "scanType": "sentinel"}"#)),
        wrong("a cloud's metadata service", post("/scans", r#"{"target": "169.254.169.254", "scanType": "sentinel"}"#)),
    ],
};

pub static CONSENT_REQUIRED: Row = Row {
    contract: Contract::ScanApi,
    service: None,
    code: Some("CONSENT_REQUIRED"),
    status: Some(403),
    source: Source::Scanyard,
    category: Category::Authorization,
    kind: Kind::Permission,
    retry: Retry::Never,
    is_open: false,
    message: "Engine {type} tells third parties about the target and requires consent",
    meaning: "This engine asks search engines and other services about the target. They learn what you look at, so the \
              request has to say that this is wanted.",
    causes: &["The body has no `consent`, or `consent.thirdParty` is not `true`."],
    resolution: "If others may learn of the target, add `\"consent\": {\"thirdParty\": true, \"note\": \"who agreed\"}` \
                 to the body; else use an engine that talks to the target only.",
    examples: &[],
};
