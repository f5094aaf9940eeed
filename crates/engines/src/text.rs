//! Text from outside, made safe to store and to print.

/// The most bytes of evidence that a finding keeps.
pub const EVIDENCE_BYTES: usize = 8 * 1024;

/// A text without the mark of its byte order, which some programs put before UTF-8.
pub fn unmarked(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)
}

/// Bytes as text; what is not UTF-8 is replaced. Looks at a report as a whole, which is several times as fast as decoding it
/// piece by piece.
pub fn decoded(bytes: &[u8]) -> std::borrow::Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.into(),
        Err(_) => String::from_utf8_lossy(bytes),
    }
}

/// Decodes bytes, removes control characters and terminal escapes (a newline and a tab stay), and cuts at `max` bytes.
pub fn clean(bytes: &[u8], max: usize) -> String {
    let begin = &bytes[..bytes.len().min(max)];
    if is_plain(begin) {
        return std::str::from_utf8(begin).unwrap_or_default().to_string();
    }
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(max * 4)]);
    let mut out = String::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if c == '\u{1b}' && chars.peek() == Some(&'[') {
            chars.next();
            while chars.next_if(|c| !('@'..='~').contains(c)).is_some() {}
            chars.next();
            continue;
        }
        if (c.is_control() && c != '\n' && c != '\t') || is_invisible(c) {
            continue;
        }
        if out.len() + c.len_utf8() > max {
            break;
        }
        out.push(c);
    }
    out
}

/// [`clean`] for a text that is not needed any more: most are clean, and then it is the same.
pub fn cleaned(text: String, max: usize) -> String {
    if text.len() <= max && is_plain(text.as_bytes()) { text } else { clean(text.as_bytes(), max) }
}

/// Whether there is nothing to be removed. Most texts are so, and a report has many: no branch for each byte, for sixteen are
/// looked at in one step.
fn is_plain(bytes: &[u8]) -> bool {
    bytes.iter().fold(true, |plain, byte| plain & matches!(byte, b' '..=b'~' | b'\n' | b'\t'))
}

/// What stands in place of a secret.
pub const REDACTED: &str = "[redacted]";

/// Headers of a request whose values let somebody in.
const CREDENTIALS: [&str; 5] = ["authorization", "proxy-authorization", "cookie", "x-api-key", "x-auth-token"];

/// A request as text, with the values of the headers that carry credentials taken out.
pub fn without_credentials(request: &str) -> String {
    let line = |line: &str| match line.split_once(':') {
        Some((name, _)) if CREDENTIALS.iter().any(|known| name.trim().eq_ignore_ascii_case(known)) => {
            format!("{name}: {REDACTED}")
        }
        _ => line.to_string(),
    };
    request.lines().map(line).collect::<Vec<_>>().join("\n")
}

/// Characters that reorder or hide text on a terminal or a page.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_and_control_characters_go() {
        assert_eq!(clean(b"a\x1b[31mred\x1b[0m\x00\x07b\nc", 100), "aredb\nc");
    }

    #[test]
    fn credentials_of_a_request_go_and_the_rest_stays() {
        let request = "GET / HTTP/1.1\nhost: a.test\ncookie: sid=1\nAUTHORIZATION: Basic eDp5\n\ncookies: all";
        let shown = "GET / HTTP/1.1\nhost: a.test\ncookie: [redacted]\nAUTHORIZATION: [redacted]\n\ncookies: all";
        assert_eq!(without_credentials(request), shown);
    }

    #[test]
    fn a_cut_falls_between_characters() {
        assert_eq!(clean("ééé".as_bytes(), 5), "éé");
    }
}
