//! How a failure reads in each contract that it may belong to.

use super::pasted::{self, Pasted};
use super::question::Question;
use anyhow::{anyhow, bail};
use http::HeaderMap;
use scanyard_contract::catalogue::{lookup, rows, rows_of, unlisted};
use scanyard_contract::classify::{by_status, classify, classify_success, success_kind};
use scanyard_contract::detect::detect;
use scanyard_contract::wire::Detail;
use scanyard_contract::{Classified, Context, Contract, ErrorInfo, Kind, Retry, Row, Service, Support, Timestamp};
use serde::Serialize;
use std::time::SystemTime;

/// What a question comes to.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    pub question: String,
    /// Whether the failure may be several things that nothing in it tells apart.
    pub is_ambiguous: bool,
    /// One for each contract or service that it may belong to, at least one.
    pub readings: Vec<Reading>,
}

/// A failure as one contract means it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Reading {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contract: Option<Contract>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<Service>,
    /// What speaks for this contract.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub marks: Vec<String>,
    pub kind: Kind,
    pub retry: Retry,
    pub retryable: bool,
    /// Whether the contract lists this failure.
    pub is_listed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The catalogue's page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorInfo>,
    /// What it may be besides: failures of the same status with a code or a mark of their own.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub alternatives: Vec<ErrorInfo>,
    /// What the pasted answer itself says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer: Option<Answer>,
}

/// What an answer itself says.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Answer {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Its text; `None` when it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<Detail>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub parameters: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// The wait that it states, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wait_ms: Option<u64>,
    /// Not to be sent again before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wait_until: Option<Timestamp>,
}

/// What is known of the request.
#[derive(Debug, Default)]
pub struct Hints {
    pub method: String,
    pub is_impersonated: bool,
    pub is_password_change: bool,
}

fn info(row: &Row) -> ErrorInfo {
    row.info(&Support::default())
}

/// Explains what the words name.
pub fn words(text: &str, question: &Question) -> anyhow::Result<Explanation> {
    let readings = match (question.contract, question.status) {
        (Some(contract), Some(status)) => by_contract(contract, question.service, status, question.code.as_deref()),
        (None, Some(status)) if question.code.is_none() => Contract::ALL
            .iter()
            .filter(|known| **known != Contract::Pytenable)
            .flat_map(|known| listed(*known, status))
            .collect(),
        (_, Some(_)) | (_, None) => by_code(question),
    };
    if readings.is_empty() {
        bail!("nothing in the catalogue is called {text}; `scanyard explain CONTRACT STATUS` explains any status");
    }
    Ok(explanation(text, readings))
}

fn explanation(question: &str, readings: Vec<Reading>) -> Explanation {
    let causes = |reading: &Reading| reading.error.as_ref().is_some_and(is_open);
    let is_ambiguous = readings.len() > 1 || readings.iter().any(|one| !one.alternatives.is_empty() || causes(one));
    Explanation { question: question.to_string(), is_ambiguous, readings }
}

/// Whether a page says of itself that the answer leaves its cause open.
fn is_open(error: &ErrorInfo) -> bool {
    ["does not tell", "do not tell", "not always tell", "stands for both", "documented for both"]
        .iter()
        .any(|words| error.meaning.contains(words))
}

/// Every row with this code, whatever the case of its letters.
fn by_code(question: &Question) -> Vec<Reading> {
    let Some(code) = question.code.as_deref() else { return Vec::new() };
    let is_asked = |row: &&Row| {
        row.code.is_some_and(|known| known.eq_ignore_ascii_case(code))
            && question.contract.is_none_or(|contract| row.contract == contract)
            && question.service.is_none_or(|service| row.service == Some(service))
            && question.status.is_none_or(|status| row.status == Some(status))
    };
    rows().filter(is_asked).map(of_row).collect()
}

fn of_row(row: &'static Row) -> Reading {
    Reading {
        contract: Some(row.contract),
        service: row.service,
        marks: Vec::new(),
        kind: row.kind,
        retry: row.retry,
        retryable: row.retry.is_retryable(),
        is_listed: true,
        status: row.status,
        error: Some(info(row)),
        alternatives: Vec::new(),
        answer: None,
    }
}

/// A status of a contract: of the service that was named, else of each that lists it.
fn by_contract(contract: Contract, service: Option<Service>, status: u16, code: Option<&str>) -> Vec<Reading> {
    if service.is_none() {
        let has_code = |row: &&Row| row.status == Some(status) && row.code.is_some() && row.code == code;
        let coded: Vec<Reading> = rows_of(contract).filter(has_code).map(of_row).collect();
        let found = if coded.is_empty() { listed(contract, status) } else { coded };
        return if found.is_empty() { vec![of_unlisted(contract, None, status)] } else { found };
    }
    let Some(row) = lookup(contract, service, status, code) else {
        let coded = coded(contract, service, status);
        return match coded.split_first() {
            Some((first, rest)) => {
                vec![Reading { alternatives: rest.iter().map(|row| info(row)).collect(), ..of_row(first) }]
            }
            None => vec![of_unlisted(contract, service, status)],
        };
    };
    let alternatives = if row.code.is_none() { coded(contract, service, status) } else { Vec::new() };
    vec![Reading { service, alternatives: alternatives.into_iter().map(info).collect(), ..of_row(row) }]
}

/// The readings of a status in each service of a contract that lists it, or in the contract itself.
fn listed(contract: Contract, status: u16) -> Vec<Reading> {
    let mut services: Vec<Option<Service>> = Vec::new();
    for row in rows_of(contract).filter(|row| row.status == Some(status)) {
        if !services.contains(&row.service) {
            services.push(row.service);
        }
    }
    services.into_iter().flat_map(|service| one_service(contract, service, status)).collect()
}

fn one_service(contract: Contract, service: Option<Service>, status: u16) -> Vec<Reading> {
    let (plain, coded): (Vec<&'static Row>, Vec<&'static Row>) = rows_of(contract)
        .filter(|row| row.service == service && row.status == Some(status))
        .partition(|row| row.code.is_none());
    match plain.first() {
        Some(row) => vec![Reading { alternatives: coded.into_iter().map(info).collect(), ..of_row(row) }],
        None => coded.into_iter().map(of_row).collect(),
    }
}

/// The rows of a status that have a code or a mark: the service's own and those that all services share.
fn coded(contract: Contract, service: Option<Service>, status: u16) -> Vec<&'static Row> {
    let belongs = |row: &&Row| row.service == service || row.service == Some(Service::Common);
    rows_of(contract).filter(|row| row.status == Some(status) && row.code.is_some()).filter(belongs).collect()
}

fn of_unlisted(contract: Contract, service: Option<Service>, status: u16) -> Reading {
    let (kind, retry) = by_status(status);
    Reading {
        contract: Some(contract),
        service,
        marks: Vec::new(),
        kind,
        retry,
        retryable: retry.is_retryable(),
        is_listed: false,
        status: Some(status),
        error: unlisted(contract).map(info),
        alternatives: Vec::new(),
        answer: None,
    }
}

/// Explains an answer; the question says whose it is, if that is known.
pub fn answer(question: &Question, text: &[u8], hints: &Hints, now: SystemTime) -> anyhow::Result<Explanation> {
    let pasted = pasted::parse(text);
    let status = pasted.status.or(question.status).or_else(|| status_inside(&pasted.body));
    let places: Vec<(Option<Contract>, Option<Service>, Vec<String>)> = match question.contract {
        Some(contract) => vec![(Some(contract), service_of(question, contract, &pasted), Vec::new())],
        None => match detect(&pasted.headers, &pasted.body) {
            found if found.is_empty() => vec![(None, None, Vec::new())],
            found => found.into_iter().map(|one| (Some(one.contract), one.service, one.marks)).collect(),
        },
    };
    let Some(status) = status else {
        bail!("the answer has no status line; paste it as `curl -i` prints it, with `HTTP/1.1 429 …` first");
    };
    let mut readings = Vec::new();
    for (contract, service, marks) in places {
        let reading = match contract {
            Some(contract) => of_answer(contract, service, status, &pasted, hints, now),
            None => of_nobody(status),
        };
        readings.push(Reading { marks, ..reading });
    }
    if readings.is_empty() {
        return Err(anyhow!("nothing is known about this answer"));
    }
    Ok(explanation("an answer", readings))
}

/// The service that was named, else the one that the marks speak for alone.
fn service_of(question: &Question, contract: Contract, pasted: &Pasted) -> Option<Service> {
    question.service.or_else(|| {
        let found = detect(&pasted.headers, &pasted.body);
        let mut services = found.iter().filter(|one| one.contract == contract).filter_map(|one| one.service);
        let first = services.next();
        if services.next().is_none() { first } else { None }
    })
}

/// The status that some bodies repeat.
fn status_inside(body: &[u8]) -> Option<u16> {
    let value: serde_json::Value = serde_json::from_slice(body).ok()?;
    let number = ["statusCode", "status"].iter().find_map(|name| value.get(*name)?.as_u64());
    let code = || value.get("code").or_else(|| value.get("id"))?.as_str();
    let of_code = || {
        let mut found = rows().filter(|row| row.code.is_some() && row.code == code()).filter_map(|row| row.status);
        let first = found.next()?;
        found.all(|status| status == first).then_some(first)
    };
    number.and_then(|number| u16::try_from(number).ok()).filter(|number| (100..=599).contains(number)).or_else(of_code)
}

fn of_answer(
    contract: Contract,
    service: Option<Service>,
    status: u16,
    pasted: &Pasted,
    hints: &Hints,
    now: SystemTime,
) -> Reading {
    let context = Context {
        method: &hints.method,
        is_impersonated: hints.is_impersonated,
        is_password_change: hints.is_password_change,
        ..Context::of(contract, service)
    };
    let found = if (200..300).contains(&status) {
        classify_success(&context, status, &pasted.headers, &pasted.body, now)
    } else {
        Some(classify(&context, status, &pasted.headers, &pasted.body, now))
    };
    let Some(found) = found else { return of_success(contract, service, status) };
    let error = found.row.or_else(|| unlisted(contract)).map(|row| without_excluded(info(row), &pasted.headers, hints));
    let is_plain = found.row.is_some_and(|row| row.code.is_none()) && found.code.is_none();
    let alternatives = if is_plain { open(contract, service, status, &pasted.headers, hints) } else { Vec::new() };
    Reading {
        contract: Some(contract),
        service,
        marks: Vec::new(),
        kind: found.kind,
        retry: found.retry,
        retryable: found.retry.is_retryable(),
        is_listed: found.row.is_some(),
        status: Some(status),
        error,
        alternatives,
        answer: Some(of_classified(found, now)),
    }
}

fn of_classified(found: Classified, now: SystemTime) -> Answer {
    let until = found.wait.and_then(|wait| now.checked_add(wait));
    let since_1970 = until.and_then(|until| until.duration_since(SystemTime::UNIX_EPOCH).ok());
    // A point in time is shown in whole seconds: the next one, never early.
    let seconds = since_1970.and_then(|time| i64::try_from(time.as_millis().div_ceil(1000)).ok());
    Answer {
        code: found.code,
        message: found.is_quoted.then_some(found.message),
        details: found.details,
        parameters: found.parameters,
        request_id: found.request_id,
        wait_ms: found.wait.map(|wait| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)),
        wait_until: seconds.and_then(|seconds| Some(Timestamp(seconds.checked_mul(1000)?))),
    }
}

/// What the answer may be besides its plain row: the coded rows that it does not exclude.
fn open(
    contract: Contract,
    service: Option<Service>,
    status: u16,
    headers: &HeaderMap,
    hints: &Hints,
) -> Vec<ErrorInfo> {
    let rows = coded(contract, service, status).into_iter();
    rows.filter(|row| row.kind != Kind::Maintenance || !excludes_maintenance(headers, hints)).map(info).collect()
}

/// Maintenance hits writes alone, and the service says when it is not in it.
fn excludes_maintenance(headers: &HeaderMap, hints: &Hints) -> bool {
    let is_read = ["GET", "HEAD"].iter().any(|read| hints.method.eq_ignore_ascii_case(read));
    is_read || headers.get("x-zscaler-mode").is_some_and(|mode| mode == "read-write")
}

fn without_excluded(mut error: ErrorInfo, headers: &HeaderMap, hints: &Hints) -> ErrorInfo {
    if error.kind == Kind::Permission && excludes_maintenance(headers, hints) {
        error.causes.retain(|cause| !cause.contains("maintenance"));
    }
    error
}

fn of_success(contract: Contract, service: Option<Service>, status: u16) -> Reading {
    Reading {
        contract: Some(contract),
        service,
        marks: Vec::new(),
        kind: success_kind(status),
        retry: Retry::Never,
        retryable: false,
        is_listed: lookup(contract, service, status, None).is_some(),
        status: Some(status),
        error: lookup(contract, service, status, None).map(info),
        alternatives: Vec::new(),
        answer: None,
    }
}

/// An answer that bears no mark of any contract.
fn of_nobody(status: u16) -> Reading {
    let (kind, retry) =
        if (200..300).contains(&status) { (success_kind(status), Retry::Never) } else { by_status(status) };
    Reading {
        contract: None,
        service: None,
        marks: Vec::new(),
        kind,
        retry,
        retryable: retry.is_retryable(),
        is_listed: false,
        status: Some(status),
        error: None,
        alternatives: Vec::new(),
        answer: None,
    }
}
