//! The URL of an embedded database: a file's path, in which `%` and `?` have a meaning of their own.

use std::ffi::OsStr;
use std::fmt::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// The URL of a file, whatever is in its name.
pub fn of(file: &Path) -> String {
    let mut url = "sqlite://".to_string();
    for byte in file.as_os_str().as_bytes() {
        let _ = match byte {
            b'/' | b'.' | b'-' | b'_' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => url.write_char(*byte as char),
            other => write!(url, "%{other:02X}"),
        };
    }
    url
}

/// The file that a URL names; `None` when it is none of SQLite's.
pub fn file(url: &str) -> Option<PathBuf> {
    let path = url.strip_prefix("sqlite:")?;
    let path = path.strip_prefix("//").unwrap_or(path);
    let path = path.split('?').next().unwrap_or_default();
    Some(PathBuf::from(OsStr::from_bytes(&decoded(path.as_bytes()))))
}

/// `%41` is `A`; a `%` without two digits behind it is itself.
fn decoded(text: &[u8]) -> Vec<u8> {
    let digit = |at: usize| text.get(at).and_then(|byte| (*byte as char).to_digit(16));
    let (mut bytes, mut at) = (Vec::with_capacity(text.len()), 0);
    while at < text.len() {
        let (byte, length) = match (text[at], digit(at + 1), digit(at + 2)) {
            (b'%', Some(high), Some(low)) => ((high * 16 + low) as u8, 3),
            (byte, _, _) => (byte, 1),
        };
        bytes.push(byte);
        at += length;
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_url_names_a_file_as_sqlite_reads_it() {
        for (url, path) in [
            ("sqlite:///var/lib/x.db", "/var/lib/x.db"),
            ("sqlite:x.db", "x.db"),
            ("sqlite://a%20b%3f/100%/%4.db?mode=ro", "a b?/100%/%4.db"),
        ] {
            assert_eq!(file(url), Some(path.into()), "{url}");
        }
        assert_eq!(file("postgres://h/d"), None);
    }

    proptest! {
        #[test]
        fn every_name_comes_back(name in proptest::collection::vec(1u8.., 1..40)) {
            let path = Path::new(OsStr::from_bytes(&name));
            prop_assert_eq!(file(&of(path)), Some(path.to_path_buf()));
        }
    }
}
