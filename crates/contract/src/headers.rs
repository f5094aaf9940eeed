//! Headers of an answer.

use http::HeaderMap;

/// The first value of this name, in lower case, where it is text. A failure's headers are few: comparing their names takes less
/// time than hashing one.
pub(crate) fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.iter().find(|(known, _)| known.as_str() == name).and_then(|(_, value)| value.to_str().ok())
}
