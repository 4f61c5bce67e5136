//! The runtime's type descriptors. Offsets: src/internal/abi/type.go, the same from Go 1.21 to 1.27.

use crate::image::Image;

pub const BOOL: u8 = 1;
pub const ARRAY: u8 = 17;
pub const CHAN: u8 = 18;
pub const FUNC: u8 = 19;
pub const INTERFACE: u8 = 20;
pub const MAP: u8 = 21;
pub const POINTER: u8 = 22;
pub const SLICE: u8 = 23;
pub const STRING: u8 = 24;
pub const STRUCT: u8 = 25;
pub const UNSAFE_POINTER: u8 = 26;
const LAST_KIND: u8 = UNSAFE_POINTER;

const KIND_MASK: u8 = (1 << 5) - 1;
/// Up to Go 1.23, in Kind_: GCData is a program. From Go 1.24, in TFlag: GCData leads to a mask built on demand.
const GC_PROGRAM: u8 = 1 << 6;
const MASK_ON_DEMAND: u8 = 1 << 4;
/// Go 1.22 and 1.23: no type, and its TFlag.
const UNROLLED: u8 = 0;
const UNROLLED_BITMAP: u8 = 1 << 4;
/// In Kind_ up to Go 1.25, in TFlag from 1.26: an interface holds the value itself.
const DIRECT: u8 = 1 << 5;

const HEADER: u64 = 48;
const FIELD_BYTES: u64 = 24;
const MOST_FIELDS: u64 = 1 << 16;
/// No value is larger than the address space of a process.
const MOST_SIZE: u64 = 1 << 46;

/// What every descriptor begins with.
#[derive(Debug, Clone, Copy)]
pub struct Type {
    pub address: u64,
    pub size: u64,
    pub ptr_bytes: u64,
    pub kind: u8,
    pub gc_data: u64,
    /// GCData is the mask itself.
    pub has_mask: bool,
    /// An interface that holds such a value holds it in its data word.
    pub is_direct: bool,
}

impl Type {
    /// Returns the descriptor at `address`; None where what lies there cannot be one.
    pub fn read(image: &Image, address: u64) -> Option<Type> {
        Type::parse(image, address).filter(|found| found.kind != UNROLLED)
    }

    /// Returns what the allocator has put at `address` in the place of a descriptor: Go 1.22 and 1.23 write the mask
    /// that a program makes behind it, and know nothing more of the type (src/runtime/mbitmap.go, heapSetType).
    pub fn read_unrolled(image: &Image, address: u64) -> Option<Type> {
        let found = Type::parse(image, address)?;
        let mask = address + HEADER;
        (found.kind == UNROLLED && found.gc_data == mask).then_some(Type {
            has_mask: true,
            ..found
        })
    }

    fn parse(image: &Image, address: u64) -> Option<Type> {
        let bytes = image.slice(address, HEADER as usize)?;
        let word = |at: usize| {
            bytes[at..at + 8]
                .try_into()
                .map(u64::from_le_bytes)
                .unwrap_or_default()
        };
        let (size, ptr_bytes, tflag, kind) = (word(0), word(8), bytes[20], bytes[23]);
        let is_unrolled = kind == UNROLLED && tflag == UNROLLED_BITMAP;
        let known = (1..=LAST_KIND).contains(&(kind & KIND_MASK)) || is_unrolled;
        let sane = address % 8 == 0
            && ptr_bytes <= size
            && ptr_bytes % 8 == 0
            && size < MOST_SIZE
            && known;
        sane.then_some(Type {
            address,
            size,
            ptr_bytes,
            kind: kind & KIND_MASK,
            gc_data: word(32),
            has_mask: tflag & MASK_ON_DEMAND == 0 && kind & GC_PROGRAM == 0,
            is_direct: (kind | tflag) & DIRECT != 0,
        })
    }

    /// Returns what an array, channel, pointer or slice is of.
    pub fn element(&self, image: &Image) -> Option<Type> {
        Type::read(image, image.word(self.address + HEADER)?)
    }

    /// Returns how many elements an array has.
    pub fn length(&self, image: &Image) -> Option<u64> {
        image.word(self.address + HEADER + 16)
    }

    /// Returns how many methods an interface asks for.
    pub fn methods(&self, image: &Image) -> Option<u64> {
        image.word(self.address + HEADER + 16)
    }

    /// Returns (offset, type) of each field of a struct.
    pub fn fields(&self, image: &Image) -> Option<Vec<(u64, Type)>> {
        let first = image.word(self.address + HEADER + 8)?;
        let count = image.word(self.address + HEADER + 16)?;
        if count > MOST_FIELDS {
            return None;
        }
        let field = |at: u64| {
            let kind = Type::read(image, image.word(at + 8)?)?;
            let offset = image.word(at + 16)?;
            (offset.checked_add(kind.size)? <= self.size).then_some((offset, kind))
        };
        (0..count)
            .map(|index| field(first + index * FIELD_BYTES))
            .collect()
    }

    /// Returns the type of a map's buckets (classic) or groups (Swiss).
    pub fn buckets(&self, image: &Image) -> Option<Type> {
        Type::read(image, image.word(self.address + HEADER + 16)?)
    }
}
