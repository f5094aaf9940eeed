//! The cookie that a browser keeps its refresh token in: no script can read it, and no other site can have it sent.

use crate::token::REFRESH_S;
use axum::response::Response;
use http::header::{COOKIE, SET_COOKIE};
use http::{HeaderMap, HeaderValue, Uri};

/// The cookie's name.
pub const NAME: &str = "scanyard_refresh";

/// The refresh token that a request brings.
pub fn read(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, value)| *name == NAME && !value.is_empty()).map(|(_, value)| value)
}

/// Gives the browser a token.
pub fn set(response: &mut Response, token: &str, uri: &Uri) {
    put(response, token, REFRESH_S, uri);
}

/// Takes the token away.
pub fn clear(response: &mut Response, uri: &Uri) {
    put(response, "", 0, uri);
}

/// For the routes of sessions alone, under the base path that was called.
fn put(response: &mut Response, token: &str, max_age_s: i64, uri: &Uri) {
    let path = uri.path().rsplit_once('/').map_or("/", |(path, _)| path);
    let text = format!("{NAME}={token}; Path={path}; Max-Age={max_age_s}; HttpOnly; Secure; SameSite=Strict");
    if let Ok(value) = HeaderValue::from_str(&text) {
        response.headers_mut().insert(SET_COOKIE, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_from(cookies: &[&str]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for text in cookies {
            headers.append(COOKIE, text.parse().unwrap());
        }
        read(&headers).map(str::to_string)
    }

    #[test]
    fn the_token_is_found_among_other_cookies() {
        assert_eq!(read_from(&[]), None);
        assert_eq!(read_from(&["a=b; scanyard_refresh=x.y.z"]).as_deref(), Some("x.y.z"));
        assert_eq!(read_from(&["a=b", "scanyard_refresh=x; c=d"]).as_deref(), Some("x"));
        assert_eq!(read_from(&["scanyard_refresh=", "xscanyard_refresh=x", "scanyard_refresh"]), None);
    }

    #[test]
    fn the_cookie_is_for_the_routes_of_sessions() {
        let mut response = Response::default();
        set(&mut response, "x", &"/api/v1/auth/login?a=b".parse().unwrap());
        let text = response.headers()[SET_COOKIE].to_str().unwrap();
        let whole = "scanyard_refresh=x; Path=/api/v1/auth; Max-Age=604800; HttpOnly; Secure; SameSite=Strict";
        assert_eq!(text, whole);
    }
}
