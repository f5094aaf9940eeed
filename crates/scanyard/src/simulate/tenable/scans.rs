//! Scans: made, launched, stopped, exported as a file; the templates that they are made from.

use super::{bad, fail, file, found, ok};
use crate::simulate::State;
use crate::simulate::data::{number_of, uuid};
use crate::simulate::exchange::{Asked, Reply};
use serde_json::{Value, json};

/// The most scans that there are before one is made.
const MADE: u64 = 100;
/// More scans at once are refused.
const MAX_ACTIVE: usize = 25;
/// Templates by name and title.
const TEMPLATES: [(&str, &str); 4] = [
    ("basic", "Basic Network Scan"),
    ("advanced", "Advanced Network Scan"),
    ("discovery", "Host Discovery"),
    ("webapp", "Web Application Tests"),
];
/// The place of scans among the lists.
const PLACE: &str = "scans";
/// What one is called.
const KIND: &str = "scan";

/// What stands behind `/scans`.
pub fn answer(state: &mut State, asked: &Asked, rest: &[&str], items: u64) -> Reply {
    let items = items.min(MADE);
    match (asked.method.as_str(), rest) {
        ("GET", []) => {
            let (scans, _) = state.shelf(PLACE).page(KIND, items, 0, u64::MAX);
            let scans: Vec<Value> = scans.iter().map(shown).collect();
            ok(json!({ "folders": [], "scans": scans, "timestamp": 1_700_000_000 }))
        }
        ("POST", []) if !asked.json().is_object() => bad("Invalid request payload JSON format"),
        ("POST", []) => {
            let name = asked.json()["settings"]["name"].clone();
            ok(json!({ "scan": make(state, name, "empty", items) }))
        }
        ("POST", ["import"]) if asked.text("file").is_empty() => bad("file is required"),
        ("POST", ["import"]) => ok(json!({ "scan": make(state, json!(asked.text("file")), "imported", items) })),
        (_, [] | ["import"]) => fail(asked, 405),
        (_, [id, rest @ ..]) => match find(state, id, items) {
            Some(scan) => one(state, asked, &scan, rest, items),
            None => fail(asked, 404),
        },
    }
}

fn make(state: &mut State, name: Value, status: &str, items: u64) -> Value {
    shown(&state.shelf(PLACE).add(KIND, items, &json!({ "name": name, "status": status })))
}

fn find(state: &mut State, id: &str, items: u64) -> Option<Value> {
    let number = id.parse().ok().or_else(|| number_of(id))?;
    state.shelf(PLACE).get(KIND, number, items).map(|scan| shown(&scan))
}

/// A scan as the list has it.
fn shown(kept: &Value) -> Value {
    let number = kept["id"].as_u64().unwrap_or_default();
    let name = if kept["name"].is_null() { json!(format!("scan {number}")) } else { kept["name"].clone() };
    let status = kept["status"].as_str().unwrap_or("completed");
    json!({ "id": number, "uuid": uuid(2, number), "schedule_uuid": uuid(5, number), "name": name, "status": status,
        "owner": "ada@example.test", "enabled": true, "read": true, "shared": false, "control": true, "type": "remote",
        "legacy": false, "permissions": 128, "user_permissions": 128, "policy_id": null, "template_uuid": template(0),
        "wizard_uuid": template(0), "rrules": null, "starttime": null, "timezone": null,
        "creation_date": 1_700_000_000, "last_modification_date": 1_700_000_000 })
}

/// What can be done with a scan.
fn one(state: &mut State, asked: &Asked, scan: &Value, rest: &[&str], items: u64) -> Reply {
    let (number, status) = (scan["id"].as_u64().unwrap_or_default(), scan["status"].as_str().unwrap_or_default());
    match (asked.method.as_str(), rest) {
        ("GET", []) => ok(results(scan)),
        ("DELETE", []) => {
            state.shelf(PLACE).delete(KIND, number, items);
            Reply::empty(200)
        }
        ("PUT", []) => {
            let name = &asked.json()["settings"]["name"];
            let changes = if name.is_null() { json!({}) } else { json!({ "name": name }) };
            found(asked, state.shelf(PLACE).change(KIND, number, items, &changes).as_ref().map(shown))
        }
        ("POST", ["copy"]) => {
            let of = scan["name"].as_str().unwrap_or_default();
            let name = asked.json()["name"].as_str().map_or(format!("Copy of {of}"), str::to_string);
            ok(make(state, json!(name), "empty", items))
        }
        ("POST", [verb @ ("launch" | "stop" | "pause" | "resume")]) => {
            control(state, asked, verb, number, status, items)
        }
        ("GET", ["latest-status"]) => {
            // Each look finds it further.
            let next = match status {
                "pending" => "running",
                "running" => "completed",
                other => other,
            };
            if next != status {
                put(state, number, next, items);
            }
            ok(json!({ "status": status }))
        }
        ("GET", ["history"]) => ok(json!({ "history": [], "pagination": { "total": 0 } })),
        ("POST", ["export"]) => ok(json!({ "file": number })),
        ("GET", ["export", _, "status"]) => ok(json!({ "status": "ready" })),
        ("GET", ["export", _, "download"]) => file(),
        (_, [] | ["launch" | "stop" | "pause" | "resume" | "latest-status" | "history" | "export" | "copy"]) => {
            fail(asked, 405)
        }
        _ => fail(asked, 404),
    }
}

fn put(state: &mut State, number: u64, status: &str, items: u64) {
    state.shelf(PLACE).change(KIND, number, items, &json!({ "status": status }));
}

/// What a scan's status does not allow is a conflict.
fn control(state: &mut State, asked: &Asked, verb: &str, number: u64, status: &str, items: u64) -> Reply {
    let next = match (verb, status) {
        ("launch", "imported") => return fail(asked, 403),
        ("launch", "pending" | "running" | "paused") => None,
        ("launch", _) => Some("pending"),
        ("stop", "pending" | "running" | "paused") => Some("stopped"),
        ("pause", "pending" | "running") => Some("paused"),
        ("resume", "paused") => Some("running"),
        _ => None,
    };
    let Some(next) = next else {
        let message = "The scan is not in a state that allows this";
        return Reply::json(409, &json!({ "statusCode": 409, "error": "Conflict", "message": message }));
    };
    let (scans, _) = state.shelf(PLACE).page(KIND, items, 0, u64::MAX);
    let is_active = |scan: &&Value| matches!(scan["status"].as_str(), Some("pending" | "running" | "paused"));
    if verb == "launch" && scans.iter().filter(is_active).count() >= MAX_ACTIVE {
        return fail(asked, 429);
    }
    put(state, number, next, items);
    if verb == "launch" { ok(json!({ "scan_uuid": uuid(3, state.requests) })) } else { Reply::empty(200) }
}

fn results(scan: &Value) -> Value {
    let info = json!({ "object_id": scan["id"], "name": scan["name"], "status": scan["status"], "owner": scan["owner"],
        "uuid": scan["uuid"], "schedule_uuid": scan["schedule_uuid"], "control": true, "user_permissions": 128,
        "hostcount": 0, "targets": "192.0.2.1", "folder_id": 1 });
    json!({ "info": info, "hosts": [], "vulnerabilities": [], "comphosts": [], "compliance": [], "filters": [],
        "history": [], "notes": [], "remediations": { "num_cves": 0, "num_hosts": 0, "remediations": [] } })
}

fn template(index: usize) -> String {
    uuid(0x7e, index as u64 + 1)
}

/// `/editor/{kind}/templates`: all of them, or one with what can be set.
pub fn templates(asked: &Asked, rest: &[&str]) -> Reply {
    let one = |(index, (name, title)): (usize, &(&str, &str))| {
        json!({ "uuid": template(index), "name": name, "title": title, "desc": title, "order": null, "icon": name,
            "unsupported": false, "cloud_only": false, "subscription_only": false, "manager_only": false, "is_was": null,
            "is_agent": null })
    };
    match rest {
        [] => ok(json!({ "templates": TEMPLATES.iter().enumerate().map(one).collect::<Vec<_>>() })),
        [id] => {
            let is_it = |(index, _): &(usize, &(&str, &str))| template(*index) == *id;
            let known = TEMPLATES.iter().enumerate().find(is_it);
            found(asked, known.map(|(_, (name, title))| document(id, name, title)))
        }
        _ => fail(asked, 404),
    }
}

/// `GET /editor/scan/{id}`: a scan as it is edited.
pub fn edited(state: &mut State, asked: &Asked, id: &str, items: u64) -> Reply {
    let scan = find(state, id, items.min(MADE));
    found(asked, scan.map(|scan| document(&template(0), scan["name"].as_str().unwrap_or_default(), TEMPLATES[0].1)))
}

/// What can be set, with the scanners that there are.
pub fn document(uuid: &str, name: &str, title: &str) -> Value {
    let scanners = json!([{ "name": super::lists::SCANNER, "id": super::lists::SCANNER_UUID }]);
    let basic = json!({ "inputs": [{ "id": "name", "type": "entry", "name": "Name", "default": name },
        { "id": "scanner_id", "type": "select", "name": "Scanner", "options": scanners }], "groups": [], "sections": [],
        "title": "Basic" });
    json!({ "uuid": uuid, "name": name, "title": title, "owner": "ada@example.test", "user_permissions": 128, "is_was": null,
        "is_agent": null, "filter_attributes": [], "credentials": { "data": [] }, "compliance": { "data": [] },
        "plugins": { "families": {} }, "settings": { "basic": basic } })
}
