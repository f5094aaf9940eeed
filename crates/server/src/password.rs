//! Passwords: what makes one good, and their hashes. Argon2id is meant to be slow, so it runs beside the server's own
//! threads, and only as often at once as there are processors.

use argon2::password_hash::PasswordHasher;
use argon2::{Argon2, PasswordHash, PasswordVerifier};
use ring::rand::{SecureRandom, SystemRandom};
use std::sync::Arc;
use tokio::sync::Semaphore;
use tokio::task::JoinError;

/// The least number of characters.
const LEAST: usize = 12;
/// Characters of a generated password: 20 of 62 are 119 bits.
const GENERATED: usize = 20;

/// What is looked at when nobody has the e-mail address, so that it takes as long: the hash of no password, with the
/// parameters of the others.
const DECOY: &str = "$argon2id$v=19$m=19456,t=2,p=1$c2NhbnlhcmQtZGVjb3ktcw$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Why no hash came out.
#[derive(Debug, thiserror::Error)]
pub enum HashFault {
    #[error("the system gives no random numbers")]
    Random,
    #[error("argon2: {0}")]
    Argon2(String),
    #[error("hashing panicked: {0}")]
    Panicked(#[from] JoinError),
    #[error("hashing has ended")]
    Closed,
}

/// The rules that a new password breaks, for people; that of the last five is looked at elsewhere.
pub fn broken_rules(password: &str) -> Vec<&'static str> {
    let has = |is: fn(char) -> bool| password.chars().any(is);
    let is_special = |c: char| !c.is_alphanumeric() && !c.is_whitespace() && !c.is_control();
    let rules = [
        (password.chars().count() >= LEAST, "must have at least 12 characters"),
        (has(char::is_uppercase), "must have an upper-case letter"),
        (has(char::is_lowercase), "must have a lower-case letter"),
        (has(|c| c.is_ascii_digit()), "must have a digit"),
        (has(is_special), "must have a special character, such as !"),
    ];
    rules.into_iter().filter(|(is_kept, _)| !is_kept).map(|(_, rule)| rule).collect()
}

/// A password that keeps every rule.
pub fn generate() -> Result<String, HashFault> {
    const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    loop {
        let mut bytes = [0u8; 2 * GENERATED];
        SystemRandom::new().fill(&mut bytes).map_err(|_| HashFault::Random)?;
        // Bytes from 248 on would make the first letters likelier.
        let fair = bytes.iter().filter(|byte| **byte < 248);
        let mut letters = fair.map(|byte| char::from(ALPHABET[usize::from(byte % 62)]));
        let groups: Vec<String> = (0..4).map(|_| letters.by_ref().take(GENERATED / 4).collect()).collect();
        let password = groups.join("-");
        if password.len() == GENERATED + 3 && broken_rules(&password).is_empty() {
            return Ok(password);
        }
    }
}

/// Hashes passwords; cheap to clone.
#[derive(Debug, Clone)]
pub struct Passwords(Arc<Semaphore>);

impl Default for Passwords {
    fn default() -> Passwords {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        Passwords(Arc::new(Semaphore::new(processors)))
    }
}

impl Passwords {
    async fn beside<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, HashFault> {
        let turn = self.0.clone().acquire_owned().await.map_err(|_| HashFault::Closed)?;
        let done = tokio::task::spawn_blocking(move || {
            // Kept to the end of the work, also when whoever asked has gone.
            let _turn = turn;
            work()
        });
        Ok(done.await?)
    }

    /// What is stored of a password.
    pub async fn hash(&self, password: &str) -> Result<String, HashFault> {
        let password = password.to_string();
        self.beside(move || hash(&password)).await?
    }

    /// Whether a password is the one of this hash; `None` takes as long and is never.
    pub async fn is(&self, password: &str, hash: Option<&str>) -> Result<bool, HashFault> {
        let (password, known) = (password.to_string(), hash.is_some());
        let hash = hash.unwrap_or(DECOY).to_string();
        Ok(self.beside(move || matches(&password, &hash)).await? && known)
    }

    /// Whether a password is one of these.
    pub async fn is_among(&self, password: &str, hashes: Vec<String>) -> Result<bool, HashFault> {
        let password = password.to_string();
        self.beside(move || hashes.iter().any(|hash| matches(&password, hash))).await
    }
}

fn hash(password: &str) -> Result<String, HashFault> {
    let mut salt = [0u8; 16];
    SystemRandom::new().fill(&mut salt).map_err(|_| HashFault::Random)?;
    let hash = Argon2::default().hash_password_with_salt(password.as_bytes(), &salt);
    Ok(hash.map_err(|error| HashFault::Argon2(error.to_string()))?.to_string())
}

fn matches(password: &str, hash: &str) -> bool {
    PasswordHash::new(hash).is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_broken_rule_is_named() {
        assert_eq!(broken_rules("Correct-Horse-1"), [] as [&str; 0]);
        assert_eq!(broken_rules("").len(), 5);
        assert_eq!(broken_rules("Short-1aaaa"), ["must have at least 12 characters"]);
        assert_eq!(broken_rules("correct-horse-1"), ["must have an upper-case letter"]);
        assert_eq!(broken_rules("CORRECT-HORSE-1"), ["must have a lower-case letter"]);
        assert_eq!(broken_rules("Correct-Horse-x"), ["must have a digit"]);
        assert_eq!(broken_rules("Correct Horse 12"), ["must have a special character, such as !"]);
        assert_eq!(broken_rules("ÄÖÜäöü-12345"), [] as [&str; 0], "characters, not bytes");
    }

    #[test]
    fn a_generated_password_keeps_every_rule_and_is_never_the_same() {
        let (one, other) = (generate().unwrap(), generate().unwrap());
        assert_eq!((broken_rules(&one).len(), one.len()), (0, 23));
        assert_ne!(one, other);
    }

    #[tokio::test]
    async fn a_password_is_known_by_its_hash_alone() {
        let passwords = Passwords::default();
        let (one, other) = (passwords.hash("x").await.unwrap(), passwords.hash("x").await.unwrap());
        assert_ne!(one, other, "each has its own salt");
        assert!(passwords.is("x", Some(&one)).await.unwrap());
        assert!(!passwords.is("y", Some(&one)).await.unwrap());
        assert!(!passwords.is("x", None).await.unwrap());
        assert!(passwords.is_among("x", vec!["none".into(), other]).await.unwrap());
        assert!(!passwords.is_among("x", vec!["none".into()]).await.unwrap());
    }

    #[test]
    fn the_decoy_costs_what_the_others_cost() {
        let parameters = |hash: &str| hash.rsplitn(3, '$').nth(2).unwrap().to_string();
        assert_eq!(parameters(DECOY), parameters(&hash("x").unwrap()));
        assert!(PasswordHash::new(DECOY).is_ok());
    }
}
