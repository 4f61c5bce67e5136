//! JSON text of the plain values of Go.

use std::io::Write;

const NANOSECONDS: u64 = 1_000_000_000;
/// src/time/time.go: seconds from year 1 and from 1885 to 1970.
const FROM_YEAR_1: i64 = 62_135_596_800;
const FROM_1885: i64 = 2_682_288_000;
const YEAR_10000: i64 = 253_402_300_800;
const DAY: i64 = 86_400;

/// Appends `text` in quotes.
pub fn quoted(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    let mut plain = 0;
    for (at, byte) in text.bytes().enumerate() {
        if byte >= b' ' && byte != b'"' && byte != b'\\' && byte != 0x7f {
            continue;
        }
        out.extend_from_slice(&text.as_bytes()[plain..at]);
        plain = at + 1;
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\t' => out.extend_from_slice(b"\\t"),
            _ => put(out, format_args!("\\u{byte:04x}")),
        }
    }
    out.extend_from_slice(&text.as_bytes()[plain..]);
    out.push(b'"');
}

/// Appends a number; JSON has none for what is not finite.
pub fn float(out: &mut Vec<u8>, number: f64) {
    match number {
        _ if number.is_nan() => out.extend_from_slice(b"\"NaN\""),
        _ if number.is_infinite() && number > 0.0 => out.extend_from_slice(b"\"+Inf\""),
        _ if number.is_infinite() => out.extend_from_slice(b"\"-Inf\""),
        _ => put(out, format_args!("{number:?}")),
    }
}

/// The same, with the digits that tell one float32 from the next.
pub fn short_float(out: &mut Vec<u8>, number: f32) {
    if number.is_finite() {
        put(out, format_args!("{number:?}"));
    } else {
        float(out, f64::from(number));
    }
}

/// Appends a time.Time in UTC (RFC 3339); tells whether its words are one of the years 1 to 9999.
pub fn moment(out: &mut Vec<u8>, wall: u64, ext: i64) -> bool {
    let nanoseconds = wall & ((1 << 30) - 1);
    let seconds = if wall >> 63 == 1 {
        ((wall >> 30) & ((1 << 33) - 1)) as i64 - FROM_1885
    } else {
        ext.saturating_sub(FROM_YEAR_1)
    };
    if nanoseconds >= NANOSECONDS || !(-FROM_YEAR_1..YEAR_10000).contains(&seconds) {
        return false;
    }
    let (days, within) = (seconds.div_euclid(DAY), seconds.rem_euclid(DAY));
    let (year, month, day) = civil(days);
    let (hour, minute, second) = (within / 3600, within / 60 % 60, within % 60);
    put(
        out,
        format_args!("\"{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}"),
    );
    if nanoseconds > 0 {
        let digits = format!("{nanoseconds:09}");
        put(out, format_args!(".{}", digits.trim_end_matches('0')));
    }
    out.extend_from_slice(b"Z\"");
    true
}

/// Returns year, month and day of the day so many days after 1970-01-01, in the calendar of ISO 8601, counted in eras
/// of 400 years that begin in March.
fn civil(days: i64) -> (i64, i64, i64) {
    let from_march_0 = days + 719_468;
    let (era, day) = (
        from_march_0.div_euclid(146_097),
        from_march_0.rem_euclid(146_097),
    );
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let of_year = day - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let (day, month) = (
        of_year - (153 * month + 2) / 5 + 1,
        if month < 10 { month + 3 } else { month - 9 },
    );
    (year + era * 400 + i64::from(month <= 2), month, day)
}

/// Appends what was formatted.
pub fn put(out: &mut Vec<u8>, what: std::fmt::Arguments<'_>) {
    // A vector takes everything.
    let _ = out.write_fmt(what);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(say: impl Fn(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        say(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn text_is_quoted_as_json_wants_it() {
        let text = said(|out| quoted(out, "a\"\\\n\t\u{1b}\u{7f}é\u{0}z"));
        assert_eq!(text, r#""a\"\\\n\t\u001b\u007fé\u0000z""#);
    }

    #[test]
    fn floats_are_exact_or_named() {
        assert_eq!(said(|out| float(out, 0.1)), "0.1");
        assert_eq!(said(|out| float(out, 2.0)), "2.0");
        assert_eq!(said(|out| float(out, -1e300)), "-1e300");
        assert_eq!(said(|out| float(out, f64::NEG_INFINITY)), "\"-Inf\"");
        assert_eq!(said(|out| float(out, f64::NAN)), "\"NaN\"");
        assert_eq!(said(|out| short_float(out, 0.1)), "0.1");
    }

    #[test]
    fn moments_are_those_of_the_calendar() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_795_449_334, "2026-11-23T15:55:34Z"),
            (-FROM_YEAR_1, "0001-01-01T00:00:00Z"),
        ] {
            let mut out = Vec::new();
            assert!(moment(&mut out, 0, seconds + FROM_YEAR_1));
            assert_eq!(String::from_utf8(out).unwrap(), format!("\"{text}\""));
        }
        let since_1885 = (1_795_449_334 + FROM_1885) as u64;
        let wall = (1 << 63) | (since_1885 << 30) | 120_000_000;
        assert_eq!(
            said(|out| assert!(moment(out, wall, 5))),
            "\"2026-11-23T15:55:34.12Z\""
        );
        assert!(!moment(&mut Vec::new(), NANOSECONDS, 0));
        assert!(!moment(&mut Vec::new(), 0, i64::MAX));
    }
}
