//! The control endpoint `/__scanyard/…`, the record of what was asked, and the steps of a plan.

use super::State;
use super::exchange::{Asked, Reply};
use super::failure;
use super::plan::{Plan, Step};
use scanyard_client::{MASK, hide_members, is_secret_header, is_secret_name};
use scanyard_contract::Contract;
use serde::Serialize;
use serde_json::{Value, json};
use std::time::Duration;
use url::form_urlencoded;

/// The most bytes of a body that the record keeps.
const BODY_BYTES: usize = 4 * 1024;
/// One request that came, and the status that it got.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Recorded {
    /// Since the start of the simulator.
    pub at_ms: u64,
    pub method: String,
    pub host: String,
    pub path: String,
    pub query: Vec<(String, String)>,
    pub headers: Vec<(String, String)>,
    /// Cut, and without the values of members and fields that hold secrets.
    pub body: String,
    pub status: u16,
}

impl Recorded {
    pub fn of(asked: &Asked, status: u16, at: Duration) -> Recorded {
        let header = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
            let shown = if is_secret_header(name) { MASK.into() } else { String::from_utf8_lossy(value.as_bytes()) };
            (name.to_string(), shown.into_owned())
        };
        let parameter = |(name, value): &(String, String)| {
            (name.clone(), if is_secret_name(name) { MASK.to_string() } else { value.clone() })
        };
        let body = without_secrets(&asked.body);
        Recorded {
            at_ms: u64::try_from(at.as_millis()).unwrap_or(u64::MAX),
            method: asked.method.clone(),
            host: asked.host.clone(),
            path: asked.path.clone(),
            query: asked.query.iter().map(parameter).collect(),
            headers: asked.headers.iter().map(header).collect(),
            body: String::from_utf8_lossy(&body.as_bytes()[..body.len().min(BODY_BYTES)]).into_owned(),
            status,
        }
    }
}

/// A body with a mask in the place of every secret that its name gives away: in JSON, in a form, and in what is neither.
fn without_secrets(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    if let Ok(mut value) = serde_json::from_slice::<Value>(body) {
        return if mask(&mut value) { value.to_string() } else { text.into_owned() };
    }
    let field = |pair: &str| match pair.split_once('=') {
        Some((name, _)) if form_urlencoded::parse(name.as_bytes()).any(|(name, _)| is_secret_name(&name)) => {
            format!("{name}={MASK}")
        }
        Some(_) | None => pair.to_string(),
    };
    hide_members(&text).split('&').map(field).collect::<Vec<_>>().join("&")
}

/// Whether there was something to hide.
fn mask(value: &mut Value) -> bool {
    let mut is_masked = false;
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                if is_secret_name(name) && !member.is_null() {
                    *member = json!(MASK);
                    is_masked = true;
                } else {
                    is_masked |= mask(member);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| is_masked |= mask(item)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
    is_masked
}

/// `GET requests` shows the record, `DELETE requests` empties it; `POST expire` ends all tokens and sessions; `POST mode`
/// with `{"readOnly": true}` begins Zscaler's maintenance; `PUT plan` takes a plan as JSON, in place of the one before.
pub fn answer(contract: Contract, state: &mut State, asked: &Asked, what: &str) -> Reply {
    match (asked.method.as_str(), what) {
        ("GET", "requests") => {
            Reply::json(200, &json!({ "count": state.requests - state.forgotten, "requests": state.recorded }))
        }
        ("DELETE", "requests") => {
            state.recorded.clear();
            state.forgotten = state.requests;
            Reply::empty(204)
        }
        ("POST", "expire") => {
            state.tokens.clear();
            state.sessions.clear();
            Reply::empty(204)
        }
        ("POST", "mode") => match asked.json()["readOnly"] {
            Value::Bool(true) if contract != Contract::Zscaler => Reply::json(
                400,
                &json!({ "error": format!("{contract} is not known to refuse writes for a maintenance") }),
            ),
            Value::Bool(is_read_only) => {
                state.is_read_only = is_read_only;
                Reply::empty(204)
            }
            _ => Reply::json(400, &json!({ "error": "readOnly is true or false" })),
        },
        ("PUT", "plan") => match planned_anew(contract, asked) {
            Ok(plan) => {
                state.plan = plan;
                Reply::empty(204)
            }
            Err(error) => Reply::json(400, &json!({ "error": format!("{error:#}") })),
        },
        (_, "requests" | "expire" | "mode" | "plan") => Reply::empty(405),
        _ => Reply::json(404, &json!({ "error": "requests, plan, expire and mode are what there is" })),
    }
}

fn planned_anew(contract: Contract, asked: &Asked) -> anyhow::Result<Plan> {
    let plan: Plan = serde_json::from_slice(&asked.body)?;
    plan.check(contract)?;
    Ok(plan)
}

/// What a step answers in place of the ordinary answer; `None` when it is that one.
pub fn planned(contract: Contract, asked: &Asked, step: &Step) -> Option<Reply> {
    match (&step.code, step.status) {
        (Some(code), status) => {
            let unknown =
                || Reply::json(400, &json!({ "error": format!("the plan's code {code} is not in the catalogue") }));
            let failure = failure::by_name(contract, asked, code).unwrap_or_else(unknown);
            Some(Reply { status: status.unwrap_or(failure.status), ..failure })
        }
        (None, Some(status)) if !(200..300).contains(&status) => Some(failure::by_status(contract, asked, status)),
        (None, status) if step.body.is_some() || status.is_some_and(|status| status != 200) => {
            Some(Reply::empty(status.unwrap_or(200)))
        }
        (None, _) => step.drop.then(|| Reply::empty(500)),
    }
}

impl Step {
    /// Puts the step's own body and headers into an answer.
    pub fn change(&self, mut reply: Reply) -> Reply {
        match &self.body {
            Some(Value::String(text)) => reply.body = text.clone().into_bytes(),
            Some(body) => {
                reply = Reply { body: body.to_string().into_bytes(), ..reply }.with("content-type", "application/json")
            }
            None => {}
        }
        for (name, value) in &self.headers {
            reply = if value.is_empty() { reply.without(name) } else { reply.with(name, value.clone()) };
        }
        reply.is_dropped = self.drop;
        reply
    }
}
