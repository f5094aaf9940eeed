//! Secrets in what trivy writes: it stars them itself, but only the part that its rule matched, so the rest of a token
//! stands in the clear. Here goes all of it.

use serde_json::Value;

/// What stands where a secret stood.
pub const HIDDEN: &str = "[hidden]";

/// The longest name before a secret that is worth keeping.
const MAX_NAME: usize = 60;

/// A line that holds a secret: the name that it is given to, and nothing of the secret.
pub fn line(text: &str) -> String {
    match name_of(text) {
        Some(name) => format!("{name}{HIDDEN}"),
        None => HIDDEN.to_string(),
    }
}

/// A line of a file that may hold a secret: what is given to a name that sounds like one is hidden.
pub fn code(text: &str) -> String {
    if text.contains("***") {
        return line(text);
    }
    let lower = text.to_ascii_lowercase();
    let sounds = ["passw", "secret", "token", "apikey", "api_key", "credential", "private_key", "access_key"];
    let Some(at) = sounds.iter().filter_map(|word| lower.find(word)).min() else { return text.to_string() };
    match text[at..].find(['=', ':', ' ']) {
        Some(end) if !text[at + end + 1..].trim().is_empty() => format!("{}{HIDDEN}", &text[..at + end + 1]),
        Some(_) | None => text.to_string(),
    }
}

/// `name = ` or `name: ` at the beginning of a line, when what follows is starred.
fn name_of(text: &str) -> Option<&str> {
    let end = text.find(['=', ':'])? + 1;
    let (name, rest) = text.split_at(end);
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || b"_.- \"'=:".contains(&byte);
    let is_name = name.len() <= MAX_NAME && name.bytes().all(is_word) && !rest.starts_with('=');
    let is_starred = rest.trim_start().trim_start_matches(['"', '\'']).starts_with("**");
    (is_name && is_starred).then_some(name)
}

/// The report with every secret hidden; as it is when it holds none.
pub fn report(bytes: Vec<u8>) -> Vec<u8> {
    let Ok(mut document) = serde_json::from_slice::<Value>(&bytes) else {
        // What cannot be read cannot be searched for secrets either.
        return Vec::new();
    };
    let mut is_changed = false;
    for part in list(Some(&mut document), "Results") {
        for secret in list(Some(&mut *part), "Secrets") {
            is_changed = true;
            if let Some(Value::String(matched)) = secret.get_mut("Match") {
                *matched = line(matched);
            }
            code_lines(secret.get_mut("Code"), |_| HIDDEN.to_string());
        }
        for misconfiguration in list(Some(&mut *part), "Misconfigurations") {
            is_changed = true;
            code_lines(misconfiguration.pointer_mut("/CauseMetadata/Code"), code);
            for cause in list(misconfiguration.get_mut("CauseMetadata"), "Occurrences") {
                code_lines(cause.get_mut("Code"), code);
            }
        }
    }
    if is_changed { serde_json::to_vec(&document).unwrap_or_default() } else { bytes }
}

fn code_lines(code: Option<&mut Value>, hide: impl Fn(&str) -> String) {
    for line in list(code, "Lines") {
        if let Some(members) = line.as_object_mut() {
            // The same again, coloured for a terminal.
            members.remove("Highlighted");
            if let Some(Value::String(content)) = members.get_mut("Content") {
                *content = hide(content);
            }
        }
    }
}

/// The items of a list inside an object; none where there is neither.
fn list<'v>(object: Option<&'v mut Value>, name: &str) -> impl Iterator<Item = &'v mut Value> {
    object.and_then(|object| object.get_mut(name)).and_then(Value::as_array_mut).into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_secret_is_left() {
        for (text, hidden) in [
            ("aws_access_key_id = ********************", "aws_access_key_id =[hidden]"),
            ("slack = *****************-123456789012-abc", "slack =[hidden]"),
            ("\"token\": \"****\"", "\"token\":[hidden]"),
            ("QUJDREVG*****==", "[hidden]"),
            ("QUJDREVGSElK==", "[hidden]"),
            ("https://user:pw@app.example.test", "[hidden]"),
            ("-----BEGIN PRIVATE KEY-----", "[hidden]"),
            ("", "[hidden]"),
        ] {
            assert_eq!(line(text), hidden, "{text}");
        }
    }

    #[test]
    fn code_keeps_what_is_no_secret() {
        for (text, shown) in [
            ("FROM debian:12", "FROM debian:12"),
            ("ENV DB_PASSWORD=hunter2", "ENV DB_PASSWORD=[hidden]"),
            ("ENV API_TOKEN abcdef", "ENV API_TOKEN [hidden]"),
            ("USER root", "USER root"),
            ("password", "password"),
        ] {
            assert_eq!(code(text), shown);
        }
    }
}
