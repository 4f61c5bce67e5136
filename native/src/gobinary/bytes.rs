//! Checked little-endian reads.

/// Longest string that is believed: a generic function's name may run to a few thousand bytes.
const MAX_STRING: usize = 1 << 16;

pub fn u32_at(data: &[u8], at: usize) -> Option<u32> {
    let raw = data.get(at..at.checked_add(4)?)?;
    Some(u32::from_le_bytes(raw.try_into().ok()?))
}

pub fn i32_at(data: &[u8], at: usize) -> Option<i32> {
    u32_at(data, at).map(|value| value as i32)
}

pub fn u64_at(data: &[u8], at: usize) -> Option<u64> {
    let raw = data.get(at..at.checked_add(8)?)?;
    Some(u64::from_le_bytes(raw.try_into().ok()?))
}

/// Takes a base-128 number of at most 64 bits off the front of `data`.
pub fn varint(data: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0;
    for (index, byte) in data.iter().take(10).enumerate() {
        value |= u64::from(byte & 0x7f).checked_shl(7 * index as u32)?;
        if byte & 0x80 == 0 {
            return Some((value, &data[index + 1..]));
        }
    }
    None
}

/// Returns the string that starts at `at` and ends before a NUL.
pub fn c_string(data: &[u8], at: usize) -> Option<&[u8]> {
    let rest = data.get(at..)?;
    let rest = &rest[..rest.len().min(MAX_STRING)];
    Some(&rest[..memchr::memchr(0, rest)?])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_at_the_edge() {
        assert_eq!(u32_at(&[1, 0, 0, 0], 0), Some(1));
        assert_eq!(u32_at(&[1, 0, 0, 0], 1), None);
        assert_eq!(u64_at(&[0; 8], usize::MAX - 3), None);
    }

    #[test]
    fn varints_end() {
        assert_eq!(varint(&[0xac, 0x02, 7]), Some((300, &[7][..])));
        assert_eq!(varint(&[0x80; 20]), None);
        assert_eq!(varint(&[]), None);
    }

    #[test]
    fn strings_need_their_end() {
        assert_eq!(c_string(b"ab\0c", 1), Some(&b"b"[..]));
        assert_eq!(c_string(b"ab", 0), None);
        assert_eq!(c_string(b"ab", 9), None);
    }
}
