//! Every map among the objects: its entries, its slots, the bytes of its own structure.
//!
//! swiss: src/internal/runtime/maps/map.go and table.go (Go 1.24 and up); classic: src/runtime/map.go.

use crate::image::Image;

use super::abi::Type;
use super::infer::SizedAs;
use super::layout::HeapLayout;
use super::mark::Marked;
use super::shapes::{Shape, ShapeId, Shapes};
use super::spans::{Slot, Spans};

/// One map. `structure_bytes`: header, directory, tables, buckets or groups as the allocator rounds them.
#[derive(Debug, Clone, Copy)]
pub struct MapRow {
    pub object: Slot,
    pub address: u64,
    /// Address of the map type; 0 where nothing told it.
    pub map_type: u64,
    /// Address of the type of its groups or buckets, which names key and element; 0 where nothing told it.
    pub bucket_type: u64,
    /// Address of a map type of the same sizes, its own where that is known; 0 where nothing told one.
    pub sized_as: u64,
    pub entries: u64,
    pub slots: u64,
    pub structure_bytes: u64,
    /// How many of these were in RAM; 0 where nobody knows.
    pub resident_bytes: u64,
    /// Being written at that moment (the writing flag), or its parts contradict each other.
    pub is_written: bool,
    pub is_sound: bool,
}

/// Of the bucket or group type in a map type (internal/abi).
const BUCKET: u64 = 64;
/// Control bytes of a slot that holds nothing: src/internal/runtime/maps/group.go.
pub const EMPTY: u8 = 0x80;
const DELETED: u8 = 0xfe;
/// Of dirPtr (swiss) and buckets (classic) in a header.
pub const PARTS: u64 = 16;
const MOST_DIRECTORY: u64 = 1 << 32;
pub const SLOTS_PER_GROUP: u64 = 8;

/// `MapRow::object` of a map whose header is no object of the heap.
pub const ON_STACK: Slot = Slot::MAX;

pub struct MapScan<'a, 'b> {
    pub image: &'a Image,
    pub spans: &'a Spans,
    pub marked: &'a Marked,
    pub shapes: &'a Shapes<'b>,
    /// What the object in each slot is.
    pub told: &'a [ShapeId],
    /// Classic maps of which nobody knows more than how large their buckets are.
    pub sized: &'a SizedAs,
    pub layout: &'a HeapLayout,
    pub swiss: bool,
}

impl MapScan<'_, '_> {
    /// Returns a row for each map that `told` names, and for each object of that size that nobody has told apart
    /// and that passes every test of a map with at least one table, or with buckets that fit a type.
    pub fn scan(&self) -> Vec<MapRow> {
        let mut rows = Vec::new();
        let bytes = self.layout.map_header_bytes;
        let of_size = self
            .marked
            .in_spans(self.spans, move |span| span.elemsize == bytes);
        for (span, slot) in of_size {
            let address = span.address(slot);
            let row = match self.shapes.shape(self.told[slot as usize]) {
                // Its parts lead nowhere: it counts as one that contradicts itself.
                Shape::Map(kind) => self
                    .row(address, kind)
                    .or_else(|| Some(self.unreadable(address, kind))),
                Shape::Unknown => self
                    .row(address, 0)
                    .filter(|row| row.is_sound && row.slots > 0)
                    .or_else(|| self.row_in_doubt(address)),
                _ => None,
            };
            rows.extend(row.map(|row| MapRow {
                object: slot,
                ..row
            }));
        }
        rows
    }

    pub(super) fn unreadable(&self, address: u64, map_type: u64) -> MapRow {
        MapRow {
            object: ON_STACK,
            address,
            map_type,
            bucket_type: 0,
            sized_as: 0,
            entries: 0,
            slots: 0,
            structure_bytes: 0,
            resident_bytes: 0,
            is_written: false,
            is_sound: false,
        }
    }

    /// Returns a row for an object that nobody has told apart, has the header of a large Swiss map, and contradicts
    /// itself elsewhere: being written. It is never left out in silence.
    fn row_in_doubt(&self, address: u64) -> Option<MapRow> {
        let (directory, length) = (self.word(address + PARTS)?, self.word(address + 24)?);
        let [depth, shift, writing, tombstones, ..] = self.word(address + 32)?.to_le_bytes();
        let is_header = self.swiss
            && depth < 40
            && length == 1 << depth
            && u32::from(shift) == 64 - u32::from(depth)
            && writing <= 1
            && tombstones <= 1
            && self.spans.find(directory).is_some();
        is_header.then(|| self.unreadable(address, 0))
    }

    /// Returns a row for each header of a map that does not escape and so lies on a stack. Stacks hold what was
    /// left there as well: only a map whose parts are heap objects and agree with it counts.
    /// `types`: header -> type of those of which it is known.
    pub fn scan_stacks(&self, stacks: &[(u64, u64)], types: &SizedAs) -> Vec<MapRow> {
        let kind = |address| types.get(&address).copied().unwrap_or(0);
        let places = stacks.iter().flat_map(|&(start, end)| {
            (start..end.saturating_sub(self.layout.map_header_bytes)).step_by(8)
        });
        places
            .filter_map(|address| self.row(address, kind(address)))
            .filter(|row| self.is_beyond_doubt(row))
            .collect()
    }

    fn is_beyond_doubt(&self, row: &MapRow) -> bool {
        let parts = self.word(row.address + PARTS);
        let whole = parts.is_some_and(|at| self.object_bytes(at).is_some());
        // A classic header has no sums to check: there the buckets must say what they are.
        let named = self.swiss || row.bucket_type != 0 || row.sized_as != 0;
        row.is_sound && whole && named && row.entries > 0 && row.entries <= row.slots
    }

    fn row(&self, address: u64, kind: u64) -> Option<MapRow> {
        if self.swiss {
            self.swiss_row(address, kind)
        } else {
            self.classic_row(address, kind)
        }
    }

    pub(super) fn word(&self, address: u64) -> Option<u64> {
        self.image.word(address)
    }

    /// Returns the bytes of the object that begins at `address`, or behind its header; None where no reached
    /// object does.
    fn object_bytes(&self, address: u64) -> Option<u64> {
        let (span, slot) = self.spans.find(address)?;
        let begins = address - span.address(slot) <= 8;
        (begins && self.marked.is_reached(slot)).then_some(span.elemsize)
    }

    pub(super) fn resident(&self, address: u64, bytes: u64) -> u64 {
        let resident = self.image.resident.as_ref();
        resident.map_or(0, |resident| resident.bytes(address, bytes))
    }

    /// Adds the object at `address` to the structure of a map; None where there is no such object. Returns its
    /// bytes.
    fn add_part(&self, row: &mut MapRow, address: u64) -> Option<u64> {
        let bytes = self.object_bytes(address)?;
        let (span, slot) = self.spans.find(address)?;
        row.structure_bytes += bytes;
        row.resident_bytes += self.resident(span.address(slot), bytes);
        Some(bytes)
    }

    /// Returns the type of the values in the array of groups or buckets at `address`, where it was told.
    fn values_at(&self, address: u64) -> u64 {
        let told = self
            .spans
            .find(address)
            .map(|(_, slot)| self.told[slot as usize]);
        match told.map(|id| self.shapes.shape(id)) {
            Some(Shape::Values(kind)) => kind,
            _ => 0,
        }
    }

    fn swiss_row(&self, address: u64, kind: u64) -> Option<MapRow> {
        let entries = self.word(address)?;
        let (directory, length) = (self.word(address + 16)?, self.word(address + 24)?);
        let small = self.word(address + 32)?.to_le_bytes(); // globalDepth, globalShift, writing, tombstones
        let mut row = MapRow {
            object: ON_STACK,
            address,
            map_type: kind,
            bucket_type: 0,
            sized_as: 0,
            entries,
            slots: 0,
            structure_bytes: self.layout.map_header_bytes,
            resident_bytes: self.resident(address, self.layout.map_header_bytes),
            is_written: small[2] != 0,
            is_sound: small[2] <= 1 && small[3] <= 1,
        };
        if directory == 0 {
            row.is_sound &= entries == 0 && length == 0;
            return Some(row);
        }
        if length == 0 {
            row.slots = SLOTS_PER_GROUP;
            row.is_sound &=
                entries <= SLOTS_PER_GROUP && small[0] == 0 && self.group_holds(directory, entries);
            self.add_part(&mut row, directory)?;
            row.bucket_type = self.values_at(directory);
            return Some(row);
        }
        let depth = u32::from(small[0]);
        row.is_sound &= depth < 40 && length == 1 << depth && u32::from(small[1]) == 64 - depth;
        if !row.is_sound || length > MOST_DIRECTORY {
            row.is_sound = false;
            return Some(row);
        }
        self.add_tables(&mut row, directory, length)?;
        Some(row)
    }

    /// A small map's group: as many control bytes are full as the map has entries, and none is nonsense.
    pub(super) fn group_holds(&self, group: u64, entries: u64) -> bool {
        let Some(control) = self.word(group) else {
            return false;
        };
        let control = control.to_le_bytes();
        let full = control.iter().filter(|&&byte| byte < EMPTY).count() as u64;
        full == entries && control.iter().all(|&byte| byte <= EMPTY || byte == DELETED)
    }

    fn add_tables(&self, row: &mut MapRow, directory: u64, length: u64) -> Option<()> {
        if length.checked_mul(8)? > self.add_part(row, directory)? {
            return None;
        }
        let (mut previous, mut used) = (0, 0);
        for place in 0..length {
            let table = self.word(directory + place * 8)?;
            if table == previous {
                continue; // a table that has not split yet fills several places
            }
            previous = table;
            let counts = self.word(table)?.to_le_bytes();
            let (in_table, capacity) = (
                u16::from_le_bytes([counts[0], counts[1]]),
                u16::from_le_bytes([counts[2], counts[3]]),
            );
            let groups = self.word(table + 16)?;
            if row.bucket_type == 0 {
                row.bucket_type = self.values_at(groups);
            }
            used += u64::from(in_table);
            row.slots += u64::from(capacity);
            self.add_part(row, table)?;
            self.add_part(row, groups)?;
            row.is_sound &=
                self.word(table + 24)?.wrapping_add(1) == u64::from(capacity) / SLOTS_PER_GROUP;
        }
        row.is_sound &= used == row.entries;
        Some(())
    }

    fn classic_row(&self, address: u64, kind: u64) -> Option<MapRow> {
        let entries = self.word(address)?;
        let small = self.word(address + 8)?.to_le_bytes(); // flags, B, noverflow, hash0
        let (flags, log) = (small[0], small[1]);
        let (buckets, old, extra) = (
            self.word(address + 16)?,
            self.word(address + 24)?,
            self.word(address + self.layout.map_extra)?,
        );
        let mut row = MapRow {
            object: ON_STACK,
            address,
            map_type: kind,
            bucket_type: 0,
            sized_as: 0,
            entries,
            slots: 0,
            structure_bytes: self.layout.map_header_bytes,
            resident_bytes: self.resident(address, self.layout.map_header_bytes),
            is_written: flags & 4 != 0,
            is_sound: flags < 16 && log < 40,
        };
        if buckets == 0 {
            row.is_sound &= entries == 0 && old == 0;
            return Some(row);
        }
        if !row.is_sound {
            return Some(row);
        }
        row.bucket_type = self.values_at(buckets);
        row.sized_as = match kind {
            0 => self.sized.get(&address).copied().unwrap_or(0),
            known => known,
        };
        let told = match row.sized_as {
            0 => row.bucket_type,
            like => self.image.word(like + BUCKET)?,
        };
        let bucket = Type::read(self.image, told).filter(|bucket| bucket.size >= 16)?;
        self.add_buckets(&mut row, bucket, log, [buckets, old, extra], flags)?;
        Some(row)
    }

    fn add_buckets(
        &self,
        row: &mut MapRow,
        bucket: Type,
        log: u8,
        [buckets, old, extra]: [u64; 3],
        flags: u8,
    ) -> Option<()> {
        let old_log = if flags & 8 != 0 {
            log
        } else {
            log.saturating_sub(1)
        };
        let mut arrays = vec![(buckets, 1u64 << log)];
        if old != 0 {
            arrays.push((old, 1 << old_log));
        }
        let mut extents = Vec::new();
        for &(start, main) in &arrays {
            let bytes = self.add_part(row, start)?;
            if main.checked_mul(bucket.size)? > bytes {
                return None; // there are not as many buckets as the header says
            }
            let all = if main < 16 { main } else { bytes / bucket.size };
            row.slots += all * 8;
            extents.push((start, all * bucket.size));
        }
        let in_stock = |at: u64| {
            extents
                .iter()
                .any(|&(start, bytes)| at.wrapping_sub(start) < bytes)
        };
        if bucket.ptr_bytes != 0 {
            // The runtime grows a map before it has as many overflow buckets as others. More is a cycle: a lie.
            let mut links_left = 4 * arrays.iter().map(|&(_, main)| main).sum::<u64>() + 1024;
            for &(start, main) in &arrays {
                for index in 0..main {
                    let mut link = self.word(start + (index + 1) * bucket.size - 8)?;
                    while link != 0 {
                        links_left = links_left.checked_sub(1)?;
                        self.add_overflow(row, link, in_stock(link))?;
                        link = self.word(link.checked_add(bucket.size - 8)?)?;
                    }
                }
            }
        }
        if extra != 0 {
            self.add_part(row, extra)?;
            for list in [self.word(extra)?, self.word(extra + 8)?] {
                if list != 0 {
                    self.add_list(row, list, &in_stock)?;
                }
            }
        }
        Some(())
    }

    fn add_list(&self, row: &mut MapRow, list: u64, in_stock: &impl Fn(u64) -> bool) -> Option<()> {
        let (first, length) = (self.word(list)?, self.word(list + 8)?);
        self.add_part(row, list)?;
        if first == 0 {
            return Some(());
        }
        if length.checked_mul(8)? > self.add_part(row, first)? {
            return None;
        }
        for index in 0..length {
            let bucket = self.word(first + index * 8)?;
            self.add_overflow(row, bucket, in_stock(bucket))?;
        }
        Some(())
    }

    fn add_overflow(&self, row: &mut MapRow, bucket: u64, in_stock: bool) -> Option<()> {
        if in_stock {
            return Some(());
        }
        row.slots += 8;
        self.add_part(row, bucket).map(drop)
    }
}
