//! Exports in chunks: started, watched, read, cancelled.

use super::{bad, fail, ok};
use crate::simulate::State;
use crate::simulate::data::uuid;
use crate::simulate::exchange::{Asked, Reply};
use serde_json::{Value, json};

/// More exports at once are refused.
const MAX_EXPORTS: usize = 10;
/// Items of one chunk.
const CHUNK: u64 = 50;

/// One export under way.
#[derive(Debug)]
pub struct Export {
    kind: String,
    /// What makes two exports the same.
    request: Value,
    /// How often its state was asked for: each time it gets on.
    polls: u32,
    is_cancelled: bool,
}

impl Export {
    fn status(&self) -> &'static str {
        match (self.is_cancelled, self.polls) {
            (true, _) => "CANCELLED",
            (false, 0) => "QUEUED",
            (false, 1) => "PROCESSING",
            (false, _) => "FINISHED",
        }
    }

    fn chunks(&self, items: u64) -> Vec<u64> {
        let all = items.div_ceil(CHUNK);
        match self.status() {
            "FINISHED" => (1..=all).collect(),
            "PROCESSING" => (1..=all.min(1)).collect(),
            _ => Vec::new(),
        }
    }
}

/// `POST /{kind}/export`.
pub fn start(state: &mut State, asked: &Asked, kind: &str) -> Reply {
    if asked.method != "POST" {
        return fail(asked, 405);
    }
    let request = asked.json();
    if !request.is_object() {
        return bad("Invalid request payload JSON format");
    }
    let (name, bounds) = match kind {
        "assets" => ("chunk_size", 100..=10_000),
        "compliance" => ("num_findings", 50..=5000),
        _ => ("num_assets", 50..=5000),
    };
    let size = &request[name];
    if !size.is_null() && !size.as_u64().is_some_and(|size| bounds.contains(&size)) {
        let validation = json!({ "source": "payload", "keys": [name] });
        let message = format!("{name} must be {} to {}", bounds.start(), bounds.end());
        let body = json!({ "statusCode": 400, "error": "Bad Request", "message": message, "validation": validation });
        return Reply::json(400, &body);
    }
    let is_running = |export: &Export| matches!(export.status(), "QUEUED" | "PROCESSING");
    let twin =
        state.exports.iter().find(|(_, known)| known.kind == kind && known.request == request && is_running(known));
    if let Some((job, _)) = twin {
        let reason = "An export with the same filters is under way";
        return Reply::json(409, &json!({ "active_job_id": job, "failure_reason": reason }));
    }
    if state.exports.values().filter(|export| is_running(export)).count() >= MAX_EXPORTS {
        return fail(asked, 429);
    }
    let job = uuid(6, state.requests);
    state.exports.insert(job.clone(), Export { kind: kind.to_string(), request, polls: 0, is_cancelled: false });
    ok(json!({ "export_uuid": job }))
}

/// What stands behind `/{kind}/export`.
pub fn answer(state: &mut State, asked: &Asked, kind: &str, rest: &[&str], items: u64) -> Reply {
    if let (["status"], "GET") = (rest, asked.method.as_str()) {
        let exports = state.exports.iter().filter(|(_, export)| export.kind == kind);
        let exports: Vec<Value> =
            exports.map(|(job, export)| json!({ "uuid": job, "status": export.status() })).collect();
        return ok(json!({ "exports": exports }));
    }
    let job = rest.first().copied().unwrap_or_default();
    let Some(export) = state.exports.get_mut(job).filter(|export| export.kind == kind) else { return fail(asked, 404) };
    match (asked.method.as_str(), &rest[1..]) {
        ("GET", ["status"]) => {
            let chunks = export.chunks(items);
            let answer = json!({ "uuid": job, "status": export.status(), "chunks_available": chunks, "chunks_failed": [],
                "chunks_cancelled": [], "total_chunks": items.div_ceil(CHUNK), "chunks_available_count": chunks.len(),
                "empty_chunks_count": 0, "finished_chunks": chunks.len(), "created": 1_700_000_000_000_i64 });
            export.polls = export.polls.saturating_add(1);
            ok(answer)
        }
        ("GET", ["chunks", number]) => match number.parse::<u64>() {
            Ok(number) if number >= 1 && number <= items.div_ceil(CHUNK) => chunk(kind, number, items),
            Ok(_) | Err(_) => fail(asked, 404),
        },
        ("POST", ["cancel"]) => {
            export.is_cancelled = true;
            ok(json!({ "export_uuid": job, "export_status": "CANCELLED", "status": "CANCELLED" }))
        }
        (_, ["status" | "cancel"] | ["chunks", _]) => fail(asked, 405),
        _ => fail(asked, 404),
    }
}

fn chunk(kind: &str, number: u64, items: u64) -> Reply {
    let first = (number - 1) * CHUNK + 1;
    let one = |n: u64| match kind {
        "vulns" => json!({ "asset": { "uuid": uuid(4, n), "hostname": format!("host{n}.example.test") },
            "plugin": { "id": 10_000 + n % 100, "name": "simulated" }, "severity": "medium", "severity_id": 2, "state": "OPEN",
            "output": "", "port": { "port": 443, "protocol": "TCP" } }),
        "assets" => json!({ "id": uuid(4, n), "has_agent": false, "fqdns": [format!("host{n}.example.test")] }),
        _ => json!({ "asset_uuid": uuid(4, n), "check_name": "simulated", "status": "PASSED" }),
    };
    let list: Vec<Value> = (first..=items.min(first + CHUNK - 1)).map(one).collect();
    // The vendor's own type for this JSON.
    let kind_of_body = if kind == "vulns" { "application/octet-stream" } else { "application/json" };
    Reply::json(200, &json!(list)).with("content-type", kind_of_body)
}
