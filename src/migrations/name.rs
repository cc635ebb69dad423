//! The name of a migration file: its number, its place in wrangler's order, and how a message
//! becomes a name.

use std::cmp::Ordering;

use super::Error;

/// How many bytes of a message, as snake case, go into a file name. File systems take 255 for the
/// whole name, and the name of the temporary file is longer than the final one.
pub const MESSAGE_BYTES: usize = 100;

/// The file name of a new migration: `NNNN_message_as_snake_case.sql`.
///
/// Letters (of any script, in lower case) and digits are kept; everything else, path separators and
/// dots included, becomes a single `_`. The message is cut after [`MESSAGE_BYTES`] bytes.
///
/// `wrangler d1 migrations create` only replaces each space by `_`, keeps the rest as typed and
/// refuses `/` and `\`. It lists and applies names with letters outside ASCII. Numbers are padded to
/// four digits and longer from 10000 on, as there.
///
/// # Errors
/// [`Error::EmptyMessage`] when the message has neither letter nor digit.
pub fn file_name(number: u64, message: &str) -> Result<String, Error> {
    let words = snake_case(message);
    if words.is_empty() {
        return Err(Error::EmptyMessage);
    }
    Ok(format!("{}_{words}.sql", padded(number)))
}

/// A migration number as wrangler writes it into names and headers.
pub(super) fn padded(number: u64) -> String {
    format!("{number:04}")
}

fn snake_case(message: &str) -> String {
    let mut words = String::new();
    for letter in message.chars().flat_map(char::to_lowercase) {
        let addition = if letter.is_alphanumeric() {
            Some(letter)
        } else if is_combining_accent(letter) || words.is_empty() || words.ends_with('_') {
            None
        } else {
            Some('_')
        };
        let Some(addition) = addition else { continue };
        if words.len() + addition.len_utf8() > MESSAGE_BYTES {
            break;
        }
        words.push(addition);
    }
    words.truncate(words.trim_end_matches('_').len());
    words
}

/// The accents of decomposed text, as a macOS file dialog gives it: "e" + U+0301 is one letter and
/// must not become two words.
fn is_combining_accent(letter: char) -> bool {
    ('\u{300}'..='\u{36f}').contains(&letter)
}

/// wrangler's order of two paths relative to the migrations folder.
///
/// Segment by segment: by the leading integer where both have one, numbered before unnumbered,
/// otherwise as text by UTF-16 code units; a path that is the beginning of another comes first.
pub(super) fn compare(a: &str, b: &str) -> Ordering {
    let (mut left, mut right) = (a.split('/'), b.split('/'));
    loop {
        let order = match (left.next(), right.next()) {
            (Some(a), Some(b)) => compare_segments(a, b),
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => Ordering::Less,
            (Some(_), None) => Ordering::Greater,
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

fn compare_segments(a: &str, b: &str) -> Ordering {
    match (sort_number(a), sort_number(b)) {
        (Some(a), Some(b)) if a != b => a.total_cmp(&b),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        // Not the order of bytes: JavaScript puts U+1D49C (a surrogate pair) before U+FF5E.
        _ => a.encode_utf16().cmp(b.encode_utf16()),
    }
}

/// The number by which wrangler sorts, of the first segment of a path: JavaScript's `parseInt`, thus
/// a float that is exact up to 2^53 only, and negative for `-1_x.sql`.
pub(super) fn sort_number(path: &str) -> Option<f64> {
    let (negative, digits) = leading_integer(path)?;
    let value: f64 = digits.parse().ok()?;
    Some(if negative { -value } else { value })
}

/// The migration number of a path: the integer with which its first segment begins. None when there
/// is none, when it is negative or when it is above `u64::MAX`.
pub(super) fn number(path: &str) -> Option<u64> {
    match leading_integer(path)? {
        (false, digits) => digits.parse().ok(),
        (true, _) => None,
    }
}

/// The first segment's sign and digits, as `parseInt` finds them: after white space, with `+` or `-`,
/// up to the first character that is not a digit (`2nd.sql` is 2, `0x10.sql` is 0, `5.5.sql` is 5).
fn leading_integer(path: &str) -> Option<(bool, &str)> {
    let text = path.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
    let (negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    (end > 0).then(|| (negative, &text[..end]))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `wrangler d1 migrations list` printed these names in this order.
    const MEASURED_ORDER: &[&str] = &[
        "-1_neg.sql",
        "0x10_hex.sql",
        "0001_a.sql",
        "01_A.sql",
        "1_b.sql",
        "1e3_exp.sql",
        "0002_x.sql",
        "2.sql",
        "2nd.sql",
        "+3_plus.sql",
        "00003_x.sql",
        "0003-dash.sql",
        "0003.sql",
        "0003_.sql",
        " 4_space.sql",
        "5.5_dot.sql",
        "0007_añadir_日本.sql",
        "0008_it's.sql",
        "0010_B.sql",
        "10_x.sql",
        "9999_z.sql",
        "10000_z.sql",
        "20241122120000_ts.sql",
        "9007199254740992_r.sql",
        "9007199254740993_q.sql",
        "20241122120000123_b.sql",
        "20241122120000124_a.sql",
        "99999999999999999999999_huge.sql",
        "Alpha.sql",
        "_x.sql",
        "a b.sql",
        "back\\slash.sql",
        "seed.sql",
        "é.sql",
        "\u{8c48}.sql",
        "\u{1d49c}.sql",
        "\u{ff5e}.sql",
    ];

    /// The same with `migrations_pattern = "db/migs/**/*.sql"`.
    const MEASURED_ORDER_OF_SUBFOLDERS: &[&str] = &[
        "-1_neg.sql",
        "0001/z.sql",
        "0001.sql",
        "0001_a/migration.sql",
        "1_a.sql",
        "2_c/migration.sql",
        "0003_top.sql",
        "0010_b/migration.sql",
        "node_modules/z.sql",
        "q.sql",
        "seed/a.sql",
        "v1/0005_x.sql",
        "v1/deep/0009_y.sql",
        "v1.sql",
    ];

    #[test]
    fn names_are_ordered_as_wrangler_orders_them() {
        for measured in [MEASURED_ORDER, MEASURED_ORDER_OF_SUBFOLDERS] {
            for (i, a) in measured.iter().enumerate() {
                for (j, b) in measured.iter().enumerate() {
                    assert_eq!(compare(a, b), i.cmp(&j), "{a} and {b}");
                }
            }
        }
    }

    #[test]
    fn the_number_is_the_leading_integer_of_the_first_segment() {
        for (name, expected) in [
            ("0001_a.sql", Some(1)),
            ("2nd.sql", Some(2)),
            ("+3_plus.sql", Some(3)),
            ("0x10.sql", Some(0)),
            ("20241122120000123_b.sql", Some(20_241_122_120_000_123)),
            ("0005/0007_x.sql", Some(5)),
            ("v1/0007_x.sql", None),
            ("-1_neg.sql", None),
            ("_1.sql", None),
            ("99999999999999999999_huge.sql", None),
        ] {
            assert_eq!(number(name), expected, "{name}");
        }
    }

    #[test]
    fn a_message_becomes_snake_case() {
        for (message, expected) in [
            ("add spring posts", "0002_add_spring_posts.sql"),
            ("  Add  Spring-Posts! ", "0002_add_spring_posts.sql"),
            ("../../etc/passwd", "0002_etc_passwd.sql"),
            ("C:\\x\\y.sql", "0002_c_x_y_sql.sql"),
            ("line\none\u{0}\ttwo", "0002_line_one_two.sql"),
            ("Añadir ÉTÉ 日本", "0002_añadir_été_日本.sql"),
            ("e\u{301}te\u{301}", "0002_ete.sql"),
            ("a__b", "0002_a_b.sql"),
            ("7", "0002_7.sql"),
        ] {
            assert_eq!(file_name(2, message).unwrap(), expected);
        }
    }

    #[test]
    fn numbers_are_padded_to_four_digits_and_grow_beyond() {
        assert_eq!(file_name(0, "x").unwrap(), "0000_x.sql");
        assert_eq!(file_name(9999, "x").unwrap(), "9999_x.sql");
        assert_eq!(file_name(10_000, "x").unwrap(), "10000_x.sql");
    }

    #[test]
    fn a_message_without_letter_or_digit_is_refused() {
        for message in ["", "   ", "../..", "_-_", "🎉", "\u{301}"] {
            assert!(matches!(file_name(1, message), Err(Error::EmptyMessage)));
        }
    }

    #[test]
    fn a_long_message_is_cut_between_characters() {
        let name = file_name(1, &"日".repeat(90)).unwrap();
        assert_eq!(name, format!("0001_{}.sql", "日".repeat(33)));
        let name = file_name(1, &format!("{} b", "a".repeat(99))).unwrap();
        assert_eq!(name, format!("0001_{}.sql", "a".repeat(99)));
    }
}
