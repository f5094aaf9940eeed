//! Keeps secrets out of everything that is shown: errors, logs, Debug.

use http::{HeaderMap, HeaderName};
use memchr::memchr;
use scanyard_contract::hidden::Hidden;
use serde_json::Value;
use std::borrow::Cow;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, RwLock};
use url::Url;

/// What stands in a secret's place.
pub const MASK: &str = "[secret]";
/// Tokens remembered for hiding: the present one and those whose answers may still be on the way.
const MAX_TOKENS: usize = 16;
/// A shorter text is too common to be taken out wherever it occurs.
const MIN_SECRET: usize = 4;
/// Members of JSON, parameters and form fields whose value is a secret, in lower case without `_` and `-`.
const NAMES: [&str; 22] = [
    "accesskey",
    "accesstoken",
    "apikey",
    "apitoken",
    "authtoken",
    "assertion",
    "clientassertion",
    "clientsecret",
    "currentpassword",
    "jwttoken",
    "key",
    "keysecret",
    "linkingkey",
    "newpassword",
    "obfuscatedapikey",
    "password",
    "refreshtoken",
    "secret",
    "secretkey",
    "signature",
    "token",
    "xapikeys",
];
/// Headers of an answer whose value is a secret.
const HEADERS: [&str; 9] = [
    "authorization",
    "proxy-authorization",
    "set-cookie",
    "cookie",
    "x-api-key",
    "x-apikeys",
    "x-cookie",
    "x-securitycenter",
    "auth-token",
];

/// What one client must not show, in every spelling.
#[derive(Default)]
pub(crate) struct Secrets {
    /// Given by the caller.
    fixed: Vec<String>,
    /// Got at a login, a list for each token, oldest first.
    tokens: RwLock<Tokens>,
}

type Tokens = Arc<VecDeque<Vec<String>>>;

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[secrets]")
    }
}

impl Secrets {
    pub fn new(fixed: impl IntoIterator<Item = Hidden>) -> Secrets {
        let fixed: Vec<Hidden> = fixed.into_iter().collect();
        Secrets { fixed: owned(&fixed), tokens: RwLock::default() }
    }

    /// Adds what a login gave.
    pub fn learn(&self, token: &Hidden) {
        let token = owned(std::slice::from_ref(token));
        let mut tokens = self.tokens.write().unwrap_or_else(|poisoned| poisoned.into_inner());
        if tokens.contains(&token) {
            return;
        }
        let tokens = Arc::make_mut(&mut tokens);
        tokens.push_back(token);
        if tokens.len() > MAX_TOKENS {
            tokens.pop_front();
        }
    }

    /// All of them as of now, and `more`, to be hidden.
    pub fn with<'a>(&'a self, more: &'a [Hidden]) -> Hiding<'a> {
        let tokens = self.tokens.read().unwrap_or_else(|poisoned| poisoned.into_inner()).clone();
        Hiding { fixed: &self.fixed, tokens: Some(tokens), ..Hiding::of(more) }
    }
}

/// Hides secrets in the texts of one error: they are spelled once for all of these.
#[derive(Default)]
pub(crate) struct Hiding<'a> {
    fixed: &'a [String],
    tokens: Option<Tokens>,
    more: Vec<Cow<'a, str>>,
}

impl<'a> Hiding<'a> {
    /// Hides these alone.
    pub fn of(secrets: &'a [Hidden]) -> Hiding<'a> {
        Hiding { more: spellings(secrets), ..Hiding::default() }
    }

    /// The text without any of the secrets and without the values of members that hold secrets.
    pub fn hide<'b>(&self, text: &'b str) -> Cow<'b, str> {
        let mut text = hide_members(text);
        let tokens = self.tokens.iter().flat_map(|tokens| tokens.iter().flatten());
        for spelling in self.fixed.iter().chain(tokens) {
            take_out(&mut text, spelling);
        }
        for spelling in &self.more {
            take_out(&mut text, spelling);
        }
        text
    }

    /// The URL without secrets in its query.
    pub fn hide_url(&self, url: &Url) -> String {
        if url.query().is_none() && url.username().is_empty() && url.password().is_none() {
            return self.hide(url.as_str()).into_owned();
        }
        let mut shown = url.clone();
        // Neither has a place in an address of ours; a redirect's could.
        let _ = shown.set_password(None);
        let _ = shown.set_username("");
        if url.query().is_some() {
            let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
            shown.query_pairs_mut().clear();
            for (name, value) in pairs {
                let value = if is_secret_name(&name) { MASK.to_string() } else { value };
                shown.query_pairs_mut().append_pair(&name, &value);
            }
        }
        self.hide(shown.as_str()).into_owned()
    }

    /// The headers of an answer, by name; several values of one name joined by a comma.
    pub fn hide_headers(&self, headers: &HeaderMap) -> BTreeMap<String, String> {
        let mut shown = BTreeMap::<String, String>::new();
        for (name, value) in headers {
            let value = match is_secret_header(name) {
                true => MASK.to_string(),
                false => self.hide(&lossy(value.as_bytes())).into_owned(),
            };
            shown.entry(name.as_str().to_owned()).and_modify(|all| *all = format!("{all}, {value}")).or_insert(value);
        }
        shown
    }
}

/// Whether the value of a header is a secret.
pub fn is_secret_header(name: &HeaderName) -> bool {
    HEADERS.contains(&name.as_str())
}

/// Whether the value of a member of JSON, a parameter or a form field of this name is a secret.
pub fn is_secret_name(name: &str) -> bool {
    // As long as the longest of the names: what does not fit is none of them.
    let (mut plain, mut length) = ([0; 16], 0);
    for byte in name.bytes().filter(|byte| !matches!(byte, b'_' | b'-')) {
        match plain.get_mut(length) {
            Some(place) => *place = byte.to_ascii_lowercase(),
            None => return false,
        }
        length += 1;
    }
    NAMES.iter().any(|name| name.as_bytes() == &plain[..length])
}

/// The texts of a request's body that stand under a name of [`NAMES`], in JSON or in a form.
pub(crate) fn in_body(body: &[u8]) -> Vec<Hidden> {
    let mut found = Vec::new();
    match serde_json::from_slice::<Value>(body) {
        Ok(document) => of_members(&document, false, &mut found),
        Err(_) => {
            let fields = url::form_urlencoded::parse(body).filter(|(name, _)| is_secret_name(name));
            found.extend(fields.map(|(_, value)| Hidden::new(value.into_owned())));
        }
    }
    found
}

/// Serde bounds how deep a document can be.
fn of_members(value: &Value, is_secret: bool, found: &mut Vec<Hidden>) {
    match value {
        Value::Object(members) => {
            members.iter().for_each(|(name, value)| of_members(value, is_secret_name(name), found));
        }
        Value::Array(items) => items.iter().for_each(|item| of_members(item, is_secret, found)),
        Value::String(text) if is_secret => found.push(Hidden::new(text.clone())),
        Value::Number(number) if is_secret => found.push(Hidden::new(number.to_string())),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The ways in which an answer may repeat these secrets: as they are, in JSON, in a form. None of a text that is too short.
fn spellings(secrets: &[Hidden]) -> Vec<Cow<'_, str>> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'*');
    let mut all = Vec::with_capacity(secrets.len());
    for secret in secrets.iter().map(Hidden::reveal).filter(|secret| secret.len() >= MIN_SECRET) {
        all.push(Cow::Borrowed(secret));
        // Not `all`: without a branch for each byte, many are looked at in one step.
        if !secret.bytes().fold(true, |plain, byte| plain & is_plain(byte)) {
            let json = serde_json::Value::from(secret).to_string();
            all.push(Cow::Owned(json[1..json.len() - 1].to_string()));
            all.push(Cow::Owned(url::form_urlencoded::byte_serialize(secret.as_bytes()).collect()));
        }
    }
    all
}

fn owned(secrets: &[Hidden]) -> Vec<String> {
    spellings(secrets).into_iter().map(Cow::into_owned).collect()
}

/// The longest text that is searched for without preparing the search.
const QUICK: usize = 32;

fn take_out(text: &mut Cow<'_, str>, spelling: &str) {
    let start = &spelling[..spelling.floor_char_boundary(QUICK)];
    if text.len() >= spelling.len() && text.contains(start) && text.contains(spelling) {
        *text = Cow::Owned(text.replace(spelling, MASK));
    }
}

/// Bytes as text; most are text as they are, which is quicker to see.
pub(crate) fn lossy(bytes: &[u8]) -> Cow<'_, str> {
    std::str::from_utf8(bytes).map_or_else(|_| String::from_utf8_lossy(bytes), Cow::Borrowed)
}

/// Masks the string after `"name":` for every name that holds secrets; works on any text, because an error's body is
/// often cut or no JSON.
pub fn hide_members(text: &str) -> Cow<'_, str> {
    let mut out = String::new();
    // What is shown and not in `out` yet begins here.
    let mut shown = text;
    let mut rest = text;
    while let Some(open) = memchr(b'"', rest.as_bytes()) {
        let after = &rest[open + 1..];
        let Some(close) = end_of_string(after) else { break };
        let (name, tail) = (&after[..close], &after[close + 1..]);
        let value = tail.trim_start().strip_prefix(':').map(str::trim_start).and_then(|value| value.strip_prefix('"'));
        match value {
            Some(value) if is_secret_name(name) => {
                out.push_str(&shown[..shown.len() - value.len()]);
                out.push_str(MASK);
                // A value that was cut off has no end: nothing after it is shown.
                shown = end_of_string(value).map_or("", |end| &value[end..]);
                rest = shown.strip_prefix('"').unwrap_or(shown);
            }
            Some(_) | None => rest = tail,
        }
    }
    if out.is_empty() {
        return Cow::Borrowed(text);
    }
    out.push_str(shown);
    Cow::Owned(out)
}

/// Where the string that has begun ends: its first quote that no backslash takes away.
fn end_of_string(text: &str) -> Option<usize> {
    let mut is_escaped = false;
    text.bytes().position(|byte| {
        let is_end = byte == b'"' && !is_escaped;
        is_escaped = byte == b'\\' && !is_escaped;
        is_end
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn members_that_hold_secrets_are_masked_whatever_their_spelling() {
        let body = r#"{"access_token": "abc\"def", "n": 1, "secretKey":"x", "message": "key is bad"}"#;
        let shown = hide_members(body);
        assert_eq!(shown, r#"{"access_token": "[secret]", "n": 1, "secretKey":"[secret]", "message": "key is bad"}"#);
        assert_eq!(hide_members(r#"{"password":"abc"#), r#"{"password":"[secret]"#);
    }

    #[test]
    fn no_name_is_too_long_to_be_compared() {
        for name in NAMES {
            assert!(is_secret_name(name) && is_secret_name(&name.to_ascii_uppercase()), "{name}");
            assert!(!is_secret_name(&format!("{name}x")), "{name}");
        }
        assert!(is_secret_name("X-API_Keys") && !is_secret_name("") && !is_secret_name("the-obfuscated-api-key"));
    }

    #[test]
    fn a_learned_token_is_hidden_as_it_is_and_encoded() {
        let secrets = Secrets::new([Hidden::new("p\"ss w")]);
        secrets.learn(&Hidden::new("tok+en/1"));
        let shown = secrets.with(&[]).hide(r#"p"ss w, p\"ss w, p%22ss+w, tok+en/1, tok%2Ben%2F1"#).into_owned();
        assert_eq!(shown, "[secret], [secret], [secret], [secret], [secret]");
    }

    #[test]
    fn the_secrets_of_a_body_are_those_under_their_names() {
        let body = br#"{"password": "one", "user": {"apiKey": ["two", 3]}, "name": "four", "x": [{"secret": "five"}]}"#;
        let found: Vec<String> = in_body(body).iter().map(|secret| secret.reveal().to_string()).collect();
        assert_eq!(found, ["one", "two", "3", "five"]);
        let form: Vec<String> =
            in_body(b"a=b&client_secret=p%20q").iter().map(|secret| secret.reveal().to_string()).collect();
        assert_eq!(form, ["p q"]);
        assert!(in_body(b"").is_empty() && in_body(&[0xff, b'=', 0]).is_empty());
    }

    #[test]
    fn a_url_keeps_its_query_but_not_the_secrets_in_it() {
        let url = Url::parse("https://a.example.test/x?page=2&api_key=s3cret&token=t").unwrap();
        let shown = Secrets::default().with(&[]).hide_url(&url);
        assert_eq!(shown, "https://a.example.test/x?page=2&api_key=%5Bsecret%5D&token=%5Bsecret%5D");
    }

    proptest! {
        #[test]
        fn hiding_never_panics_and_no_secret_stays(text in any::<String>(), secret in "[a-zA-Z0-9+/=é]{8,60}") {
            let secrets = Secrets::new([Hidden::new(secret.clone())]);
            let text = format!("{text}{secret}{text}");
            prop_assert!(!secrets.with(&[]).hide(&text).contains(&secret));
        }

        #[test]
        fn the_value_of_a_password_is_never_shown(value in "[^\"\\\\]{4,20}", before in "[a-z {,]{0,10}") {
            let text = format!("{before}\"password\" : \"{value}\", \"a\": 1}}");
            prop_assert_eq!(hide_members(&text), format!("{before}\"password\" : \"[secret]\", \"a\": 1}}"));
        }
    }
}
