//! Small scanners over one line of text.

/// Takes decimal digits (an optional minus before them) off the front of `text`.
pub fn decimal(text: &[u8]) -> Option<(i64, &[u8])> {
    let (negative, digits) = match text.first()? {
        b'-' => (true, &text[1..]),
        _ => (false, text),
    };
    let length = digits.iter().take_while(|b| b.is_ascii_digit()).count();
    if length == 0 {
        return None;
    }
    let mut value: i64 = 0;
    for digit in &digits[..length] {
        let step = i64::from(digit - b'0');
        value = value.checked_mul(10)?;
        // Built on the negative side where there is a minus: i64::MIN has no positive twin.
        value = if negative {
            value.checked_sub(step)?
        } else {
            value.checked_add(step)?
        };
    }
    Some((value, &digits[length..]))
}

/// Takes `0x` and at most 16 hexadecimal digits off the front of `text`.
pub fn hexadecimal(text: &[u8]) -> Option<(u64, &[u8])> {
    let digits = text.strip_prefix(b"0x")?;
    let length = digits.iter().take_while(|b| b.is_ascii_hexdigit()).count();
    if length == 0 || length > 16 {
        return None;
    }
    let value = digits[..length].iter().fold(0, |sum: u64, digit| {
        let step = (*digit as char).to_digit(16).unwrap_or(0);
        sum << 4 | u64::from(step)
    });
    Some((value, &digits[length..]))
}

/// Drops spaces and tabs from the front.
pub fn trim_front(text: &[u8]) -> &[u8] {
    let blanks = text
        .iter()
        .take_while(|b| matches!(b, b' ' | b'\t'))
        .count();
    &text[blanks..]
}

/// Splits `file:line` at its last colon; a file name may hold colons and spaces itself.
pub fn file_and_line(text: &[u8]) -> Option<(&[u8], i32)> {
    let colon = memchr::memrchr(b':', text)?;
    let (line, rest) = decimal(&text[colon + 1..])?;
    rest.is_empty().then_some(())?;
    Some((&text[..colon], i32::try_from(line).ok()?))
}

/// Walks whole lines; a last line without a newline is not one (it was cut).
pub struct Lines<'a> {
    data: &'a [u8],
    pub offset: usize,
}

impl<'a> Lines<'a> {
    pub fn new(data: &'a [u8]) -> Self {
        Lines { data, offset: 0 }
    }
}

impl<'a> Iterator for Lines<'a> {
    /// Offset of the line, and the line without its end (CRLF or LF).
    type Item = (usize, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let start = self.offset;
        let length = memchr::memchr(b'\n', &self.data[start..])?;
        self.offset = start + length + 1;
        let line = &self.data[start..start + length];
        Some((start, line.strip_suffix(b"\r").unwrap_or(line)))
    }
}
