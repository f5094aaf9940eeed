//! Signs the JSON Web Tokens with which a program proves who it is.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use serde::Serialize;
use std::fmt;

/// An RSA key that signs RS256.
pub(crate) struct RsaKey(RsaKeyPair);

impl fmt::Debug for RsaKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[private key]")
    }
}

impl RsaKey {
    /// Reads PEM: PKCS #8 or PKCS #1, at least 2048 bits.
    pub fn from_pem(pem: &[u8]) -> Option<RsaKey> {
        let key = match PrivateKeyDer::from_pem_slice(pem).ok()? {
            PrivateKeyDer::Pkcs8(key) => RsaKeyPair::from_pkcs8(key.secret_pkcs8_der()).ok()?,
            PrivateKeyDer::Pkcs1(key) => RsaKeyPair::from_der(key.secret_pkcs1_der()).ok()?,
            // No curve's key signs RS256.
            _ => return None,
        };
        Some(RsaKey(key))
    }
}

/// A token signed by RSA with SHA-256; `None` when the system has no random numbers.
pub(crate) fn rs256(key: &RsaKey, claims: &impl Serialize) -> Option<String> {
    let signed = unsigned("RS256", claims)?;
    let mut signature = vec![0; key.0.public().modulus_len()];
    key.0.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature).ok()?;
    Some(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
}

/// A token signed by HMAC with SHA-256.
pub(crate) fn hs256(secret: &[u8], claims: &impl Serialize) -> Option<String> {
    let signed = unsigned("HS256", claims)?;
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), signed.as_bytes());
    Some(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(tag)))
}

fn unsigned(algorithm: &str, claims: &impl Serialize) -> Option<String> {
    let header = serde_json::json!({"alg": algorithm, "typ": "JWT"}).to_string();
    let claims = serde_json::to_vec(claims).ok()?;
    Some(format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_the_one_of_rfc_7515() {
        // The key of appendix A.1, whose tag is made over our own header.
        let key = URL_SAFE_NO_PAD
            .decode("AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow")
            .unwrap();
        let token = hs256(&key, &serde_json::json!({"iss": "joe"})).unwrap();
        let (signed, tag) = token.rsplit_once('.').unwrap();
        let tag = URL_SAFE_NO_PAD.decode(tag).unwrap();
        assert!(hmac::verify(&hmac::Key::new(hmac::HMAC_SHA256, &key), signed.as_bytes(), &tag).is_ok());
        let claims = URL_SAFE_NO_PAD.decode(signed.split_once('.').unwrap().1).unwrap();
        assert_eq!(claims, br#"{"iss":"joe"}"#);
    }

    #[test]
    fn what_is_no_rsa_key_is_refused() {
        for pem in ["", "x", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"] {
            assert!(RsaKey::from_pem(pem.as_bytes()).is_none(), "{pem}");
        }
    }
}
