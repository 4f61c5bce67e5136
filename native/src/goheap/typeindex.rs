//! The types of a program, found by walking all of its type descriptors: nothing lists them since Go 1.27.

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
const ALIGN: u64 = 21;
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

/// All types between `start`, from which names count, and `end`; a few of them may be none.
pub struct TypeIndex<'a> {
    image: &'a Image,
    start: u64,
    end: u64,
    pub all: Vec<Type>,
    pub maps: Vec<MapType>,
}

impl<'a> TypeIndex<'a> {
    pub fn scan(image: &'a Image, start: u64, end: u64) -> TypeIndex<'a> {
        let mut index = TypeIndex {
            image,
            start,
            end,
            all: Vec::new(),
            maps: Vec::new(),
        };
        if end.saturating_sub(start) <= MOST_BYTES {
            let places = (start.next_multiple_of(8)..end.saturating_sub(KEY)).step_by(8);
            index.all = places.filter_map(|at| index.type_at(at)).collect();
            let maps = index.all.iter().filter(|kind| kind.kind == abi::MAP);
            index.maps = maps.filter_map(|kind| index.map_of(*kind)).collect();
        }
        index
    }

    pub fn holds(&self, address: u64) -> bool {
        (self.start..self.end).contains(&address)
    }

    /// Returns the type at `address`: what lies there must agree with itself and have a name.
    fn type_at(&self, address: u64) -> Option<Type> {
        let kind = Type::read(self.image, address).filter(|kind| kind.size > 0)?;
        let head = self.image.slice(address + ALIGN, 2)?;
        let aligned = head.iter().all(|align| [1, 2, 4, 8].contains(align));
        let name = aligned.then(|| self.name(address))??;
        name.bytes().all(|byte| byte >= b' ').then_some(kind)
    }

    /// Returns what the map type `kind` is of: all its parts must be types.
    fn map_of(&self, kind: Type) -> Option<MapType> {
        if kind.size != 8 || kind.ptr_bytes != 8 {
            return None;
        }
        let part = |offset: u64| {
            let at = self.image.word(kind.address + offset)?;
            self.holds(at).then(|| Type::read(self.image, at))?
        };
        part(KEY)?;
        Some(MapType {
            address: kind.address,
            element: part(ELEMENT)?,
            bucket: kind
                .buckets(self.image)
                .filter(|bucket| self.holds(bucket.address) && bucket.kind == abi::STRUCT)?,
        })
    }

    /// Returns the name of the type at `address` as Go prints it; None where it has none that could be.
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
        let text = (1..=MOST_NAME_BYTES)
            .contains(&length)
            .then(|| self.image.slice(at + skip, length))
            .flatten()?;
        let star = self.image.slice(address + TFLAG, 1)?[0] & EXTRA_STAR != 0;
        let text = String::from_utf8_lossy(text);
        Some(text[usize::from(star && text.starts_with('*'))..].to_owned())
    }

    pub fn struct_named(&self, name: &str) -> Option<Type> {
        let mut structs = self.all.iter().filter(|kind| kind.kind == abi::STRUCT);
        structs
            .find(|kind| self.name(kind.address).as_deref() == Some(name))
            .copied()
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
