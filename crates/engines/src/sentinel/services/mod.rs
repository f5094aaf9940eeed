//! Services that are not the web: what a banner says, and who answers without a login.
//!
//! Every question is one that the service's own clients ask, reads little, and changes nothing.

pub mod caches;
pub mod ftp;
pub mod ldap;
pub mod mongodb;
pub mod rsync;
pub mod smtp;

use crate::text;

/// The most bytes of an answer that are read.
pub const ANSWER_BYTES: usize = 16 * 1024;
/// The most bytes of a banner that are kept.
const BANNER_BYTES: usize = 512;

/// A service by its first words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Banner {
    /// Such as `ssh`; `None` when the words are not known.
    pub service: Option<&'static str>,
    /// The first line, cleaned.
    pub text: String,
    /// The words name a product or a version.
    pub tells_software: bool,
}

/// Reads the first words of a service; `None` when there are none.
pub fn banner(bytes: &[u8]) -> Option<Banner> {
    if bytes.len() > 6 && bytes[3] == 0 && bytes[4] == 10 {
        let version = bytes[5..].split(|byte| *byte == 0).next().unwrap_or_default();
        return Some(Banner { service: Some("mysql"), text: text::clean(version, BANNER_BYTES), tells_software: true });
    }
    let is_telnet = bytes.starts_with(&[0xff]);
    let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let line = text::clean(line, BANNER_BYTES).trim().to_string();
    if line.is_empty() && !is_telnet {
        return None;
    }
    let lower = line.to_ascii_lowercase();
    let (service, greeting) = if let Some(rest) = line.strip_prefix("SSH-") {
        (Some("ssh"), rest.split_once('-').map_or("", |(_, software)| software))
    } else if let Some(rest) = line.strip_prefix("220") {
        let service = if lower.contains("smtp") {
            Some("smtp")
        } else if lower.contains("ftp") {
            Some("ftp")
        } else {
            None
        };
        (service, rest)
    } else if line.starts_with("+OK") {
        (Some("pop3"), line.as_str())
    } else if line.starts_with("* OK") {
        (Some("imap"), line.as_str())
    } else if line.starts_with("RFB ") {
        (Some("vnc"), "")
    } else if line.starts_with("@RSYNCD:") {
        (Some("rsync"), "")
    } else if is_telnet || lower.ends_with("login:") {
        (Some("telnet"), "")
    } else {
        (None, line.as_str())
    };
    let tells_software = greeting.contains(|c: char| c.is_ascii_digit());
    Some(Banner { service, text: line, tells_software })
}

/// The code of a reply of FTP or SMTP that is there to its last line.
pub fn reply_code(bytes: &[u8]) -> Option<u16> {
    let lines = bytes.strip_suffix(b"\n")?;
    let last = lines.rsplit(|byte| *byte == b'\n').next()?;
    let code = std::str::from_utf8(last.get(..3)?).ok()?;
    // A hyphen after the code says that more lines follow.
    let is_last = matches!(last.get(3), None | Some(b' ' | b'\r'));
    code.parse().ok().filter(|code| is_last && (100..600).contains(code))
}

/// What a service said when it was asked as its own clients ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Login {
    /// It is not this service.
    Other,
    /// It is, and wants a login.
    Required,
    /// It is, and answers; with a few harmless lines of its answer.
    NotRequired(String),
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn first_words_name_the_service() {
        for (bytes, service, tells_software) in [
            (&b"220 (vsFTPd 2.3.4)\r\n"[..], Some("ftp"), true),
            (b"220 mail.example.test ESMTP Postfix\r\n", Some("smtp"), false),
            (b"SSH-2.0-dropbear_2022.83\r\n", Some("ssh"), true),
            (b"SSH-2.0-x\r\n", Some("ssh"), false),
            (b"+OK ready\r\n", Some("pop3"), false),
            (b"\xff\xfd\x18\xff\xfd\x20", Some("telnet"), false),
            (b"J\0\0\0\n8.0.36\0\x01\x02", Some("mysql"), true),
            (b"hello\n", None, false),
        ] {
            let banner = banner(bytes).unwrap();
            assert_eq!((banner.service, banner.tells_software), (service, tells_software), "{}", banner.text);
        }
        assert_eq!(banner(b""), None);
        assert_eq!(banner(b"\r\n"), None);
    }

    #[test]
    fn a_reply_ends_with_a_line_without_a_hyphen() {
        for (bytes, code) in [
            (&b"220 ready\r\n"[..], Some(220)),
            (b"250-a\r\n250-b\r\n250 c\r\n", Some(250)),
            (b"250-a\r\n250-b\r\n", None),
            (b"220 rea", None),
            (b"22x ready\r\n", None),
            (b"", None),
        ] {
            assert_eq!(reply_code(bytes), code, "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = reply_code(&bytes);
            if let Some(banner) = banner(&bytes) {
                prop_assert!(!banner.text.contains(char::from(27)) && banner.text.len() <= BANNER_BYTES);
            }
        }
    }
}
