//! The catalogue against the facts that the published reference states.

use scanyard_contract::catalogue::{find, rows_of};
use scanyard_contract::example::KEY;
use scanyard_contract::scan::CreateScan;
use scanyard_contract::{Code, Contract, Priority, Retry, Row, ScanType, Source, Support};
use std::collections::BTreeSet;

/// The rows of the Scan API.
fn rows() -> impl Iterator<Item = &'static Row> {
    rows_of(Contract::ScanApi)
}

const FACTS: &str = include_str!("../facts/scan-api.csv");

/// `(status, code, message)` of every line of the facts table.
fn facts() -> Vec<(u16, &'static str, &'static str)> {
    let mut lines = FACTS.lines();
    assert_eq!(lines.next(), Some("contract,service,status,code,message"));
    let fact = |line: &'static str| {
        let cells: Vec<_> = line.splitn(5, ',').collect();
        assert_eq!(cells[..2], ["scan-api", ""], "{line}");
        (cells[2].parse().unwrap(), cells[3], cells[4])
    };
    lines.map(fact).collect()
}

/// All that a row says, in one text.
fn words(row: &Row) -> String {
    [row.meaning, row.resolution].into_iter().chain(row.causes.iter().copied()).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_reference_has_36_codes_and_each_has_a_row_with_its_status_and_message() {
    let facts = facts();
    assert_eq!(facts.len(), 36);
    assert_eq!(facts.iter().map(|fact| fact.1).collect::<BTreeSet<_>>().len(), 36);
    for (status, code, message) in facts {
        let row = code.parse::<Code>().unwrap_or_else(|()| panic!("{code} has no row")).row();
        assert_eq!((row.status, row.message, row.source), (Some(status), message, Source::Reference), "{code}");
    }
}

#[test]
fn no_code_stands_twice() {
    let codes: BTreeSet<_> = rows().map(Row::name).collect();
    assert_eq!(codes.len(), rows().count());
    for row in rows() {
        assert!(find(&row.name()).contains(&row));
        assert_eq!(find(&row.id()), [row]);
    }
    assert_eq!(find("NO_SUCH_CODE"), Vec::<&Row>::new());
}

#[test]
fn a_variant_has_the_row_of_its_name() {
    for code in Code::ALL {
        let variant = format!("{code:?}").to_lowercase();
        assert_eq!(variant, code.as_str().replace('_', "").to_lowercase());
    }
}

#[test]
fn every_row_says_what_why_and_what_to_do() {
    for row in rows() {
        let prose = [row.message, row.meaning, row.resolution].into_iter().chain(row.causes.iter().copied());
        for text in prose {
            assert!(text.len() >= 10 && text.trim() == text, "{}: {text:?}", row.name());
            assert!(!text.contains("  ") && !text.contains('\n'), "{}: {text:?}", row.name());
        }
        for text in [row.meaning, row.resolution].into_iter().chain(row.causes.iter().copied()) {
            assert!(text.ends_with('.'), "{}: {text:?}", row.name());
            assert_eq!(text.matches('`').count() % 2, 0, "{}: {text:?}", row.name());
        }
        assert!(!row.causes.is_empty(), "{}", row.name());
    }
}

#[test]
fn the_facts_of_the_reference_stand_in_the_words_of_their_rows() {
    let expected = [
        (Code::MissingApiKey, "X-API-Key"),
        (Code::InvalidApiKey, "cix_sk_"),
        (Code::KeyExpired, "expiresAt"),
        (Code::ScanTypeNotAllowed, "allowedScanTypes"),
        (Code::IpNotAllowed, "allowedIpAddresses"),
        (Code::ScanNotFound, "?scanType="),
        (Code::RateLimitExceeded, "Retry-After"),
        (Code::WebhookDisabled, "PATCH"),
        (Code::QuotaExceeded, "1st of the month at 00:00 UTC"),
        (Code::KafkaError, "configured with Kafka"),
    ];
    for (code, fact) in expected {
        assert!(words(code.row()).contains(fact), "{code} does not mention {fact}");
    }
    for event in ["scan.completed", "scan.failed", "scan.started", "scan.cancelled"] {
        assert!(Code::InvalidWebhookEvent.row().resolution.contains(event), "{event}");
    }
    assert!(Code::InvalidScanType.row().resolution.contains(&ScanType::words()));
    for priority in Priority::ALL {
        assert!(Code::InvalidPriority.row().resolution.contains(priority.as_str()), "{priority}");
    }
}

#[test]
fn a_resolution_names_the_configured_places_and_is_whole_without_them() {
    let ours = Support {
        contact: Some("security@example.com".into()),
        status_url: Some("https://status.example.com".into()),
        upgrade_url: Some("https://example.com/plans".into()),
    };
    let expected = [
        (Code::InternalError, "security@example.com"),
        (Code::InternalError, "https://status.example.com"),
        (Code::ServiceUnavailable, "https://status.example.com"),
        (Code::DatabaseError, "security@example.com"),
        (Code::TenantSuspended, "security@example.com"),
        (Code::QuotaExceeded, "https://example.com/plans"),
    ];
    for (code, place) in expected {
        assert!(code.row().resolution(&ours).contains(place), "{code} does not send people to {place}");
    }
    let empty = Support { contact: Some(" ".into()), ..Support::default() };
    for row in rows() {
        for support in [&ours, &empty, &Support::default()] {
            assert!(!row.resolution(support).contains("{support"), "{}", row.name());
        }
        assert_eq!(row.resolution(&empty), row.resolution(&Support::default()));
    }
    let neutral = Code::TenantSuspended.row().resolution(&Support::default());
    assert!(neutral.starts_with("Contact your operator."), "{neutral}");
}

#[test]
fn what_is_over_or_wrong_for_good_is_not_repeated() {
    for row in rows() {
        let is_repeatable = match row.status.unwrap() {
            400 | 403 | 404 | 405 | 406 | 413 | 414 | 415 | 422 | 431 | 501 => Some(false),
            408 | 500 | 504 => Some(true),
            401 | 409 | 429 | 503 => None,
            status => panic!("{}: is a {status} repeated?", row.name()),
        };
        if let Some(is_repeatable) = is_repeatable {
            assert_eq!(row.retry.is_retryable(), is_repeatable, "{}", row.name());
        }
    }
    assert_eq!(Code::RateLimitExceeded.row().retry, Retry::AfterWait);
    assert_eq!(Code::QuotaExceeded.row().retry, Retry::Never);
    assert_eq!(Code::ResultsNotReady.row().retry, Retry::Never);
}

#[test]
fn a_stated_wait_is_promised_by_the_words_of_its_row() {
    for row in rows() {
        let is_stated = row.resolution.contains("`Retry-After`");
        assert_eq!(is_stated, row.retry == Retry::AfterWait, "{}", row.name());
    }
}

#[test]
fn a_right_call_stands_beside_the_wrong_one() {
    let without: Vec<_> = rows().filter(|row| row.examples.is_empty()).map(Row::name).collect();
    assert_eq!(
        without,
        [
            "INVALID_CREDENTIALS",
            "TOKEN_EXPIRED",
            "TENANT_SUSPENDED",
            "CONSENT_REQUIRED",
            "USER_SUSPENDED",
            "ACCOUNT_LOCKED",
            "DUPLICATE_EMAIL",
            "LAST_OWNER",
            "INSUFFICIENT_ROLE"
        ],
        "rows that no call can show"
    );
    for row in rows().filter(|row| !row.examples.is_empty()) {
        assert!(row.examples[0].is_right, "{} begins with the call to copy", row.name());
        for example in row.examples {
            let call = &example.call;
            assert!(call.path.starts_with('/') && !call.path.contains(['"', ' ']), "{}: {}", row.name(), call.path);
            assert!(!call.body.unwrap_or_default().contains('\''), "{}: the body ends its quotes", row.name());
        }
    }
}

#[test]
fn a_right_scan_is_one_that_the_server_can_read() {
    let mut read = 0;
    let right = rows().flat_map(|row| row.examples).filter(|example| example.is_right);
    for call in right.map(|example| &example.call).filter(|call| call.path == "/scans" && call.method == "POST") {
        let body = call.body.unwrap();
        serde_json::from_str::<CreateScan>(body).unwrap_or_else(|error| panic!("{body}: {error}"));
        assert!(call.headers.contains(&KEY), "{body}");
        read += 1;
    }
    assert!(read > 10, "{read}");
}

#[test]
fn a_wrong_body_is_wrong() {
    let codes = [
        Code::InvalidJson,
        Code::MissingRequiredField,
        Code::InvalidFieldType,
        Code::UnknownField,
        Code::InvalidScanType,
        Code::InvalidPriority,
    ];
    for code in codes {
        let wrong: Vec<_> = code.row().examples.iter().filter(|example| !example.is_right).collect();
        assert!(!wrong.is_empty(), "{code}");
        for body in wrong.iter().filter_map(|example| example.call.body) {
            assert!(serde_json::from_str::<CreateScan>(body).is_err(), "{code}: {body}");
        }
    }
}
