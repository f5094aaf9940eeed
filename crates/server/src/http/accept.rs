//! What the caller's `Accept` asks for.

use super::answer::{JSON, PROBLEM};
use http::HeaderMap;
use http::header::ACCEPT;

/// The shape of a failure's body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorShape {
    /// The contract's envelope, `application/json`.
    Envelope,
    /// RFC 9457, `application/problem+json`.
    Problem,
}

/// How much a caller wants a media type, and where in its list it said so.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Wish {
    /// 3 for the type itself, 2 for `type/*`, 1 for `*/*`.
    specific: u8,
    /// In thousandths, as the header's grammar has it.
    q: u16,
    place: usize,
}

/// The header's entry that decides about `media_type` (lower case); `None` when none names it.
fn wish(headers: &HeaderMap, media_type: &str) -> Option<Wish> {
    let (kind, _) = media_type.split_once('/')?;
    let texts = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let mut best: Option<Wish> = None;
    for (place, entry) in texts.flat_map(|text| text.split(',')).enumerate() {
        let mut parts = entry.split(';').map(|part| part.trim().to_ascii_lowercase());
        let range = parts.next().unwrap_or_default();
        let specific = match range.as_str() {
            range if range == media_type => 3,
            range if range.strip_suffix("/*") == Some(kind) => 2,
            "*/*" => 1,
            _ => continue,
        };
        let q = parts.find_map(|part| part.strip_prefix("q=").map(thousandths)).unwrap_or(1000);
        if best.is_none_or(|best| specific > best.specific) {
            best = Some(Wish { specific, q, place });
        }
    }
    best
}

/// A quality value in thousandths; one that cannot be read counts as 1.
fn thousandths(text: &str) -> u16 {
    match text.trim().parse::<f32>() {
        Ok(q) if (0.0..=1.0).contains(&q) => (q * 1000.0) as u16,
        Ok(_) | Err(_) => 1000,
    }
}

/// Whether the caller takes `media_type`; without the header it takes everything. Who asks for problem+json asks for the
/// shape of failures, and gets successes as the JSON that they are.
pub fn takes(headers: &HeaderMap, media_type: &str) -> bool {
    let named = |media_type| wish(headers, media_type).map(|wish| wish.q > 0);
    !headers.contains_key(ACCEPT)
        || named(media_type).unwrap_or_else(|| media_type == JSON && named(PROBLEM) == Some(true))
}

/// The shape the caller prefers: problem+json when it ranks higher than JSON, or stands before it at the same rank.
pub fn error_shape(headers: &HeaderMap) -> ErrorShape {
    let problem = wish(headers, PROBLEM).filter(|wish| wish.specific == 3 && wish.q > 0);
    let Some(problem) = problem else { return ErrorShape::Envelope };
    match wish(headers, JSON) {
        Some(json) if json.q == problem.q && json.specific < 3 => ErrorShape::Problem,
        Some(json) if (json.q, problem.place) > (problem.q, json.place) => ErrorShape::Envelope,
        Some(_) | None => ErrorShape::Problem,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accept(text: &str) -> HeaderMap {
        HeaderMap::from_iter([(ACCEPT, text.parse().unwrap())])
    }

    #[test]
    fn the_envelope_is_the_default() {
        assert_eq!(error_shape(&HeaderMap::new()), ErrorShape::Envelope);
        for text in [
            "*/*",
            "application/*",
            "application/json",
            "application/json, application/problem+json",
            "application/problem+json;q=0.5, application/json",
            "application/problem+json;q=0, */*",
            "text/html",
        ] {
            assert_eq!(error_shape(&accept(text)), ErrorShape::Envelope, "{text}");
        }
    }

    #[test]
    fn problem_json_when_it_is_preferred() {
        for text in [
            "application/problem+json",
            "application/problem+json, application/json",
            "application/json;q=0.9, application/problem+json",
            "Application/Problem+JSON;q=1.0, */*;q=0.1",
            "application/problem+json, */*",
            "*/*, application/problem+json",
        ] {
            assert_eq!(error_shape(&accept(text)), ErrorShape::Problem, "{text}");
        }
    }

    #[test]
    fn the_most_specific_entry_decides_what_is_taken() {
        assert!(takes(&accept("*/*;q=0, application/json"), "application/json"));
        assert!(!takes(&accept("application/json;q=0, */*"), "application/json"));
        assert!(!takes(&accept("text/html, image/*"), "application/json"));
        assert!(takes(&HeaderMap::new(), "application/json"));
        assert!(takes(&accept("application/problem+json"), "application/json"));
        assert!(!takes(&accept("application/problem+json, application/json;q=0"), "application/json"));
        assert!(!takes(&accept("application/problem+json"), "text/plain"));
    }
}
