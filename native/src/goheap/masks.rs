//! Which words of a type hold pointers.

use std::collections::HashMap;
use std::rc::Rc;

use crate::image::Image;

use super::layout::WORD;

/// src/internal/abi/type.go: Type.Size_, PtrBytes, TFlag, Kind_, GCData, and the kinds built from others.
const SIZE: u64 = 0;
const PTR_BYTES: u64 = 8;
const TFLAG: u64 = 20;
const KIND: u64 = 23;
const GC_DATA: u64 = 32;
const HEADER_BYTES: usize = 48;
/// From Go 1.24: GCData leads to a mask that may not have been built. Up to Go 1.23: it is a program.
const MASK_ON_DEMAND: u8 = 1 << 4;
const GC_PROGRAM: u8 = 1 << 6;
const KIND_MASK: u8 = (1 << 5) - 1;
const ARRAY: u8 = 17;
const STRUCT: u8 = 25;
const FIELD_BYTES: u64 = 24;

/// No real type holds more; a lying one is given up.
const MOST_WORDS: u64 = 1 << 24;
const MOST_FIELDS: u64 = 1 << 16;
const MOST_DEPTH: u32 = 64;

/// The pointer words of one value of a type.
pub struct Mask {
    pub size: u64,
    /// Offsets in bytes, ascending.
    pub pointers: Vec<u32>,
}

/// The masks met so far, by address of the type.
pub struct Masks<'a> {
    image: &'a Image,
    known: HashMap<u64, Option<Rc<Mask>>>,
}

impl<'a> Masks<'a> {
    pub fn new(image: &'a Image) -> Masks<'a> {
        Masks {
            image,
            known: HashMap::new(),
        }
    }

    /// Returns the mask of the type at `address`; None where there is no type there that makes sense.
    pub fn of(&mut self, address: u64) -> Option<Rc<Mask>> {
        if let Some(known) = self.known.get(&address) {
            return known.clone();
        }
        let built = self.build(address).map(Rc::new);
        self.known.insert(address, built.clone());
        built
    }

    fn build(&self, address: u64) -> Option<Mask> {
        let header = Header::read(self.image, address)?;
        let mut pointers = Vec::new();
        self.collect(address, 0, &mut pointers, 0)?;
        pointers.sort_unstable(); // a struct's fields are not always walked in order
        Some(Mask {
            size: header.size,
            pointers,
        })
    }

    fn collect(&self, address: u64, base: u64, into: &mut Vec<u32>, depth: u32) -> Option<()> {
        let header = Header::read(self.image, address)?;
        if header.ptr_bytes == 0 {
            return Some(());
        }
        if depth > MOST_DEPTH || into.len() as u64 > MOST_WORDS {
            return None;
        }
        if header.has_mask {
            return self.copy_mask(&header, base, into);
        }
        match header.kind {
            ARRAY => {
                let element = self.image.word(address + HEADER_BYTES as u64)?;
                let length = self.image.word(address + HEADER_BYTES as u64 + 16)?;
                let size = Header::read(self.image, element)?.size;
                if size == 0 || length.checked_mul(size)? > header.size {
                    return None;
                }
                (0..length)
                    .try_for_each(|i| self.collect(element, base + i * size, into, depth + 1))
            }
            STRUCT => {
                let fields = self.image.word(address + HEADER_BYTES as u64 + 8)?;
                let count = self.image.word(address + HEADER_BYTES as u64 + 16)?;
                if count > MOST_FIELDS {
                    return None;
                }
                (0..count).try_for_each(|i| {
                    let field = self.image.word(fields + i * FIELD_BYTES + 8)?;
                    let offset = self.image.word(fields + i * FIELD_BYTES + 16)?;
                    if offset >= header.size {
                        return None;
                    }
                    self.collect(field, base + offset, into, depth + 1)
                })
            }
            _ => None,
        }
    }

    fn copy_mask(&self, header: &Header, base: u64, into: &mut Vec<u32>) -> Option<()> {
        let words = header.ptr_bytes / WORD;
        let mask = self
            .image
            .slice(header.gc_data, words.div_ceil(8) as usize)?;
        for word in 0..words {
            if mask[(word / 8) as usize] >> (word % 8) & 1 == 1 {
                into.push(u32::try_from(base + word * WORD).ok()?);
            }
        }
        Some(())
    }
}

struct Header {
    size: u64,
    ptr_bytes: u64,
    kind: u8,
    gc_data: u64,
    has_mask: bool,
}

impl Header {
    fn read(image: &Image, address: u64) -> Option<Header> {
        if address % WORD != 0 {
            return None;
        }
        image.slice(address, HEADER_BYTES)?;
        let size = image.word(address + SIZE)?;
        let ptr_bytes = image.word(address + PTR_BYTES)?;
        let kind = image.slice(address + KIND, 1)?[0];
        let tflag = image.slice(address + TFLAG, 1)?[0];
        let sane =
            ptr_bytes <= size && ptr_bytes % WORD == 0 && size < 1 << 40 && kind & KIND_MASK != 0;
        sane.then_some(Header {
            size,
            ptr_bytes,
            kind: kind & KIND_MASK,
            gc_data: image.word(address + GC_DATA)?,
            has_mask: tflag & MASK_ON_DEMAND == 0
                && kind & GC_PROGRAM == 0
                && ptr_bytes / WORD <= MOST_WORDS,
        })
    }
}
