//! Whether the bytes somewhere can be a value of a type: what a wrong guess at a type trips over.

use super::abi::{self, Type};
use super::layout::WORD;
use super::masks::Masks;
use super::objects::Objects;
use super::spans::Span;

const MOST_DEPTH: u32 = 8;
const MOST_ELEMENTS: u64 = 16;
const MOST_STRING_BYTES: u64 = 1 << 40;
/// Heap bits are compared for as many words of an object.
pub const COMPARED_WORDS: u64 = 64;

/// Of the program itself: [start, end) of its type descriptors and of its code.
#[derive(Debug, Clone, Copy)]
pub struct Program {
    pub types: (u64, u64),
    pub text: (u64, u64),
}

pub struct Values<'a> {
    pub objects: &'a Objects<'a>,
    pub masks: Masks<'a>,
    pub program: Program,
}

impl Values<'_> {
    /// Tells whether a value of `kind` can lie at `address`.
    pub fn can_be(&mut self, kind: Type, address: u64, depth: u32) -> bool {
        self.checked(kind, address, depth).unwrap_or(false)
    }

    fn checked(&mut self, kind: Type, address: u64, depth: u32) -> Option<bool> {
        if depth > MOST_DEPTH {
            return Some(true);
        }
        let image = self.objects.image;
        let word = |at: u64| image.word(address + at);
        Some(match kind.kind {
            abi::BOOL => image.slice(address, 1)?[0] <= 1,
            abi::STRING => {
                let (pointer, length) = (word(0)?, word(8)?);
                length == 0 || length < MOST_STRING_BYTES && self.has_bytes(pointer, length)
            }
            abi::POINTER => {
                let (pointer, of) = (word(0)?, kind.element(image)?);
                pointer == 0 || self.leads_to(pointer, of, 1) && self.can_be(of, pointer, depth + 1)
            }
            abi::SLICE => {
                let (pointer, length, capacity) = (word(0)?, word(8)?, word(16)?);
                length <= capacity
                    && (capacity == 0 || self.leads_to(pointer, kind.element(image)?, capacity))
            }
            abi::INTERFACE => {
                let (first, data) = (word(0)?, word(8)?);
                let bare = kind.methods(image)? == 0;
                let named = if bare {
                    first
                } else {
                    image.word(first + WORD).unwrap_or(0)
                };
                if first == 0 {
                    data == 0
                } else {
                    self.is_type(named)
                }
            }
            // A function value leads to the address of its code.
            abi::FUNC => {
                let pointer = word(0)?;
                pointer == 0 || within(self.program.text, image.word(pointer)?)
            }
            abi::MAP => {
                let pointer = word(0)?;
                pointer == 0 || self.is_map_header(pointer)
            }
            abi::CHAN | abi::UNSAFE_POINTER => {
                let pointer = word(0)?;
                pointer == 0 || image.word(pointer).is_some()
            }
            abi::ARRAY => {
                let (element, length) = (kind.element(image)?, kind.length(image)?);
                (0..length.min(MOST_ELEMENTS))
                    .all(|i| self.can_be(element, address + i * element.size, depth + 1))
            }
            abi::STRUCT => kind
                .fields(image)?
                .into_iter()
                .all(|(offset, field)| self.can_be(field, address + offset, depth + 1)),
            _ => true,
        })
    }

    /// Tells whether an indirect key or element of `kind` lies in an object of its own at `pointer`.
    pub fn is_own_object(&mut self, pointer: u64, kind: Type) -> bool {
        let found = self.objects.spans.find(pointer);
        found.is_some_and(|(span, slot)| span.address(slot) == pointer)
            && self.leads_to(pointer, kind, 1)
    }

    /// Tells whether the program has a type at `address`.
    pub fn is_type(&self, address: u64) -> bool {
        within(self.program.types, address) && Type::read(self.objects.image, address).is_some()
    }

    /// Tells whether the heap bits there are those of a classic header (src/runtime/map.go, hmap): buckets,
    /// oldbuckets and extra are pointers.
    pub fn has_header_bits(&self, span: &Span, pointer: u64) -> bool {
        let words = self.objects.layout.map_extra / WORD + 1;
        let bits = self.objects.heap_bits(span, pointer, words);
        bits.is_none_or(|bits| bits == 0b1100 | 1 << (words - 1))
    }

    fn is_map_header(&self, pointer: u64) -> bool {
        let Some((span, slot)) = self.objects.spans.find(pointer) else {
            return self.objects.image.word(pointer).is_some();
        };
        span.address(slot) == pointer
            && span.elemsize == self.objects.layout.map_header_bytes
            && self.has_header_bits(span, pointer)
    }

    fn has_bytes(&self, pointer: u64, bytes: u64) -> bool {
        match self.objects.spans.find(pointer) {
            Some((span, slot)) => pointer + bytes <= span.address(slot) + span.elemsize,
            None => self.objects.image.covers(pointer, bytes as usize),
        }
    }

    /// Tells whether `count` values of `kind` can begin at `pointer`: they fit, and the heap bits agree.
    fn leads_to(&mut self, pointer: u64, kind: Type, count: u64) -> bool {
        let Some(bytes) = kind.size.checked_mul(count).filter(|&all| all < 1 << 46) else {
            return false;
        };
        if !self.has_bytes(pointer, bytes) {
            return false;
        }
        self.agrees(pointer, kind)
    }

    /// Tells whether the heap bits at `pointer` are those of a value of `kind`; true where nothing tells.
    pub fn agrees(&mut self, pointer: u64, kind: Type) -> bool {
        let Some((span, slot)) = self.objects.spans.find(pointer) else {
            return true;
        };
        if kind.ptr_bytes != 0 && pointer % WORD != 0 {
            return false;
        }
        let rest = span.address(slot) + span.elemsize - pointer;
        let words = (kind.size.min(rest) / WORD).min(COMPARED_WORDS);
        let Some(bits) = self.objects.heap_bits(span, pointer / WORD * WORD, words) else {
            return true;
        };
        match self.masks.of(kind.address) {
            Some(mask) => mask.first_words(words, false) == bits,
            None => kind.size == 0 || bits == 0,
        }
    }
}

fn within((start, end): (u64, u64), address: u64) -> bool {
    (start..end).contains(&address)
}
