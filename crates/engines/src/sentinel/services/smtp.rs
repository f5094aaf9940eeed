//! SMTP: whether it tells who has a mailbox, and whether it can encrypt. No mail is begun.

use super::{ANSWER_BYTES, reply_code};
use crate::sentinel::net;
use crate::text;
use std::net::SocketAddr;
use std::time::Duration;

/// A mailbox that nobody has.
const NOBODY: &str = "scanyard-no-such-mailbox";

/// What a mail server answered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mail {
    /// It knows `postmaster` and not [`NOBODY`]; what it said of them.
    pub verifies: Option<String>,
    /// Its answer to EHLO does not offer STARTTLS; the answer.
    pub without_starttls: Option<String>,
}

/// Asks a mail server; `None` when it is none.
pub async fn ask(address: SocketAddr, within: Duration) -> Option<Mail> {
    let mut stream = net::connect(address, within).await.ok()?;
    let is_reply = |bytes: &[u8]| reply_code(bytes).is_some();
    let greeting = net::ask(&mut stream, b"", ANSWER_BYTES, within, is_reply).await.bytes;
    if reply_code(&greeting) != Some(220) {
        return None;
    }
    let mut answers = Vec::new();
    for line in ["EHLO scanyard.example.test", "VRFY postmaster", &format!("VRFY {NOBODY}"), "QUIT"] {
        let request = format!("{line}\r\n");
        answers.push(net::ask(&mut stream, request.as_bytes(), ANSWER_BYTES, within, is_reply).await.bytes);
    }
    Some(judge(&answers[0], &answers[1], &answers[2]))
}

fn judge(hello: &[u8], postmaster: &[u8], nobody: &[u8]) -> Mail {
    let text = |bytes: &[u8]| text::clean(bytes, 1024).trim().to_string();
    let (known, unknown) = (reply_code(postmaster), reply_code(nobody));
    // 252 means: cannot say, will take the mail. A server that knows everybody tells nothing either.
    let verifies = matches!(known, Some(250 | 251)) && matches!(unknown, Some(500..=599));
    let offers =
        text(hello).lines().any(|line| line.get(4..).is_some_and(|word| word.trim().eq_ignore_ascii_case("STARTTLS")));
    Mail {
        verifies: verifies.then(|| format!("VRFY postmaster: {}\nVRFY {NOBODY}: {}", text(postmaster), text(nobody))),
        without_starttls: (reply_code(hello) == Some(250) && !offers).then(|| text(hello)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_an_answer_that_tells_names_apart_verifies() {
        let verifies = |known: &str, unknown: &str| judge(b"", known.as_bytes(), unknown.as_bytes()).verifies.is_some();
        assert!(verifies("250 postmaster@example.test\r\n", "550 no such user\r\n"));
        assert!(!verifies("250 ok\r\n", "250 ok\r\n"));
        assert!(!verifies("252 cannot say\r\n", "550 no\r\n"));
        assert!(!verifies("502 not here\r\n", "502 not here\r\n"));
    }

    #[test]
    fn starttls_is_one_of_the_lines_of_ehlo() {
        let lacks = |hello: &str| judge(hello.as_bytes(), b"", b"").without_starttls.is_some();
        assert!(lacks("250-mail.example.test\r\n250 PIPELINING\r\n"));
        assert!(!lacks("250-mail.example.test\r\n250-STARTTLS\r\n250 PIPELINING\r\n"));
        assert!(!lacks("502 what?\r\n"), "nothing is known of a server that does not know EHLO");
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = judge(&[b"250-", &bytes[..], b"\r\n250 a\r\n"].concat(), &bytes, &bytes);
        }
    }
}
