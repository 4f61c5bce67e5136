//! What each reached object is: some say so themselves, the rest is told by those that lead to them.

use crate::image::Image;

use super::channels::tell_channels;
use super::fit::Fit;
use super::fitting::Fitting;
use super::infer::SizedAs;
use super::inference::Inference;
use super::layout::{HeapLayout, WORD};
use super::mark::Marked;
use super::masks::Masks;
use super::objects::Objects;
use super::said::{Said, tell_said};
use super::shapes::{Described, Shape, ShapeId, Shapes, Target, UNKNOWN};
use super::spans::{Slot, Span, Spans};
use super::specials::{Special, tell_specials};
use super::typeindex::TypeIndex;
use super::values::{COMPARED_WORDS, Program};

/// Pointers that are looked up at once.
const AT_ONCE: usize = 128;

/// What the types come from.
pub struct Sources<'a> {
    /// Words that lead to something known: (word, what it is).
    pub known: &'a [(u64, ShapeId)],
    /// Words that interfaces seem to hold, and the type that goes with them.
    pub interfaces: &'a [(u64, u64)],
    pub stacks: &'a [(u64, u64)],
    pub types: &'a TypeIndex<'a>,
    /// (address, type) of global variables.
    pub variables: &'a [(u64, u64)],
    pub said: Said<'a>,
    pub size_classes: &'a [u64],
    pub specials: &'a [Special],
    pub program: Program,
}

/// What was told.
pub struct Told {
    /// By slot.
    pub shapes: Vec<ShapeId>,
    /// Of classic maps of which nobody knows more.
    pub sized: SizedAs,
    /// Header of a map on a stack -> its type.
    pub headers: SizedAs,
}

/// Returns the shape of the object in each slot, the sizes of classic maps without one, and the types of maps on stacks.
///
/// Objects with a header say what they are. From them, and from interfaces, types go down along fields, arrays,
/// slices, interfaces and map values. Who is told twice believes the larger type: a pointer to the first field
/// of a struct is also a pointer to the struct.
pub fn tell_types<'a, 'b>(
    objects: &'a Objects<'a>,
    layout: &'a HeapLayout,
    marked: &'a Marked,
    shapes: &'a mut Shapes<'b>,
    sources: &Sources<'_>,
) -> Told {
    let classic = !shapes.swiss;
    let mut telling = Telling {
        objects,
        image: objects.image,
        spans: objects.spans,
        layout,
        marked,
        shapes,
        told: vec![UNKNOWN; marked.parent.len()],
        masks: Masks::new(objects.image),
        due: Vec::new(),
        found: Vec::new(),
    };
    let mut fit = Fit::new(objects, sources.types, sources.program, classic);
    telling.begin_with_headers();
    for &(pointer, shape) in sources.known {
        telling.tell(pointer, shape);
    }
    for &(pointer, kind) in sources.interfaces {
        if let Some(shape) = telling.shapes.of_interface(kind) {
            telling.tell_guess(&mut fit, pointer, shape);
        }
    }
    let fitting = Fitting {
        objects,
        layout,
        size_classes: sources.size_classes,
    };
    tell_channels(&mut telling, sources.types, &fitting);
    tell_specials(&mut telling, sources.specials);
    for &(address, kind) in sources.variables {
        telling.pass_on_variable(address, kind);
    }
    telling.pass_all_on();
    let headers = tell_said(
        &mut telling,
        &mut fit,
        &fitting,
        sources.types,
        &sources.said,
    );
    if objects.has_no_headers() {
        telling.guess_by_interfaces(&mut fit);
    }
    let sized = if classic {
        telling.guess_maps(&mut fit, sources.stacks)
    } else {
        SizedAs::new()
    };
    Inference::new(sources.types, fitting).run(&mut telling, &mut fit, &sized);
    Told {
        shapes: telling.told,
        sized,
        headers,
    }
}

pub struct Telling<'a, 'b> {
    pub objects: &'a Objects<'a>,
    pub image: &'a Image,
    pub spans: &'a Spans,
    pub layout: &'a HeapLayout,
    pub marked: &'a Marked,
    pub shapes: &'a mut Shapes<'b>,
    pub told: Vec<ShapeId>,
    pub masks: Masks<'a>,
    due: Vec<Slot>,
    /// Pointers that were found, and what they lead to: to be told.
    found: Vec<(u64, ShapeId)>,
}

impl Telling<'_, '_> {
    fn begin_with_headers(&mut self) {
        let limit = self.layout.heap_bits_limit;
        let with_types = self
            .marked
            .in_spans(self.spans, move |span| span.elemsize > limit);
        for (span, slot) in with_types {
            let Some(kind) = header_type(self.image, span, slot) else {
                continue;
            };
            self.told[slot as usize] = self.shapes.id(Shape::Values(kind));
            self.due.push(slot);
        }
    }

    pub fn pass_all_on(&mut self) {
        while !self.due.is_empty() {
            // By address: a heap is larger than any cache.
            let mut now = std::mem::take(&mut self.due);
            now.sort_unstable();
            for object in now {
                self.pass_on(object);
            }
            self.tell_found();
        }
    }

    pub fn tell(&mut self, pointer: u64, shape: ShapeId) {
        if let Some((span, slot)) = self.spans.find(pointer) {
            self.tell_object(span, slot, pointer, shape);
        }
    }

    /// Tells what was found meanwhile, looked up all at once: memory answers several questions in the time of one.
    pub fn tell_found(&mut self) {
        let (mut found, spans) = (std::mem::take(&mut self.found), self.spans);
        let objects: Vec<_> = found
            .drain(..)
            .filter_map(|(pointer, shape)| {
                let (span, slot) = spans.find(pointer)?;
                (self.told[slot as usize] != shape).then_some((span, slot, pointer, shape))
            })
            .collect();
        self.found = found;
        for (span, slot, pointer, shape) in objects {
            self.tell_object(span, slot, pointer, shape);
        }
    }

    fn tell_object(&mut self, span: &Span, slot: Slot, pointer: u64, shape: ShapeId) {
        let before = self.told[slot as usize];
        let has_header = has_header(span, self.layout);
        let base = span.address(slot) + if has_header { WORD } else { 0 };
        let is_new = pointer == base && shape != UNKNOWN && before != shape;
        if !is_new || !self.marked.is_reached(slot) {
            return;
        }
        let says_itself = has_header || span.is_large() && span.large_type != 0;
        if before != UNKNOWN && (says_itself || self.size(before) >= self.size(shape)) {
            return; // a stale pointer on a stack may lead to an object that is long something else
        }
        if self.size(shape) > span.elemsize
            && !matches!(self.shapes.shape(shape), Shape::Channel(_))
        {
            return; // it does not fit: whoever says so is not what we think
        }
        if !has_header && !self.is_whole(span, base, shape) {
            return; // a value of that type begins here, and something else follows
        }
        self.told[slot as usize] = shape;
        if !self.shapes.describe(shape).links.is_empty() {
            self.due.push(slot);
        }
    }

    /// Tells whether the heap bits of an object without a header are those of values of `shape`, one behind the
    /// other, or of one alone: a pointer to the first field of a struct says nothing of the rest.
    fn is_whole(&mut self, span: &Span, base: u64, shape: ShapeId) -> bool {
        let Shape::Values(kind) = self.shapes.shape(shape) else {
            return true;
        };
        if span.noscan() || self.size(shape) + WORD > span.elemsize {
            return true;
        }
        let words = (span.elemsize / WORD).min(COMPARED_WORDS);
        match (
            self.objects.heap_bits(span, base, words),
            self.masks.of(kind),
        ) {
            (Some(bits), Some(mask)) => {
                bits == mask.first_words(words, false) || bits == mask.first_words(words, true)
            }
            _ => true,
        }
    }

    fn size(&mut self, shape: ShapeId) -> u64 {
        self.shapes.describe(shape).size
    }

    /// Tells everything that `object` leads to what it is.
    fn pass_on(&mut self, slot: Slot) {
        let span = self.spans.of_slot(slot);
        let described = self.shapes.describe(self.told[slot as usize]);
        if described.links.is_empty() || described.size == 0 {
            return;
        }
        let skip = if has_header(span, self.layout) {
            WORD
        } else {
            0
        };
        let (start, end) = (
            span.address(slot) + skip,
            span.address(slot) + span.elemsize,
        );
        let mut at = start;
        while at < end {
            self.pass_on_one(&described, at, end);
            at = at.saturating_add(described.size);
            if self.found.len() >= AT_ONCE {
                self.tell_found();
            }
        }
    }

    /// Returns how many bytes of the object at `address` are the allocator's own.
    pub fn header_bytes(&self, address: u64) -> u64 {
        let found = self.spans.find(address);
        if found.is_some_and(|(span, _)| has_header(span, self.layout)) {
            WORD
        } else {
            0
        }
    }

    /// Tells what the global variable at `address` of the type at `kind` leads to.
    pub fn pass_on_variable(&mut self, address: u64, kind: u64) {
        let shape = self.shapes.id(Shape::Values(kind));
        let described = self.shapes.describe(shape);
        let end = address.saturating_add(described.size);
        self.pass_on_one(&described, address, end);
        self.tell_found();
    }

    pub fn pass_on_one(&mut self, described: &Described, at: u64, end: u64) {
        for link in &described.links {
            let place = at + u64::from(link.offset);
            if place + WORD > end {
                return;
            }
            let Some(pointer) = self.image.word(place).filter(|&word| word != 0) else {
                continue;
            };
            let shape = match link.target {
                Target::Shape(shape) => Some(shape),
                Target::EmptyInterface => self
                    .image
                    .word(place - WORD)
                    .and_then(|kind| self.shapes.of_interface(kind)),
                Target::Interface => self.by_table(place),
                Target::TrieChild { node, entry } => {
                    let is_entry = self.image.word(pointer).map(|head| head & 0xff == 1);
                    is_entry.map(|is_entry| if is_entry { entry } else { node })
                }
                Target::SwissDirectory { group, directory } => {
                    let small = self.image.word(place + WORD) == Some(0);
                    Some(if small { group } else { directory })
                }
            };
            self.found.extend(shape.map(|shape| (pointer, shape)));
        }
    }

    /// An interface with methods: its first word leads to a table whose second word is the type.
    fn by_table(&mut self, place: u64) -> Option<ShapeId> {
        let table = self.image.word(place - WORD)?;
        let kind = self.image.word(table.checked_add(WORD)?)?;
        self.shapes.of_interface(kind)
    }
}

/// Tells whether the first word of the objects of `span` is their type.
pub fn has_header(span: &Span, layout: &HeapLayout) -> bool {
    !span.noscan() && !span.is_large() && span.elemsize > layout.heap_bits_limit
}

fn header_type(image: &Image, span: &Span, slot: Slot) -> Option<u64> {
    let kind = if span.is_large() {
        span.large_type
    } else {
        image.word(span.address(slot))?
    };
    (kind != 0).then_some(kind)
}
