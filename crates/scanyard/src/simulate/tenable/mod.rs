//! Tenable Vulnerability Management.

mod export;
mod lists;
mod scans;
mod users;

pub use export::Export;

use super::State;
use super::data::{item, number_of, uuid};
use super::exchange::{Asked, Reply};
use super::failure;
use scanyard_contract::Contract;
use serde_json::{Value, json};
use std::time::Instant;

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
        ["session", "chpasswd"] => only(asked, "PUT", || users::change_password(asked)),
        ["session", "keys"] => only(asked, "PUT", || users::keys(state)),
        ["scans", "timezones"] => lists::answer(state, asked, items),
        ["scans", rest @ ..] => scans::answer(state, asked, rest, items),
        ["editor", "scan", "policy", id] => only(asked, "GET", || lists::policy(state, asked, id)),
        ["editor", "scan" | "policy" | "remediation", "templates", rest @ ..] => {
            only(asked, "GET", || scans::templates(asked, rest))
        }
        ["editor", "scan", id] => only(asked, "GET", || scans::edited(state, asked, id, items)),
        ["users", rest @ ..] => users::answer(state, asked, rest),
        ["assets", "v2", "export"] | ["assets" | "vulns" | "compliance", "export"] => {
            export::start(state, asked, segments[0])
        }
        ["was", "v1", "export", "vulns"] => export::start(state, asked, "was"),
        ["was", "v1", "export", "vulns", rest @ ..] => export::answer(state, asked, "was", rest, items),
        [kind @ ("assets" | "vulns" | "compliance"), "export", rest @ ..] => {
            export::answer(state, asked, kind, rest, items)
        }
        ["assets"] => only(asked, "GET", || assets(items)),
        ["assets", id] => only(asked, "GET", || found(asked, asset(id, items))),
        ["plugins", rest @ ..] => plugins(asked, rest, items),
        ["workbenches", "export", rest @ ..] => only(asked, "GET", || workbench(asked, rest)),
        ["file", "upload"] => only(asked, "POST", || upload(asked)),
        _ => lists::answer(state, asked, items),
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
    (has("accessKey") && has("secretKey")) || tokens(asked).any(|token| state.sessions.contains_key(token))
}

/// What stands in the caller's cookies: one of them may be the session's token.
fn tokens(asked: &Asked) -> impl Iterator<Item = &str> {
    let cookies = [asked.header("cookie"), asked.header("x-cookie")];
    let parts = cookies.into_iter().flat_map(|cookie| cookie.split(';'));
    parts.filter_map(|part| Some(part.trim().split_once('=')?.1))
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
            state.sessions.retain(|known, _| !tokens(asked).any(|token| token == known));
            Reply::empty(200)
        }
        _ => fail(asked, 405),
    }
}

/// Whoever acts for a user that does not exist is refused.
fn impersonation(state: &mut State, asked: &Asked) -> Option<Reply> {
    let name = asked.header("x-impersonate").strip_prefix("username=")?;
    let is_there = users::is_there(state, name);
    let body = json!({ "statusCode": 403, "error": "Forbidden", "message": "Unable to impersonate" });
    (!is_there).then(|| Reply::json(403, &body))
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
