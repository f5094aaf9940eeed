//! Paths in an archive: relative, below their root, and the same on every file system.

use super::fault::UploadFault;
use super::{MAX_DEPTH, MAX_PATH};
use crate::text::clean;

/// The longest name of an upload, in characters.
const MAX_NAME: usize = 100;
/// The longest part of a path that file systems take, in bytes.
const MAX_PART: usize = 255;

/// Whether an upload may be called that: 1 to 100 ASCII letters, digits and `. _ + @ -`, the first neither a hyphen nor one
/// of the two names that every folder has.
pub fn is_name(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._+@-".contains(&byte);
    (1..=MAX_NAME).contains(&text.len())
        && text.bytes().all(is_plain)
        && !text.starts_with('-')
        && !matches!(text, "." | "..")
}

/// Whether a path is one on every file system: without backslashes and control characters.
pub(super) fn is_plain(path: &str) -> bool {
    !path.contains('\\') && !path.chars().any(char::is_control)
}

/// The parts of an archive's path; none for its root. What would leave the root is refused, not made to fit.
pub(super) fn parts(path: &[u8]) -> Result<Vec<String>, UploadFault> {
    if path.len() > MAX_PATH {
        return Err(UploadFault::too_long());
    }
    let shown = clean(path, 200);
    let Ok(text) = std::str::from_utf8(path) else {
        return Err(UploadFault::at(&shown, "its path is not UTF-8"));
    };
    if text.starts_with('/') {
        return Err(UploadFault::at(&shown, "its path is absolute"));
    }
    if !is_plain(text) {
        return Err(UploadFault::at(&shown, "its path holds a backslash or a control character"));
    }
    let mut parts = Vec::new();
    for part in text.split('/').filter(|part| !matches!(*part, "" | ".")) {
        if part == ".." {
            return Err(UploadFault::at(&shown, "its path leads out of the archive (`..`)"));
        }
        if part.len() > MAX_PART {
            return Err(UploadFault::at(&shown, &format!("a name of more than {MAX_PART} bytes")));
        }
        parts.push(part.to_string());
    }
    if parts.len() > MAX_DEPTH {
        return Err(UploadFault::too_deep(&shown));
    }
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn paths_that_leave_the_root_are_refused() {
        for path in ["/etc/passwd", "../x", "a/../../x", "a\\..\\x", "a\nb", "C:\\x"] {
            assert!(parts(path.as_bytes()).is_err(), "{path:?} was taken");
        }
        assert!(parts(b"\xff").is_err());
        assert!(parts("a/".repeat(MAX_DEPTH + 1).as_bytes()).is_err());
        assert!(parts("x".repeat(MAX_PART + 1).as_bytes()).is_err());
        assert_eq!(parts(b"./a//b/.").unwrap(), ["a", "b"]);
    }

    #[test]
    fn names_are_no_paths() {
        for name in ["Dockerfile", ".env", "package-lock.json", "app_1.0+x@y"] {
            assert!(is_name(name), "{name}");
        }
        for name in ["", ".", "..", "a/b", "-x", "a b", "ü", &"x".repeat(101)] {
            assert!(!is_name(name), "{name:?} was taken");
        }
    }

    proptest! {
        #[test]
        fn no_part_leads_up_or_is_absolute(path in proptest::collection::vec(any::<u8>(), 0..60)) {
            for part in parts(&path).unwrap_or_default() {
                prop_assert!(!part.is_empty() && !part.contains('/') && part != "..");
            }
        }
    }
}
