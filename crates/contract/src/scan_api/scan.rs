//! Scans: what to scan, with what, and where a scan stands.

use crate::catalogue::{Category, Kind, Retry, Row, Source};
use crate::contract::Contract;
use crate::example::{Call, get, post, right, wrong};

/// A cancel of the reader's scan.
const CANCEL: Call = Call { method: "POST", body: None, ..get("/scans/$SCAN_ID/cancel?scanType=sentinel") };

pub static SCAN_NOT_FOUND: Row = Row {
    contract: Contract::ScanApi,
    service: None,
    code: Some("SCAN_NOT_FOUND"),
    status: Some(404),
    source: Source::Reference,
    category: Category::Scan,
    kind: Kind::NotFound,
    retry: Retry::Never,
    is_open: false,
    message: "Scan not found",
    meaning: "Your organization has no scan with this id and this `scanType`. Whether another organization has one is \
              not told.",
    causes: &[
        "`?scanType=` is absent or names another engine. It is part of every call to a single scan and defaults to \
         `nmap`: a zap scan is found with `?scanType=zap` only.",
        "The id is not complete, is not a UUID, or is the id of something else.",
        "The scan was made with a key of another organization or on another server.",
    ],
    resolution: "Add `?scanType=` with the engine that the scan was made with; the `Location` of the 201 has it \
                 already. Then compare the id with `GET /scans`, which lists all engines.",
    examples: &[
        right("the engine of the scan in `?scanType=`", get("/scans/$SCAN_ID?scanType=zap")),
        wrong("no `?scanType=`: this looks for an nmap scan", get("/scans/$SCAN_ID")),
    ],
};

pub static INVALID_SCAN_TYPE: Row = Row {
    contract: Contract::ScanApi,
    service: None,
    code: Some("INVALID_SCAN_TYPE"),
    status: Some(400),
    source: Source::Reference,
    category: Category::Scan,
    kind: Kind::BadRequest,
    retry: Retry::Never,
    is_open: false,
    message: "Invalid scan type: {type}",
    meaning: "`scanType`, in the body or in the query, is not one of the ten engines.",
    causes: &[
        "A typing error, or capital letters: the names are lower case.",
        "The engine's own name was used: theHarvester is `harvester` here, OWASP ZAP is `zap`.",
    ],
    resolution: "Use one of nmap, zap, trivy, nuclei, nikto, sqlmap, wapiti, harvester, sublist3r, sentinel. \
                 `GET /engines` says which of them are ready on this server.",
    examples: &[
        right("a name in lower case", post("/scans", r#"{"target": "127.0.0.1", "scanType": "nmap"}"#)),
        wrong("capital letters", post("/scans", r#"{"target": "127.0.0.1", "scanType": "Nmap"}"#)),
    ],
};

pub static INVALID_TARGET: Row = Row {
    contract: Contract::ScanApi,
    service: None,
    code: Some("INVALID_TARGET"),
    status: Some(400),
    source: Source::Reference,
    category: Category::Scan,
    kind: Kind::BadRequest,
    retry: Retry::Never,
    is_open: false,
    message: "Invalid target format",
    meaning: "The text in `target` is not a target, or not of a form that this engine takes. `details` says why.",
    causes: &[
        "The engine wants another form: nmap takes a host, an address or a network, not a URL.",
        "`targetType` is given and does not match the target.",
        "The target begins with `-`, or holds blanks, line ends or other control characters.",
        "Several targets stand in one field; a scan has one.",
        "A network of more than 256 addresses.",
        "A URL with another scheme than http or https, or with a user name and password in it.",
    ],
    resolution: "Read `details`, and compare with the examples of the engine in `GET /engines`, which lists the forms \
                 that it takes. Submit a scan for each target, and split a large network.",
    examples: &[
        right("a host for nmap", post("/scans", r#"{"target": "localhost", "scanType": "nmap"}"#)),
        wrong("a URL for nmap", post("/scans", r#"{"target": "http://localhost/", "scanType": "nmap"}"#)),
        wrong("an option instead of a target", post("/scans", r#"{"target": "-oN", "scanType": "nmap"}"#)),
    ],
};

pub static TARGET_UNRESOLVABLE: Row = Row {
    contract: Contract::ScanApi,
    service: None,
    code: Some("TARGET_UNRESOLVABLE"),
    status: Some(400),
    source: Source::Scanyard,
    category: Category::Scan,
    kind: Kind::BadRequest,
    retry: Retry::Never,
    is_open: false,
    message: "Target does not resolve: {host}",
    meaning: "The name in `target` does not exist in the DNS that the server asks, so there is nothing to scan.",
    causes: &[
        "A typing error in the name.",
        "The name exists only inside your network, and the server asks a DNS server outside.",
        "The name is new and not published yet, or was removed.",
    ],
    resolution: "Look the name up from the server's side. For an internal name scan its address instead, or have the \
                 operator set `dns.servers`. DNS trouble other than \"no such name\" does not lead here: such a scan is \
                 accepted and looked up again when it starts.",
    examples: &[
        right("the address itself", post("/scans", r#"{"target": "127.0.0.1", "scanType": "sentinel"}"#)),
        wrong(
            "a name that nobody has",
            post("/scans", r#"{"target": "no-such-host.invalid", "scanType": "sentinel"}"#),
        ),
    ],
};

pub static INVALID_PRIORITY: Row = Row {
    contract: Contract::ScanApi,
    service: None,
    code: Some("INVALID_PRIORITY"),
    status: Some(400),
    source: Source::Reference,
    category: Category::Scan,
    kind: Kind::BadRequest,
    retry: Retry::Never,
    is_open: false,
    message: "Invalid priority: {value}",
    meaning: "`priority`, in the body or as a filter, is none of the four.",
    causes: &["A word of another system, such as `urgent` or `medium`.", "A number, or capital letters."],
    resolution: "Use critical, high, normal or low, in lower case. Without `priority` a scan is `normal`.",
    examples: &[
        right(
            "one of the four",
            post("/scans", r#"{"target": "127.0.0.1", "scanType": "sentinel", "priority": "high"}"#),
        ),
        wrong(
            "a word of another system",
            post("/scans", r#"{"target": "127.0.0.1", "scanType": "sentinel", "priority": "urgent"}"#),
        ),
    ],
};

pub static SCAN_ALREADY_COMPLETED: Row = Row {
    contract: Contract::ScanApi,
    service: None,
    code: Some("SCAN_ALREADY_COMPLETED"),
    status: Some(409),
    source: Source::Reference,
    category: Category::Scan,
    kind: Kind::Conflict,
    retry: Retry::Never,
    is_open: false,
    message: "Scan has already completed",
    meaning: "The scan cannot be cancelled: it has run to its end, and its results are there.",
    causes: &["The scan finished before the cancel came, perhaps by moments.", "The id is that of an older scan."],
    resolution: "Fetch the results; there is nothing left to stop. A program that only wants the scan to be over can \
                 take this answer as success.",
    examples: &[
        right("the results", get("/scans/$SCAN_ID/results?scanType=sentinel")),
        wrong("a cancel of a scan that is over", CANCEL),
    ],
};

pub static SCAN_ALREADY_CANCELLED: Row = Row {
    contract: Contract::ScanApi,
    service: None,
    code: Some("SCAN_ALREADY_CANCELLED"),
    status: Some(409),
    source: Source::Reference,
    category: Category::Scan,
    kind: Kind::Conflict,
    retry: Retry::Never,
    is_open: false,
    message: "Scan has already been cancelled",
    meaning: "The scan was cancelled before; a second cancel changes nothing.",
    causes: &[
        "A program repeated the cancel, for instance because the first answer got lost.",
        "A colleague or another job was faster.",
    ],
    resolution: "Take it as success. `sealedAt` appears in the scan when its processes are gone and its partial \
                 results are stored.",
    examples: &[
        right("wait for `sealedAt`", get("/scans/$SCAN_ID?scanType=sentinel")),
        wrong("a second cancel", CANCEL),
    ],
};

pub static SCAN_ALREADY_FAILED: Row = Row {
    contract: Contract::ScanApi,
    service: None,
    code: Some("SCAN_ALREADY_FAILED"),
    status: Some(409),
    source: Source::Reference,
    category: Category::Scan,
    kind: Kind::Conflict,
    retry: Retry::Never,
    is_open: false,
    message: "Scan has already failed",
    meaning: "The scan cannot be cancelled: it has ended with a failure.",
    causes: &["The engine or the target gave up before the cancel came.", "The id is that of an older scan."],
    resolution: "Read `failure` in the scan: `reason` is stable, `message` says what to do, `lastLines` are the \
                 engine's own words. Then submit a new scan.",
    examples: &[
        right("why it failed", get("/scans/$SCAN_ID?scanType=sentinel")),
        wrong("a cancel of a scan that is over", CANCEL),
    ],
};

pub static RESULTS_NOT_READY: Row = Row {
    contract: Contract::ScanApi,
    service: None,
    code: Some("RESULTS_NOT_READY"),
    status: Some(409),
    source: Source::Reference,
    category: Category::Scan,
    kind: Kind::Conflict,
    retry: Retry::Never,
    is_open: false,
    message: "Scan results are not yet available",
    meaning: "The scan is still queued or running. Results can be read once it is completed, failed or cancelled.",
    causes: &[
        "The results were asked for right after the scan was submitted.",
        "The scan waits for others, of higher priority or of your own.",
        "The scan was lost with its worker and is back in the queue.",
    ],
    resolution: "Poll the scan itself every few seconds until `status` is `completed`, `failed` or `cancelled`, then \
                 fetch the results. `progress` says how far it is.",
    examples: &[
        right("poll the scan", get("/scans/$SCAN_ID?scanType=sentinel")),
        wrong("the results of a scan that still runs", get("/scans/$SCAN_ID/results?scanType=sentinel")),
    ],
};

pub static REPORT_NOT_FOUND: Row = Row {
    contract: Contract::ScanApi,
    service: None,
    code: Some("REPORT_NOT_FOUND"),
    status: Some(404),
    source: Source::Scanyard,
    category: Category::Scan,
    kind: Kind::NotFound,
    retry: Retry::Never,
    is_open: false,
    message: "The scan has no raw report",
    meaning: "The scan is there and over, but its engine left no report to keep. Its results, as far as there are any, are \
              under `/results`.",
    causes: &[
        "The scan failed or was cancelled before its engine wrote anything.",
        "The scan was cancelled while it was queued, so no engine ever ran.",
        "The report was larger than the server keeps, or could not be read.",
    ],
    resolution: "Read `GET /scans/{id}/results`: `failure` says why a scan failed. Submit the scan again when the report \
                 itself is needed.",
    examples: &[
        right("why there is none", get("/scans/$SCAN_ID/results?scanType=sentinel")),
        wrong("the report of a scan that never ran", get("/scans/$SCAN_ID/report?scanType=sentinel")),
    ],
};

pub static SCAN_NOT_FINISHED: Row = Row {
    contract: Contract::ScanApi,
    service: None,
    code: Some("SCAN_NOT_FINISHED"),
    status: Some(409),
    source: Source::Scanyard,
    category: Category::Scan,
    kind: Kind::Conflict,
    retry: Retry::Never,
    is_open: false,
    message: "Scan is not over yet",
    meaning: "The scan cannot be deleted now: it is queued or running, or was cancelled a moment ago and its processes are \
              still ending. Nothing was deleted.",
    causes: &[
        "The scan waits or runs; only what is over can be deleted.",
        "The delete came right after a cancel: the scan has no `sealedAt` yet.",
    ],
    resolution: "Wait until the scan is over, or cancel it; after a cancel wait for `sealedAt`, which comes within seconds. \
                 `details` says where the scan stands. Then delete it.",
    examples: &[
        right("cancel it first", CANCEL),
        wrong(
            "a delete of a scan that still runs",
            Call { method: "DELETE", ..get("/scans/$SCAN_ID?scanType=sentinel") },
        ),
    ],
};

pub static ENGINE_UNAVAILABLE: Row = Row {
    contract: Contract::ScanApi,
    service: None,
    code: Some("ENGINE_UNAVAILABLE"),
    status: Some(503),
    source: Source::Scanyard,
    category: Category::Scan,
    kind: Kind::Unavailable,
    retry: Retry::Never,
    is_open: false,
    message: "Engine {type} is not available",
    meaning: "The server knows this engine but cannot run it now. Nothing was stored and no quota was used.",
    causes: &[
        "The engine is not installed where workers run; engines are found on the host, not bundled.",
        "No worker that lives has the scan's `workerLabel`, or none with this label has the engine.",
        "The installed version is too old, or does not start.",
        "This version of the server does not run this engine yet.",
    ],
    resolution: "`details` name what lacks. `GET /engines` gives the reason in `unavailableReason`, and the labels of the \
                 workers that can run an engine in `workerLabels`. Repeat the request when `available` has become `true`. \
                 To have the engine installed, contact {support.contact}.",
    examples: &[
        right("which engines are ready, and why others are not", get("/engines")),
        right("the built-in engine", post("/scans", r#"{"target": "127.0.0.1", "scanType": "sentinel"}"#)),
        wrong("an engine that is not installed", post("/scans", r#"{"target": "localhost", "scanType": "nmap"}"#)),
    ],
};
