//! The vendors' answers, as documented and as recorded.

use http::{HeaderMap, HeaderName, HeaderValue};
use scanyard_contract::{Classified, Context, Contract, Kind, Retry, Row, Service, classify, classify_success};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

const TENABLE: Context = Context::of(Contract::Tenable, None);
const ZIA: Context = Context::of(Contract::Zscaler, Some(Service::Zia));
const ZPA: Context = Context::of(Contract::Zscaler, Some(Service::Zpa));

fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000)
}

fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
    let pair = |(name, value): &(&str, &str)| {
        (HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_str(value).unwrap())
    };
    HeaderMap::from_iter(pairs.iter().map(pair))
}

fn judge(context: Context, status: u16, pairs: &[(&str, &str)], body: &str) -> Classified {
    classify(&context, status, &headers(pairs), body.as_bytes(), now())
}

fn id(found: &Classified) -> String {
    found.row.map(Row::id).unwrap_or_default()
}

#[derive(Deserialize)]
struct Sample {
    service: String,
    status: u16,
    headers: BTreeMap<String, String>,
    body: String,
}

#[test]
fn every_recorded_answer_of_zscaler_is_known() {
    let samples: Vec<Sample> = serde_json::from_str(include_str!("zscaler-samples.json")).unwrap();
    let found: Vec<String> = samples
        .iter()
        .map(|sample| {
            let service = Service::named(Contract::Zscaler, &sample.service);
            assert!(service.is_some(), "{}", sample.service);
            let pairs: Vec<_> = sample.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            let got = judge(Context::of(Contract::Zscaler, service), sample.status, &pairs, &sample.body);
            let wait = got.wait.map_or("-".to_string(), |wait| format!("{}s", wait.as_secs()));
            format!("{} {} {} {wait}", id(&got), got.kind, got.retry)
        })
        .collect();
    insta::assert_snapshot!(found.join("\n"), @r"
    zscaler/zpa/400/resource.not.found not_found never -
    zscaler/zpa/401/access.denied unauthenticated fresh_token -
    zscaler/zpa/409/api.concurrent.access.error edit_lock edit_lock -
    zscaler/zpa/429/invalid.toomanyrequests rate_limited after_wait 13s
    zscaler/zpa/503/retryable.server.error unavailable after_wait 10s
    zscaler/zia/403/STATE_READONLY maintenance never -
    zscaler/cbc/403/STATE_READONLY maintenance never -
    zscaler/zia/412/UNEXPECTED_ERROR edit_lock edit_lock -
    zscaler/zia/429 rate_limited after_wait 0s
    zscaler/cbc/429 rate_limited after_wait 0s
    zscaler/bi/429/RATE_LIMIT_EXCEEDED rate_limited after_wait -
    zscaler/zdx/429 rate_limited after_wait 5s
    zscaler/zcc/429 rate_limited after_wait 60s
    zscaler/zpa/401/authz.featureflag.permission.denied feature_missing never -
    zscaler/zpa/400/resource.not.found not_found never -
    zscaler/zpa/404/resource.not.found not_found never -
    zscaler/zia/401/SESSION_NOT_VALID unauthenticated fresh_token -
    ");
}

#[test]
fn tenables_shapes_all_give_their_message() {
    let shapes = [
        (
            r#"{"error":"You are not authorized to perform this request"}"#,
            "You are not authorized to perform this request",
        ),
        (r#"{"statusCode":401,"error":"Unauthorized","message":"Missing authentication"}"#, "Missing authentication"),
        (r#"{"error":"{\"error\":{\"message\":\"inner text\"}}"}"#, "inner text"),
        (r#"{"status":429,"message":"Too many"}"#, "Too many"),
        ("plain text", "plain text"),
        ("<html><head><title>502 Bad Gateway</title></head></html>", "502 Bad Gateway"),
        ("", "Bad Request"),
        ("\u{fffd}", "\u{fffd}"),
        // No text at all, such as a compressed body.
        ("\u{fffd}\u{0}", "Bad Request"),
    ];
    for (body, message) in shapes {
        assert_eq!(judge(TENABLE, 400, &[], body).message, message, "{body}");
    }
    let body =
        r#"{"statusCode":400,"error":"Bad Request","message":"x","validation":{"source":"payload","keys":["name"]}}"#;
    let got = judge(TENABLE, 400, &[("x-request-uuid", "0123456789abcdef")], body);
    assert_eq!(got.details[0].field.as_deref(), Some("name"));
    assert_eq!(got.request_id.as_deref(), Some("0123456789abcdef"));
    assert_eq!(got.code, None);
}

#[test]
fn what_was_asked_tells_tenables_403_and_400_apart() {
    let body = r#"{"error":"Forbidden"}"#;
    assert_eq!(judge(TENABLE, 403, &[], body).kind, Kind::Permission);
    assert_eq!(judge(Context { is_impersonated: true, ..TENABLE }, 403, &[], body).kind, Kind::Impersonation);
    assert_eq!(judge(TENABLE, 400, &[], body).kind, Kind::BadRequest);
    assert_eq!(judge(Context { is_password_change: true, ..TENABLE }, 400, &[], body).kind, Kind::PasswordComplexity);
    assert_eq!(judge(TENABLE, 401, &[], "").retry, Retry::FreshToken);
    assert_eq!(judge(Context { is_sign_in: true, ..TENABLE }, 401, &[], "").retry, Retry::Never);
}

#[test]
fn a_duplicate_export_is_a_conflict_with_the_job_under_either_status() {
    let new = judge(TENABLE, 409, &[], r#"{"active_job_id":"abc","failure_reason":"duplicate"}"#);
    assert_eq!(
        (new.kind, new.parameters.as_slice(), new.message.as_str()),
        (Kind::Conflict, &["abc".to_string()][..], "duplicate")
    );
    let old = judge(TENABLE, 429, &[], r#"{"status":429,"message":"Duplicate export not allowed. Please modify"}"#);
    assert_eq!((old.kind, old.retry), (Kind::Conflict, Retry::Never));
    assert_eq!(judge(TENABLE, 429, &[("retry-after", "30")], "<html>").kind, Kind::RateLimited);
}

#[test]
fn a_503_that_states_its_wait_was_refused_and_can_be_repeated_whatever_the_method() {
    assert_eq!(judge(ZPA, 503, &[("retry-after", "10s")], "").retry, Retry::AfterWait);
    assert_eq!(judge(ZPA, 503, &[], "").retry, Retry::Idempotent);
    assert_eq!(judge(TENABLE, 501, &[("retry-after", "1")], "").retry, Retry::Never);
}

#[test]
fn maintenance_is_a_matter_of_writes() {
    let mode = [("x-zscaler-mode", "read-only")];
    let put = Context { method: "PUT", ..ZIA };
    let get = Context { method: "GET", ..ZIA };
    assert_eq!(judge(put, 403, &mode, "").kind, Kind::Maintenance);
    assert_eq!(judge(get, 403, &mode, "").kind, Kind::Permission);
    assert_eq!(judge(put, 403, &[("x-zscaler-mode", "read-write")], "").kind, Kind::Permission);
    assert_eq!(judge(put, 403, &[], r#"{"code":"NOT_SUBSCRIBED"}"#).kind, Kind::FeatureMissing);
    assert_eq!(judge(put, 403, &mode, r#"{"code":"NOT_SUBSCRIBED"}"#).kind, Kind::FeatureMissing);
    assert_eq!(judge(put, 403, &mode, r#"{"code":"STATE_READONLY"}"#).kind, Kind::Maintenance);
    assert_eq!(judge(put, 403, &mode, r#"{"message":"no"}"#).kind, Kind::Maintenance);
    assert_eq!(judge(put, 403, &[], r#"{"code":"LIMIT_EXCEEDED"}"#).kind, Kind::Quota);
}

#[test]
fn a_code_stays_with_an_answer_that_no_table_lists() {
    let got = judge(ZIA, 403, &[], r#"{"code":"SOMETHING_NEW","message":"text"}"#);
    assert_eq!(
        (got.kind, got.code.as_deref(), got.message.as_str()),
        (Kind::Permission, Some("SOMETHING_NEW"), "text")
    );
    let got = judge(Context::of(Contract::ArcticWolf, None), 418, &[], "");
    assert_eq!((got.kind, got.retry, got.row), (Kind::Unknown, Retry::Never, None));
}

#[test]
fn arctic_wolfs_shapes_are_read() {
    let of = |service| Context::of(Contract::ArcticWolf, Some(service));
    let ticket =
        judge(of(Service::Ticket), 404, &[], r#"{"code":"not_found","description":"Ticket with ID 1 was not found."}"#);
    assert_eq!(
        (id(&ticket).as_str(), ticket.message.as_str()),
        ("arctic-wolf/ticket/404/not_found", "Ticket with ID 1 was not found.")
    );
    let data = judge(of(Service::DataRetrieval), 400, &[], r#"{"error":"Missing required parameter: start_time"}"#);
    assert_eq!(data.message, "Missing required parameter: start_time");
    let body = r#"{"message":"bad","code":3,"errors":[{"code":7,"field":"root","message":"not a boolean"}]}"#;
    let organizations = judge(of(Service::Organizations), 400, &[], body);
    assert_eq!(organizations.details[0].field.as_deref(), Some("root"));
    assert_eq!(organizations.code.as_deref(), Some("3"));
    let reports = judge(of(Service::Reports), 401, &[], r#"{"code":"not_authorised","description":"x"}"#);
    assert_eq!((reports.kind, reports.retry), (Kind::Unauthenticated, Retry::Never));
    assert_eq!(judge(of(Service::Organizations), 403, &[], "").kind, Kind::Permission);
}

#[test]
fn a_token_that_is_refused_is_told_by_its_word() {
    let body = r#"{"error":"invalid_client","error_description":"Client authentication failed"}"#;
    let context = Context { is_sign_in: true, ..Context::of(Contract::Zscaler, Some(Service::Common)) };
    let got = judge(context, 401, &[], body);
    assert_eq!((got.code.as_deref(), got.retry), (Some("invalid_client"), Retry::Never));
    assert_eq!(got.message, "Client authentication failed");
}

#[test]
fn a_success_can_hide_a_failure() {
    let hidden = |context: Context, pairs: &[(&str, &str)], body: &str| {
        classify_success(&context, 200, &headers(pairs), body.as_bytes(), now()).map(|found| found.kind)
    };
    let graphql = Context::of(Contract::Zscaler, Some(Service::Graphql));
    assert_eq!(hidden(graphql, &[], r#"{"data":null,"errors":[{"message":"no such field"}]}"#), Some(Kind::Server));
    assert_eq!(hidden(graphql, &[], r#"{"data":{"errors":[1]}}"#), None);
    assert_eq!(hidden(ZPA, &[], r#"{"id":"resource.not.found","reason":"x"}"#), Some(Kind::NotFound));
    assert_eq!(hidden(ZIA, &[("content-type", "text/html")], "<html>login</html>"), Some(Kind::Decode));
    assert_eq!(hidden(ZIA, &[], "[]"), None);
    assert_eq!(hidden(ZIA, &[], " "), None);
    assert_eq!(hidden(TENABLE, &[], r#"{"error":"went wrong"}"#), Some(Kind::Server));
    assert_eq!(hidden(TENABLE, &[], r#"{"type":"regular","error_code":143,"error_msg":"denied"}"#), Some(Kind::Server));
    assert_eq!(hidden(TENABLE, &[], r#"{"scans":[],"error":"x"}"#), None);
    assert_eq!(hidden(TENABLE, &[], r#""{\"error\":\"went wrong\"}""#), Some(Kind::Server));
    assert_eq!(hidden(TENABLE, &[], r#""went wrong""#), None);
    let zcc = Context::of(Contract::Zscaler, Some(Service::Zcc));
    let body = br#"{"devicesRemoved":0,"errorMsg":"no device"}"#;
    let found = classify_success(&zcc, 200, &headers(&[]), body, now()).unwrap();
    assert_eq!((found.kind, found.row, found.message.as_str()), (Kind::Server, None, "no device"));
    let download = Context { is_download: true, ..TENABLE };
    assert_eq!(hidden(download, &[("content-type", "text/html")], "<html>a report</html>"), None);
}

#[test]
fn a_name_that_is_taken_is_no_edit_lock() {
    let body = r#"{"code":"DUPLICATE_ITEM","message":"DUPLICATE_ITEM"}"#;
    for service in [Service::Zia, Service::Cbc] {
        let got = judge(Context::of(Contract::Zscaler, Some(service)), 409, &[], body);
        assert_eq!((got.kind, got.retry), (Kind::Conflict, Retry::Never), "{service}");
    }
    assert_eq!(judge(ZIA, 409, &[], "").kind, Kind::EditLock);
}
