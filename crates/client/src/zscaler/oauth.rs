//! OneAPI's tokens: OAuth client credentials by a secret or by a private key.

use crate::auth::{Token, sensitive};
use crate::error::Error;
use crate::jwt::{RsaKey, rs256};
use crate::request::{Answer, Request};
use http::header::AUTHORIZATION;
use scanyard_contract::hidden::Hidden;
use scanyard_contract::{Contract, Kind};
use serde::Deserialize;
use serde_json::{Value, json};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use url::Url;
use uuid::Uuid;

/// Whom the token is for.
const AUDIENCE: &str = "https://api.zscaler.com";
/// How long an assertion is good for.
const ASSERTION_LIFE: Duration = Duration::from_secs(600);
/// A longer life is not believed: the token is renewed then.
const MAX_LIFE: Duration = Duration::from_secs(24 * 60 * 60);

/// A client of the OAuth server.
#[derive(Debug)]
pub(crate) struct OAuth {
    pub base: Url,
    pub client_id: String,
    pub proof: Proof,
}

/// How it proves who it is.
#[derive(Debug)]
pub(crate) enum Proof {
    Secret(Hidden),
    Key(Box<RsaKey>),
}

impl OAuth {
    pub fn request(&self, now: SystemTime) -> Result<Request, Error> {
        let mut fields =
            vec![("grant_type", "client_credentials"), ("client_id", &self.client_id), ("audience", AUDIENCE)];
        let assertion;
        let secret = match &self.proof {
            Proof::Secret(secret) => {
                fields.push(("client_secret", secret.reveal()));
                secret.clone()
            }
            Proof::Key(key) => {
                assertion = self.assertion(key, now).ok_or_else(|| {
                    Error::here(Contract::Zscaler, Kind::Unknown, "the assertion could not be signed")
                })?;
                fields.push(("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"));
                fields.push(("client_assertion", assertion.reveal()));
                assertion.clone()
            }
        };
        Ok(Request::post("oauth2/v1/token").form(&fields).idempotent().hiding(&secret))
    }

    fn assertion(&self, key: &RsaKey, now: SystemTime) -> Option<Hidden> {
        let now = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        let claims = json!({"iss": self.client_id, "sub": self.client_id, "aud": AUDIENCE, "iat": now.as_secs(),
            "exp": (now + ASSERTION_LIFE).as_secs(), "jti": Uuid::new_v4()});
        rs256(key, &claims).map(Hidden::new)
    }
}

/// Reads the answer of an OAuth server.
pub(crate) fn read(answer: &Answer) -> Result<Token, &'static str> {
    let granted: Granted = answer.decode().map_err(|_| "the token's answer holds no access_token")?;
    bearer(granted.access_token, granted.expires_in)
}

/// A token for `Authorization: Bearer`.
pub(crate) fn bearer(token: Hidden, expires_in: Option<Value>) -> Result<Token, &'static str> {
    let header = match token.reveal().is_empty() {
        true => None,
        false => sensitive(AUTHORIZATION, &format!("Bearer {}", token.reveal())),
    };
    let headers = header.ok_or("the access_token is empty or holds characters that no token has")?;
    let life = expires_in.as_ref().map(seconds);
    Ok(Token { headers, secrets: vec![token], life, idle: None })
}

#[derive(Deserialize)]
pub(crate) struct Granted {
    pub access_token: Hidden,
    #[serde(default)]
    pub expires_in: Option<Value>,
}

/// A number of seconds; ZPA writes it as a text. What is neither lasts as long as any token does: until it is refused.
fn seconds(value: &Value) -> Duration {
    let number = value.as_f64().or_else(|| value.as_str()?.trim().parse().ok());
    // A cast saturates, at 0 too.
    number.map_or(MAX_LIFE, |number| Duration::from_secs(number as u64)).min(MAX_LIFE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderMap;
    use proptest::prelude::*;

    fn answer(body: &str) -> Answer {
        Answer { status: 200, headers: HeaderMap::new(), body: body.as_bytes().to_vec(), attempts: 1 }
    }

    #[test]
    fn the_life_of_a_token_is_a_number_or_a_text() {
        let life = |expires: &str| {
            read(&answer(&format!(r#"{{"access_token": "t", "expires_in": {expires}}}"#))).unwrap().life
        };
        assert_eq!(life("3600"), Some(Duration::from_secs(3600)));
        assert_eq!(life("\"3600\""), Some(Duration::from_secs(3600)));
        assert_eq!(life("1e30"), Some(MAX_LIFE));
        assert_eq!(life("null"), None);
        assert_eq!(life("-5"), Some(Duration::ZERO));
    }

    #[test]
    fn an_answer_without_a_token_is_no_token() {
        for body in ["", "{}", "[]", r#"{"access_token": ""}"#, r#"{"access_token": null}"#, "<html>"] {
            assert!(read(&answer(body)).is_err(), "{body}");
        }
    }

    proptest! {
        #[test]
        fn any_answer_can_be_read(body in any::<String>()) {
            let _ = read(&answer(&body));
        }
    }
}
