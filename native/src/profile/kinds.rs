//! What a profile counts, without reading its samples.

use super::decode::value_type;
use super::limits;
use super::wire::Cursor;
use crate::problem::Parsed;

/// Lists the kinds of the sample types (`inuse_space`) as they stand in the string table.
pub fn sample_kinds(data: &[u8]) -> Parsed<Vec<&[u8]>> {
    let (mut wanted, mut strings) = (Vec::new(), Vec::new());
    let mut cursor = Cursor::new(data);
    loop {
        let at = cursor.position;
        match cursor.field()? {
            Some((1, value)) => wanted.push(value_type(value.message(at)?)?[0]),
            Some((6, value)) => strings.push(value.message(at)?.rest()),
            Some(_) => {}
            None => break,
        }
        limits::check(wanted.len(), limits::TYPES, "sample types", at)?;
        limits::check(strings.len(), limits::NAMED, "strings", at)?;
    }
    let text = |index: &i64| {
        usize::try_from(*index)
            .ok()
            .and_then(|index| strings.get(index))
    };
    Ok(wanted.iter().filter_map(text).copied().collect())
}
