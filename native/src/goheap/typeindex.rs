//! The map types of a program, found by walking all of its type descriptors: nothing lists them since Go 1.27.

use crate::image::Image;

use super::abi::{self, Type};

/// Of a map type: key, element, group or bucket, and (Swiss only) the hash function.
const KEY: u64 = 48;
const ELEMENT: u64 = 56;
const HASHER: u64 = 72;
/// Of a type: its equality, its name.
const EQUAL: u64 = 24;
const NAME: u64 = 40;
const TFLAG: u64 = 20;
const EXTRA_STAR: u8 = 1 << 1;
const MOST_NAME_BYTES: usize = 1 << 14;
/// A section of types longer than this is a lie.
const MOST_BYTES: u64 = 1 << 28;

/// One map type that the program knows.
#[derive(Debug, Clone, Copy)]
pub struct MapType {
    pub address: u64,
    pub element: Type,
    pub bucket: Type,
}

/// All map types between `start`, from which names count, and `end`.
pub struct TypeIndex<'a> {
    image: &'a Image,
    start: u64,
    end: u64,
    pub maps: Vec<MapType>,
}

impl<'a> TypeIndex<'a> {
    pub fn scan(image: &'a Image, start: u64, end: u64) -> TypeIndex<'a> {
        let mut index = TypeIndex {
            image,
            start,
            end,
            maps: Vec::new(),
        };
        if end.saturating_sub(start) <= MOST_BYTES {
            let places = (start.next_multiple_of(8)..end.saturating_sub(KEY)).step_by(8);
            index.maps = places.filter_map(|at| index.map_at(at)).collect();
        }
        index
    }

    fn holds(&self, address: u64) -> bool {
        (self.start..self.end).contains(&address)
    }

    /// Returns the map type at `address`: what lies there must agree with itself in all its parts.
    fn map_at(&self, address: u64) -> Option<MapType> {
        let kind = Type::read(self.image, address)?;
        if kind.kind != abi::MAP || kind.size != 8 || kind.ptr_bytes != 8 {
            return None;
        }
        let part = |offset: u64| {
            let at = self.image.word(address + offset)?;
            self.holds(at).then(|| Type::read(self.image, at))?
        };
        part(KEY)?;
        let found = MapType {
            address,
            element: part(ELEMENT)?,
            bucket: kind
                .buckets(self.image)
                .filter(|bucket| self.holds(bucket.address) && bucket.kind == abi::STRUCT)?,
        };
        self.name(address)?.contains("map[").then_some(found)
    }

    /// Returns the name of the type at `address` as Go prints it.
    pub fn name(&self, address: u64) -> Option<String> {
        let offset = self.image.slice(address + NAME, 4)?.try_into().ok()?;
        let at = self
            .start
            .checked_add_signed(i64::from(i32::from_le_bytes(offset)))?;
        // A byte of flags, the length as a varint, the bytes: internal/abi, Name.
        let head = self.image.slice(at, 3)?;
        let (mut length, mut skip) = (usize::from(head[1] & 0x7f), 2);
        if head[1] & 0x80 != 0 {
            (length, skip) = (length | usize::from(head[2]) << 7, 3);
        }
        let text = (length <= MOST_NAME_BYTES)
            .then(|| self.image.slice(at + skip, length))
            .flatten()?;
        let star = self.image.slice(address + TFLAG, 1)?[0] & EXTRA_STAR != 0;
        let text = String::from_utf8_lossy(text);
        Some(text[usize::from(star && text.starts_with('*'))..].to_owned())
    }

    pub fn map_named(&self, name: &str) -> Option<&MapType> {
        self.maps
            .iter()
            .find(|map| self.name(map.address).as_deref() == Some(name))
    }

    /// Returns the map types (Swiss) that hash keys with the function at `hasher` and compare elements with the
    /// one at `equal`.
    pub fn maps_hashed_by(&self, hasher: u64, equal: u64) -> impl Iterator<Item = &MapType> {
        self.maps.iter().filter(move |map| {
            self.image.word(map.address + HASHER) == Some(hasher)
                && self.image.word(map.element.address + EQUAL) == Some(equal)
        })
    }
}
