//! Logging in with a name and a password: the session's cookie, or its token in `X-Cookie` as Nessus wants it.

use crate::auth::{Token, sensitive};
use crate::request::{Answer, Request};
use http::HeaderMap;
use http::header::{COOKIE, HeaderName, SET_COOKIE};
use scanyard_contract::hidden::Hidden;
use serde::Deserialize;
use serde_json::json;
use url::Url;

/// The most cookies of one answer that are kept.
const MAX_COOKIES: usize = 20;

/// Who logs in.
#[derive(Debug)]
pub(crate) struct Session {
    pub base: Url,
    username: String,
    password: Hidden,
}

impl Session {
    pub fn new(base: Url, username: String, password: Hidden) -> Session {
        Session { base, username, password }
    }

    pub fn request(&self) -> Request {
        let body = json!({"username": self.username, "password": self.password.reveal()});
        Request::post("session").json(&body).idempotent().hiding(&self.password)
    }

    pub fn read(&self, answer: &Answer) -> Result<Token, &'static str> {
        #[derive(Deserialize)]
        struct Body {
            token: Hidden,
        }
        let cookies = cookies(&answer.headers);
        let mut headers = match cookies.is_empty() {
            true => HeaderMap::new(),
            false => sensitive(COOKIE, &cookies.join("; ")).unwrap_or_default(),
        };
        let mut secrets: Vec<Hidden> = cookies.iter().map(|cookie| Hidden::new(value(cookie))).collect();
        if let Ok(Body { token }) = answer.decode::<Body>() {
            let header = sensitive(HeaderName::from_static("x-cookie"), &format!("token={}", token.reveal()));
            headers.extend(header.unwrap_or_default());
            secrets.push(token);
        }
        match headers.is_empty() {
            true => Err("the login answered neither a cookie nor a token"),
            false => Ok(Token { headers, secrets, life: None, idle: None }),
        }
    }
}

/// `name=value` of each cookie that an answer sets.
pub(crate) fn cookies(headers: &HeaderMap) -> Vec<String> {
    let set = headers.get_all(SET_COOKIE).iter().filter_map(|cookie| cookie.to_str().ok());
    let pairs = set.filter_map(|cookie| cookie.split(';').next()).map(str::trim);
    pairs
        .filter(|pair| pair.split_once('=').is_some_and(|(name, _)| !name.is_empty()))
        .take(MAX_COOKIES)
        .map(str::to_string)
        .collect()
}

pub(crate) fn value(cookie: &str) -> &str {
    cookie.split_once('=').map_or(cookie, |(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;
    use proptest::prelude::*;

    #[test]
    fn only_name_and_value_of_a_cookie_are_sent_back() {
        let mut headers = HeaderMap::new();
        headers.append(SET_COOKIE, HeaderValue::from_static("sid=a=b; Path=/; HttpOnly"));
        headers.append(SET_COOKIE, HeaderValue::from_static("=x"));
        headers.append(SET_COOKIE, HeaderValue::from_static("JSESSIONID=1;"));
        assert_eq!(cookies(&headers), ["sid=a=b", "JSESSIONID=1"]);
        assert_eq!(value("sid=a=b"), "a=b");
    }

    proptest! {
        #[test]
        fn any_cookie_header_can_be_read(text in "[ -~]{0,60}") {
            let headers = HeaderMap::from_iter([(SET_COOKIE, HeaderValue::from_str(&text).unwrap())]);
            for cookie in cookies(&headers) {
                prop_assert!(!cookie.contains(';') && cookie.contains('='));
            }
        }
    }
}
