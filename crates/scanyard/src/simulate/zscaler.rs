//! Zscaler OneAPI: its token endpoint, the gateway's services, and the older logins.

use super::State;
use super::data::uuid;
use super::exchange::{Asked, Reply};
use super::{failure, newer, zpa};
use scanyard_contract::{Contract, Service};
use serde_json::json;
use std::time::{Duration, Instant};

/// An older session ends after this long without a request.
const IDLE: Duration = Duration::from_secs(5 * 60);

/// The collections of Internet Access and of Cloud & Branch Connector that are simulated.
const LISTS: [&str; 14] = [
    "urlCategories",
    "locations",
    "users",
    "groups",
    "departments",
    "adminUsers",
    "firewallFilteringRules",
    "urlFilteringRules",
    "ruleLabels",
    "staticIP",
    "vpnCredentials",
    "ecgroup",
    "location",
    "adminRoles",
];

fn fail(asked: &Asked, name: &str) -> Reply {
    failure::by_name(Contract::Zscaler, asked, name).unwrap_or_else(|| Reply::empty(500))
}

/// The vendor's answer, and the policy set that is busy with it.
pub fn answer(state: &mut State, asked: &Asked, items: u64) -> (Reply, Option<String>) {
    let segments = asked.segments();
    let method = asked.method.as_str();
    match (method, segments.as_slice()) {
        ("POST", [.., "oauth2", "v1", "token"]) => return (token(state, asked), None),
        ("POST", ["signin"]) => return (legacy_zpa(state, asked), None),
        (_, ["api", "v1", "authenticatedSession" | "auth"]) => return (legacy_session(state, asked), None),
        ("POST", ["papi", "auth", "v1", "login"]) => return (legacy_zcc(state, asked), None),
        _ => {}
    }
    if let Some(refused) = unknown(state, asked) {
        return (refused, None);
    }
    match segments.as_slice() {
        ["zia", "api", "v1", rest @ ..] | ["ztw", "api", "v1", rest @ ..] | ["api", "v1", rest @ ..] => {
            (portal(state, asked, rest, items), None)
        }
        ["zpa", "mgmtconfig", "v1" | "v2", "admin", "customers", _, rest @ ..]
        | ["mgmtconfig", "v1" | "v2", "admin", "customers", _, rest @ ..] => zpa::answer(state, asked, rest, items),
        ["zcc", "papi", "public", "v1" | "v2", name] | ["papi", "public", "v1", name] => {
            (zcc(state, asked, name, items), None)
        }
        ["ziam", "admin", "api", "v1", name @ ("users" | "groups" | "api-clients" | "resource-servers")] => {
            (zidentity(state, asked, name, items), None)
        }
        ["bi", "api", "v1", rest @ ..] => (newer::insights(state, asked, rest, items), None),
        ["zcell", "config", "api", "v1", "customers", _, rest @ ..] => {
            (newer::cellular(state, asked, rest, items), None)
        }
        ["zins" | "zms", "graphql"] => (newer::graphql(asked, items), None),
        ["zdx", "v1", name @ ("devices" | "apps")] => (zdx(state, asked, name, items), None),
        _ => (fail(asked, "404"), None),
    }
}

/// The client credentials by secret or by an assertion; the secret `wrong` is wrong.
fn token(state: &mut State, asked: &Asked) -> Reply {
    let (id, secret, assertion) =
        (asked.form("client_id"), asked.form("client_secret"), asked.form("client_assertion"));
    let is_good = !id.is_empty() && (!secret.is_empty() || assertion.split('.').count() == 3) && secret != "wrong";
    if asked.form("grant_type") != "client_credentials" {
        let body = json!({ "error": "unsupported_grant_type", "error_description": "client_credentials is what is supported" });
        return Reply::json(400, &body);
    }
    if !is_good {
        return fail(asked, "invalid_client");
    }
    give_token(state, json!(3600))
}

fn give_token(state: &mut State, expires_in: serde_json::Value) -> Reply {
    let token = format!("sim-{}", uuid(7, state.requests));
    state.tokens.insert(token.clone());
    Reply::json(200, &json!({ "access_token": token, "token_type": "Bearer", "expires_in": expires_in }))
}

fn legacy_zpa(state: &mut State, asked: &Asked) -> Reply {
    if asked.form("client_id").is_empty() || matches!(asked.form("client_secret").as_str(), "" | "wrong") {
        return fail(asked, "401");
    }
    // A text here, a number at the newer endpoint.
    give_token(state, json!("3600"))
}

fn legacy_zcc(state: &mut State, asked: &Asked) -> Reply {
    if asked.text("apiKey").is_empty() || matches!(asked.text("secretKey").as_str(), "" | "wrong") {
        return fail(asked, "401");
    }
    let token = format!("sim-{}", uuid(8, state.requests));
    state.tokens.insert(token.clone());
    Reply::json(200, &json!({ "jwtToken": token }))
}

/// The cookie of an older session.
fn cookie(asked: &Asked) -> Option<&str> {
    asked.header("cookie").split(';').find_map(|part| part.trim().strip_prefix("JSESSIONID="))
}

fn legacy_session(state: &mut State, asked: &Asked) -> Reply {
    match asked.method.as_str() {
        "POST" => {
            let body = asked.json();
            let has = |name: &str| body[name].as_str().is_some_and(|text| !text.is_empty());
            let is_good = has("apiKey") && has("username") && has("password") && !body["timestamp"].is_null();
            if !is_good || body["password"] == "wrong" {
                return Reply::json(
                    401,
                    &json!({ "code": "AUTHENTICATION_FAILED", "message": "AUTHENTICATION_FAILED" }),
                );
            }
            let session = uuid(9, state.requests).replace('-', "").to_uppercase();
            state.sessions.insert(session.clone(), Instant::now());
            let answer = json!({ "authType": "ADMIN_LOGIN", "obfuscateApiKey": true, "passwordExpiryTime": 0,
                "passwordExpiryDays": 0 });
            Reply::json(200, &answer).with("set-cookie", format!("JSESSIONID={session}; Path=/; Secure; HttpOnly"))
        }
        "GET" if is_alive(state, asked) => {
            Reply::json(200, &json!({ "authType": "ADMIN_LOGIN", "obfuscateApiKey": true, "passwordExpiryTime": 0 }))
        }
        "DELETE" => {
            cookie(asked).map(|session| state.sessions.remove(session));
            Reply::json(200, &json!({ "status": "ACTIVE" }))
        }
        "GET" => fail(asked, "SESSION_NOT_VALID"),
        _ => fail(asked, "405"),
    }
}

/// Whether the session lives; this request keeps it alive.
fn is_alive(state: &mut State, asked: &Asked) -> bool {
    let Some(last) = cookie(asked).and_then(|session| state.sessions.get_mut(session)) else { return false };
    if last.elapsed() >= IDLE {
        return false;
    }
    *last = Instant::now();
    true
}

/// The refusal of a caller who has no token and no session.
fn unknown(state: &mut State, asked: &Asked) -> Option<Reply> {
    let is_legacy = asked.path.starts_with("/api/v1");
    let is_known = state.tokens.contains(asked.bearer()) || state.tokens.contains(asked.header("auth-token"));
    if is_known || (is_legacy && is_alive(state, asked)) {
        return None;
    }
    let service = Service::of_url(Contract::Zscaler, &asked.host, &asked.path);
    let is_gateway = !is_legacy && service != Some(Service::Zpa);
    // The gateway says it in its own shape, whatever the service.
    let gateway = || {
        Reply::json(401, &json!({ "detail": "unauthorized", "type": "", "title": "", "status": "" }))
            .with("x-oneapi-api-category", "common")
    };
    Some(if is_gateway { gateway() } else { fail(asked, "401") })
}

/// Internet Access and Cloud & Branch Connector: bare arrays, an activation for every change, a read-only mode.
fn portal(state: &mut State, asked: &Asked, rest: &[&str], items: u64) -> Reply {
    if asked.is_write() && state.is_read_only {
        return fail(asked, "STATE_READONLY");
    }
    let method = asked.method.as_str();
    let status = |is_pending: bool| if is_pending { "PENDING" } else { "ACTIVE" };
    match (method, rest) {
        ("GET", ["status" | "ecAdminActivateStatus"]) => {
            Reply::json(200, &json!({ "status": status(state.is_pending) }))
        }
        ("POST" | "PUT", ["status" | "ecAdminActivateStatus", "activate" | "forcedActivate"]) => {
            state.is_pending = false;
            Reply::json(200, &json!({ "status": "ACTIVE" }))
        }
        (_, ["status" | "ecAdminActivateStatus", ..]) => fail(asked, "405"),
        (_, [name]) if LISTS.contains(name) => portal_list(state, asked, name, items),
        (_, [name, "lite"]) if LISTS.contains(name) => portal_list(state, asked, name, items),
        (_, [name, id]) if LISTS.contains(name) => portal_object(state, asked, name, id, items),
        _ => fail(asked, "404"),
    }
}

fn portal_list(state: &mut State, asked: &Asked, name: &str, items: u64) -> Reply {
    let place = format!("portal/{name}");
    match asked.method.as_str() {
        "GET" => {
            let (Ok(page), Ok(size)) = (asked.number("page", 1), asked.number("pageSize", 100)) else {
                return invalid("page and pageSize are numbers");
            };
            if page == 0 || size == 0 || size > 10_000 {
                return invalid("pageSize is 1 to 10000");
            }
            let (list, _) = state.shelf(&place).page(name, items, (page - 1).saturating_mul(size), size);
            Reply::json(200, &json!(list))
        }
        "POST" => {
            let label = ["name", "configuredName", "ipAddress"]
                .iter()
                .map(|field| asked.text(field))
                .find(|text| !text.is_empty());
            let Some(label) = label else { return invalid("Rule Name is mandatory") };
            if state.shelf(&place).has("name", &label) {
                return Reply::json(409, &json!({ "code": "DUPLICATE_ITEM", "message": "DUPLICATE_ITEM" }));
            }
            state.is_pending = true;
            Reply::json(200, &state.shelf(&place).add(name, items, &asked.json()))
        }
        _ => fail(asked, "405"),
    }
}

fn invalid(message: &str) -> Reply {
    Reply::json(400, &json!({ "code": "INVALID_INPUT_ARGUMENT", "message": message }))
}

fn portal_object(state: &mut State, asked: &Asked, name: &str, id: &str, items: u64) -> Reply {
    let place = format!("portal/{name}");
    let Ok(number) = id.parse() else { return fail(asked, "404") };
    let reply = match asked.method.as_str() {
        "GET" => state.shelf(&place).get(name, number, items).map(|object| Reply::json(200, &object)),
        "PUT" => {
            let changed = state.shelf(&place).change(name, number, items, &asked.json());
            state.is_pending |= changed.is_some();
            changed.map(|object| Reply::json(200, &object))
        }
        "DELETE" => {
            let is_gone = state.shelf(&place).delete(name, number, items);
            state.is_pending |= is_gone;
            is_gone.then(|| Reply::empty(204))
        }
        _ => return fail(asked, "405"),
    };
    reply.unwrap_or_else(|| fail(asked, "404"))
}

fn zcc(state: &mut State, asked: &Asked, name: &str, items: u64) -> Reply {
    match (asked.method.as_str(), name) {
        ("GET", "getDevices") => {
            let (Ok(page), Ok(size)) = (asked.number("page", 1), asked.number("pageSize", 30)) else {
                return fail(asked, "400");
            };
            if page == 0 || size == 0 || size > 5000 {
                return fail(asked, "400");
            }
            let (list, _) = state.shelf("zcc").page("device", items, (page - 1).saturating_mul(size), size);
            Reply::json(200, &json!(list))
        }
        ("GET", "downloadDevices" | "downloadServiceStatus" | "downloadDisableReasons") => {
            Reply::text(200, "application/octet-stream", "\"User\",\"Device type\"\n\"ada@example.test\",\"Linux\"\n")
        }
        ("POST", "removeDevices" | "forceRemoveDevices") => Reply::json(200, &json!({ "devicesRemoved": 1 })),
        (_, "getDevices" | "downloadDevices" | "downloadServiceStatus" | "removeDevices") => fail(asked, "405"),
        _ => fail(asked, "404"),
    }
}

fn zidentity(state: &mut State, asked: &Asked, name: &str, items: u64) -> Reply {
    let place = format!("zidentity/{name}");
    match asked.method.as_str() {
        "GET" => {
            let (Ok(offset), Ok(limit)) = (asked.number("offset", 0), asked.number("limit", 100)) else {
                return fail(asked, "400");
            };
            if !(100..=1000).contains(&limit) {
                return fail(asked, "400");
            }
            let (records, total) = state.shelf(&place).page(name, items, offset, limit);
            let next = offset.saturating_add(limit);
            let link = |offset: u64| format!("{}?offset={offset}&limit={limit}", asked.path);
            Reply::json(
                200,
                &json!({ "results_total": total, "pageOffset": offset, "pageSize": records.len(),
                "next_link": (next < total).then(|| link(next)),
                "prev_link": (offset > 0).then(|| link(offset.saturating_sub(limit))), "records": records }),
            )
        }
        "POST" => {
            let login = asked.text("loginName");
            if !login.is_empty() && state.shelf(&place).has("loginName", &login) {
                return fail(asked, "409");
            }
            Reply::json(201, &state.shelf(&place).add(name, items, &asked.json()))
        }
        _ => fail(asked, "405"),
    }
}

fn zdx(state: &mut State, asked: &Asked, name: &str, items: u64) -> Reply {
    if asked.method != "GET" {
        return fail(asked, "405");
    }
    let (Ok(offset), Ok(limit)) = (asked.number("offset", 0), asked.number("limit", 10)) else {
        return fail(asked, "400");
    };
    let (list, total) = state.shelf("zdx").page(name, items, offset, limit);
    let next = offset.saturating_add(limit);
    Reply::json(200, &json!({ "items": list, "next_offset": (next < total).then(|| next.to_string()) }))
}
