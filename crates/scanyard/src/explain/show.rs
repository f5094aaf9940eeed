//! An explanation for people.

use super::reading::{Answer, Explanation, Reading};
use scanyard_client::Retrying;
use scanyard_contract::{Contract, ErrorInfo, Retry};
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
    match (&reading.error, &reading.note) {
        (Some(error), _) => page(out, reading, error),
        (None, Some(note)) => {
            let _ = writeln!(out, "\nThis is {note}.");
        }
        (None, None) => {
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
            let what = if reading.note.is_some() { "a failure in a success" } else { "not listed" };
            format!("{place}{service}{status}: {what}")
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
    let which = if reading.is_open { " (the answer does not tell which)" } else { "" };
    let _ = writeln!(out, "\n{}\n\nCauses{which}:", error.meaning);
    for cause in &error.causes {
        let _ = writeln!(out, "  - {cause}");
    }
    let _ = writeln!(out, "\nWhat to do:\n  {}", error.resolution);
}

fn again(reading: &Reading) -> String {
    let advice = reading.retry.advice();
    if !reading.retryable {
        return advice.to_string();
    }
    let answer = reading.answer.as_ref();
    if let Some(wait) = answer.and_then(|answer| answer.wait_ms) {
        // What is past the end of the calendar has no date.
        let until = answer.and_then(|answer| answer.wait_until);
        let until =
            until.map_or("longer than any client should wait".to_string(), |until| format!("not before {until}"));
        return format!("{advice}\n  This answer asks for {} s: {until}.", seconds(wait));
    }
    if reading.retry != Retry::AfterWait {
        return advice.to_string();
    }
    let client = match reading.assumed_wait_ms {
        Some(wait) => format!("{} s", seconds(wait)),
        None => format!("at most {} s, then twice as long with each try", Retrying::default().base.as_secs()),
    };
    match answer {
        Some(_) => format!(
            "Yes, whatever the method: the request was not carried out.\n  \
             This answer states no wait: Scanyard's client waits {client}."
        ),
        None => format!("{advice}\n  Where an answer states no wait, Scanyard's client waits {client}."),
    }
}

fn seconds(milliseconds: u64) -> String {
    let (whole, part) = (milliseconds / 1000, milliseconds % 1000);
    if part == 0 { whole.to_string() } else { format!("{whole}.{part:03}") }
}
