//! Which map type a classic map has that nobody has told apart: the one that its buckets fit.
//!
//! A header has no sums, but its count is one: as many hashes of its buckets must be set. With the wrong size of
//! bucket they are not, and what lies in the slots is no value of the wrong key and element.

use std::collections::BTreeSet;

use super::layout::{PAGE_BYTES, WORD};
use super::map_types::{MapType, SLOTS, classic_map_types};
use super::masks::Masks;
use super::objects::Objects;
use super::typeindex::TypeIndex;
use super::values::{Program, Values};

/// src/runtime/map.go: hashes from here on are those of entries; below they say empty or moved away.
const MIN_TOP_HASH: u8 = 5;
const MOVED: std::ops::RangeInclusive<u8> = 2..=4;
const SAME_SIZE_GROW: u8 = 8;
const BEING_WRITTEN: u8 = 4;
const LAST_FLAGS: u8 = 15;
const MOST_LOG: u8 = 40;
const MOST_SMALL: u64 = 32768;
const SAMPLES: usize = 32;

pub struct Fit<'a> {
    pub values: Values<'a>,
    types: Vec<MapType>,
    /// The sizes that objects have here.
    classes: BTreeSet<u64>,
}

/// An array of buckets: `main` of them are reached by hash, the rest is stock.
struct Buckets {
    start: u64,
    main: u64,
    is_old: bool,
}

impl<'a> Fit<'a> {
    /// Reads the map types of `program` where maps are of the `classic` design; of others it knows none.
    pub fn new(
        objects: &'a Objects<'a>,
        types: &TypeIndex<'_>,
        program: Program,
        classic: bool,
    ) -> Fit<'a> {
        let image = objects.image;
        Fit {
            values: Values {
                objects,
                masks: Masks::new(image),
                program,
            },
            types: if classic {
                classic_map_types(image, types)
            } else {
                Vec::new()
            },
            classes: objects
                .spans
                .list
                .iter()
                .map(|span| span.elemsize)
                .collect(),
        }
    }

    /// Returns the map types that the map with its header at `header` can have; none where it is no map with
    /// buckets, or is being written.
    pub fn map_types(&mut self, header: u64) -> Vec<&MapType> {
        let Some((entries, arrays)) = self.read_header(header) else {
            return Vec::new();
        };
        let fitting: Vec<usize> = (0..self.types.len())
            .filter(|&index| self.fits(index, entries, &arrays).unwrap_or(false))
            .collect();
        fitting.iter().map(|&index| &self.types[index]).collect()
    }

    pub fn knows_maps(&self) -> bool {
        !self.types.is_empty()
    }

    /// Tells whether the map with its header at `header` can be of the map type at `kind`.
    pub fn is_map_of(&mut self, header: u64, kind: u64) -> bool {
        let Some(index) = self.types.iter().position(|each| each.address == kind) else {
            return false;
        };
        self.read_header(header)
            .and_then(|(entries, arrays)| self.fits(index, entries, &arrays))
            .unwrap_or(false)
    }

    fn read_header(&self, header: u64) -> Option<(u64, Vec<Buckets>)> {
        let objects = self.values.objects;
        let word = |at: u64| objects.image.word(header + at);
        let small = word(8)?.to_le_bytes();
        let (flags, log) = (small[0], small[1]);
        if flags > LAST_FLAGS || flags & BEING_WRITTEN != 0 || log > MOST_LOG {
            return None;
        }
        let (buckets, old, extra) = (word(16)?, word(24)?, word(objects.layout.map_extra)?);
        let is_object = |at: u64| objects.spans.begins_at(at);
        if !is_object(buckets) || old != 0 && !is_object(old) || extra != 0 && !is_object(extra) {
            return None;
        }
        let on_heap = objects.spans.find(header);
        if on_heap.is_some_and(|(span, _)| !self.values.has_header_bits(span, header)) {
            return None;
        }
        let mut arrays = vec![Buckets {
            start: buckets,
            main: 1 << log,
            is_old: false,
        }];
        if old != 0 {
            let shrunk = u8::from(flags & SAME_SIZE_GROW == 0);
            arrays.push(Buckets {
                start: old,
                main: 1 << log.checked_sub(shrunk)?,
                is_old: true,
            });
        }
        Some((word(0)?, arrays))
    }

    fn fits(&mut self, index: usize, entries: u64, arrays: &[Buckets]) -> Option<bool> {
        let kind = &self.types[index];
        let mut full = Vec::new();
        let mut count = 0;
        for array in arrays {
            if !self.has_room(kind, array)? {
                return Some(false);
            }
            count += self.count(kind, array, entries - count, &mut full)?;
        }
        if count != entries {
            return Some(false);
        }
        if !arrays
            .iter()
            .all(|array| self.values.agrees(array.start, kind.bucket))
        {
            return Some(false);
        }
        Some(
            full.iter()
                .all(|&(bucket, slot)| slot_fits(&mut self.values, kind, bucket, slot)),
        )
    }

    /// Tells whether the array is of the size that makeBucketArray asks for buckets of `kind`.
    fn has_room(&self, kind: &MapType, array: &Buckets) -> Option<bool> {
        let (span, _) = self.values.objects.spans.find(array.start)?;
        let stock = if array.main < 16 { 0 } else { array.main / 16 };
        let bytes = (array.main + stock).checked_mul(kind.bucket.size)?;
        let room = span.elemsize;
        let tight = if bytes > MOST_SMALL {
            bytes.next_multiple_of(PAGE_BYTES) == room
        } else {
            bytes <= room && self.classes.range(bytes..room).next().is_none()
        };
        Some(tight && span.noscan() == (kind.bucket.ptr_bytes == 0))
    }

    /// Returns how many entries the array and what hangs from it hold, and adds some of their slots to `full`;
    /// None where there are more than `most`, or a bucket contradicts itself.
    fn count(
        &self,
        kind: &MapType,
        array: &Buckets,
        most: u64,
        full: &mut Vec<(u64, u64)>,
    ) -> Option<u64> {
        let image = self.values.objects.image;
        let (mut count, mut chained) = (0, 0);
        for index in 0..array.main {
            let mut bucket = array.start + index * kind.bucket.size;
            while bucket != 0 {
                let hashes = image.word(bucket)?.to_le_bytes();
                if MOVED.contains(&hashes[0]) && array.is_old {
                    break;
                }
                for (slot, hash) in hashes.iter().enumerate() {
                    if MOVED.contains(hash) {
                        return None;
                    }
                    if *hash >= MIN_TOP_HASH {
                        count += 1;
                        if full.len() < SAMPLES {
                            full.push((bucket, slot as u64));
                        }
                    }
                }
                bucket = image.word(bucket + kind.bucket.size - WORD)?;
                chained += u64::from(bucket != 0);
                if count > most || chained > array.main + most {
                    return None;
                }
            }
        }
        Some(count)
    }
}

fn slot_fits(values: &mut Values<'_>, kind: &MapType, bucket: u64, slot: u64) -> bool {
    debug_assert!(slot < SLOTS);
    let (key, elem) = kind.slot(bucket, slot);
    let mut part = |at: u64, of, indirect: bool| {
        if !indirect {
            return values.can_be(of, at, 0);
        }
        let pointer = values.objects.image.word(at).unwrap_or(0);
        values.is_own_object(pointer, of)
    };
    part(key, kind.key, kind.indirect_key) && part(elem, kind.elem, kind.indirect_elem)
}
