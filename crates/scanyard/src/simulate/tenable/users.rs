//! Users, their passwords and their keys.

use super::{bad, fail, found, lists, ok};
use crate::simulate::State;
use crate::simulate::exchange::{Asked, Reply};
use serde_json::{Value, json};

/// Whom every simulator has: the caller.
const FIRST: &str = "ada@example.test";

/// Whether a user has this name.
pub fn is_there(state: &mut State, name: &str) -> bool {
    name == FIRST || state.shelf("users").has("username", name)
}

/// What stands behind `/users`.
pub fn answer(state: &mut State, asked: &Asked, rest: &[&str]) -> Reply {
    match (asked.method.as_str(), rest) {
        ("POST", []) => create(state, asked),
        (_, [] | [_]) => lists::answer(state, asked, 0),
        (method, [id, what @ ("chpasswd" | "keys" | "enabled")]) => {
            let Some(user) = id.parse().ok().and_then(|id| lists::user(state, id)) else { return fail(asked, 404) };
            match (method, *what) {
                ("PUT", "chpasswd") => change_password(asked),
                ("PUT", "keys") => keys(state),
                ("PUT", _) if !asked.json()["enabled"].is_boolean() => bad("enabled is true or false"),
                ("PUT", _) => {
                    let changes = json!({ "enabled": asked.json()["enabled"] });
                    let id = user["id"].as_u64().unwrap_or_default();
                    found(asked, lists::change_user(state, id, &changes))
                }
                _ => fail(asked, 405),
            }
        }
        _ => fail(asked, 404),
    }
}

fn create(state: &mut State, asked: &Asked) -> Reply {
    let (name, password) = (asked.text("username"), asked.text("password"));
    if name.is_empty() || password.is_empty() {
        return bad("username and password are required");
    }
    if is_there(state, &name) {
        let body = json!({ "statusCode": 409, "error": "Conflict", "message": "The user name is taken" });
        return Reply::json(409, &body);
    }
    if is_weak(&password) {
        return weak();
    }
    let mut user = json!({ "name": name, "user_name": name, "email": name });
    if let (Some(fields), Value::Object(given)) = (user.as_object_mut(), asked.json()) {
        fields.extend(given.into_iter().filter(|(field, value)| field != "password" && !value.is_null()));
    }
    ok(lists::add_user(state, &user))
}

/// A new password; the present one `wrong` is wrong.
pub fn change_password(asked: &Asked) -> Reply {
    match (asked.text("password").as_str(), asked.text("current_password").as_str()) {
        (_, "wrong") => fail(asked, 403),
        (new, _) if is_weak(new) => weak(),
        _ => Reply::empty(200),
    }
}

/// A new pair of keys.
pub fn keys(state: &State) -> Reply {
    let key = |first: u64| format!("{first:016x}{:048x}", state.requests);
    ok(json!({ "accessKey": key(0xacce), "secretKey": key(0x5ec7e7) }))
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
