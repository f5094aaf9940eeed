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

/// So many lines from its name a value is looked for: without a bound a hostile report of names alone takes hours.
const NEAR: usize = 100;

/// What a name of a secret has in it.
const SOUNDS: [&str; 8] = ["passw", "secret", "token", "apikey", "api_key", "credential", "private_key", "access_key"];
/// What a name of a secret may be a part of, between `_`, `-` and `.`: within a word they are something else.
const PARTS: [&str; 4] = ["pass", "pwd", "auth", "pw"];

/// A line of a file that may hold a secret: what is given to a name that sounds like one is hidden.
pub fn code(text: &str) -> String {
    if text.contains("***") {
        return line(text);
    }
    let lower = text.to_ascii_lowercase();
    let sounds = SOUNDS.iter().filter_map(|word| lower.find(word)).min();
    let sounds = sounds.and_then(|at| Some(at + text[at..].find(['=', ':', ' '])? + 1));
    match sounds.into_iter().chain(given_to_part(&lower)).min() {
        Some(at) if !text[at..].trim().is_empty() => format!("{}{HIDDEN}", &text[..at]),
        Some(_) | None => text.to_string(),
    }
}

/// Where begins what is given to a name with one of the parts: `DB_PASS=…`, `--pass …`, `ENV DB_PASS …`.
fn given_to_part(lower: &str) -> Option<usize> {
    let is_of_word = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    let last_value = lower.rfind("value");
    let is_setting = ["env ", "arg "].iter().any(|command| lower.trim_start().starts_with(command));
    let mut from = 0;
    while let Some(at) = lower[from..].find(is_of_word).map(|at| from + at) {
        let end = lower[at..].find(|c: char| !is_of_word(c)).map_or(lower.len(), |length| at + length);
        let (word, rest) = (&lower[at..end], &lower[end..]);
        from = end;
        if !has_part(word) {
            continue;
        }
        let after = rest.trim_start_matches(['"', '\'', ' ']);
        if after.starts_with(['=', ':']) {
            return Some(lower.len() - after.len() + 1);
        }
        if rest.starts_with(' ') && (is_setting || word.starts_with('-')) {
            return Some(end + 1);
        }
        // `{ name = "DB_PASS", value = … }`; what the line does not have is looked for once, not behind each word.
        if last_value.is_some_and(|at| at >= end) {
            let value = end + rest.find("value")?;
            return Some(value + lower[value..].find(['=', ':'])? + 1);
        }
    }
    None
}

/// The last of a name with dots tells what it is: `auth.example.test` is a host.
fn has_part(word: &str) -> bool {
    let last = word.trim_end_matches('.').rsplit('.').next().unwrap_or_default();
    last.split(['_', '-']).any(|part| PARTS.contains(&part))
}

/// Whether a name is one of a secret.
fn sounds_secret(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    SOUNDS.iter().any(|word| lower.contains(word)) || has_part(&lower)
}

/// The lines of a place in a file, of which a secret may take several: its name stands in one and its value in another, as
/// Kubernetes and Terraform write the environment of a container, or a value has lines of its own.
pub fn block(lines: &[&str]) -> Vec<String> {
    let mut shown: Vec<String> = lines.iter().map(|text| code(text)).collect();
    let members: Vec<Option<Member>> = lines.iter().map(|text| Member::of(text)).collect();
    for (at, member) in members.iter().enumerate() {
        let Some(member) = member else { continue };
        if member.key.eq_ignore_ascii_case("name") && sounds_secret(member.value) {
            for value in values_beside(lines, &members, at, member.column) {
                if let Some(Member { begins, .. }) = members[value] {
                    shown[value] = format!("{} {HIDDEN}", &lines[value][..begins]);
                }
            }
        }
    }
    for (at, member) in members.iter().enumerate() {
        let Some(member) = member.as_ref().filter(|_| shown[at].ends_with(HIDDEN)) else { continue };
        if member.value.starts_with(['{', '[']) {
            continue;
        }
        // A value of several lines is deeper than its key.
        for (text, shown) in lines.iter().zip(&mut shown).skip(at + 1) {
            let is_blank = text.trim().is_empty();
            if !is_blank && indent(text) <= member.column {
                break;
            }
            if !is_blank {
                *shown = HIDDEN.to_string();
            }
        }
    }
    shown
}

/// The lines with the value of the item whose name stands in line `at`: before it or after it, in the same column.
fn values_beside(lines: &[&str], members: &[Option<Member<'_>>], at: usize, column: usize) -> Vec<usize> {
    let is_begin =
        |line: usize| members[line].as_ref().is_some_and(|member| member.is_first && member.column <= column);
    let is_outside = |line: usize| !lines[line].trim().is_empty() && indent(lines[line]) < column;
    let is_value = |line: &usize| {
        let member = members[*line].as_ref();
        member.is_some_and(|member| member.column == column && member.key.eq_ignore_ascii_case("value"))
    };
    let after = (at + 1..members.len()).take(NEAR).take_while(|line| !is_begin(*line) && !is_outside(*line));
    let from = at.saturating_sub(NEAR);
    let first = (from..=at).rev().find(|line| is_begin(*line) || is_outside(*line)).unwrap_or(from);
    (first..at).chain(after).filter(is_value).collect()
}

/// `key: value` or `key = value`.
struct Member<'a> {
    key: &'a str,
    value: &'a str,
    /// Where the key stands.
    column: usize,
    /// Where the value begins.
    begins: usize,
    /// Whether it begins an item of a list, or an object.
    is_first: bool,
}

impl Member<'_> {
    fn of(text: &str) -> Option<Member<'_>> {
        let column = indent(text);
        let end = column + text[column..].find([':', '='])?;
        let key = text[column..end].trim().trim_matches(['"', '\'']);
        let is_key = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte));
        let value = text[end + 1..].trim().trim_end_matches(',').trim_matches(['"', '\'']);
        is_key.then(|| Member { key, value, column, begins: end + 1, is_first: text.trim_start().starts_with("- ") })
    }
}

/// Where a line begins, behind the mark of a list's item.
fn indent(text: &str) -> usize {
    let blanks = text.len() - text.trim_start().len();
    let item = &text[blanks..];
    match item.strip_prefix("- ") {
        Some(rest) => text.len() - rest.trim_start().len(),
        None => blanks,
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
            code_lines(secret.get_mut("Code"), |lines| lines.iter().map(|_| HIDDEN.to_string()).collect());
        }
        for misconfiguration in list(Some(&mut *part), "Misconfigurations") {
            is_changed = true;
            if let Some(Value::String(message)) = misconfiguration.get_mut("Message") {
                *message = code(message);
            }
            code_lines(misconfiguration.pointer_mut("/CauseMetadata/Code"), block);
            for cause in list(misconfiguration.get_mut("CauseMetadata"), "Occurrences") {
                code_lines(cause.get_mut("Code"), block);
            }
        }
    }
    if is_changed { serde_json::to_vec(&document).unwrap_or_default() } else { bytes }
}

fn code_lines(code: Option<&mut Value>, hide: impl Fn(&[&str]) -> Vec<String>) {
    let mut lines: Vec<&mut Value> = list(code, "Lines").collect();
    let texts: Vec<&str> = lines.iter().map(|line| line["Content"].as_str().unwrap_or_default()).collect();
    let shown = hide(&texts);
    for (line, shown) in lines.iter_mut().zip(shown) {
        if let Some(members) = line.as_object_mut() {
            // The same again, coloured for a terminal.
            members.remove("Highlighted");
            if let Some(content) = members.get_mut("Content") {
                *content = shown.into();
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
            ("export DB_PASS=hunter2hunter2", "export DB_PASS=[hidden]"),
            ("  mysql_pwd: hunter2", "  mysql_pwd:[hidden]"),
            ("  \"auth\": \"am9lOnB3\",", "  \"auth\":[hidden]"),
            ("RUN tool --db-pass hunter2 x", "RUN tool --db-pass [hidden]"),
            ("ENV DB_PASS hunter2", "ENV DB_PASS [hidden]"),
            ("spring.datasource.pass = x", "spring.datasource.pass =[hidden]"),
            (
                "let all requests pass to 10.0.0.1: none is refused",
                "let all requests pass to 10.0.0.1: none is refused",
            ),
            ("bypass = true", "bypass = true"),
            ("{ name = \"DB_PASS\", value = \"x\" }", "{ name = \"DB_PASS\", value =[hidden]"),
            ("image: auth.example.test:5000/shop", "image: auth.example.test:5000/shop"),
        ] {
            assert_eq!(code(text), shown);
        }
    }

    #[test]
    fn a_long_line_of_names_alone_is_read_once() {
        // With a search of the rest behind each word this takes hours.
        let line = "pw ".repeat(2_000_000);
        assert_eq!(code(&line), line);
    }

    #[test]
    fn a_value_is_hidden_whose_name_stands_in_another_line() {
        let manifest = [
            "    env:",
            "    - name: DB_PASSWORD",
            "      value: Sup3r",
            "    - name: COLOUR",
            "      value: red",
            "    - value: \"Sup3r\"",
            "      # as the operator set it",
            "      name: SMTP_PASS",
            "    - name: API_TOKEN",
            "      value: |",
            "        Sup3r",
            "",
            "        Sup3r",
            "    - name: LEVEL",
            "      value: info",
            "    ports:",
            "    - name: secret",
            "      containerPort: 80",
            "    value: kept",
        ];
        let shown = block(&manifest);
        assert!(!shown.iter().any(|line| line.contains("Sup3r")), "{shown:?}");
        assert_eq!(shown[2], "      value: [hidden]");
        for (at, line) in manifest.iter().enumerate().filter(|(_, line)| !line.contains("Sup3r")) {
            assert!(shown[at] == *line || (9..13).contains(&at), "{line}: {}", shown[at]);
        }
        for lines in [
            ["{", "  \"name\": \"DB_PASSWORD\",", "  \"value\": \"Sup3r\"", "}"],
            ["environment {", "  name  = \"DB_PASS\"", "  value = \"Sup3r\"", "}"],
            ["- Name: DB_PASSWORD", "  Type: string", "  Value: Sup3r", ""],
            ["password: >-", "  Sup3r", "  Sup3r", "user: joe"],
        ] {
            let shown = block(&lines);
            assert!(!shown.iter().any(|line| line.contains("Sup3r")), "{shown:?}");
            assert_eq!(shown[3], lines[3]);
        }
        let mut far = vec!["name: DB_PASSWORD"];
        far.resize(200, "colour: red");
        (far[100], far[150]) = ("value: Sup3r", "value: kept");
        assert_eq!((block(&far)[100].as_str(), block(&far)[150].as_str()), ("value: [hidden]", "value: kept"));
        let two = ["{", "  \"name\": \"DB_PASSWORD\"", "},", "{", "  \"value\": \"kept\"", "}"];
        assert_eq!(block(&two), two);
    }
}
