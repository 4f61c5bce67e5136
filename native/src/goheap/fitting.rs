//! Whether objects are of the size and have the pointers that values of a type would have.

use std::collections::HashSet;

use super::layout::{HeapLayout, PAGE_BYTES, WORD};
use super::masks::Masks;
use super::objects::Objects;
use super::spans::Span;
use super::typeindex::{MapType, TypeIndex};

const MOST_SMALL: u64 = 32768;
/// Control bytes of a slot that holds nothing: src/internal/runtime/maps/group.go.
const EMPTY: u8 = 0x80;
const DELETED: u8 = 0xfe;
/// Groups that are looked at: those of one table.
const MOST_GROUPS: u64 = 1 << 7;

pub struct Fitting<'a> {
    pub objects: &'a Objects<'a>,
    pub layout: &'a HeapLayout,
    /// Ascending, in bytes.
    pub size_classes: &'a [u64],
}

impl Fitting<'_> {
    /// Returns the map types (Swiss) of `types` that the groups of the map with its header at `map` fit.
    pub fn swiss_types(
        &self,
        types: &TypeIndex<'_>,
        masks: &mut Masks<'_>,
        map: u64,
    ) -> HashSet<u64> {
        let all = types.maps.iter();
        all.filter(|of| self.swiss_fits(of, masks, map).unwrap_or(false))
            .map(|of| of.address)
            .collect()
    }

    /// Tells whether the map (Swiss) with its header at `map` can be of the map type at `kind`.
    pub fn is_map_of(
        &self,
        types: &TypeIndex<'_>,
        masks: &mut Masks<'_>,
        map: u64,
        kind: u64,
    ) -> bool {
        let of = types.maps.iter().find(|of| of.address == kind);
        of.is_some_and(|of| self.swiss_fits(of, masks, map).unwrap_or(false))
    }

    /// Tells whether values of `size` bytes, one or several, fill an object of `room` bytes, but for what the
    /// allocator rounds up.
    pub fn fills(&self, size: u64, room: u64) -> bool {
        (1..=room / size)
            .rev()
            .any(|count| self.rounded(count * size) == room)
    }

    /// Returns the size of an object that is asked for with `bytes`.
    pub fn rounded(&self, bytes: u64) -> u64 {
        if bytes > MOST_SMALL {
            return bytes.next_multiple_of(PAGE_BYTES);
        }
        let index = self.size_classes.partition_point(|&class| class < bytes);
        self.size_classes.get(index).copied().unwrap_or(bytes)
    }

    /// Tells whether pointers at `bits` of an object of `room` bytes, 64 words at most, are those of values of the
    /// type at `kind`, one or several.
    pub fn explains(&self, masks: &mut Masks<'_>, kind: u64, bits: u64, room: u64) -> bool {
        let Some(mask) = masks.of(kind).filter(|mask| mask.size <= room) else {
            return false;
        };
        let words = room / WORD;
        if mask.size % WORD != 0 {
            return mask.first_words(words, false) == bits;
        }
        let (step, one, mut all) = (mask.size / WORD, mask.first_words(words, false), 0);
        (0..room / mask.size).any(|index| {
            all |= one << (index * step);
            all == bits
        })
    }

    /// Returns which words of the object at `start` are pointers, where that is known of all of it.
    pub fn pointers(&self, span: &Span, start: u64) -> Option<u64> {
        let words = span.elemsize / WORD;
        let known = !span.noscan() && words <= 64;
        known.then(|| self.objects.heap_bits(span, start, words))?
    }

    fn swiss_fits(&self, of: &MapType, masks: &mut Masks<'_>, map: u64) -> Option<bool> {
        let word = |at: u64| self.objects.image.word(at);
        let (directory, length) = (word(map + 16)?, word(map + 24)?);
        if length == 0 {
            return self.is_array_of(of, masks, directory, 1);
        }
        let table = word(directory)?;
        let used = u64::from(word(table)? as u16);
        let (groups, count) = (word(table + 16)?, word(table + 24)?.checked_add(1)?);
        if count > MOST_GROUPS || !self.is_array_of(of, masks, groups, count)? {
            return Some(false);
        }
        let mut full = 0;
        for index in 0..count {
            for byte in word(groups + index * of.bucket.size)?.to_le_bytes() {
                full += u64::from(byte < EMPTY);
                if byte > EMPTY && byte != DELETED {
                    return Some(false);
                }
            }
        }
        Some(full == used)
    }

    /// Tells whether the object at `start` was allocated for `count` groups of `of`.
    fn is_array_of(
        &self,
        of: &MapType,
        masks: &mut Masks<'_>,
        start: u64,
        count: u64,
    ) -> Option<bool> {
        let (span, slot) = self.objects.spans.find(start)?;
        let pointers = of.bucket.ptr_bytes > 0;
        let bytes = of.bucket.size.checked_mul(count)?;
        let begins_with_type = bytes > self.layout.heap_bits_limit && bytes <= MOST_SMALL - WORD;
        let header = if pointers && begins_with_type {
            WORD
        } else {
            0
        };
        let fits = pointers != span.noscan() && self.rounded(bytes + header) == span.elemsize;
        let bits = self.pointers(span, span.address(slot));
        Some(
            fits && bits
                .is_none_or(|bits| self.explains(masks, of.bucket.address, bits, span.elemsize)),
        )
    }
}
