//! Points in time on the wire.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// A point in time: epoch milliseconds inside, ISO 8601 UTC in whole seconds with `Z` on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);

impl std::fmt::Display for Timestamp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let at = OffsetDateTime::from_unix_timestamp(self.0.div_euclid(1000)).unwrap_or(OffsetDateTime::UNIX_EPOCH);
        let (date, time) = (at.date(), at.time());
        let parts = [u8::from(date.month()), date.day(), time.hour(), time.minute(), time.second()];
        // By hand: every answer holds some, and a padding format for each number takes long.
        let mut text = *b"-00-00T00:00:00Z";
        for (place, part) in text.chunks_exact_mut(3).zip(parts) {
            place[1] += part / 10;
            place[2] += part % 10;
        }
        write!(f, "{:04}{}", date.year(), std::str::from_utf8(&text).unwrap_or_default())
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl std::str::FromStr for Timestamp {
    type Err = time::error::Parse;

    /// Reads RFC 3339, with any offset and fraction.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let at = OffsetDateTime::parse(text, &Rfc3339)?;
        Ok(Timestamp((at.unix_timestamp_nanos() / 1_000_000) as i64))
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl utoipa::PartialSchema for Timestamp {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::Type::String)
            .format(Some(utoipa::openapi::SchemaFormat::KnownFormat(utoipa::openapi::KnownFormat::DateTime)))
            .description(Some("ISO 8601, UTC, whole seconds"))
            .examples(["2026-03-06T10:00:00Z"])
            .build()
            .into()
    }
}

impl utoipa::ToSchema for Timestamp {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timestamp_prints_whole_seconds_and_reads_back() {
        let at = Timestamp(1_772_791_200_999);
        assert_eq!(at.to_string(), "2026-03-06T10:00:00Z");
        let back: Timestamp = serde_json::from_str("\"2026-03-06T10:00:00Z\"").unwrap();
        assert_eq!(back, Timestamp(1_772_791_200_000));
    }

    #[test]
    fn times_before_1970_round_down() {
        assert_eq!(Timestamp(-1).to_string(), "1969-12-31T23:59:59Z");
    }
}
