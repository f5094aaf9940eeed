//! Secrets at rest: the master keys of this node, and what is derived from them.
//!
//! The keys are lines of one file; the first encrypts and signs, every one opens and verifies. The database holds the
//! ids of the keys that it was written with, never a key: a node that lacks one of them does not start. While a key is
//! changed, nodes that have started again use one that the others have in their files only: these look there then.

mod file;
mod later;

use crate::config::Secret;
use crate::data_folder;
use crate::store::{Store, StoreError, master_key};
use crate::vault::later::Later;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::{SecureRandom, SystemRandom};
use ring::{hkdf, hmac};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What every sealed text begins with; another way of sealing gets another one.
const VERSION: &str = "s1";
/// Separates the keys derived here from those of any other program with the same master key.
const SALT: &[u8] = b"scanyard";

/// Why the vault cannot do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    #[error("the system gives no random numbers")]
    Random,
    #[error("not a text that this server sealed")]
    Malformed,
    #[error("sealed with the master key {0}, which this node does not have")]
    UnknownKey(String),
    #[error("changed since it was sealed, or sealed for another purpose")]
    Tampered,
}

/// Why a node cannot have its master keys.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    #[error("{}: {reason}", path.display())]
    File { path: PathBuf, reason: String },
    #[error(
        "the database was written with the master key {wanted}, which {} does not hold; copy the key file of the node \
         that made the database to that place (mode 0600), or name it with --master-key-file", path.display()
    )]
    Lacking { wanted: String, path: PathBuf },
    #[error("the system gives no random numbers")]
    Random,
    #[error("asking which keys the database was written with")]
    Store(#[from] StoreError),
}

/// The master keys; cheap to clone.
#[derive(Clone)]
pub struct Vault(Arc<Keys>);

struct Keys {
    /// Those that the node started with; the first is the one in use.
    own: Vec<Arc<MasterKey>>,
    /// `None`: the keys are of no file.
    later: Option<Later>,
}

struct MasterKey {
    id: String,
    sealing: LessSafeKey,
    signing: [u8; 32],
    fingerprint: hmac::Key,
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Vault").field(&self.0.own.iter().map(|key| &key.id).collect::<Vec<_>>()).finish()
    }
}

/// Whether the key file can be used, or made, without looking at any database.
pub fn check(path: &Path) -> Result<(), LoadError> {
    lacking(path, &[])?;
    data_folder::check_place(path).map_err(|reason| LoadError::File { path: path.into(), reason })
}

/// Which of the master keys a key file does not hold; one that is not there holds none.
pub fn lacking(path: &Path, wanted: &[String]) -> Result<Vec<String>, LoadError> {
    let fault = |reason| LoadError::File { path: path.into(), reason };
    let keys = match file::read(path)? {
        Some(secrets) => keys_of(&secrets).map_err(fault)?,
        None => Vec::new(),
    };
    let is_there = |id: &String| keys.iter().any(|key| key.id == *id);
    Ok(wanted.iter().filter(|id| !is_there(id)).cloned().collect())
}

impl Vault {
    /// Reads the key file, makes it when both it and the database are new, and holds it against the database.
    pub async fn load(store: &Store, path: &Path) -> Result<Vault, LoadError> {
        let mut known = master_key::ids(&mut *store.read().await?).await?;
        let secrets = match file::read(path)? {
            Some(secrets) => secrets,
            None => match known.first() {
                Some(id) => return Err(LoadError::Lacking { wanted: id.clone(), path: path.into() }),
                None => file::create(path)?,
            },
        };
        let own = keys_of(&secrets).map_err(|reason| LoadError::File { path: path.into(), reason })?;
        let vault = Vault(Arc::new(Keys { own, later: Some(Later::new(path)) }));
        loop {
            if let Some(wanted) = known.iter().find(|id| vault.key(id).is_none()) {
                return Err(LoadError::Lacking { wanted: wanted.clone(), path: path.into() });
            }
            let first = vault.first().id.clone();
            if known.contains(&first) {
                return Ok(vault);
            }
            let (slot, now) = (known.len(), store.now().await?);
            let added =
                store.write(move |conn| Box::pin(async move { master_key::insert(conn, slot, &first, now).await }));
            match added.await {
                // Another node was first: this one must have that node's key as well.
                Ok(()) | Err(StoreError::Duplicate) => known = master_key::ids(&mut *store.read().await?).await?,
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// A vault of these master keys and no file, of which there must be at least one.
    #[cfg(test)]
    pub(crate) fn of(secrets: &[[u8; 32]]) -> Result<Vault, String> {
        Ok(Vault(Arc::new(Keys { own: keys_of(secrets)?, later: None })))
    }

    fn first(&self) -> &MasterKey {
        &self.0.own[0]
    }

    fn key(&self, id: &str) -> Option<Arc<MasterKey>> {
        let own = self.0.own.iter().find(|key| key.id == id).cloned();
        own.or_else(|| self.0.later.as_ref()?.key(id))
    }

    /// Encrypts a secret. Only [`Vault::open`] with the same `context`, such as `webhook wh-…`, gives it back.
    pub fn seal(&self, plain: &str, context: &str) -> Result<String, VaultError> {
        let key = self.first();
        let mut nonce = [0; NONCE_LEN];
        SystemRandom::new().fill(&mut nonce).map_err(|_| VaultError::Random)?;
        let mut sealed = plain.as_bytes().to_vec();
        let aad = Aad::from(aad(&key.id, context));
        let nonce_once = Nonce::assume_unique_for_key(nonce);
        key.sealing.seal_in_place_append_tag(nonce_once, aad, &mut sealed).map_err(|_| VaultError::Malformed)?;
        let bytes = [&nonce[..], &sealed].concat();
        Ok(format!("{VERSION}.{}.{}", key.id, URL_SAFE_NO_PAD.encode(bytes)))
    }

    /// Decrypts what [`Vault::seal`] gave for the same `context`.
    pub fn open(&self, sealed: &str, context: &str) -> Result<Secret, VaultError> {
        let mut parts = sealed.splitn(3, '.');
        let (Some(VERSION), Some(id), Some(text)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(VaultError::Malformed);
        };
        let key = self.key(id).ok_or_else(|| VaultError::UnknownKey(id.to_string()))?;
        let mut bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| VaultError::Malformed)?;
        if bytes.len() < NONCE_LEN {
            return Err(VaultError::Malformed);
        }
        let mut rest = bytes.split_off(NONCE_LEN);
        let nonce = Nonce::try_assume_unique_for_key(&bytes).map_err(|_| VaultError::Malformed)?;
        let plain = key.sealing.open_in_place(nonce, Aad::from(aad(id, context)), &mut rest);
        let plain = plain.map_err(|_| VaultError::Tampered)?;
        Ok(Secret::new(String::from_utf8_lossy(plain)))
    }

    /// The id of the key that seals.
    pub fn first_id(&self) -> &str {
        &self.first().id
    }

    /// Whether a sealed text is of the key that seals now.
    pub fn is_sealed_with_first(&self, sealed: &str) -> bool {
        sealed.split('.').nth(1) == Some(self.first_id())
    }

    /// The key that signs access tokens, and its id.
    pub fn signing(&self) -> (&str, &[u8; 32]) {
        (&self.first().id, &self.first().signing)
    }

    /// The key of that id, to verify an access token by.
    pub fn verifying(&self, id: &str) -> Option<[u8; 32]> {
        self.key(id).map(|key| key.signing)
    }

    /// A keyed hash, lower-case hex: tells whether two texts are the same without being open to guesses.
    pub fn fingerprint(&self, parts: &[&[u8]]) -> String {
        self.first().fingerprint(parts)
    }

    /// Whether a fingerprint is of these parts, by whichever key of this node or its file it was taken.
    pub fn is_fingerprint(&self, fingerprint: &str, parts: &[&[u8]]) -> bool {
        let is_of = |key: &Arc<MasterKey>| key.fingerprint(parts) == fingerprint;
        self.0.own.iter().any(is_of) || self.0.later.as_ref().is_some_and(|later| later.keys().iter().any(is_of))
    }
}

/// The master keys of these secrets, of which there must be at least one.
fn keys_of(secrets: &[[u8; 32]]) -> Result<Vec<Arc<MasterKey>>, String> {
    let derive = |secret| MasterKey::derive(secret).map(Arc::new);
    let keys: Vec<_> = secrets.iter().map(derive).collect::<Option<_>>().ok_or("unusable")?;
    if keys.is_empty() {
        return Err("holds no key; one is a line with 64 hex digits".to_string());
    }
    Ok(keys)
}

/// What a sealed text is bound to besides its key.
fn aad(key_id: &str, context: &str) -> Vec<u8> {
    format!("{VERSION}.{key_id}.{context}").into_bytes()
}

impl MasterKey {
    /// Everything that one master key is for; each use has a key of its own.
    fn derive(secret: &[u8; 32]) -> Option<MasterKey> {
        let master = hkdf::Salt::new(hkdf::HKDF_SHA256, SALT).extract(secret);
        let expand = |purpose: &str| -> Option<[u8; 32]> {
            let mut bytes = [0; 32];
            master.expand(&[purpose.as_bytes()], hkdf::HKDF_SHA256).ok()?.fill(&mut bytes).ok()?;
            Some(bytes)
        };
        Some(MasterKey {
            id: format!("mk-{}", crate::key::hex(&expand("id")?[..8])),
            sealing: LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &expand("seal")?).ok()?),
            signing: expand("sign")?,
            fingerprint: hmac::Key::new(hmac::HMAC_SHA256, &expand("fingerprint")?),
        })
    }

    fn fingerprint(&self, parts: &[&[u8]]) -> String {
        let mut context = hmac::Context::with_key(&self.fingerprint);
        for part in parts {
            context.update(part);
        }
        crate::key::hex(context.sign().as_ref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn vault(secrets: &[u8]) -> Vault {
        Vault::of(&secrets.iter().map(|byte| [*byte; 32]).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn a_sealed_text_opens_in_its_own_context_only() {
        let vault = vault(&[1]);
        let sealed = vault.seal("whsec_1", "webhook a").unwrap();
        assert_eq!(vault.open(&sealed, "webhook a").unwrap().expose(), "whsec_1");
        assert!(matches!(vault.open(&sealed, "webhook b"), Err(VaultError::Tampered)));
        assert_ne!(vault.seal("whsec_1", "webhook a").unwrap(), sealed, "each time another nonce");
        assert!(!sealed.contains("whsec_1"));
    }

    #[test]
    fn the_first_key_seals_and_every_key_opens() {
        let (old, both, new) = (vault(&[1]), vault(&[2, 1]), vault(&[2]));
        let (of_old, of_both) = (old.seal("x", "c").unwrap(), both.seal("x", "c").unwrap());
        assert_eq!(both.open(&of_old, "c").unwrap().expose(), "x");
        assert_eq!(new.open(&of_both, "c").unwrap().expose(), "x");
        assert!(matches!(new.open(&of_old, "c"), Err(VaultError::UnknownKey(id)) if id == old.signing().0));
        assert_eq!(both.signing(), new.signing());
        assert_eq!(both.verifying(old.signing().0), Some(*old.signing().1));
        assert_eq!(both.fingerprint(&[b"a"]), new.fingerprint(&[b"a"]), "by the first");
        assert!(both.is_fingerprint(&old.fingerprint(&[b"a"]), &[b"a"]), "and known by every one");
        assert!(!both.is_fingerprint(&old.fingerprint(&[b"a"]), &[b"b"]));
        assert!(!new.is_fingerprint(&old.fingerprint(&[b"a"]), &[b"a"]));
    }

    #[test]
    fn a_vault_prints_ids_only() {
        let vault = vault(&[7]);
        let id = vault.signing().0;
        assert_eq!(format!("{vault:?}"), format!("Vault([{id:?}])"));
    }

    proptest! {
        #[test]
        fn no_changed_byte_is_accepted(text in ".*", at: prop::sample::Index, flip in 1u8..=255) {
            let vault = vault(&[1]);
            let sealed = vault.seal(&text, "c").unwrap();
            let opened = vault.open(&sealed, "c").unwrap();
            prop_assert_eq!(opened.expose(), text.as_str());
            let mut bytes = sealed.clone().into_bytes();
            let at = at.index(bytes.len());
            bytes[at] ^= flip;
            let changed = String::from_utf8_lossy(&bytes).into_owned();
            prop_assert!(vault.open(&changed, "c").is_err());
        }
    }
}
