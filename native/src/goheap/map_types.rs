//! The classic map types that a program can make, and what their buckets hold: src/internal/abi/map_old.go (up to Go 1.23 src/internal/abi/type.go), OldMapType.

use crate::image::Image;

use super::abi::{self, Type};
use super::layout::WORD;
use super::typeindex::TypeIndex;

const KEY: u64 = 48;
const ELEM: u64 = 56;
const BUCKET: u64 = 64;
/// KeySize, ValueSize (a byte each), BucketSize (two), Flags (four).
const SIZES: u64 = 80;
const INDIRECT_KEY: u8 = 1;
const INDIRECT_ELEM: u8 = 2;
const HASHES_BYTES: u64 = 8;
pub const SLOTS: u64 = 8;

/// A classic map type. `key_bytes` and `elem_bytes`: what a slot has of each, which is a pointer where indirect.
pub struct MapType {
    pub address: u64,
    pub bucket: Type,
    pub key: Type,
    pub elem: Type,
    pub key_bytes: u64,
    pub elem_bytes: u64,
    pub indirect_key: bool,
    pub indirect_elem: bool,
}

impl MapType {
    /// Returns the map type at `address`; None where what lies there cannot be one.
    fn read(image: &Image, address: u64) -> Option<MapType> {
        let own = Type::read(image, address)?;
        if own.kind != abi::MAP || own.size != WORD || own.ptr_bytes != WORD {
            return None;
        }
        let inner = |at: u64| Type::read(image, image.word(address + at)?);
        let sizes = image.word(address + SIZES)?.to_le_bytes();
        let read = MapType {
            address,
            bucket: inner(BUCKET)?,
            key: inner(KEY)?,
            elem: inner(ELEM)?,
            key_bytes: u64::from(sizes[0]),
            elem_bytes: u64::from(sizes[1]),
            indirect_key: sizes[4] & INDIRECT_KEY != 0,
            indirect_elem: sizes[4] & INDIRECT_ELEM != 0,
        };
        let bucket_bytes = u64::from(u16::from_le_bytes([sizes[2], sizes[3]]));
        read.is_sane(bucket_bytes).then_some(read)
    }

    fn is_sane(&self, bucket_bytes: u64) -> bool {
        let slot = |kind: &Type, bytes: u64, indirect: bool| {
            bytes == if indirect { WORD } else { kind.size }
        };
        let least = HASHES_BYTES + SLOTS * (self.key_bytes + self.elem_bytes) + WORD;
        slot(&self.key, self.key_bytes, self.indirect_key)
            && slot(&self.elem, self.elem_bytes, self.indirect_elem)
            && self.bucket.size == bucket_bytes
            && self.bucket.kind == abi::STRUCT
            && (least..=least + WORD).contains(&bucket_bytes)
    }

    /// Returns the bytes that an entry has outside of its slot.
    pub fn bytes_beside(&self) -> u64 {
        let part = |kind: &Type, indirect: bool| if indirect { kind.size } else { 0 };
        part(&self.key, self.indirect_key) + part(&self.elem, self.indirect_elem)
    }

    /// Returns where key number `slot` of the bucket at `bucket` lies, and its element.
    pub fn slot(&self, bucket: u64, slot: u64) -> (u64, u64) {
        let keys = bucket + HASHES_BYTES;
        let elems = keys + SLOTS * self.key_bytes;
        (keys + slot * self.key_bytes, elems + slot * self.elem_bytes)
    }
}

/// Returns every classic map type of the program that a map can have.
pub fn classic_map_types(image: &Image, types: &TypeIndex<'_>) -> Vec<MapType> {
    // Generic code has some before it is told its types: no map is made of one.
    let is_made = |kind: &MapType| {
        let name = types.name(kind.address);
        name.is_some_and(|name| !name.contains("go.shape."))
    };
    let all = types.maps.iter();
    all.filter_map(|kind| MapType::read(image, kind.address))
        .filter(is_made)
        .collect()
}
