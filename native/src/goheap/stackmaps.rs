//! Maps that lie wholly on a stack: the compiler puts the header of a small map that does not escape into the frame,
//! and its one group (swiss) or bucket (classic) beside it (src/cmd/compile/internal/walk/builtin.go, walkMakeMap).

use super::maps::{MapRow, MapScan, ON_STACK, PARTS, SLOTS_PER_GROUP};

/// src/runtime/map.go: up to here the byte of a slot says that it holds nothing, or went elsewhere.
const MIN_TOP_HASH: u8 = 5;
const EMPTY_TO_THE_END: u8 = 1;

impl MapScan<'_, '_> {
    /// Returns a row for each of `headers` that is one. The word at [`PARTS`] of each is a live pointer into the
    /// same stack by the program's own account; what it leads to must agree with the header to the byte.
    pub fn scan_frames(&self, headers: &[u64]) -> Vec<MapRow> {
        let rows = headers
            .iter()
            .filter_map(|&header| self.row_in_frame(header));
        rows.collect()
    }

    /// Nobody knows how large the group is: `structure_bytes` are those of the header.
    fn row_in_frame(&self, header: u64) -> Option<MapRow> {
        let entries = self.word(header)?;
        let small = if self.swiss {
            self.is_small(header)?
        } else {
            self.is_one_bucket(header)?
        };
        let parts = self.word(header + PARTS)?;
        let is_whole = entries <= SLOTS_PER_GROUP
            && parts % 8 == 0
            && if self.swiss {
                self.group_holds(parts, entries)
            } else {
                self.bucket_holds(parts, entries)
            };
        (small && is_whole).then(|| MapRow {
            object: ON_STACK,
            entries,
            slots: SLOTS_PER_GROUP,
            structure_bytes: self.layout.map_header_bytes,
            resident_bytes: self.resident(header, self.layout.map_header_bytes),
            is_sound: true,
            ..self.unreadable(header, 0)
        })
    }

    /// dirLen 0, globalDepth 0, globalShift 0; nobody writes (src/internal/runtime/maps/map.go).
    fn is_small(&self, header: u64) -> Option<bool> {
        let [depth, shift, writing, tombstones, ..] = self.word(header + 32)?.to_le_bytes();
        let length = self.word(header + 24)?;
        Some(length == 0 && depth == 0 && shift == 0 && writing == 0 && tombstones <= 1)
    }

    /// B 0, nobody writes, no old buckets, no overflow.
    fn is_one_bucket(&self, header: u64) -> Option<bool> {
        let [flags, log, overflow, more, ..] = self.word(header + 8)?.to_le_bytes();
        let (old, evacuated) = (self.word(header + 24)?, self.word(header + 32)?);
        let extra = self.word(header + self.layout.map_extra)?;
        let is_small = flags & !3 == 0 && log == 0 && overflow == 0 && more == 0;
        Some(is_small && old == 0 && evacuated == 0 && extra == 0)
    }

    fn bucket_holds(&self, bucket: u64, entries: u64) -> bool {
        let Some(tops) = self.word(bucket).map(u64::to_le_bytes) else {
            return false;
        };
        let full = tops.iter().filter(|&&top| top >= MIN_TOP_HASH).count() as u64;
        full == entries
            && tops
                .iter()
                .all(|&top| top >= MIN_TOP_HASH || top <= EMPTY_TO_THE_END)
    }
}
