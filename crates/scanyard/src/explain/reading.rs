//! How a failure reads in each contract that it may belong to, and what the words of a question name.

use super::question::Question;
use anyhow::bail;
use scanyard_contract::catalogue::{by_id, lookup, rows, rows_of, unlisted};
use scanyard_contract::classify::{by_status, success_kind};
use scanyard_contract::wire::Detail;
use scanyard_contract::{Contract, ErrorInfo, Kind, Retry, Row, Service, Support, Timestamp};
use serde::Serialize;
use std::time::Duration;

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
    /// The wait in milliseconds that Scanyard's client keeps where an answer states none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assumed_wait_ms: Option<u64>,
    /// Whether the contract lists this failure.
    pub is_listed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// What is wrong with it, where no page of the catalogue can say it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// The catalogue's page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorInfo>,
    /// Whether the page's causes are of several kinds.
    #[serde(skip)]
    pub is_open: bool,
    /// What it may be besides: failures of the same status with a code or a mark of their own.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub alternatives: Vec<ErrorInfo>,
    /// What the pasted answer itself says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer: Option<Answer>,
}

impl Reading {
    /// A failure, or a success, of which no more than this is known.
    pub fn of(
        contract: Option<Contract>,
        service: Option<Service>,
        status: Option<u16>,
        (kind, retry): (Kind, Retry),
    ) -> Reading {
        Reading {
            contract,
            service,
            marks: Vec::new(),
            kind,
            retry,
            retryable: retry.is_retryable(),
            assumed_wait_ms: None,
            is_listed: false,
            status,
            note: None,
            error: None,
            is_open: false,
            alternatives: Vec::new(),
            answer: None,
        }
    }
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

pub(super) fn info(row: &Row) -> ErrorInfo {
    row.info(&Support::default())
}

/// Explains what the words name.
pub fn words(text: &str, question: &Question) -> anyhow::Result<Explanation> {
    // A status alone is also the id of its row, and means more than the row: it can be one of those with a code too.
    if let Some(row) = by_id(text).filter(|row| row.code.is_some() || row.status.is_none()) {
        return Ok(explanation(text, vec![of_row(row)]));
    }
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

pub(super) fn explanation(question: &str, readings: Vec<Reading>) -> Explanation {
    let is_ambiguous = readings.len() > 1 || readings.iter().any(|one| !one.alternatives.is_empty() || one.is_open);
    Explanation { question: question.to_string(), is_ambiguous, readings }
}

/// Every row with this code, whatever the case of its letters.
fn by_code(question: &Question) -> Vec<Reading> {
    let Some(code) = question.code.as_deref() else { return Vec::new() };
    // A class as a traceback names it, behind its module.
    let class = code.trim_end_matches(':').rsplit('.').next().unwrap_or(code);
    let is_asked = |row: &&Row| {
        let name = if row.contract == Contract::Pytenable { class } else { code };
        row.code.is_some_and(|known| known.eq_ignore_ascii_case(name))
            && question.contract.is_none_or(|contract| row.contract == contract)
            && question.service.is_none_or(|service| row.service == Some(service))
            && question.status.is_none_or(|status| row.status == Some(status))
    };
    rows().filter(is_asked).map(of_row).collect()
}

fn of_row(row: &'static Row) -> Reading {
    Reading {
        assumed_wait_ms: assumed_wait(row.contract, row.retry, None),
        is_listed: true,
        error: Some(info(row)),
        is_open: row.is_open,
        ..Reading::of(Some(row.contract), row.service, row.status, (row.kind, row.retry))
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
    let services = services_of(rows_of(contract).filter(|row| row.status == Some(status)));
    services.into_iter().flat_map(|service| one_service(contract, service, status)).collect()
}

/// The services of some rows, each once.
pub(super) fn services_of<'a>(rows: impl Iterator<Item = &'a Row>) -> Vec<Option<Service>> {
    let mut services = Vec::new();
    for row in rows {
        if !services.contains(&row.service) {
            services.push(row.service);
        }
    }
    services
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
pub(super) fn coded(contract: Contract, service: Option<Service>, status: u16) -> Vec<&'static Row> {
    let belongs = |row: &&Row| row.service == service || row.service == Some(Service::Common);
    rows_of(contract).filter(|row| row.status == Some(status) && row.code.is_some()).filter(belongs).collect()
}

fn of_unlisted(contract: Contract, service: Option<Service>, status: u16) -> Reading {
    if is_success(status) {
        return of_success(contract, service, status);
    }
    let (kind, retry) = by_status(status);
    Reading {
        assumed_wait_ms: assumed_wait(contract, retry, None),
        error: unlisted(contract).map(info),
        ..Reading::of(Some(contract), service, Some(status), (kind, retry))
    }
}

pub(super) fn is_success(status: u16) -> bool {
    (200..300).contains(&status)
}

pub(super) fn of_success(contract: Contract, service: Option<Service>, status: u16) -> Reading {
    let row = lookup(contract, service, status, None);
    Reading {
        is_listed: row.is_some(),
        error: row.map(info),
        ..Reading::of(Some(contract), service, Some(status), (success_kind(status), Retry::Never))
    }
}

/// The wait in milliseconds that the client keeps after a refusal that states none.
pub(super) fn assumed_wait(contract: Contract, retry: Retry, stated: Option<Duration>) -> Option<u64> {
    let wait = contract.assumed_wait().filter(|_| retry == Retry::AfterWait && stated.is_none())?;
    u64::try_from(wait.as_millis()).ok()
}

#[cfg(test)]
mod tests {
    use super::super::question::Asked;
    use super::*;

    #[test]
    fn every_id_is_explained_as_its_row() {
        for id in rows().map(Row::id) {
            let Asked::Words(question) = Question::parse(&id).unwrap() else { panic!("{id} asks for an answer") };
            let found = words(&id, &question).unwrap();
            assert_eq!(found.readings[0].error.as_ref().unwrap().id, id);
            assert_eq!(found.readings.len(), 1, "{id}");
        }
    }
}
