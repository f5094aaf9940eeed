//! How long an answer asks to wait: one parser for every spelling that the vendors use. Never early, never negative.

use crate::contract::{Contract, Service};
use crate::headers::header;
use http::HeaderMap;
use serde_json::{Map, Value};
use std::time::{Duration, SystemTime};

/// A number from here on is a point in time, seconds after 1970: nobody asks to wait for thirty years.
const EPOCH_SECONDS: f64 = 1e9;
/// A number from here on is a point in time in milliseconds.
const EPOCH_MILLISECONDS: f64 = 1e11;
/// The longest text that is looked at.
const MAX_TEXT: usize = 64;

/// Reads a wait as of `now`: `13`, `13.5`, `13s`, `10 seconds`, `1m30s`, `500ms`, a date of HTTP, or the point in time of
/// a reset in seconds or milliseconds after 1970. What is past or negative is no wait at all; parts of a millisecond count
/// as a whole one. `None` when it is none of these.
pub fn parse(text: &str, now: SystemTime) -> Option<Duration> {
    let text = text.trim();
    if text.is_empty() || text.len() > MAX_TEXT {
        return None;
    }
    if let Some(number) = number(text) {
        return Some(from_number(number, now));
    }
    if let Some(seconds) = units(text) {
        return Some(round_up(seconds));
    }
    let at = httpdate::parse_http_date(text).ok()?;
    Some(at.duration_since(now).unwrap_or(Duration::ZERO))
}

/// The wait that an answer states, wherever it does: the `Retry-After` header, the body's, the seconds of Zscaler Client
/// Connector, the reset of a gateway. What is left of a quota is never read as seconds.
pub fn stated(
    contract: Contract,
    service: Option<Service>,
    headers: &HeaderMap,
    body: Option<&Map<String, Value>>,
    now: SystemTime,
) -> Option<Duration> {
    let header = |name| header(headers, name).and_then(|text| parse(text, now));
    let plain = header("retry-after").or_else(|| body.and_then(|body| in_body(body, now)));
    match contract {
        Contract::ScanApi => plain,
        Contract::Zscaler => plain
            .or_else(|| header("x-rate-limit-retry-after-seconds"))
            .or_else(|| header("ratelimit-reset"))
            .or_else(|| (service != Some(Service::Zdx)).then(|| header("x-ratelimit-reset")).flatten()),
        Contract::Tenable | Contract::ArcticWolf | Contract::Pytenable => plain.or_else(|| header("x-ratelimit-reset")),
    }
}

fn in_body(body: &Map<String, Value>, now: SystemTime) -> Option<Duration> {
    let value = ["Retry-After", "retry-after", "retryAfter", "retry_after"].iter().find_map(|name| body.get(*name))?;
    match value {
        Value::String(text) => parse(text, now),
        Value::Number(number) => Some(from_number(number.as_f64()?, now)),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// A decimal number and nothing else: not what Rust reads besides, such as `inf` and `1e3`.
fn number(text: &str) -> Option<f64> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let is_decimal =
        digits.starts_with(|c: char| c.is_ascii_digit()) && digits.chars().all(|c| c.is_ascii_digit() || c == '.');
    if is_decimal { text.parse().ok() } else { None }
}

fn from_number(number: f64, now: SystemTime) -> Duration {
    let since_1970 = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs_f64();
    if number >= EPOCH_MILLISECONDS {
        round_up(number / 1e3 - since_1970)
    } else if number >= EPOCH_SECONDS {
        round_up(number - since_1970)
    } else {
        round_up(number)
    }
}

/// Seconds of `1m30s`, `10 seconds`, `1 hour`: numbers, each with its unit.
fn units(text: &str) -> Option<f64> {
    let mut rest = text;
    let is_negative = rest.starts_with('-');
    rest = rest.strip_prefix('-').unwrap_or(rest);
    let mut seconds = 0.0;
    while !rest.is_empty() {
        let unit_at = rest.find(|c: char| !(c.is_ascii_digit() || c == '.'))?;
        let amount = number(&rest[..unit_at])?;
        rest = rest[unit_at..].trim_start();
        let end = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
        seconds += amount * unit(&rest[..end])?;
        rest = rest[end..].trim_start_matches([' ', ',']);
    }
    Some(if is_negative { 0.0 } else { seconds })
}

fn unit(word: &str) -> Option<f64> {
    let seconds = match word.to_ascii_lowercase().as_str() {
        "ms" | "millisecond" | "milliseconds" => 1e-3,
        "s" | "sec" | "secs" | "second" | "seconds" => 1.0,
        "m" | "min" | "mins" | "minute" | "minutes" => 60.0,
        "h" | "hr" | "hrs" | "hour" | "hours" => 3_600.0,
        "d" | "day" | "days" => 86_400.0,
        _ => return None,
    };
    Some(seconds)
}

/// Whole milliseconds; a float's last digits must not make it a millisecond early or late.
fn round_up(seconds: f64) -> Duration {
    let milliseconds = (seconds * 1e3 - 1e-4).ceil().max(0.0);
    // A float beyond the integer's range becomes its largest value.
    Duration::from_millis(milliseconds as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn now() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000)
    }

    fn ms(text: &str) -> Option<u128> {
        parse(text, now()).map(|wait| wait.as_millis())
    }

    #[test]
    fn every_spelling_is_read() {
        let expected = [
            ("13", 13_000),
            (" 13 ", 13_000),
            ("13s", 13_000),
            ("13.5s", 13_500),
            ("13.5", 13_500),
            ("0", 0),
            ("0 seconds", 0),
            ("1 seconds", 1_000),
            ("10 Seconds", 10_000),
            ("1m30s", 90_000),
            ("1 minute, 30 seconds", 90_000),
            ("2h", 7_200_000),
            ("500ms", 500),
            ("0.0001s", 1),
            ("Tue, 14 Nov 2023 22:13:50 GMT", 30_000),
            ("Tue, 14 Nov 2023 22:13:10 GMT", 0),
            ("1700000005", 5_000),
            ("1700000005000", 5_000),
            ("1699999999", 0),
            ("-5", 0),
            ("-5s", 0),
        ];
        for (text, wait) in expected {
            assert_eq!(ms(text), Some(wait), "{text}");
        }
    }

    #[test]
    fn what_is_none_of_them_is_no_wait() {
        for text in ["", " ", "soon", "inf", "NaN", "1e3", "s", "13x", "1..2s", "5000, 5000;w=60", "0x10", "--1"] {
            assert_eq!(ms(text), None, "{text}");
        }
    }

    #[test]
    fn the_header_comes_before_the_body_before_the_gateways_hints() {
        let body: Map<String, Value> = serde_json::from_str(r#"{"Retry-After": "10 seconds"}"#).unwrap();
        let mut headers = HeaderMap::new();
        let wait = |headers: &HeaderMap, body| {
            stated(Contract::Zscaler, Some(Service::Zia), headers, body, now()).map(|wait| wait.as_secs())
        };
        headers.insert("x-ratelimit-remaining", "4992".parse().unwrap());
        assert_eq!(wait(&headers, None), None);
        headers.insert("x-ratelimit-reset", "34".parse().unwrap());
        assert_eq!(wait(&headers, None), Some(34));
        headers.insert("x-rate-limit-retry-after-seconds", "60".parse().unwrap());
        assert_eq!(wait(&headers, None), Some(60));
        assert_eq!(wait(&headers, Some(&body)), Some(10));
        headers.insert("retry-after", "4s".parse().unwrap());
        assert_eq!(wait(&headers, Some(&body)), Some(4));
    }

    #[test]
    fn a_reset_is_a_pause_or_a_point_in_time() {
        let headers = HeaderMap::from_iter([("ratelimit-reset".parse().unwrap(), "1700000005".parse().unwrap())]);
        let wait = stated(Contract::Zscaler, Some(Service::Zdx), &headers, None, now());
        assert_eq!(wait, Some(Duration::from_secs(5)));
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_not_without_a_panic(text in any::<String>(), spelled in "[-+0-9.smhd a-z:,]{0,20}") {
            parse(&text, now());
            parse(&spelled, now());
        }

        #[test]
        fn a_wait_is_never_shorter_than_stated(seconds in 0u64..1_000_000, thousandths in 0u64..1000) {
            let expected = Duration::from_millis(seconds * 1000 + thousandths);
            for text in [format!("{seconds}.{thousandths:03}"), format!("{seconds}.{thousandths:03}s"),
                format!("{seconds}s{thousandths}ms")] {
                let got = parse(&text, now()).unwrap();
                prop_assert!(got >= expected && got <= expected + Duration::from_millis(1), "{} {:?}", text, got);
            }
        }
    }
}
