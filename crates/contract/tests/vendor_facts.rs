//! The vendors' rows against the facts that their error references state.

use scanyard_contract::catalogue::{find, lookup, rows, rows_of, unlisted};
use scanyard_contract::{Contract, Kind, Retry, Row, Service, Source};
use std::collections::BTreeSet;

const TABLES: [(&str, usize); 4] = [
    (include_str!("facts/tenable.tsv"), 13),
    (include_str!("facts/pytenable.tsv"), 14),
    (include_str!("facts/arctic-wolf.tsv"), 10),
    (include_str!("facts/zscaler.tsv"), 61),
];

/// One line of a table; an empty cell is `None`.
struct Fact {
    contract: Contract,
    service: Option<Service>,
    status: Option<u16>,
    code: Option<&'static str>,
    message: Option<&'static str>,
}

fn facts() -> Vec<Fact> {
    let mut facts = Vec::new();
    for (table, lines) in TABLES {
        let mut rest = table.lines();
        assert_eq!(rest.next(), Some("contract\tservice\tstatus\tcode\tmessage"));
        let read: Vec<Fact> = rest.map(fact).collect();
        assert_eq!(read.len(), lines);
        facts.extend(read);
    }
    facts
}

fn fact(line: &'static str) -> Fact {
    let cells: Vec<Option<&'static str>> =
        line.split('\t').map(|cell| Some(cell).filter(|cell| !cell.is_empty())).collect();
    let [contract, service, status, code, message] = cells[..] else { panic!("{line}") };
    Fact {
        contract: contract.unwrap().parse().unwrap(),
        service: service.map(|service| service.parse().unwrap()),
        status: status.map(|status| status.parse().unwrap()),
        code,
        message,
    }
}

fn vendor_rows() -> impl Iterator<Item = &'static Row> {
    rows().filter(|row| row.contract != Contract::ScanApi)
}

#[test]
fn every_status_and_code_of_the_references_has_a_row_that_is_marked_as_theirs() {
    let mut known = BTreeSet::new();
    for fact in facts() {
        let same = |row: &&Row| (row.service, row.status, row.code) == (fact.service, fact.status, fact.code);
        let found: Vec<_> = rows_of(fact.contract).filter(same).collect();
        let name = format!("{} {:?} {:?} {:?}", fact.contract, fact.service, fact.status, fact.code);
        assert_eq!(found.len(), 1, "{name}");
        assert_eq!(found[0].source, Source::Reference, "{name}");
        if let Some(message) = fact.message {
            assert_eq!(found[0].message, message, "{name}");
        }
        known.insert(found[0].id());
    }
    let ours: BTreeSet<_> = vendor_rows()
        .filter(|row| row.source == Source::Reference)
        .map(Row::id)
        .filter(|id| !known.contains(id))
        .collect();
    assert!(ours.is_empty(), "said to be of a reference, but not in the facts: {ours:?}");
}

#[test]
fn an_id_names_one_row() {
    let ids: BTreeSet<_> = rows().map(Row::id).collect();
    assert_eq!(ids.len(), rows().count());
    for row in rows() {
        assert!(row.id().chars().all(|c| c.is_ascii_alphanumeric() || "._-/".contains(c)), "{}", row.id());
        assert_eq!(find(&row.id()), [row]);
    }
    let found = |id: &str| assert_eq!(find(id).len(), 1, "{id}");
    for id in
        ["tenable/429", "zscaler/zia/403/STATE_READONLY", "zscaler/common/429", "pytenable/RetryError", "zscaler/other"]
    {
        found(id);
    }
}

#[test]
fn every_row_says_what_why_and_what_to_do() {
    for row in vendor_rows() {
        let id = row.id();
        assert!(row.message.len() >= 2, "{id}");
        assert!(!row.causes.is_empty(), "{id}");
        for text in [row.meaning, row.resolution].into_iter().chain(row.causes.iter().copied()) {
            assert!(
                text.len() >= 8 && text.trim() == text && !text.contains("  ") && !text.contains('\n'),
                "{id}: {text:?}"
            );
            assert!(text.ends_with('.'), "{id}: {text:?}");
            assert_eq!(text.matches('`').count() % 2, 0, "{id}: {text:?}");
        }
    }
}

#[test]
fn a_row_that_waits_says_where_the_wait_stands() {
    for row in vendor_rows().filter(|row| row.retry == Retry::AfterWait) {
        assert!(row.resolution.contains("`Retry-After`"), "{}", row.id());
    }
}

#[test]
fn what_never_gets_better_is_not_repeated() {
    for row in vendor_rows().filter(|row| row.contract != Contract::Pytenable) {
        let id = row.id();
        match row.kind {
            Kind::NotImplemented | Kind::Quota | Kind::Maintenance | Kind::Permission | Kind::FeatureMissing => {
                assert_eq!(row.retry, Retry::Never, "{id}");
            }
            Kind::RateLimited => assert_eq!(row.retry, Retry::AfterWait, "{id}"),
            Kind::EditLock => assert_eq!(row.retry, Retry::EditLock, "{id}"),
            Kind::Unavailable | Kind::Server => assert_eq!(row.retry, Retry::Idempotent, "{id}"),
            _ => {}
        }
        if row.status == Some(501) {
            assert_eq!((row.kind, row.retry), (Kind::NotImplemented, Retry::Never), "{id}");
        }
    }
}

#[test]
fn a_look_up_falls_back_from_the_service_to_what_all_share() {
    let id = |service, status, code| lookup(Contract::Zscaler, service, status, code).map(Row::id);
    let (zia, zcc) = (Some(Service::Zia), Some(Service::Zcc));
    assert_eq!(id(zia, 403, None).as_deref(), Some("zscaler/zia/403"));
    assert_eq!(id(zia, 401, None).as_deref(), Some("zscaler/common/401"));
    assert_eq!(id(zcc, 503, None).as_deref(), Some("zscaler/common/503"));
    assert_eq!(id(Some(Service::Zidentity), 429, None).as_deref(), Some("zscaler/common/429"));
    assert_eq!(id(zia, 403, Some("NEW_CODE")).as_deref(), Some("zscaler/zia/403"));
    assert_eq!(id(zia, 401, Some("invalid_client")).as_deref(), Some("zscaler/common/401/invalid_client"));
    assert_eq!(
        id(None, 409, Some("EDIT_LOCK_NOT_AVAILABLE")).as_deref(),
        Some("zscaler/zia/409/EDIT_LOCK_NOT_AVAILABLE")
    );
    assert_eq!(id(zia, 451, None), None);
    assert_eq!(lookup(Contract::ArcticWolf, Some(Service::Ticket), 429, None), None);
}

#[test]
fn every_vendor_has_a_row_for_what_it_does_not_list() {
    for contract in [Contract::Tenable, Contract::Zscaler, Contract::ArcticWolf] {
        assert_eq!(unlisted(contract).unwrap().kind, Kind::Unknown, "{contract}");
    }
    assert!(unlisted(Contract::ArcticWolf).unwrap().resolution.contains("Arctic Wolf's support"));
}

#[test]
fn a_403_or_429_of_zscaler_without_a_code_is_open_and_one_with_a_code_is_not() {
    let mut seen = BTreeSet::new();
    for row in rows_of(Contract::Zscaler).filter(|row| matches!(row.status, Some(403 | 429))) {
        let (id, is_bare) = (row.id(), row.code.is_none());
        assert_eq!(row.is_open, is_bare, "{id}");
        assert!(!is_bare || row.causes.len() > 1, "{id}");
        if is_bare && row.status == Some(429) {
            let causes = row.causes.concat();
            assert!(row.meaning.contains("quota") && row.meaning.contains("rate limit"), "{id}");
            assert!(causes.contains("quota") || causes.contains("a day") || causes.contains("tier"), "{id}");
        }
        seen.insert((row.service, row.status));
    }
    for service in [Service::Common, Service::Zia, Service::Zpa, Service::Zcc, Service::Cbc] {
        assert!(seen.contains(&(Some(service), Some(403))) && seen.contains(&(Some(service), Some(429))), "{service}");
    }
    let open =
        ["arctic-wolf/aurora/404", "arctic-wolf/data-retrieval/404", "tenable/401", "tenable/403", "tenable/500"];
    assert!(open.iter().all(|id| find(id)[0].is_open));
    let settled = ["tenable/429", "zscaler/zia/409", "arctic-wolf/aurora/401", "arctic-wolf/ticket/404/not_found"];
    assert!(settled.iter().all(|id| !find(id)[0].is_open));
}

#[test]
fn the_ambiguous_ones_name_every_cause() {
    let words = |id: &str| {
        let row = find(id)[0];
        format!("{} {} {}", row.meaning, row.causes.join(" "), row.resolution)
    };
    let expected: [(&str, &[&str]); 9] = [
        ("zscaler/zia/403", &["role", "SKU", "maintenance", "x-zscaler-mode"]),
        ("zscaler/cbc/403", &["API key", "role", "maintenance"]),
        ("zscaler/common/429", &["rate limit", "quota"]),
        ("arctic-wolf/aurora/404", &["URL", "key"]),
        ("tenable/401", &["permissions", "keys"]),
        ("tenable/406", &["application/octet-stream", "/workbenches/export/{file_id}/download"]),
        ("tenable/409", &["name"]),
        ("pytenable/UnsupportedError", &["1.3.3", "RequestConflictError"]),
        ("pytenable/RetryError", &["1.3.3", "TooManyRequestsError"]),
    ];
    for (id, facts) in expected {
        for fact in facts {
            assert!(words(id).contains(fact), "{id} does not mention {fact}");
        }
    }
}

/// Statuses with the class that pyTenable raises today and the one that it raised up to 1.3.3.
const CLASSES: [(u16, &str, &str); 33] = [
    (400, "BadRequestError", "InvalidInputError"),
    (401, "UnauthorizedError", "PermissionError"),
    (403, "ForbiddenError", "PermissionError"),
    (405, "InvalidMethodError", "UnknownError"),
    (406, "NotAcceptableError", "UnknownError"),
    (407, "ProxyAuthenticationError", "UnknownError"),
    (408, "RequestTimeoutError", "UnknownError"),
    (409, "RequestConflictError", "UnsupportedError"),
    (410, "NoLongerExistsError", "UnknownError"),
    (411, "LengthRequiredError", "UnknownError"),
    (412, "PreconditionFailedError", "UnknownError"),
    (413, "PayloadTooLargeError", "UnknownError"),
    (414, "URITooLongError", "UnknownError"),
    (415, "UnsupportedMediaTypeError", "UnknownError"),
    (416, "RangeNotSatisfiableError", "UnknownError"),
    (417, "ExpectationFailedError", "UnknownError"),
    (418, "TeapotResponseError", "UnknownError"),
    (421, "MisdirectRequestError", "UnknownError"),
    (422, "InvalidContentError", "UnknownError"),
    (425, "TooEarlyError", "UnknownError"),
    (426, "UpgradeRequiredError", "UnknownError"),
    (428, "PreconditionRequiredError", "UnknownError"),
    (429, "TooManyRequestsError", "RetryError"),
    (431, "RequestHeaderFieldsTooLargeError", "UnknownError"),
    (451, "UnavailableForLegalReasonsError", "UnknownError"),
    (501, "MethodNotImplementedError", "RetryError"),
    (502, "BadGatewayError", "RetryError"),
    (503, "ServiceUnavailableError", "RetryError"),
    (504, "GatewayTimeoutError", "RetryError"),
    (510, "NotExtendedError", "UnknownError"),
    (511, "NetworkAuthenticationRequiredError", "UnknownError"),
    (404, "NotFoundError", "all generations"),
    (500, "ServerError", "all generations"),
];

#[test]
fn every_class_of_pytenable_that_stands_for_a_status_names_its_generation_and_the_earlier_class() {
    for (status, today, earlier) in CLASSES {
        let row = find(today).into_iter().find(|row| row.contract == Contract::Pytenable).expect(today);
        assert_eq!(row.status, Some(status), "{today}");
        assert!(row.meaning.contains(earlier), "{today}: {}", row.meaning);
    }
    for (earlier, today) in [
        ("InvalidInputError", "BadRequestError"),
        ("PermissionError", "ForbiddenError"),
        ("UnsupportedError", "RequestConflictError"),
        ("RetryError", "TooManyRequestsError"),
        ("UnknownError", "APIError"),
        ("TenableException", "RestflyException"),
        ("ImpersonationError", "ForbiddenError"),
        ("PasswordComplexityError", "BadRequestError"),
    ] {
        let row = find(earlier).into_iter().find(|row| row.contract == Contract::Pytenable).expect(earlier);
        assert!(row.meaning.contains(today), "{earlier}: {}", row.meaning);
    }
}
