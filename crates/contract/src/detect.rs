//! Which contract an answer belongs to, by the marks in its headers and its body. Pure; several when they tie.

use crate::catalogue::{find, rows};
use crate::contract::{Contract, Service};
use http::HeaderMap;
use serde_json::{Map, Value};

/// A contract that an answer may belong to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Detected {
    pub contract: Contract,
    pub service: Option<Service>,
    /// What speaks for it, in words.
    pub marks: Vec<String>,
    weight: u32,
}

/// A header's name settles it; the shape of a body is a hint that others may share.
const CERTAIN: u32 = 10;
const LIKELY: u32 = 3;
const HINT: u32 = 1;

/// The contracts that the most marks speak for; empty when nothing does.
pub fn detect(status: u16, headers: &HeaderMap, body: &[u8]) -> Vec<Detected> {
    let mut found = Found::default();
    by_headers(headers, &mut found);
    if let Some(object) = document(body) {
        by_body(status, &object, &mut found);
        by_code(&object, &mut found);
    } else {
        by_words(body, &mut found);
    }
    found.best()
}

/// The object that a body is, or that stands in the string that it is.
pub fn document(body: &[u8]) -> Option<Map<String, Value>> {
    let object = |value| if let Value::Object(object) = value { Some(object) } else { None };
    match serde_json::from_slice(body).ok()? {
        Value::String(inner) => object(serde_json::from_str(&inner).ok()?),
        value => object(value),
    }
}

#[derive(Default)]
struct Found(Vec<Detected>);

impl Found {
    fn add(&mut self, contract: Contract, service: Option<Service>, weight: u32, mark: impl Into<String>) {
        let mark = mark.into();
        match self.0.iter_mut().find(|known| (known.contract, known.service) == (contract, service)) {
            Some(known) => {
                known.weight += weight;
                known.marks.push(mark);
            }
            None => self.0.push(Detected { contract, service, marks: vec![mark], weight }),
        }
    }

    /// What speaks for a vendor speaks for each of its services that is named as well.
    fn best(self) -> Vec<Detected> {
        let vendors: Vec<Detected> = self.0.iter().filter(|found| found.service.is_none()).cloned().collect();
        let mut all: Vec<Detected> = self.0.into_iter().filter(|found| found.service.is_some()).collect();
        for vendor in vendors {
            let mut has_service = false;
            for service in all.iter_mut().filter(|found| found.contract == vendor.contract) {
                service.weight += vendor.weight;
                service.marks.extend(vendor.marks.iter().cloned());
                has_service = true;
            }
            if !has_service {
                all.push(vendor);
            }
        }
        let most = all.iter().map(|found| found.weight).max().unwrap_or(0);
        all.retain(|found| found.weight == most);
        all
    }
}

fn by_headers(headers: &HeaderMap, found: &mut Found) {
    let marks = [
        ("x-request-uuid", Contract::Tenable, None),
        ("x-gateway-site-id", Contract::Tenable, None),
        ("x-path-handler", Contract::Tenable, None),
        ("x-zscaler-mode", Contract::Zscaler, Some(Service::Zia)),
        ("x-zscaler-mode", Contract::Zscaler, Some(Service::Cbc)),
        ("x-transaction-id", Contract::Zscaler, None),
        ("x-oneapi-api-category", Contract::Zscaler, Some(Service::Common)),
        ("x-oneapi-version", Contract::Zscaler, None),
        ("x-rate-limit-retry-after-seconds", Contract::Zscaler, Some(Service::Zcc)),
    ];
    for (name, contract, service) in marks {
        if headers.contains_key(name) {
            found.add(contract, service, CERTAIN, format!("the header {name}"));
        }
    }
    let is_server = |name: &str| {
        headers.get("server").is_some_and(|server| server.as_bytes().to_ascii_lowercase().starts_with(name.as_bytes()))
    };
    if is_server("tenable") {
        found.add(Contract::Tenable, None, CERTAIN, "the header server");
    }
    if is_server("zscaler") {
        found.add(Contract::Zscaler, None, CERTAIN, "the header server");
    }
    let has_unit = |value: &http::HeaderValue| value.to_str().is_ok_and(|text| text.trim_end().ends_with('s'));
    if headers.get("retry-after").is_some_and(has_unit) {
        found.add(Contract::Zscaler, Some(Service::Zpa), LIKELY, "a retry-after with a unit");
    }
}

fn by_body(status: u16, object: &Map<String, Value>, found: &mut Found) {
    let has = |names: &[&str]| names.iter().all(|name| object.contains_key(*name));
    let is_text = |name: &str| object.get(name).is_some_and(Value::is_string);
    let is_only = |names: &[&str]| has(names) && object.len() == names.len();
    let zscaler = |service| (Contract::Zscaler, Some(service));
    let wolf = |service| (Contract::ArcticWolf, Some(service));
    let tenable = (Contract::Tenable, None);
    let ours = (Contract::ScanApi, None);
    let is_problem = object.get("type").and_then(Value::as_str).is_some_and(|kind| kind.contains("/errors/scan-api/"));
    let shapes = [
        (object.get("success") == Some(&Value::Bool(false)) && has(&["code", "error"]), ours, CERTAIN),
        (is_problem, ours, CERTAIN),
        (has(&["statusCode", "error", "message"]), tenable, LIKELY),
        (has(&["active_job_id"]), tenable, CERTAIN),
        (is_only(&["status", "message"]), tenable, LIKELY),
        (has(&["error_code", "error_msg"]), tenable, LIKELY),
        (is_only(&["error"]) && is_text("error"), tenable, HINT),
        (is_only(&["error"]) && is_text("error"), wolf(Service::DataRetrieval), HINT),
        (has(&["id", "reason"]) && is_text("reason"), zscaler(Service::Zpa), LIKELY),
        (is_text("Retry-After"), zscaler(Service::Zia), LIKELY),
        (is_text("Retry-After"), zscaler(Service::Cbc), LIKELY),
        (is_only(&["message"]), zscaler(Service::Zia), HINT),
        (is_only(&["message"]), zscaler(Service::Cbc), HINT),
        (is_only(&["message"]), wolf(Service::Aurora), HINT),
        (is_only(&["code", "message"]) && is_text("code"), zscaler(Service::Zia), LIKELY),
        (is_only(&["code", "message"]) && is_text("code"), zscaler(Service::Cbc), LIKELY),
        (has(&["errorCode", "errorMessage"]) || has(&["devicesRemoved", "errorMsg"]), zscaler(Service::Zcc), LIKELY),
        (has(&["errorCode", "errorDetails"]), zscaler(Service::Bi), LIKELY),
        (has(&["msgId", "detail"]), zscaler(Service::Zcell), LIKELY),
        (has(&["detail", "type", "title", "status"]) && !is_problem, zscaler(Service::Common), LIKELY),
        (status == 200 && is_graphql(object), zscaler(Service::Graphql), HINT),
        (is_text("error") && has(&["error_description"]), zscaler(Service::Common), HINT),
        (is_only(&["code", "description"]), wolf(Service::Ticket), LIKELY),
        (is_only(&["code", "description"]), wolf(Service::Reports), LIKELY),
        (has(&["message", "code", "errors"]) && !is_text("code"), wolf(Service::Organizations), LIKELY),
    ];
    for (is_so, (contract, service), weight) in shapes {
        if is_so {
            found.add(contract, service, weight, "the shape of the body");
        }
    }
}

/// Whether an object is what GraphQL answers with when it fails: its members and no others, with errors in words.
fn is_graphql(object: &Map<String, Value>) -> bool {
    let errors = object.get("errors").and_then(Value::as_array);
    errors.is_some_and(|errors| errors.first().is_some_and(|first| first.get("message").is_some_and(Value::is_string)))
        && object.keys().all(|name| ["errors", "data", "extensions"].contains(&name.as_str()))
}

/// The words of the one answer that is known by them alone.
fn by_words(body: &[u8], found: &mut Found) {
    let text = String::from_utf8_lossy(body);
    for row in find("ONLY_ONEAPI_SUPPORTED").into_iter().filter(|row| text.contains(row.message)) {
        found.add(row.contract, row.service, LIKELY, format!("the words {}", row.message));
    }
}

/// A code that the catalogue knows.
fn by_code(object: &Map<String, Value>, found: &mut Found) {
    let codes =
        ["code", "id", "errorCode", "error"].iter().filter_map(|name| object.get(*name).and_then(Value::as_str));
    for code in codes {
        let mut seen = Vec::new();
        for row in rows().filter(|row| row.code == Some(code)) {
            if !seen.contains(&(row.contract, row.service)) {
                seen.push((row.contract, row.service));
                found.add(row.contract, row.service, LIKELY, format!("the code {code}"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(headers: &[(&'static str, &'static str)], body: &str) -> Vec<(Contract, Option<Service>)> {
        found_with(400, headers, body)
    }

    fn found_with(
        status: u16,
        headers: &[(&'static str, &'static str)],
        body: &str,
    ) -> Vec<(Contract, Option<Service>)> {
        let headers = headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
        detect(status, &HeaderMap::from_iter(headers), body.as_bytes())
            .iter()
            .map(|one| (one.contract, one.service))
            .collect()
    }

    #[test]
    fn a_header_settles_it() {
        assert_eq!(found(&[("x-request-uuid", "abc")], r#"{"error": "x"}"#), [(Contract::Tenable, None)]);
        let zia = found(&[("x-zscaler-mode", "read-write")], r#"{"code": "SESSION_NOT_VALID", "message": "x"}"#);
        let both = [(Contract::Zscaler, Some(Service::Zia)), (Contract::Zscaler, Some(Service::Cbc))];
        assert_eq!(zia, both);
        assert_eq!(found(&[("x-zscaler-mode", "read-write"), ("x-transaction-id", "t")], ""), both);
    }

    #[test]
    fn a_shape_that_two_share_is_shown_as_both() {
        let both = found(&[], r#"{"error": "Access denied"}"#);
        assert_eq!(both, [(Contract::ArcticWolf, Some(Service::DataRetrieval)), (Contract::Tenable, None)]);
        let codes = found(&[], r#"{"id": "resource.not.found", "reason": "x"}"#);
        assert_eq!(codes, [(Contract::Zscaler, Some(Service::Zpa))]);
        let inside = found(&[], r#""{\"id\": \"resource.not.found\", \"reason\": \"x\"}""#);
        assert_eq!(inside, codes);
    }

    #[test]
    fn an_answer_without_headers_is_known_by_its_words_or_as_graphql() {
        let common = [(Contract::Zscaler, Some(Service::Common))];
        assert_eq!(found(&[], "Access only through zscaler oneapi"), common);
        let graphql = [(Contract::Zscaler, Some(Service::Graphql))];
        let failed = r#"{"errors": [{"message": "no such field"}], "data": null}"#;
        assert_eq!((found_with(200, &[], failed), found(&[], failed)), (graphql.to_vec(), vec![]));
        for other in [r#"{"errors": []}"#, r#"{"errors": [{}]}"#, r#"{"errors": [{"message": "x"}], "total": 1}"#] {
            assert_eq!(found_with(200, &[], other), [], "{other}");
        }
    }

    #[test]
    fn nothing_speaks_for_nothing() {
        assert_eq!(found(&[], ""), []);
        assert_eq!(found(&[("content-type", "text/html")], "<html>"), []);
    }
}
