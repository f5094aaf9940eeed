//! The tokens of a session: JWTs, HS256 by the vault's keys. What a token says is checked against the store by others.

use crate::vault::Vault;
use jsonwebtoken::crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{ErrorKind, Result as JwtResult};
use jsonwebtoken::signature::{self, Signer, Verifier};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use ring::hmac;
use serde::{Deserialize, Serialize};

/// How long an access token is good, in seconds.
pub const ACCESS_S: i64 = 15 * 60;
/// How long a session lasts without a refresh, in seconds.
pub const REFRESH_S: i64 = 7 * 24 * 3600;
/// Who issues the tokens.
const ISSUER: &str = "scanyard";

/// What a token is for; one is never taken for the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Use {
    /// Requests.
    Access,
    /// One refresh.
    Refresh,
}

/// What a token says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    iss: String,
    aud: Use,
    /// Id of the user.
    pub sub: String,
    /// Id of the session.
    pub sid: String,
    /// Of a refresh token: which one of its session it is.
    pub generation: i64,
    /// Issued at, in epoch seconds.
    pub iat: i64,
    /// Good until, in epoch seconds.
    pub exp: i64,
}

/// Why a token is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenFault {
    /// Not one of ours, or for another use.
    Invalid,
    /// Ours, but good only until this epoch second.
    Expired(i64),
}

/// The system's crypto failed: nothing that a caller can change.
#[derive(Debug, thiserror::Error)]
#[error("signing a token: {0}")]
pub struct SigningFault(#[from] jsonwebtoken::errors::Error);

/// Issues a token for a session at `now`, in epoch milliseconds.
pub fn issue(
    vault: &Vault,
    for_use: Use,
    user_id: &str,
    session_id: &str,
    generation: i64,
    now: i64,
) -> Result<String, SigningFault> {
    install();
    let iat = now.div_euclid(1000);
    let lifetime = match for_use {
        Use::Access => ACCESS_S,
        Use::Refresh => REFRESH_S,
    };
    let claims = Claims {
        iss: ISSUER.to_string(),
        aud: for_use,
        sub: user_id.to_string(),
        sid: session_id.to_string(),
        generation,
        iat,
        exp: iat + lifetime,
    };
    let (id, key) = vault.signing();
    let header = Header { kid: Some(id.to_string()), ..Header::new(Algorithm::HS256) };
    Ok(jsonwebtoken::encode(&header, &claims, &EncodingKey::from_secret(key))?)
}

/// Reads a token at `now`, in epoch milliseconds.
pub fn read(vault: &Vault, for_use: Use, token: &str, now: i64) -> Result<Claims, TokenFault> {
    install();
    let header = jsonwebtoken::decode_header(token).map_err(|_| TokenFault::Invalid)?;
    let key = header.kid.as_deref().and_then(|id| vault.verifying(id)).ok_or(TokenFault::Invalid)?;
    let mut rules = Validation::new(Algorithm::HS256);
    rules.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    rules.set_issuer(&[ISSUER]);
    // The use and the time are looked at below: the time by our clock, not by the library's.
    rules.validate_aud = false;
    rules.validate_exp = false;
    let read = jsonwebtoken::decode::<Claims>(token, &DecodingKey::from_secret(&key), &rules);
    let claims = read.map_err(|_| TokenFault::Invalid)?.claims;
    if claims.aud != for_use {
        return Err(TokenFault::Invalid);
    }
    if claims.exp * 1000 <= now { Err(TokenFault::Expired(claims.exp)) } else { Ok(claims) }
}

/// HS256 by ring: the library brings no crypto of its own.
static PROVIDER: CryptoProvider =
    CryptoProvider { signer_factory: signer, verifier_factory: verifier, key_utils: KeyUtils::new_unimplemented() };

fn install() {
    // Whoever was first installed the same.
    let _ = PROVIDER.install_default();
}

struct Hs256(hmac::Key);

fn signer(algorithm: &Algorithm, key: &EncodingKey) -> JwtResult<Box<dyn JwtSigner>> {
    match algorithm {
        Algorithm::HS256 => Ok(Box::new(Hs256(hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes())))),
        _ => Err(ErrorKind::InvalidAlgorithm.into()),
    }
}

fn verifier(algorithm: &Algorithm, key: &DecodingKey) -> JwtResult<Box<dyn JwtVerifier>> {
    match algorithm {
        Algorithm::HS256 => Ok(Box::new(Hs256(hmac::Key::new(hmac::HMAC_SHA256, key.try_get_as_bytes()?)))),
        _ => Err(ErrorKind::InvalidAlgorithm.into()),
    }
}

impl Signer<Vec<u8>> for Hs256 {
    fn try_sign(&self, message: &[u8]) -> Result<Vec<u8>, signature::Error> {
        Ok(hmac::sign(&self.0, message).as_ref().to_vec())
    }
}

impl JwtSigner for Hs256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS256
    }
}

impl Verifier<Vec<u8>> for Hs256 {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), signature::Error> {
        hmac::verify(&self.0, message, signature).map_err(|_| signature::Error::new())
    }
}

impl JwtVerifier for Hs256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS256
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    const NOW: i64 = 1_772_791_200_000;

    fn vault(byte: u8) -> Vault {
        Vault::of(&[[byte; 32]]).unwrap()
    }

    fn issued(vault: &Vault, for_use: Use) -> String {
        issue(vault, for_use, "usr-1", "s", 3, NOW).unwrap()
    }

    #[test]
    fn a_token_is_good_for_its_time_and_its_use() {
        let vault = vault(1);
        let token = issued(&vault, Use::Access);
        let claims = read(&vault, Use::Access, &token, NOW).unwrap();
        assert_eq!((claims.sub.as_str(), claims.sid.as_str(), claims.generation), ("usr-1", "s", 3));
        assert!(read(&vault, Use::Access, &token, NOW + ACCESS_S * 1000 - 1).is_ok());
        let over = read(&vault, Use::Access, &token, NOW + ACCESS_S * 1000);
        assert_eq!(over, Err(TokenFault::Expired(NOW / 1000 + ACCESS_S)));
        assert_eq!(read(&vault, Use::Refresh, &token, NOW), Err(TokenFault::Invalid));
        let refresh = issued(&vault, Use::Refresh);
        assert!(read(&vault, Use::Refresh, &refresh, NOW + REFRESH_S * 1000 - 1).is_ok());
        assert_eq!(read(&vault, Use::Access, &refresh, NOW), Err(TokenFault::Invalid));
    }

    #[test]
    fn a_token_that_was_changed_or_signed_by_others_is_invalid() {
        let vault = vault(1);
        let token = issued(&vault, Use::Access);
        let parts: Vec<&str> = token.split('.').collect();
        let [header, claims, signature] = parts.as_slice() else { panic!("{token}") };
        let encode = |text: String| URL_SAFE_NO_PAD.encode(text);
        let decode = |text: &str| String::from_utf8(URL_SAFE_NO_PAD.decode(text).unwrap()).unwrap();
        let other_user = encode(decode(claims).replace("usr-1", "usr-2"));
        let unsigned = encode(decode(header).replace("HS256", "none"));
        let stronger = encode(decode(header).replace("HS256", "HS512"));
        let strange_key = encode(decode(header).replace("mk-", "mk-0"));
        for changed in [
            format!("{header}.{other_user}.{signature}"),
            format!("{unsigned}.{claims}."),
            format!("{unsigned}.{claims}.{signature}"),
            format!("{stronger}.{claims}.{signature}"),
            format!("{strange_key}.{claims}.{signature}"),
            format!("{header}.{claims}."),
            format!("{header}.{claims}"),
            "x".to_string(),
            String::new(),
            issued(&self::vault(2), Use::Access),
        ] {
            assert_eq!(read(&vault, Use::Access, &changed, NOW), Err(TokenFault::Invalid), "{changed}");
        }
    }
}
