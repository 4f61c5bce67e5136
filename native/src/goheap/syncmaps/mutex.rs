//! A sync.Map as two maps: one that is read without a lock, one with what is new since it was made.

use std::collections::{HashMap, HashSet};

use super::super::abi::Type;
use super::super::maps::MapRow;
use super::super::objects::Objects;
use super::super::references::References;
use super::super::spans::Slot;
use super::{Found, Ground, Place, SyncRow};

/// Map: mu 0, read 8, dirty 16, misses 24.
const READ: u64 = 8;
const STRUCT_BYTES: u64 = 32;
const MOST_MISSES: u64 = 1 << 40;
/// readOnly: m 0, amended 8. entry: p 0, which leads to an any.
const READ_ONLY_BYTES: u64 = 16;
const ENTRY_BYTES: u64 = 8;
const BOX_BYTES: u64 = 16;
const INNER: &str = "map[interface {}]*sync.entry";
/// A bucket (classic): 8 tophashes, keys of 16 bytes, elements of 8, the overflow pointer. A group (Swiss): 8
/// control bytes, slots of 24 bytes.
const BUCKET: u64 = 208;
const BUCKET_ELEMENTS: u64 = 8 + 8 * 16;
const BUCKET_OVERFLOW: u64 = 200;
const GROUP: u64 = 200;
const SLOT: u64 = 24;
/// src/runtime/map.go: below are marks of empty and evacuated cells.
const MIN_TOP_HASH: u8 = 5;
const EVACUATED: std::ops::RangeInclusive<u8> = 2..=4;
const MOST_CHAIN: u32 = 1 << 16;

pub fn find(ground: &Ground<'_>, heap: (&mut Objects<'_>, &References), swiss: bool) -> Vec<Found> {
    let Some(inner) = ground.types.map_named(INNER) else {
        return Vec::new(); // a program without a sync.Map
    };
    let inner = Inner {
        ground,
        swiss,
        bucket_type: inner.bucket.address,
        map_type: inner.address,
    };
    let wanted = ground
        .of_size(READ_ONLY_BYTES)
        .filter_map(|(index, address)| Some((address, (index, inner.is_read_only(address)?))))
        .collect::<HashMap<_, _>>();
    let indexes: HashMap<u64, Slot> = wanted.iter().map(|(&at, &(i, _))| (at, i)).collect();
    let places = ground.places(heap, wanted, |read, at| inner.is_held_at(read, at));
    let one = |(read, place): (u64, Place)| inner.found(read, indexes[&read], place);
    places.into_iter().map(one).collect()
}

struct Inner<'a> {
    ground: &'a Ground<'a>,
    swiss: bool,
    bucket_type: u64,
    map_type: u64,
}

impl Inner<'_> {
    /// Tells whether a readOnly may lie at `address`: None where not, true where the map it leads to says so.
    fn is_read_only(&self, address: u64) -> Option<bool> {
        let (map, amended) = (self.ground.word(address)?, self.ground.word(address + 8)?);
        if amended > 1 {
            return None;
        }
        if map == 0 {
            return Some(false);
        }
        self.is_inner(map).then_some(true)
    }

    /// Tells whether the word at `place` leads from a sync.Map to its readOnly at `read`.
    fn is_held_at(&self, read: u64, place: u64) -> bool {
        let word = |at: u64| self.ground.word(at);
        let (Some(map), Some(amended)) = (word(read), word(read + 8)) else {
            return false;
        };
        let (Some(dirty), Some(misses)) = (word(place + 8), word(place + 16)) else {
            return false;
        };
        // What was amended is in dirty; one of the two maps must be there to tell what this is.
        misses < MOST_MISSES
            && (amended == 0 || dirty != 0)
            && (map != 0 || dirty != 0)
            && (dirty == 0 || self.is_inner(dirty))
    }

    fn found(&self, read: u64, index: Slot, place: Place) -> Found {
        let maps = [self.ground.word(read), self.ground.word(place.address + 8)];
        let inner: Vec<u64> = maps.into_iter().flatten().filter(|&map| map != 0).collect();
        let dirty = maps[1].and_then(|map| self.ground.object(map, self.ground.map_header_bytes));
        Found {
            address: place.address - READ,
            place,
            parts: [index].into_iter().chain(dirty).collect(),
            inner,
            is_trie: false,
            map_type: self.map_type,
        }
    }

    /// Tells whether the header at `map` is that of a map[any]*entry: its buckets say so, or what is in them.
    fn is_inner(&self, map: u64) -> bool {
        if self
            .ground
            .object(map, self.ground.map_header_bytes)
            .is_none()
        {
            return false;
        }
        let buckets = self.ground.word(map + 16).unwrap_or(0);
        let header = buckets.checked_sub(8).and_then(|at| self.ground.word(at));
        if header == Some(self.bucket_type) && self.ground.spans.find(buckets - 8).is_some() {
            return true;
        }
        self.entries(map).is_some_and(|entries| !entries.is_empty())
    }

    /// Returns the entry objects of the map at `map`; None where it cannot be a map[any]*entry.
    fn entries(&self, map: u64) -> Option<Vec<u64>> {
        let mut entries = Vec::new();
        if self.swiss {
            self.swiss_entries(map, &mut entries)?;
        } else {
            self.classic_entries(map, &mut entries)?;
        }
        Some(entries)
    }

    /// Takes one slot: its key must be of a type, its element an entry.
    fn take(&self, key: u64, element: u64, entries: &mut Vec<u64>) -> Option<()> {
        Type::read(self.ground.image, self.ground.word(key)?)?;
        let entry = self.ground.word(element)?;
        self.ground.object(entry, ENTRY_BYTES)?;
        entries.push(entry);
        Some(())
    }

    fn classic_entries(&self, map: u64, entries: &mut Vec<u64>) -> Option<()> {
        let [flags, log, ..] = self.ground.word(map + 8)?.to_le_bytes();
        let (buckets, old) = (self.ground.word(map + 16)?, self.ground.word(map + 24)?);
        (log < 40).then_some(())?;
        let old_log = if flags & 8 != 0 {
            log
        } else {
            log.saturating_sub(1)
        };
        for (start, count) in [(buckets, 1u64 << log), (old, 1 << old_log)] {
            if start == 0 {
                continue;
            }
            let (span, slot) = self.ground.spans.find(start)?;
            let room = span.address(slot) + span.elemsize - start;
            (count * BUCKET <= room).then_some(())?;
            for index in 0..count {
                self.classic_chain(start + index * BUCKET, start == old, entries)?;
            }
        }
        Some(())
    }

    fn classic_chain(&self, first: u64, is_old: bool, entries: &mut Vec<u64>) -> Option<()> {
        let mut bucket = first;
        for _ in 0..MOST_CHAIN {
            let tops = self.ground.word(bucket)?.to_le_bytes();
            if is_old && EVACUATED.contains(&tops[0]) {
                return Some(());
            }
            for (slot, _) in (0u64..).zip(tops).filter(|&(_, top)| top >= MIN_TOP_HASH) {
                let key = bucket + 8 + slot * 16;
                self.take(key, bucket + BUCKET_ELEMENTS + slot * 8, entries)?;
            }
            bucket = self.ground.word(bucket + BUCKET_OVERFLOW)?;
            if bucket == 0 {
                return Some(());
            }
        }
        None
    }

    fn swiss_entries(&self, map: u64, entries: &mut Vec<u64>) -> Option<()> {
        let (directory, length) = (self.ground.word(map + 16)?, self.ground.word(map + 24)?);
        if directory == 0 {
            return Some(());
        }
        if length == 0 {
            return self.swiss_group(directory, entries);
        }
        let (span, _) = self.ground.spans.find(directory)?;
        (length.checked_mul(8)? <= span.elemsize).then_some(())?;
        let mut previous = 0;
        for place in 0..length {
            let table = self.ground.word(directory + place * 8)?;
            if table == previous {
                continue; // a table that has not split yet fills several places
            }
            previous = table;
            let (groups, mask) = (self.ground.word(table + 16)?, self.ground.word(table + 24)?);
            let (span, _) = self.ground.spans.find(groups)?;
            (mask.checked_add(1)?.checked_mul(GROUP)? <= span.elemsize).then_some(())?;
            for group in 0..=mask {
                self.swiss_group(groups + group * GROUP, entries)?;
            }
        }
        Some(())
    }

    fn swiss_group(&self, group: u64, entries: &mut Vec<u64>) -> Option<()> {
        let control = self.ground.word(group)?.to_le_bytes();
        for (slot, _) in (0u64..).zip(control).filter(|&(_, byte)| byte < 0x80) {
            let key = group + 8 + slot * SLOT;
            self.take(key, key + 16, entries)?;
        }
        Some(())
    }
}

pub fn measure(
    ground: &Ground<'_>,
    found: &Found,
    maps: &HashMap<u64, MapRow>,
    swiss: bool,
) -> Option<SyncRow> {
    let inner = Inner {
        ground,
        swiss,
        bucket_type: 0,
        map_type: found.map_type,
    };
    let mut row = SyncRow {
        is_sound: true,
        ..SyncRow::default()
    };
    row.add_part(ground, found.address, STRUCT_BYTES);
    row.add_part(ground, ground.word(found.place.address)?, READ_ONLY_BYTES);
    let mut entries = HashSet::new();
    for &map in &found.inner {
        let measured = maps.get(&map)?;
        row.structure_bytes += measured.structure_bytes;
        row.resident_bytes += measured.resident_bytes;
        row.slots += measured.slots;
        row.is_sound &= measured.is_sound;
        entries.extend(inner.entries(map)?);
    }
    row.objects = entries.len() as u64;
    for entry in entries {
        let value = ground.word(entry)?;
        // nil is deleted; the mark of an expunged one is a variable, no object of the heap.
        row.add_part(ground, entry, ENTRY_BYTES);
        if value != 0 && ground.spans.find(value).is_some() {
            row.entries += 1;
            row.add_part(ground, value, BOX_BYTES);
        }
    }
    Some(row)
}
