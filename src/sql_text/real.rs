//! REAL literals that every SQLite reads back to the same bits.
//!
//! Measured with 100,000 bit patterns (random, denormal, money-like, decimal fractions): workerd 1.20261117.1 (SQLite
//! 3.54.1) reads the shortest digits exactly. SQLite 3.40.1 does not: it works in 80 bits, so digits that lie close to the
//! middle between two doubles are rounded to the wrong one (6 of 50,000 ordinary values, 0 with well chosen digits), and
//! below about 1e-289 it rounds twice whatever the digits are. A chain of divisions by powers of two is exact in all of them.
//! What is written here was right for 400,000 patterns in both.

use std::fmt::Write;

/// Below this SQLite 3.40 rounds twice.
const SMALLEST_DECIMAL: f64 = 1e-285;

/// How far from the value the written digits may lie, in units in the last place. One half would be enough for a reader
/// that rounds correctly; the rest is for those that do not.
const SAFE_DISTANCE: f64 = 0.45;

/// The largest power of two that is used as a factor: 2^62 has 19 digits, which every SQLite reads exactly.
pub(super) const LARGEST_SHIFT: u32 = 62;

/// Appends a REAL: always with a point, infinity as `9.0e+999`, NaN as NULL, which is what SQLite makes of it.
pub(super) fn push_real(out: &mut String, value: f64) {
    if value.is_nan() {
        out.push_str("NULL");
    } else if value.is_infinite() {
        out.push_str(if value > 0.0 { "9.0e+999" } else { "-9.0e+999" });
    } else if value != 0.0 && value.abs() < SMALLEST_DECIMAL {
        push_quotient(out, value);
    } else {
        push_decimal(out, value);
    }
}

fn push_decimal(out: &mut String, value: f64) {
    let start = out.len();
    let _ = write!(out, "{value:?}");
    if is_plainly_inside(&out[start..], value) {
        return;
    }
    out.truncate(start);
    let shortest = with_point(format!("{value:?}"));
    if value == 0.0 || is_well_inside(&format!("{value:e}"), value) {
        out.push_str(&shortest);
        return;
    }
    let places = if is_well_inside(&format!("{value:.16e}"), value) { 16 } else { 17 };
    let exponent = value.abs().log10().floor() as i32;
    if (-5..16).contains(&exponent) {
        let decimals = (places - exponent) as usize;
        let _ = write!(out, "{value:.decimals$}");
    } else {
        let _ = write!(out, "{value:.*e}", places as usize);
    }
}

/// Rust writes `1e300`; the point makes it a REAL for every reader, a person included.
fn with_point(digits: String) -> String {
    match digits.split_once('e') {
        Some((mantissa, exponent)) if !mantissa.contains('.') => format!("{mantissa}.0e{exponent}"),
        _ => digits,
    }
}

/// The answer of [`is_well_inside`] for digits without an exponent, in whole numbers and so several times as fast; `false` also
/// where these would not fit, or the value is no fraction.
///
/// With the value as `f / 2^s` and the digits as `m / 10^k`, both times `10^k * 2^s` are `f * 10^k` and `m * 2^s`.
fn is_plainly_inside(digits: &str, value: f64) -> bool {
    const MOST_DIGITS: usize = 19;
    let Some((whole, decimals)) = digits.trim_start_matches('-').split_once('.') else { return false };
    let both = whole.bytes().chain(decimals.bytes());
    if whole.len() + decimals.len() > MOST_DIGITS || !both.clone().all(|digit| digit.is_ascii_digit()) {
        return false;
    }
    let number = both.fold(0, |number: u128, digit| number * 10 + u128::from(digit - b'0'));
    let bits = value.abs().to_bits();
    let (exponent, fraction) = (bits >> 52, bits & ((1 << 52) - 1));
    let Some(shift) = 1075_u64.checked_sub(exponent).filter(|shift| *shift < 128 && exponent > 0) else {
        return false;
    };
    let numerator = u128::from(fraction | 1 << 52);
    let power = 10_u128.pow(decimals.len() as u32);
    // Below a power of two the next double is half as far away.
    let ulp = if fraction == 0 { power / 2 } else { power };
    let distance = (numerator * power).abs_diff(number << shift);
    // `SAFE_DISTANCE` as a fraction.
    (number << shift) >> shift == number && distance < ulp && distance * 20 <= ulp * 9
}

/// Whether the decimal digits lie so close to the value that a slightly wrong reader finds it too. Compared on 19 digits.
fn is_well_inside(digits: &str, value: f64) -> bool {
    let exact = format!("{value:.18e}");
    let (Some((written, exponent)), Some((wanted, exact_exponent))) = (mantissa(digits), mantissa(&exact))
    else {
        return false;
    };
    if exponent != exact_exponent {
        return false;
    }
    let distance = (written - wanted).unsigned_abs() as f64;
    let magnitude = value.abs();
    let ulp = magnitude - f64::from_bits(magnitude.to_bits() - 1);
    // `magnitude / wanted` is what one unit of the 19th digit is worth.
    distance * (magnitude / wanted.unsigned_abs() as f64) <= ulp * SAFE_DISTANCE
}

/// `-1.25e7` as (-1250000000000000000, 7): the first 19 digits as a number, and the exponent.
fn mantissa(digits: &str) -> Option<(i128, i32)> {
    let (mantissa, exponent) = digits.split_once('e')?;
    let mut number: String = mantissa.chars().filter(|&c| c != '.').collect();
    let length = if number.starts_with('-') { 20 } else { 19 };
    while number.len() < length {
        number.push('0');
    }
    Some((number.parse().ok()?, exponent.parse().ok()?))
}

/// A tiny value as its odd numerator divided by powers of two: every step is exact on every machine.
fn push_quotient(out: &mut String, value: f64) {
    let bits = value.abs().to_bits();
    let (exponent, fraction) = (bits >> 52, bits & ((1 << 52) - 1));
    let (numerator, shift) =
        if exponent == 0 { (fraction, 1074) } else { (fraction | 1 << 52, 1075 - exponent as u32) };
    let zeros = numerator.trailing_zeros();
    let sign = if value < 0.0 { "-" } else { "" };
    let _ = write!(out, "{sign}{}.0", numerator >> zeros);
    let mut rest = shift - zeros;
    while rest > 0 {
        let step = rest.min(LARGEST_SHIFT);
        let _ = write!(out, " / {}.0", 1_u64 << step);
        rest -= step;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn real(value: f64) -> String {
        let mut out = String::new();
        push_real(&mut out, value);
        out
    }

    #[test]
    fn a_real_always_looks_like_a_real() {
        for (value, expected) in [
            (3.0, "3.0"),
            (-0.0, "-0.0"),
            (0.1, "0.1"),
            (-12.5, "-12.5"),
            (0.1 + 0.2, "0.30000000000000004"),
            (1e300, "1.0e300"),
            (6.626e-34, "6.626e-34"),
            (1e16, "1.0e16"),
            (f64::MAX, "1.7976931348623157e308"),
            (f64::INFINITY, "9.0e+999"),
            (f64::NEG_INFINITY, "-9.0e+999"),
            (f64::NAN, "NULL"),
        ] {
            assert_eq!(real(value), expected);
        }
    }

    #[test]
    fn a_tiny_real_is_written_as_an_exact_quotient() {
        let text = real(-f64::MIN_POSITIVE);
        assert!(text.starts_with("-1.0 / 4611686018427387904.0 / "), "{text}");
        assert_eq!(text.matches(" / ").count(), 17);
    }

    #[test]
    fn the_fast_answer_is_that_of_the_slow_one_but_for_its_rounding_at_the_edge() {
        let (mut fast, mut edge) = (0, 0);
        for number in 1..20_000 {
            let number = f64::from(number);
            for value in [number * 0.37, -number / 7.0, number / 1024.0, number * 1e9 + 0.1, number.sqrt()] {
                let digits = format!("{value:?}");
                if is_plainly_inside(&digits, value) {
                    fast += 1;
                    edge += u32::from(!is_well_inside(&format!("{value:e}"), value));
                }
            }
        }
        assert!(fast > 80_000 && edge < 100, "{fast} {edge}");
        // The middle between two doubles, and a double that is a power of two.
        assert!(!is_plainly_inside("9007199254740993.0", 9_007_199_254_740_992.0));
        assert!(is_plainly_inside("4503599627370496.0", 4_503_599_627_370_496.0));
    }

    #[test]
    fn the_digits_always_mean_the_value() {
        let mut state = 0x9E37_79B9_7F4A_7C15_u64;
        for _ in 0..5_000 {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            for value in [f64::from_bits(state), (state >> 11) as f64 / (1_u64 << 50) as f64] {
                if value.is_finite() && value.abs() >= SMALLEST_DECIMAL {
                    assert_eq!(real(value).parse::<f64>().unwrap().to_bits(), value.to_bits(), "{value:e}");
                }
            }
        }
    }
}
