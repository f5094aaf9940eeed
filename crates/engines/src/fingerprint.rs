//! What makes two findings the same finding.

use ring::digest;

/// Fingerprint of a finding: `sy1:` and the SHA-256 over its key (engine, rule, location as `docs/ENGINES.md` lists it
/// per engine). Lengths are hashed too, so that no two keys run together.
pub fn fingerprint(key: &[&str]) -> String {
    let mut bytes = Vec::with_capacity(key.iter().map(|part| part.len() + size_of::<u64>()).sum());
    for part in key {
        bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
        bytes.extend_from_slice(part.as_bytes());
    }
    let mut text = String::with_capacity(68);
    text.push_str("sy1:");
    for byte in digest::digest(&digest::SHA256, &bytes).as_ref() {
        for digit in [byte >> 4, byte & 0xf] {
            text.push(char::from(b"0123456789abcdef"[usize::from(digit)]));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_do_not_run_together() {
        assert_ne!(fingerprint(&["ab", "c"]), fingerprint(&["a", "bc"]));
    }

    #[test]
    fn the_recipe_is_fixed() {
        assert_eq!(
            fingerprint(&["sentinel", "open-port", "127.0.0.1", "6379"]),
            fingerprint(&["sentinel", "open-port", "127.0.0.1", "6379"])
        );
        assert!(fingerprint(&[]).starts_with("sy1:e3b0c442"));
    }
}
