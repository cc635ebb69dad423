//! Moments as people write them.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, Zoned};

use super::Error;

/// Milliseconds since 1970 of a date, a time, or a span before now.
pub(super) fn parse(text: &str) -> Result<i64, Error> {
    parse_at(text, &Zoned::now())
}

fn parse_at(text: &str, now: &Zoned) -> Result<i64, Error> {
    let text = text.trim();
    if let Ok(moment) = text.parse::<Timestamp>() {
        return Ok(moment.as_millisecond());
    }
    if let Ok(moment) = text.parse::<DateTime>()
        && let Ok(zoned) = moment.to_zoned(TimeZone::system())
    {
        return Ok(zoned.timestamp().as_millisecond());
    }
    let span = text.strip_suffix("ago").unwrap_or(text).trim();
    if let Ok(span) = span.parse::<Span>()
        && let Ok(moment) = now.checked_sub(span.abs())
    {
        return Ok(moment.timestamp().as_millisecond());
    }
    Err(Error::NotAMoment { text: text.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_times_and_spans_are_understood() {
        let now: Zoned = "2026-11-23T12:00:00Z[UTC]".parse().unwrap();
        let parsed = |text: &str| parse_at(text, &now).unwrap();
        let at = |text: &str| text.parse::<Timestamp>().unwrap().as_millisecond();
        assert_eq!(parsed("2026-11-22T19:16:55Z"), at("2026-11-22T19:16:55Z"));
        assert_eq!(parsed("7 days"), at("2026-11-16T12:00:00Z"));
        assert_eq!(parsed("2 hours ago"), at("2026-11-23T10:00:00Z"));
        assert_eq!(parsed("1 week ago"), at("2026-11-16T12:00:00Z"));
        assert!(parse_at("soon", &now).is_err());
        assert!(parse_at("", &now).is_err());
    }
}
