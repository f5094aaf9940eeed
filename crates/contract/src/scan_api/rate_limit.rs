//! 429: too many requests, and too many scans; two different things.

use crate::catalogue::{Category, Kind, Retry, Row, Source};
use crate::contract::Contract;
use crate::example::{Call, get, post, right, wrong};

pub static RATE_LIMIT_EXCEEDED: Row = Row {
    contract: Contract::ScanApi,
    service: None,
    code: Some("RATE_LIMIT_EXCEEDED"),
    status: Some(429),
    source: Source::Reference,
    category: Category::RateLimit,
    kind: Kind::RateLimited,
    retry: Retry::AfterWait,
    is_open: false,
    message: "Rate limit exceeded. Retry in {N} seconds.",
    meaning: "The key has used up its requests of this minute, hour or day. The request was not carried out.",
    causes: &[
        "A loop polls without a pause, or many jobs share one key.",
        "A program repeats failed requests at once instead of waiting.",
        "Calls without a good key, too many from one address: those are counted per source address.",
    ],
    resolution: "Wait the seconds in `Retry-After`, which names the end of the longest window that is used up, then \
                 repeat; without that header double the pause each time. `RateLimit-Remaining` on every answer says \
                 how much is left. Use webhooks or longer pauses instead of tight polling, and a key per job.",
    examples: &[
        right(
            "curl waits as `Retry-After` says",
            Call { flags: "--retry 5", ..get("/scans/$SCAN_ID?scanType=sentinel") },
        ),
        wrong("all at once", Call { flags: "--parallel", ..get("/scans?page=[1-100]") }),
    ],
};

pub static QUOTA_EXCEEDED: Row = Row {
    contract: Contract::ScanApi,
    service: None,
    code: Some("QUOTA_EXCEEDED"),
    status: Some(429),
    source: Source::Reference,
    category: Category::RateLimit,
    kind: Kind::Quota,
    retry: Retry::Never,
    is_open: false,
    message: "Monthly scan quota exceeded",
    meaning: "Your organization has submitted all the scans of this month. Reading scans and results still works. This \
              is not a rate limit: a short wait does not help, and there is no `Retry-After`.",
    causes: &[
        "More scans than planned: every accepted scan counts one, whether it succeeds, fails or is cancelled.",
        "A script submits the same scan again and again, without an `Idempotency-Key`.",
    ],
    resolution: "Wait for the next period, which begins on the 1st of the month at 00:00 UTC (`resetAt` in `details`, \
                 beside `used` and `limit`; `GET /usage/quota` tells them before it is too late), or get a larger quota \
                 from {support.upgrade_url}. To use less: scan less often, and cover several hosts with one network \
                 target.",
    examples: &[
        right("read what is there already; that uses no quota", get("/scans?status=completed")),
        wrong(
            "try again at once",
            Call { flags: "--retry 5", ..post("/scans", r#"{"target": "127.0.0.1", "scanType": "sentinel"}"#) },
        ),
    ],
};

pub static TOO_MANY_STREAMS: Row = Row {
    contract: Contract::ScanApi,
    service: None,
    code: Some("TOO_MANY_STREAMS"),
    status: Some(429),
    source: Source::Scanyard,
    category: Category::RateLimit,
    kind: Kind::RateLimited,
    retry: Retry::AfterWait,
    is_open: false,
    message: "Too many event streams are open: at most {limit}",
    meaning: "The caller has as many streams of live events open on this node as one caller may. The other streams go on; \
              this one was not opened.",
    causes: &[
        "One stream for each of many scans, all at once.",
        "Streams that are not closed: a stream ends by itself only when its scan is over.",
        "A client that connects again before it has let the old connection go.",
    ],
    resolution: "Wait the seconds in `Retry-After`. Close streams that nobody reads, or wait until one of the scans is over. To follow many scans, list them \
                 every few seconds or use webhooks: both need no connection for each scan.",
    examples: &[
        right("the state of many scans with one request", get("/scans?status=running&limit=100")),
        wrong(
            "a stream for each scan",
            Call { flags: "--parallel --no-buffer", ..get("/scans/{$SCAN_IDS}/events?scanType=sentinel") },
        ),
    ],
};
