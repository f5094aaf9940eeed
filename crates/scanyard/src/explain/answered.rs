//! What a pasted answer says, in each contract that it may belong to.

use super::pasted::{self, Pasted};
use super::question::Question;
use super::reading::{
    Answer, Explanation, Reading, assumed_wait, coded, explanation, info, is_success, of_success, services_of,
};
use anyhow::bail;
use http::HeaderMap;
use scanyard_contract::catalogue::{lookup, rows, rows_of, unlisted};
use scanyard_contract::classify::{classify, classify_success, success_kind};
use scanyard_contract::detect::{Detected, detect, document};
use scanyard_contract::{Classified, Context, Contract, ErrorInfo, Kind, Retry, Row, Service, Timestamp};
use std::time::SystemTime;

/// What is known of the request.
#[derive(Debug, Default)]
pub struct Hints {
    pub method: String,
    pub is_impersonated: bool,
    pub is_password_change: bool,
}

/// Explains an answer; the question says whose it is, if that is known.
pub fn answer(question: &Question, text: &[u8], hints: &Hints, now: SystemTime) -> anyhow::Result<Explanation> {
    let pasted = pasted::parse(text);
    let status = pasted.status.or(question.status).or_else(|| status_inside(&pasted.body));
    let Some(status) = status else {
        bail!("the answer has no status line; paste it as `curl -i` prints it, with `HTTP/1.1 429 …` first");
    };
    let mut readings = Vec::new();
    for Place { contract, service, marks } in places(question, status, &pasted) {
        let Some(contract) = contract else {
            readings.push(of_nobody(status, &pasted, now));
            continue;
        };
        for service in services(contract, service, status, &pasted, now) {
            let reading = of_answer(contract, service, status, &pasted, hints, now);
            readings.push(Reading { marks: marks.clone(), ..reading });
        }
    }
    Ok(explanation("an answer", readings))
}

/// Whose an answer may be, and what speaks for it.
struct Place {
    contract: Option<Contract>,
    service: Option<Service>,
    marks: Vec<String>,
}

/// What was named, else what the marks speak for; at least one.
fn places(question: &Question, status: u16, pasted: &Pasted) -> Vec<Place> {
    let named = Place { contract: question.contract, service: question.service, marks: Vec::new() };
    if named.service.is_some() {
        return vec![named];
    }
    let is_possible =
        |one: &Detected| question.contract.is_none_or(|named| one.contract == named && one.service.is_some());
    let found: Vec<Place> = detect(status, &pasted.headers, &pasted.body)
        .into_iter()
        .filter(is_possible)
        .map(|one| Place { contract: Some(one.contract), service: one.service, marks: one.marks })
        .collect();
    if found.is_empty() { vec![named] } else { found }
}

/// The services that an answer may be of: the one that is known, else each that lists its code, else each that lists its
/// status; the contract as a whole when none does.
fn services(
    contract: Contract,
    service: Option<Service>,
    status: u16,
    pasted: &Pasted,
    now: SystemTime,
) -> Vec<Option<Service>> {
    if service.is_some() || contract.services().next().is_none() {
        return vec![service];
    }
    let Some(found) = understood(&Context::of(contract, None), status, pasted, now) else {
        // A success is a plain one: what bears a code or a mark besides its status is a failure.
        return services_or_none(rows_of(contract).filter(|row| row.status == Some(status) && row.code.is_none()));
    };
    if is_success(status) {
        return vec![found.row.and_then(|row| row.service)];
    }
    let has_status = |row: &&Row| row.status == Some(status);
    let code = found.code.as_deref();
    let has_code = |row: &&Row| row.code.is_some() && row.code == code && (row.status.is_none() || has_status(row));
    let coded = services_or_none(rows_of(contract).filter(has_code));
    if coded == [None] { services_or_none(rows_of(contract).filter(has_status)) } else { coded }
}

/// The services of some rows; none in particular when there are no rows.
fn services_or_none<'a>(rows: impl Iterator<Item = &'a Row>) -> Vec<Option<Service>> {
    let services = services_of(rows);
    if services.is_empty() { vec![None] } else { services }
}

/// The failure in an answer; `None` when it is a success.
fn understood(context: &Context, status: u16, pasted: &Pasted, now: SystemTime) -> Option<Classified> {
    let Pasted { headers, body, .. } = pasted;
    match is_success(status) {
        true => classify_success(context, status, headers, body, now),
        false => Some(classify(context, status, headers, body, now)),
    }
}

/// The status that some bodies repeat.
fn status_inside(body: &[u8]) -> Option<u16> {
    let value = document(body)?;
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
    let Some(found) = understood(&context, status, pasted, now) else { return of_success(contract, service, status) };
    let (row, others) = candidates(&context, status, &found, &pasted.headers, hints);
    let (kind, retry) = match (found.row, row) {
        (None, Some(row)) => (row.kind, row.retry),
        (_, _) => (found.kind, found.retry),
    };
    // A success that is none is no status that the contract fails to list.
    let note = note(status, &found).filter(|_| row.is_none());
    let page = row.or_else(|| unlisted(contract).filter(|_| note.is_none()));
    let error = page.map(|row| without_excluded(info(row), &pasted.headers, hints));
    Reading {
        assumed_wait_ms: assumed_wait(contract, retry, found.wait),
        is_listed: row.is_some(),
        note,
        error,
        is_open: row.is_some_and(|row| row.is_open),
        alternatives: others.into_iter().map(info).collect(),
        answer: Some(of_classified(found, now)),
        ..Reading::of(Some(contract), service, Some(status), (kind, retry))
    }
}

/// What is wrong with a success that is none.
fn note(status: u16, found: &Classified) -> Option<String> {
    let text = if found.is_quoted { "a success whose body holds an error" } else { &found.message };
    is_success(status).then(|| text.to_string())
}

/// The row of an answer, and the others that nothing in it rules out.
fn candidates(
    context: &Context,
    status: u16,
    found: &Classified,
    headers: &HeaderMap,
    hints: &Hints,
) -> (Option<&'static Row>, Vec<&'static Row>) {
    let (contract, service) = (context.contract, context.service);
    let coded = || open(contract, service, status, headers, hints);
    let is_bare = found.code.is_none() && !is_success(status);
    match found.row {
        Some(row) if row.code.is_none() && is_bare => (Some(row), coded()),
        // Nobody says that it was a write, which alone is refused for maintenance.
        Some(row) if row.kind == Kind::Maintenance && is_bare && hints.method.is_empty() => {
            let plain = lookup(contract, service, status, None);
            let others = plain.into_iter().chain(coded()).filter(|other| other.kind != Kind::Maintenance);
            (Some(row), others.collect())
        }
        Some(row) => (Some(row), Vec::new()),
        // A service that lists the status with codes only: it can be any of them.
        None if is_bare => coded().split_first().map_or((None, Vec::new()), |(row, rest)| (Some(*row), rest.to_vec())),
        None => (None, Vec::new()),
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

/// The rows with a code or a mark that an answer without any does not exclude.
fn open(
    contract: Contract,
    service: Option<Service>,
    status: u16,
    headers: &HeaderMap,
    hints: &Hints,
) -> Vec<&'static Row> {
    let rows = coded(contract, service, status).into_iter();
    rows.filter(|row| row.kind != Kind::Maintenance || !excludes_maintenance(headers, hints)).collect()
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

/// An answer that bears no mark of any contract: its status, and what any of the vendors' shapes of a body says.
fn of_nobody(status: u16, pasted: &Pasted, now: SystemTime) -> Reading {
    // A library answers nothing by itself: no vendor's rule applies.
    let context = Context::of(Contract::Pytenable, None);
    let Some(found) = understood(&context, status, pasted, now) else {
        return Reading::of(None, None, Some(status), (success_kind(status), Retry::Never));
    };
    let judged = (found.kind, found.retry);
    Reading {
        note: note(status, &found),
        answer: Some(of_classified(found, now)),
        ..Reading::of(None, None, Some(status), judged)
    }
}
