//! The first line of a migration that wrangler or this tool made.

use jiff::{Timestamp, tz::Offset};

use super::name::padded;

const LEAD: &str = "-- Migration number:";

/// What the first line of a migration says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// The number as it stands there, with its zeros.
    pub number: String,
    /// When the file was made.
    pub at: Timestamp,
}

/// The first line of a migration, without its line end, byte for byte as `wrangler d1 migrations
/// create` writes it: `-- Migration number: 0001 \t 2026-11-22T19:16:55.650Z`, with a space on each
/// side of the tab and the time in UTC with milliseconds, cut, not rounded.
pub fn header_line(number: u64, at: Timestamp) -> String {
    let time = Offset::UTC.to_datetime(at).strftime("%Y-%m-%dT%H:%M:%S").to_string();
    let milliseconds = Offset::UTC.to_datetime(at).millisecond();
    format!("{LEAD} {} \t {time}.{milliseconds:03}Z", padded(number))
}

/// Reads the header of a migration's text, when its first line is one. White space between the parts
/// may differ from wrangler's, a byte order mark may precede, the line may end in CR LF.
pub fn parse_header(text: &str) -> Option<Header> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut parts = text.lines().next()?.strip_prefix(LEAD)?.split_ascii_whitespace();
    let number = parts.next()?;
    let at = parts.next()?.parse().ok()?;
    let is_number = number.bytes().all(|byte| byte.is_ascii_digit());
    (is_number && parts.next().is_none()).then(|| Header { number: number.to_owned(), at })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The bytes of a file that `wrangler d1 migrations create` made.
    const BY_WRANGLER: &str = "-- Migration number: 0001 \t 2026-11-23T04:04:02.839Z\n";

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn the_header_is_the_one_that_wrangler_writes() {
        let line = header_line(1, at("2026-11-23T04:04:02.839Z"));
        assert_eq!(format!("{line}\n"), BY_WRANGLER);
    }

    #[test]
    fn milliseconds_are_cut_and_always_three() {
        for (time, end) in [
            ("2026-11-23T04:04:02.9999Z", "02.999Z"),
            ("2026-11-23T04:04:02Z", "02.000Z"),
            ("2026-11-23T04:04:02.05Z", "02.050Z"),
            ("2026-11-23T06:04:02.1+02:00", "T04:04:02.100Z"),
        ] {
            assert!(header_line(12_345, at(time)).ends_with(end), "{time}");
        }
    }

    #[test]
    fn a_header_reads_back() {
        let expected = Header { number: "0001".into(), at: at("2026-11-23T04:04:02.839Z") };
        assert_eq!(parse_header(BY_WRANGLER), Some(expected.clone()));
        let other = "\u{feff}-- Migration number: 0001\t2026-11-23T04:04:02.839Z\r\nSELECT 1;\r\n";
        assert_eq!(parse_header(other), Some(expected));
    }

    #[test]
    fn other_first_lines_are_no_header() {
        for text in [
            "",
            "\n-- Migration number: 0001 \t 2026-11-23T04:04:02.839Z",
            "-- Migration number: 0001",
            "-- Migration number: one \t 2026-11-23T04:04:02.839Z",
            "-- Migration number: 0001 \t yesterday",
            "-- Migration number: 0001 \t 2026-11-23T04:04:02.839Z more",
            "CREATE TABLE t (a);",
        ] {
            assert_eq!(parse_header(text), None, "{text}");
        }
    }
}
