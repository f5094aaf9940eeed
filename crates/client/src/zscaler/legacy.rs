//! The sessions of the services' own APIs, as they were before OneAPI.

use super::oauth::{Granted, bearer};
use crate::auth::{Token, sensitive};
use crate::error::Error;
use crate::request::{Answer, Request};
use crate::tenable::session::{cookies, value};
use http::header::{COOKIE, HeaderName};
use scanyard_contract::hidden::Hidden;
use scanyard_contract::{Contract, Kind, Service};
use serde::Deserialize;
use serde_json::json;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use url::Url;

/// A session of ZIA or CBC ends when it is not used for so long.
const IDLE: Duration = Duration::from_secs(5 * 60);
/// The obfuscation takes characters up to this place of the key.
const KEY_CHARS: usize = 12;

/// Who logs in where.
#[derive(Debug)]
pub(crate) struct Legacy {
    pub base: Url,
    pub who: Who,
}

/// What each service asks for.
#[derive(Debug)]
pub(crate) enum Who {
    /// ZIA: `authenticatedSession`.
    Zia(Admin),
    /// CBC: `auth`.
    Cbc(Admin),
    Zpa {
        client_id: String,
        client_secret: Hidden,
    },
    Zcc {
        api_key: Hidden,
        secret_key: Hidden,
    },
}

/// An administrator with the organisation's API key.
#[derive(Debug)]
pub(crate) struct Admin {
    pub username: String,
    pub password: Hidden,
    pub api_key: Hidden,
}

impl Legacy {
    pub fn service(&self) -> Service {
        match self.who {
            Who::Zia(_) => Service::Zia,
            Who::Cbc(_) => Service::Cbc,
            Who::Zpa { .. } => Service::Zpa,
            Who::Zcc { .. } => Service::Zcc,
        }
    }

    /// What no error may show.
    pub fn secrets(&self) -> Vec<Hidden> {
        match &self.who {
            Who::Zia(admin) | Who::Cbc(admin) => vec![admin.password.clone(), admin.api_key.clone()],
            Who::Zpa { client_secret, .. } => vec![client_secret.clone()],
            Who::Zcc { api_key, secret_key } => vec![api_key.clone(), secret_key.clone()],
        }
    }

    pub fn request(&self, now: SystemTime) -> Result<Request, Error> {
        match &self.who {
            Who::Zia(admin) => admin.request("api/v1/authenticatedSession", now),
            Who::Cbc(admin) => admin.request("api/v1/auth", now),
            Who::Zpa { client_id, client_secret } => {
                let fields = [("client_id", client_id.as_str()), ("client_secret", client_secret.reveal())];
                Ok(Request::post("signin").form(&fields).idempotent())
            }
            Who::Zcc { api_key, secret_key } => {
                let body = json!({"apiKey": api_key.reveal(), "secretKey": secret_key.reveal()});
                Ok(Request::post("papi/auth/v1/login").json(&body).idempotent())
            }
        }
    }

    pub fn read(&self, answer: &Answer) -> Result<Token, &'static str> {
        match &self.who {
            Who::Zia(_) | Who::Cbc(_) => {
                let cookies = cookies(&answer.headers);
                if !cookies.iter().any(|cookie| cookie.starts_with("JSESSIONID=")) {
                    return Err("the login set no JSESSIONID");
                }
                let headers = sensitive(COOKIE, &cookies.join("; ")).ok_or("the session's cookie is unusable")?;
                let secrets = cookies.iter().map(|cookie| Hidden::new(value(cookie))).collect();
                Ok(Token { headers, secrets, life: None, idle: Some(IDLE) })
            }
            Who::Zpa { .. } => {
                let Granted { access_token, expires_in } =
                    answer.decode().map_err(|_| "the login's answer holds no access_token")?;
                bearer(access_token, expires_in)
            }
            Who::Zcc { .. } => {
                #[derive(Deserialize)]
                #[serde(rename_all = "camelCase")]
                struct Body {
                    jwt_token: Hidden,
                }
                let Body { jwt_token } = answer.decode().map_err(|_| "the login's answer holds no jwtToken")?;
                let name = HeaderName::from_static("auth-token");
                let headers = sensitive(name, jwt_token.reveal()).ok_or("the jwtToken is unusable")?;
                Ok(Token { headers, secrets: vec![jwt_token], life: None, idle: None })
            }
        }
    }
}

impl Admin {
    fn request(&self, path: &str, now: SystemTime) -> Result<Request, Error> {
        let timestamp = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis().to_string();
        let key = obfuscate(self.api_key.reveal(), &timestamp).ok_or_else(|| {
            let message = format!("the API key must have at least {KEY_CHARS} characters");
            Error::here(Contract::Zscaler, Kind::UnexpectedValue, message)
        })?;
        let body = json!({"apiKey": key.reveal(), "username": self.username, "password": self.password.reveal(),
            "timestamp": timestamp});
        Ok(Request::post(path).json(&body).idempotent().hiding(&key))
    }
}

/// The key as it is sent with this time in milliseconds: of the last six digits, and of half their number in six digits, each
/// picks one character, the latter two places further on. `None` when the key is too short or the time no number.
fn obfuscate(key: &str, timestamp: &str) -> Option<Hidden> {
    let digits = timestamp.get(timestamp.len().checked_sub(6)?..)?;
    let half = format!("{:06}", digits.parse::<u32>().ok()? >> 1);
    let key: Vec<char> = key.chars().collect();
    let pick = |text: &str, shift: usize| -> Option<String> {
        text.chars().map(|digit| key.get(digit.to_digit(10)? as usize + shift).copied()).collect()
    };
    if key.len() < KEY_CHARS {
        return None;
    }
    Some(Hidden::new(pick(digits, 0)? + &pick(&half, 2)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_key_is_obfuscated_by_the_last_six_digits_of_the_time() {
        // n = 123456, half of it 061728.
        let sent = obfuscate("abcdefghijklmnop", "1700000123456").unwrap();
        assert_eq!(sent.reveal(), "bcdefg".to_string() + "cidjek");
        assert!(obfuscate("short", "1700000123456").is_none());
        assert!(obfuscate("abcdefghijklmnop", "12345").is_none());
    }

    proptest! {
        #[test]
        fn any_key_and_time_give_twelve_characters_or_nothing(key in any::<String>(), time in any::<String>(), ms in any::<u64>()) {
            let _ = obfuscate(&key, &time);
            if let Some(sent) = obfuscate(&key, &ms.to_string()) {
                prop_assert_eq!(sent.reveal().chars().count(), 12);
            }
        }
    }
}
