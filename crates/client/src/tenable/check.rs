//! Bounds that Tenable is known to have, checked before anything is sent.

use crate::error::Error;
use scanyard_contract::Contract;
use std::fmt::Display;
use std::ops::RangeInclusive;
use uuid::Uuid;

/// The longest id.
const ID_CHARS: usize = 200;

/// A number within bounds.
pub(crate) fn number(name: &str, value: u64, bounds: RangeInclusive<u64>) -> Result<u64, Error> {
    if bounds.contains(&value) {
        return Ok(value);
    }
    Err(Error::refused(Contract::Tenable, name, value, &format!("{} to {}", bounds.start(), bounds.end())))
}

/// A UUID; Tenable has some whose last group is longer, for scanners and templates.
pub(crate) fn uuid(name: &str, value: &str) -> Result<(), Error> {
    let is_plain = Uuid::try_parse(value).is_ok() && value.len() == 36;
    let groups: Vec<&str> = value.split('-').collect();
    let is_hex = |group: &&str| group.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_long = match groups.as_slice() {
        [a, b, c, d, e] => {
            [a.len(), b.len(), c.len(), d.len()] == [8, 4, 4, 4]
                && (12..=32).contains(&e.len())
                && groups.iter().all(is_hex)
        }
        _ => false,
    };
    if is_plain || is_long { Ok(()) } else { Err(Error::refused(Contract::Tenable, name, value, "a UUID")) }
}

/// An id in a path: a number, a UUID or a name such as `SSE-<uuid>-nessus`.
pub(crate) fn id(name: &str, value: impl Display) -> Result<String, Error> {
    let value = value.to_string();
    let is_safe = |c: char| c.is_ascii_alphanumeric() || "_@:.-".contains(c);
    let is_id = !value.is_empty() && value.len() <= ID_CHARS && value.chars().all(is_safe) && !value.starts_with('.');
    if is_id { Ok(value) } else { Err(Error::refused(Contract::Tenable, name, value, "letters, digits and _@:.-")) }
}

/// One of the words of an enum.
pub(crate) fn word(name: &str, value: &str, words: &[&str]) -> Result<(), Error> {
    if words.contains(&value) {
        return Ok(());
    }
    Err(Error::refused(Contract::Tenable, name, value, &format!("one of {}", words.join(", "))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use scanyard_contract::Kind;

    #[test]
    fn a_value_out_of_bounds_says_what_is_allowed() {
        assert_eq!(number("num_assets", 50, 50..=5000).unwrap(), 50);
        let error = number("num_assets", 5001, 50..=5000).unwrap_err();
        assert_eq!((error.kind, error.attempts), (Kind::UnexpectedValue, 0));
        let refused = error.refused.clone().unwrap();
        assert_eq!(
            (refused.name.as_str(), refused.value.as_str(), refused.allowed.as_str()),
            ("num_assets", "5001", "50 to 5000")
        );
    }

    #[test]
    fn uuids_are_those_of_rfc_4122_and_tenables_longer_ones() {
        assert!(uuid("u", "00000000-0000-0000-0000-000000000000").is_ok());
        assert!(uuid("u", "731a8e52-3ea6-a291-ec0a-d2ff0619c19d7bd788d6be818b65").is_ok());
        for wrong in ["", "7", "731a8e523ea6a291ec0ad2ff0619c19d", "731a8e52-3ea6-a291-ec0a-d2ff0619c1zz"] {
            assert!(uuid("u", wrong).is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn no_id_leads_out_of_its_path(text in any::<String>()) {
            if let Ok(id) = id("id", &text) {
                prop_assert!(!id.contains(['/', '?', '#', '%', '\\']) && id != ".." && id != ".");
            }
        }
    }
}
