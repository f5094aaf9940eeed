//! Tenable Vulnerability Management.

use super::State;
use super::data::{item, number_of, uuid};
use super::exchange::{Asked, Reply};
use super::failure;
use scanyard_contract::Contract;
use serde_json::{Value, json};
use std::time::Instant;

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

fn fail(asked: &Asked, status: u16) -> Reply {
    failure::by_status(Contract::Tenable, asked, status)
}

fn bad(message: &str) -> Reply {
    Reply::json(400, &json!({ "statusCode": 400, "error": "Bad Request", "message": message }))
}

fn ok(body: Value) -> Reply {
    Reply::json(200, &body).with("content-type", "application/json; charset=utf-8")
}

/// The vendor's answer.
pub fn answer(state: &mut State, asked: &Asked, items: u64) -> Reply {
    let method = asked.method.as_str();
    match (method, asked.segments().as_slice()) {
        ("GET", ["server", "status"]) => return ok(json!({ "code": 200, "status": "ready" })),
        ("POST", ["session"]) => return sign_in(state, asked),
        _ => {}
    }
    if !is_known(state, asked) {
        let message = "Missing authentication";
        return Reply::json(401, &json!({ "statusCode": 401, "error": "Unauthorized", "message": message }));
    }
    if let Some(refused) = impersonation(state, asked) {
        return refused;
    }
    let segments = asked.segments();
    match segments.as_slice() {
        ["session"] => session(state, asked),
        ["scans", ..] => scans(state, asked, &segments[1..], items),
        ["filters", "scans", "reports"] => only(asked, "GET", || ok(json!({ "filters": [] }))),
        ["users", ..] => users(state, asked, &segments[1..]),
        ["assets", "v2", "export"] | ["assets" | "vulns" | "compliance", "export"] => {
            start_export(state, asked, segments[0])
        }
        [kind @ ("assets" | "vulns" | "compliance"), "export", rest @ ..] => export(state, asked, kind, rest, items),
        ["assets"] => only(asked, "GET", || assets(items)),
        ["assets", id] => only(asked, "GET", || found(asked, asset(id, items))),
        ["plugins", rest @ ..] => plugins(asked, rest, items),
        ["workbenches", "export", rest @ ..] => only(asked, "GET", || workbench(asked, rest)),
        ["file", "upload"] => only(asked, "POST", || upload(asked)),
        _ => fail(asked, 404),
    }
}

fn only(asked: &Asked, method: &str, reply: impl FnOnce() -> Reply) -> Reply {
    if asked.method == method { reply() } else { fail(asked, 405) }
}

/// The name that a file gets is its own.
fn upload(asked: &Asked) -> Reply {
    let Some(boundary) = asked.header("content-type").strip_prefix("multipart/form-data; boundary=") else {
        return fail(asked, 415);
    };
    let body = String::from_utf8_lossy(&asked.body);
    let part = body.split(&format!("--{}", boundary.trim_matches('"'))).find(|part| part.contains("name=\"Filedata\""));
    let name = part.and_then(|part| part.split("filename=\"").nth(1)?.split('"').next()).unwrap_or_default();
    if name.is_empty() {
        bad("the form has no file in its field Filedata")
    } else {
        ok(json!({ "fileuploaded": name }))
    }
}

fn found(asked: &Asked, object: Option<Value>) -> Reply {
    object.map_or_else(|| fail(asked, 404), ok)
}

/// Two keys, or a session that was made by signing in.
fn is_known(state: &mut State, asked: &Asked) -> bool {
    let keys = asked.header("x-apikeys");
    let has = |name: &str| {
        keys.split(';')
            .filter_map(|part| part.trim().split_once('='))
            .any(|(known, value)| known == name && !value.is_empty())
    };
    let cookies = [asked.header("cookie"), asked.header("x-cookie")];
    let mut tokens = cookies.iter().flat_map(|cookie| cookie.split(';')).filter_map(|part| part.trim().split_once('='));
    (has("accessKey") && has("secretKey")) || tokens.any(|(_, token)| state.sessions.contains_key(token))
}

fn sign_in(state: &mut State, asked: &Asked) -> Reply {
    let (name, password) = (asked.text("username"), asked.text("password"));
    if name.is_empty() || password.is_empty() {
        return bad("username and password are required");
    }
    if password == "wrong" {
        return fail(asked, 401);
    }
    let token = uuid(0x5e55, state.requests).replace('-', "");
    state.sessions.insert(token.clone(), Instant::now());
    ok(json!({ "token": token })).with("set-cookie", format!("tenable_session={token}; Path=/; HttpOnly"))
}

fn session(state: &mut State, asked: &Asked) -> Reply {
    match asked.method.as_str() {
        "GET" => ok(json!({ "id": 1, "uuid": uuid(1, 1), "username": "ada@example.test", "email": "ada@example.test",
            "permissions": 64, "enabled": true, "container_id": 1 })),
        "DELETE" => {
            state.sessions.clear();
            Reply::empty(200)
        }
        _ => fail(asked, 405),
    }
}

/// Whoever acts for a user that does not exist is refused.
fn impersonation(state: &mut State, asked: &Asked) -> Option<Reply> {
    let name = asked.header("x-impersonate").strip_prefix("username=")?;
    let is_there = name == "ada@example.test" || state.shelf("users").has("username", name);
    let body = json!({ "statusCode": 403, "error": "Forbidden", "message": "Unable to impersonate" });
    (!is_there).then(|| Reply::json(403, &body))
}

fn users(state: &mut State, asked: &Asked, rest: &[&str]) -> Reply {
    let made = 2;
    match (asked.method.as_str(), rest) {
        ("GET", []) => {
            let (users, _) = state.shelf("users").page("users", made, 0, 1000);
            ok(json!({ "users": users }))
        }
        ("POST", []) => {
            let user = asked.json();
            let name = asked.text("username");
            if name.is_empty() || asked.text("password").is_empty() {
                return bad("username and password are required");
            }
            if state.shelf("users").has("username", &name) {
                let body = json!({ "statusCode": 409, "error": "Conflict", "message": "The user name is taken" });
                return Reply::json(409, &body);
            }
            if is_weak(&asked.text("password")) {
                return weak();
            }
            let mut user = user;
            if let Some(fields) = user.as_object_mut() {
                fields.remove("password");
            }
            ok(state.shelf("users").add("users", made, &user))
        }
        (method, [id]) => {
            let Ok(id) = id.parse() else { return fail(asked, 404) };
            match method {
                "GET" => found(asked, state.shelf("users").get("users", id, made)),
                "PUT" => found(asked, state.shelf("users").change("users", id, made, &asked.json())),
                "DELETE" if state.shelf("users").delete("users", id, made) => Reply::empty(200),
                "DELETE" => fail(asked, 404),
                _ => fail(asked, 405),
            }
        }
        ("PUT", [_, "chpasswd"]) if is_weak(&asked.text("password")) => weak(),
        ("PUT", [_, "chpasswd"]) => Reply::empty(200),
        (_, []) | (_, [_, "chpasswd"]) => fail(asked, 405),
        _ => fail(asked, 404),
    }
}

/// The vendor's policy: twelve characters of four kinds.
fn is_weak(password: &str) -> bool {
    let has = |is: fn(char) -> bool| password.chars().any(is);
    let kinds =
        [has(char::is_uppercase), has(char::is_lowercase), has(|c| c.is_ascii_digit()), has(|c| !c.is_alphanumeric())];
    password.chars().count() < 12 || kinds.contains(&false)
}

fn weak() -> Reply {
    Reply::json(400, &json!({ "error": "Password does not meet the requirements" }))
}

fn scan(number: u64) -> Value {
    json!({ "id": number, "uuid": uuid(2, number), "name": format!("scan {number}"), "status": "completed",
        "owner": "ada@example.test", "enabled": true, "read": true, "shared": false, "control": true, "type": "remote",
        "user_permissions": 128, "creation_date": 1_700_000_000, "last_modification_date": 1_700_000_000 })
}

fn scans(state: &mut State, asked: &Asked, rest: &[&str], items: u64) -> Reply {
    let method = asked.method.as_str();
    if (method, rest) == ("POST", &["import"][..]) {
        return import(asked, items);
    }
    let Some(first) = rest.first() else {
        return match method {
            "GET" => {
                let scans: Vec<Value> = (1..=items.min(100)).map(scan).collect();
                ok(json!({ "folders": [], "scans": scans, "timestamp": 1_700_000_000 }))
            }
            "POST" if !asked.json().is_object() => bad("Invalid request payload JSON format"),
            "POST" => {
                let name = asked.json()["settings"]["name"].clone();
                ok(json!({ "scan": state.shelf("scans").add("scans", items, &json!({ "name": name })) }))
            }
            _ => fail(asked, 405),
        };
    };
    let number = first.parse().ok().or_else(|| number_of(first)).unwrap_or(0);
    if state.shelf("scans").get("scans", number, items).is_none() {
        return fail(asked, 404);
    }
    match (method, &rest[1..]) {
        ("GET", []) => {
            ok(json!({ "info": { "status": "completed", "object_id": number }, "hosts": [], "history": [] }))
        }
        ("DELETE", []) => {
            state.shelf("scans").delete("scans", number, items);
            Reply::empty(200)
        }
        ("PUT", []) => ok(scan(number)),
        ("POST", ["launch"]) => ok(json!({ "scan_uuid": uuid(3, number) })),
        // Nothing runs here, so that there is nothing to stop.
        ("POST", ["stop" | "pause" | "resume"]) => {
            let message = "The scan is not in a state that allows this";
            Reply::json(409, &json!({ "statusCode": 409, "error": "Conflict", "message": message }))
        }
        ("GET", ["latest-status"]) => ok(json!({ "status": "completed" })),
        ("GET", ["history"]) => ok(json!({ "history": [], "pagination": { "total": 0 } })),
        ("POST", ["export"]) => ok(json!({ "file": number })),
        ("GET", ["export", _, "status"]) => ok(json!({ "status": "ready" })),
        ("GET", ["export", _, "download"]) => file(),
        (_, [] | ["launch" | "stop" | "pause" | "resume" | "latest-status" | "history" | "export"]) => fail(asked, 405),
        _ => fail(asked, 404),
    }
}

fn import(asked: &Asked, items: u64) -> Reply {
    match asked.text("file").as_str() {
        "" => bad("file is required"),
        _ => ok(json!({ "scan": scan(items + 1) })),
    }
}

fn file() -> Reply {
    let body = "<?xml version=\"1.0\" ?>\n<NessusClientData_v2></NessusClientData_v2>\n";
    Reply::text(200, "application/octet-stream", body).with("content-disposition", "attachment; filename=report.nessus")
}

fn workbench(asked: &Asked, rest: &[&str]) -> Reply {
    match rest {
        [] => ok(json!({ "file": 1 })),
        [_, "status"] => ok(json!({ "progress_total": "1", "progress": "1", "status": "ready" })),
        [_, "download"] if !asked.accepts("application/octet-stream") => fail(asked, 406),
        [_, "download"] => file(),
        _ => fail(asked, 404),
    }
}

fn assets(items: u64) -> Reply {
    let assets: Vec<Value> = (1..=items.min(5000)).filter_map(|number| asset(&uuid(4, number), items)).collect();
    ok(json!({ "total": assets.len(), "assets": assets }))
}

fn asset(id: &str, items: u64) -> Option<Value> {
    let number = number_of(id).filter(|number| (1..=items).contains(number))?;
    Some(json!({ "id": uuid(4, number), "has_agent": false, "last_seen": "2026-01-01T00:00:00.000Z",
        "sources": [], "ipv4": [format!("192.0.2.{}", number % 256)], "ipv6": [], "fqdn": [format!("host{number}.example.test")],
        "netbios_name": [], "operating_system": ["Linux"], "agent_name": [], "mac_address": [] }))
}

fn plugins(asked: &Asked, rest: &[&str], items: u64) -> Reply {
    if asked.method != "GET" {
        return fail(asked, 405);
    }
    match rest {
        ["families"] => ok(json!({ "families": [{ "id": 1, "name": "General", "count": items }] })),
        ["families", "1"] => ok(json!({ "id": 1, "name": "General", "plugins": [item("plugin", 1)] })),
        ["plugin", id] => {
            let number = id.parse().ok().filter(|number| (1..=items).contains(number));
            found(asked, number.map(|number| item("plugin", number)))
        }
        ["plugin"] => {
            let (Ok(page), Ok(size)) = (asked.number("page", 1), asked.number("size", 1000)) else {
                return bad("page and size are numbers");
            };
            if page == 0 || size == 0 || size > 10_000 {
                return bad("size is 1 to 10000");
            }
            let first = (page - 1).saturating_mul(size);
            let details: Vec<Value> =
                (first + 1..=items.min(first.saturating_add(size))).map(|number| item("plugin", number)).collect();
            ok(json!({ "data": { "plugin_details": details }, "size": details.len(), "total_count": items,
                "params": { "page": page, "size": size, "last_updated": "1970-01-01" } }))
        }
        _ => fail(asked, 404),
    }
}

fn start_export(state: &mut State, asked: &Asked, kind: &str) -> Reply {
    if asked.method != "POST" {
        return fail(asked, 405);
    }
    let request = asked.json();
    if !request.is_object() {
        return bad("Invalid request payload JSON format");
    }
    let is_within = |name: &str, from: u64, to: u64| {
        request[name].is_null() || request[name].as_u64().is_some_and(|n| (from..=to).contains(&n))
    };
    let is_good = match kind {
        "vulns" => is_within("num_assets", 50, 5000),
        "assets" => is_within("chunk_size", 100, 10_000),
        _ => is_within("num_findings", 50, 5000),
    };
    if !is_good {
        let validation = json!({ "source": "payload", "keys": ["num_assets"] });
        let body =
            json!({ "statusCode": 400, "error": "Bad Request", "message": "out of bounds", "validation": validation });
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

fn export(state: &mut State, asked: &Asked, kind: &str, rest: &[&str], items: u64) -> Reply {
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
