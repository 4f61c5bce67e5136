//! Which words of a type hold pointers.

use std::collections::HashMap;
use std::sync::Arc;

use crate::image::Image;

use super::abi::{self, Type};
use super::layout::WORD;

/// A lying type is given up beyond these.
const MOST_WORDS: u64 = 1 << 24;
const MOST_DEPTH: u32 = 64;

/// The pointer words of one value of a type.
pub struct Mask {
    pub size: u64,
    /// Offsets in bytes, ascending.
    pub pointers: Vec<u32>,
}

impl Mask {
    /// Returns one bit for each of the first `words` words (at most 64) of a value and what is behind it: more of
    /// them where it is repeated, else nothing.
    pub fn first_words(&self, words: u64, repeated: bool) -> u64 {
        let one = |base: u64| {
            let all = self
                .pointers
                .iter()
                .map(move |&at| base + u64::from(at) / WORD);
            all.take_while(|&word| word < words)
                .fold(0, |bits, word| bits | 1 << word)
        };
        let step = (self.size / WORD).max(1) as usize;
        let bases = (0..if repeated { words } else { 1 }).step_by(step);
        bases.fold(0, |bits, base| bits | one(base))
    }
}

/// The masks met so far, by address of the type.
pub struct Masks<'a> {
    image: &'a Image,
    known: HashMap<u64, Option<Arc<Mask>>>,
}

impl<'a> Masks<'a> {
    pub fn new(image: &'a Image) -> Masks<'a> {
        Masks {
            image,
            known: HashMap::new(),
        }
    }

    /// Returns the mask of the type at `address`; None where there is no type there that makes sense.
    pub fn of(&mut self, address: u64) -> Option<Arc<Mask>> {
        if let Some(known) = self.known.get(&address) {
            return known.clone();
        }
        let built = build(self.image, address).map(Arc::new);
        self.known.insert(address, built.clone());
        built
    }

    /// Returns what `of` said of `address`; None where it was not asked.
    pub fn known(&self, address: u64) -> Option<Option<&Mask>> {
        self.known.get(&address).map(Option::as_deref)
    }
}

fn build(image: &Image, address: u64) -> Option<Mask> {
    let kind = Type::read(image, address).or_else(|| Type::read_unrolled(image, address))?;
    let mut pointers = Vec::new();
    collect(image, kind, 0, &mut pointers, 0)?;
    pointers.sort_unstable();
    (kind.size > 0).then_some(Mask {
        size: kind.size,
        pointers,
    })
}

fn collect(image: &Image, kind: Type, base: u64, into: &mut Vec<u32>, depth: u32) -> Option<()> {
    if kind.ptr_bytes == 0 {
        return Some(());
    }
    if depth > MOST_DEPTH || into.len() as u64 > MOST_WORDS {
        return None;
    }
    if kind.has_mask {
        return copy_mask(image, kind, base, into);
    }
    // Only arrays and structs are so large that their masks are not there from the start.
    match kind.kind {
        abi::ARRAY => {
            let element = kind.element(image)?;
            let length = kind.length(image)?;
            if element.size == 0 || length.checked_mul(element.size)? > kind.size {
                return None;
            }
            (0..length)
                .try_for_each(|i| collect(image, element, base + i * element.size, into, depth + 1))
        }
        abi::STRUCT => {
            let mut fields = kind.fields(image)?.into_iter();
            fields.try_for_each(|(offset, field)| {
                collect(image, field, base + offset, into, depth + 1)
            })
        }
        _ => None,
    }
}

fn copy_mask(image: &Image, kind: Type, base: u64, into: &mut Vec<u32>) -> Option<()> {
    let words = kind.ptr_bytes / WORD;
    if words > MOST_WORDS {
        return None;
    }
    let mask = image.slice(kind.gc_data, words.div_ceil(8) as usize)?;
    for word in 0..words {
        if mask[(word / 8) as usize] >> (word % 8) & 1 == 1 {
            into.push(u32::try_from(base + word * WORD).ok()?);
        }
    }
    Some(())
}
