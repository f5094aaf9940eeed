//! How a call proves that it is ours: the headers of Standard Webhooks, and the `X-CertIX-*` set.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName, HeaderValue};
use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};
use scanyard_contract::webhook::DeliveryEvent;

/// What every secret begins with.
const PREFIX: &str = "whsec_";

/// Random bytes of a secret, which is twice as many hex digits.
const SECRET_BYTES: usize = 26;

/// A new secret; none when the system has no randomness to give.
pub fn new_secret() -> Option<String> {
    let mut bytes = [0; SECRET_BYTES];
    SystemRandom::new().fill(&mut bytes).ok()?;
    Some(format!("{PREFIX}{}", crate::key::hex(&bytes)))
}

/// The call that is signed.
#[derive(Debug, Clone, Copy)]
pub struct Call<'a> {
    /// Id of the delivery: the same in every attempt.
    pub delivery_id: &'a str,
    pub event: DeliveryEvent,
    /// Epoch seconds of the attempt.
    pub timestamp: i64,
    pub body: &'a str,
}

/// The headers of a call, with a signature by each secret, the newest first; without secrets it is not signed.
pub fn headers(call: &Call<'_>, secrets: &[&str]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let mut set = |name: &'static str, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    };
    let timestamp = call.timestamp.to_string();
    set("webhook-id", call.delivery_id);
    set("webhook-timestamp", &timestamp);
    set("x-certix-delivery", call.delivery_id);
    set("x-certix-timestamp", &timestamp);
    set("x-certix-event", call.event.as_str());
    if !secrets.is_empty() {
        let standard: Vec<String> = secrets.iter().map(|secret| standard(call, secret)).collect();
        set("webhook-signature", &standard.join(" "));
        let whole: Vec<String> = secrets.iter().map(|secret| whole(call, secret)).collect();
        set("x-certix-signature", &whole.join(", "));
    }
    headers
}

/// `v1,<base64>` over id, time and body, keyed with the bytes that the secret's text after its prefix is base64 of.
fn standard(call: &Call<'_>, secret: &str) -> String {
    let text = secret.strip_prefix(PREFIX).unwrap_or(secret);
    // Hex digits are base64 too, and 52 of them are whole groups of four.
    let key = STANDARD.decode(text).unwrap_or_default();
    let signed = format!("{}.{}.{}", call.delivery_id, call.timestamp, call.body);
    format!("v1,{}", STANDARD.encode(mac(&key, &signed)))
}

/// `sha256=<hex>` over the body, keyed with the whole text of the secret.
fn whole(call: &Call<'_>, secret: &str) -> String {
    format!("sha256={}", crate::key::hex(mac(secret.as_bytes(), call.body).as_ref()))
}

fn mac(key: &[u8], text: &str) -> hmac::Tag {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    const CALL: Call<'_> =
        Call { delivery_id: "dlv-1", event: DeliveryEvent::Completed, timestamp: 1_772_791_200, body: r#"{"a":1}"# };

    #[test]
    fn a_secret_is_a_prefix_and_52_hex_digits() {
        let secret = new_secret().unwrap();
        let digits = secret.strip_prefix("whsec_").unwrap();
        assert_eq!(digits.len(), 52);
        assert!(digits.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)));
        assert_ne!(secret, new_secret().unwrap());
    }

    #[test]
    fn the_library_of_standard_webhooks_accepts_either_secret_and_no_other() {
        let (new, old) = (new_secret().unwrap(), new_secret().unwrap());
        let headers = headers(&CALL, &[&new, &old]);
        let verify = |secret: &str, body: &str| {
            let oracle = standardwebhooks::Webhook::new(secret).unwrap();
            let right = oracle.sign(CALL.delivery_id, CALL.timestamp, body.as_bytes()).unwrap();
            headers["webhook-signature"].to_str().unwrap().split(' ').any(|given| given == right)
        };
        assert!(verify(&new, CALL.body) && verify(&old, CALL.body));
        assert!(!verify(&new_secret().unwrap(), CALL.body));
        assert!(!verify(&new, r#"{"a":2}"#));
    }

    #[test]
    fn the_other_signature_is_keyed_with_the_whole_secret_over_the_body() {
        let headers = headers(&CALL, &["whsec_ab"]);
        // By Python's hmac.
        let expected = "sha256=51d213d9071adf216ec88cad0c70d5d434f0f60ae5f2373f5e23ac0385813760";
        assert_eq!(headers["x-certix-signature"], expected);
        assert_eq!(headers["x-certix-event"], "scan.completed");
        assert_eq!(headers["x-certix-delivery"], headers["webhook-id"]);
    }

    #[test]
    fn without_a_secret_nothing_is_signed() {
        let headers = headers(&CALL, &[]);
        assert!(!headers.contains_key("webhook-signature") && !headers.contains_key("x-certix-signature"));
        assert_eq!(headers["webhook-timestamp"], "1772791200");
    }
}
