//! An explanation for people.

use super::reading::{Answer, Explanation, Reading};
use scanyard_contract::{Contract, ErrorInfo};
use std::fmt::Write;

/// The whole text.
pub fn show(explanation: &Explanation) -> String {
    let mut out = String::new();
    if explanation.readings.len() > 1 {
        let _ = writeln!(out, "{} can mean any of these:\n", explanation.question);
    }
    for (index, reading) in explanation.readings.iter().enumerate() {
        if index > 0 {
            out.push_str("\n----\n\n");
        }
        one(&mut out, reading);
    }
    out
}

fn one(out: &mut String, reading: &Reading) {
    let _ = writeln!(out, "{}", heading(reading));
    if !reading.marks.is_empty() {
        let _ = writeln!(out, "Recognised by {}.", reading.marks.join(", "));
    }
    if let Some(answer) = &reading.answer {
        said(out, answer);
    }
    match &reading.error {
        Some(error) => page(out, reading, error),
        None => {
            let whose = match reading.contract {
                Some(contract) => format!("{} lists no such answer", contract.title()),
                None => {
                    "Nothing in this answer tells whose it is; name the API, as in `scanyard explain tenable`".into()
                }
            };
            let _ = writeln!(out, "\n{whose}. The status alone says: {}.", reading.kind.as_str().replace('_', " "));
        }
    }
    let _ = writeln!(out, "\nTry again: {}", again(reading));
    if !reading.alternatives.is_empty() {
        out.push_str("\nNothing here rules out that it is one of these:\n");
        for other in &reading.alternatives {
            let _ = writeln!(out, "  - {}: {} ({})", other.id, other.meaning, other.kind);
        }
    }
}

fn heading(reading: &Reading) -> String {
    let name = match (&reading.error, reading.is_listed) {
        (Some(error), true) => error.id.clone(),
        (Some(_), false) | (None, _) => {
            let place = reading.contract.map_or("an unknown API".to_string(), |contract| contract.to_string());
            let service = reading.service.map_or(String::new(), |service| format!("/{service}"));
            let status = reading.status.map_or(String::new(), |status| format!(" {status}"));
            format!("{place}{service}{status}: not listed")
        }
    };
    format!("{name} ({})", reading.kind)
}

fn said(out: &mut String, answer: &Answer) {
    let said: Vec<&str> = answer.code.iter().chain(&answer.message).map(String::as_str).collect();
    if !said.is_empty() {
        let _ = writeln!(out, "The answer says: {}", said.join(": "));
    }
    for detail in &answer.details {
        let field = detail.field.as_ref().map_or(String::new(), |field| format!("{field}: "));
        let _ = writeln!(out, "  - {field}{}", detail.reason);
    }
    if !answer.parameters.is_empty() {
        let _ = writeln!(out, "It is about: {}", answer.parameters.join(", "));
    }
    if let Some(id) = &answer.request_id {
        let _ = writeln!(out, "Quote to support: {id}");
    }
}

fn page(out: &mut String, reading: &Reading, error: &ErrorInfo) {
    if error.contract == Contract::Pytenable
        && let Some(status) = error.status
    {
        let _ = writeln!(out, "Stands for status {status}.");
    }
    if error.service != reading.service && reading.service.is_some() && reading.is_listed {
        out.push_str("The service's own table does not list it; this is what all services share.\n");
    }
    let _ = writeln!(out, "\n{}\n\nCauses:", error.meaning);
    for cause in &error.causes {
        let _ = writeln!(out, "  - {cause}");
    }
    let _ = writeln!(out, "\nWhat to do:\n  {}", error.resolution);
}

fn again(reading: &Reading) -> String {
    let advice = reading.retry.advice();
    let answer = reading.answer.as_ref();
    match answer.and_then(|answer| Some((answer.wait_ms?, answer.wait_until?))) {
        Some((wait, until)) if reading.retryable => {
            format!("{advice}\n  This answer asks for {} s: not before {until}.", seconds(wait))
        }
        Some(_) | None => advice.to_string(),
    }
}

fn seconds(milliseconds: u64) -> String {
    let (whole, part) = (milliseconds / 1000, milliseconds % 1000);
    if part == 0 { whole.to_string() } else { format!("{whole}.{part:03}") }
}
