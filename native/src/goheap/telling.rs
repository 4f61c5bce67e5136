//! Telling objects what they are, many at once: threads read the heap and say what leads to what, and one writes it
//! down in an order that does not depend on them.

use crate::image::Image;
use crate::parallel::{in_parallel, share, sort_by_key, threads};

use super::abi::Type;
use super::layout::{HeapLayout, WORD};
use super::mark::Marked;
use super::masks::Masks;
use super::objects::Objects;
use super::shapes::{Described, Shape, ShapeId, Shapes, Target, UNKNOWN};
use super::spans::{Slot, Span, Spans};
use super::values::COMPARED_WORDS;

/// Bytes of objects that are read before what they lead to is told: what is held meanwhile is at most twice as much.
const HELD_BYTES: u64 = 4 << 20;
/// What one thread reads of one object without another one taking the rest.
const PIECE_BYTES: u64 = 1 << 16;
/// Pointers that are looked up at once: memory answers several questions in the time of one, and the sooner the
/// nearer they are to each other.
const AT_ONCE: usize = 128;
/// Fewer are told before a thread has begun.
const WORTH_SHARING: usize = 1 << 10;

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
    found: Vec<(u64, Leads)>,
}

/// What a pointer leads to: a shape, or what an interface of the type at this address holds.
#[derive(Clone, Copy)]
enum Leads {
    To(ShapeId),
    ToInterface(u64),
}

/// A part of an object, [`from`, `to`), or all of it; `end` is where the object ends.
struct Piece {
    shape: ShapeId,
    from: u64,
    to: u64,
    end: u64,
}

#[derive(Default)]
struct Pieces {
    list: Vec<Piece>,
    bytes: u64,
}

/// Whether an object is to be told a shape; `Unknown` while that shape, or that of before, was not described yet.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    No,
    Yes,
    Unknown,
}

impl<'a, 'b> Telling<'a, 'b> {
    pub fn new(
        objects: &'a Objects<'a>,
        layout: &'a HeapLayout,
        marked: &'a Marked,
        shapes: &'a mut Shapes<'b>,
    ) -> Telling<'a, 'b> {
        Telling {
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
        }
    }

    pub fn begin_with_headers(&mut self) {
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

    /// Tells everything that the objects lead to which were told something what it is, and what that leads to.
    pub fn pass_all_on(&mut self) {
        while !self.due.is_empty() {
            // By address: a heap is larger than any cache.
            let mut now = std::mem::take(&mut self.due);
            sort_by_key(&mut now, |&object| object);
            let mut pieces = Pieces::default();
            for object in now {
                self.pass_on(object, &mut pieces);
            }
            self.read_through(&mut pieces);
        }
    }

    pub fn tell(&mut self, pointer: u64, shape: ShapeId) {
        if let Some((span, slot)) = self.spans.find(pointer) {
            self.tell_object(span, slot, pointer, shape);
        }
    }

    /// Tells what was found meanwhile; of one object in the order in which that was found.
    pub fn tell_found(&mut self) {
        let found = std::mem::take(&mut self.found);
        let mut found: Vec<(u64, ShapeId)> = found
            .into_iter()
            .filter_map(|(pointer, leads)| Some((pointer, self.shape_of(leads)?)))
            .collect();
        sort_by_key(&mut found, |&(pointer, _)| pointer);
        let parts = parts_of(found.len());
        let judged = in_parallel(parts, |part| {
            self.judge(&found[share(found.len(), part, parts)])
        });
        let mut last = 0;
        for (slot, pointer, shape, verdict) in judged.into_iter().flatten() {
            if verdict == Verdict::Yes && pointer != last {
                self.set(slot, shape);
            } else {
                self.tell(pointer, shape); // it may have been told something since it was judged
            }
            last = pointer;
        }
    }

    fn shape_of(&mut self, leads: Leads) -> Option<ShapeId> {
        match leads {
            Leads::To(shape) => Some(shape),
            Leads::ToInterface(kind) => self.shapes.of_interface(kind),
        }
    }

    /// Returns those of `found` that are objects and may have to be told, with their slots.
    fn judge(&self, found: &[(u64, ShapeId)]) -> Vec<(Slot, u64, ShapeId, Verdict)> {
        let mut objects = Vec::with_capacity(AT_ONCE);
        let mut judged = Vec::with_capacity(found.len());
        for some in found.chunks(AT_ONCE) {
            objects.extend(some.iter().filter_map(|&(pointer, shape)| {
                let (span, slot) = self.spans.find(pointer)?;
                (self.told[slot as usize] != shape).then_some((span, slot, pointer, shape))
            }));
            for (span, slot, pointer, shape) in objects.drain(..) {
                let verdict = self.verdict(span, slot, pointer, shape);
                if verdict != Verdict::No {
                    judged.push((slot, pointer, shape, verdict));
                }
            }
        }
        judged
    }

    fn tell_object(&mut self, span: &Span, slot: Slot, pointer: u64, shape: ShapeId) {
        let mut verdict = self.verdict(span, slot, pointer, shape);
        if verdict == Verdict::Unknown {
            self.shapes.describe(self.told[slot as usize]);
            self.shapes.describe(shape);
            verdict = self.verdict(span, slot, pointer, shape);
        }
        if verdict == Verdict::Unknown
            && let Shape::Values(kind) = self.shapes.shape(shape)
        {
            self.masks.of(kind);
            verdict = self.verdict(span, slot, pointer, shape);
        }
        if verdict == Verdict::Yes {
            self.set(slot, shape);
        }
    }

    fn set(&mut self, slot: Slot, shape: ShapeId) {
        self.told[slot as usize] = shape;
        if !self.shapes.describe(shape).links.is_empty() {
            self.due.push(slot);
        }
    }

    /// Tells whether the object in `slot` is `shape`, as `pointer` to it says. What is No once stays so: of what an
    /// object is told only the larger is believed.
    fn verdict(&self, span: &Span, slot: Slot, pointer: u64, shape: ShapeId) -> Verdict {
        let before = self.told[slot as usize];
        let has_header = has_header(span, self.layout);
        let base = span.address(slot) + if has_header { WORD } else { 0 };
        let is_new = pointer == base && shape != UNKNOWN && before != shape;
        if !is_new || !self.marked.is_reached(slot) {
            return Verdict::No;
        }
        let (Some(size_before), Some(size)) = (self.shapes.size(before), self.shapes.size(shape))
        else {
            return Verdict::Unknown;
        };
        let says_itself = has_header || large_type(self.image, span).is_some();
        if before != UNKNOWN && (says_itself || size_before >= size) {
            return Verdict::No; // a stale pointer on a stack may lead to an object that is long something else
        }
        if size > span.elemsize && !matches!(self.shapes.shape(shape), Shape::Channel(_)) {
            return Verdict::No; // it does not fit: whoever says so is not what we think
        }
        match self.shapes.shape(shape) {
            // Else a value of that type may begin here, and something else follow.
            Shape::Values(kind) if !has_header => self.is_whole(span, base, kind, size),
            _ => Verdict::Yes,
        }
    }

    /// Tells whether the heap bits of an object without a header are those of values of the type at `kind`, of `size`
    /// bytes each, one behind the other, or of one alone: a pointer to the first field of a struct says nothing of
    /// the rest.
    fn is_whole(&self, span: &Span, base: u64, kind: u64, size: u64) -> Verdict {
        if span.noscan() || size + WORD > span.elemsize {
            return Verdict::Yes;
        }
        let words = (span.elemsize / WORD).min(COMPARED_WORDS);
        let Some(bits) = self.objects.heap_bits(span, base, words) else {
            return Verdict::Yes;
        };
        let is_whole = match self.masks.known(kind) {
            None => return Verdict::Unknown,
            Some(None) => true,
            Some(Some(mask)) => {
                bits == mask.first_words(words, false) || bits == mask.first_words(words, true)
            }
        };
        if is_whole { Verdict::Yes } else { Verdict::No }
    }

    /// Adds the object in `slot` to `pieces`; reads them through where they are enough.
    fn pass_on(&mut self, slot: Slot, pieces: &mut Pieces) {
        let span = self.spans.of_slot(slot);
        let shape = self.told[slot as usize];
        let described = self.shapes.describe(shape);
        if described.links.is_empty() || described.size == 0 {
            return;
        }
        let skip = if has_header(span, self.layout) {
            WORD
        } else {
            0
        };
        let end = span.address(slot) + span.elemsize;
        let step = described.size * (PIECE_BYTES / described.size).max(1);
        let mut from = span.address(slot) + skip;
        while from < end {
            let to = from.saturating_add(step).min(end);
            pieces.bytes += to - from;
            pieces.list.push(Piece {
                shape,
                from,
                to,
                end,
            });
            from = to;
            if pieces.bytes >= HELD_BYTES {
                self.read_through(pieces);
            }
        }
    }

    /// Tells everything that `pieces` lead to what it is.
    fn read_through(&mut self, pieces: &mut Pieces) {
        let Pieces { list, .. } = std::mem::take(pieces);
        let parts = parts_of(list.len());
        let found = in_parallel(parts, |part| {
            self.leads_of(&list[share(list.len(), part, parts)])
        });
        self.found.extend(found.into_iter().flatten());
        self.tell_found();
    }

    fn leads_of(&self, pieces: &[Piece]) -> Vec<(u64, Leads)> {
        let mut found = Vec::new();
        for piece in pieces {
            let Some(described) = self.shapes.described(piece.shape) else {
                continue;
            };
            let mut at = piece.from;
            while at < piece.to {
                self.leads_at(described, at, piece.end, &mut found);
                at = at.saturating_add(described.size);
            }
        }
        found
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

    /// Tells what one value of `shape` at `address`, in no object, leads to.
    pub fn pass_on_value(&mut self, address: u64, shape: ShapeId) {
        let described = self.shapes.describe(shape);
        let end = address.saturating_add(described.size);
        let mut found = std::mem::take(&mut self.found);
        self.leads_at(&described, address, end, &mut found);
        self.found = found;
        self.tell_found();
    }

    /// Tells what the global variable at `address` of the type at `kind` leads to.
    pub fn pass_on_variable(&mut self, address: u64, kind: u64) {
        let shape = self.shapes.id(Shape::Values(kind));
        self.pass_on_value(address, shape);
    }

    /// Adds what the value at `at`, in an object that ends at `end`, leads to.
    fn leads_at(&self, described: &Described, at: u64, end: u64, found: &mut Vec<(u64, Leads)>) {
        for link in &described.links {
            let place = at + u64::from(link.offset);
            if place + WORD > end {
                return;
            }
            if let Some(pointer) = self.image.word(place).filter(|&word| word != 0)
                && let Some(leads) = self.lead(link.target, place, pointer)
            {
                found.push((pointer, leads));
            }
        }
    }

    /// Returns what `pointer`, at `place`, leads to; None where nothing can be said.
    fn lead(&self, target: Target, place: u64, pointer: u64) -> Option<Leads> {
        Some(match target {
            Target::Shape(shape) => Leads::To(shape),
            Target::EmptyInterface => Leads::ToInterface(self.image.word(place - WORD)?),
            // With methods: its first word leads to a table whose second word is the type.
            Target::Interface => {
                let table = self.image.word(place - WORD)?;
                Leads::ToInterface(self.image.word(table.checked_add(WORD)?)?)
            }
            Target::TrieChild { node, entry } => {
                let is_entry = self.image.word(pointer)? & 0xff == 1;
                Leads::To(if is_entry { entry } else { node })
            }
            Target::SwissDirectory { group, directory } => {
                let small = self.image.word(place + WORD) == Some(0);
                Leads::To(if small { group } else { directory })
            }
        })
    }
}

/// Returns into how many parts `count` things are cut, so that who is done early takes another one.
fn parts_of(count: usize) -> usize {
    if count < WORTH_SHARING {
        return 1;
    }
    4 * threads()
}

/// Tells whether the first word of the objects of `span` is their type.
pub fn has_header(span: &Span, layout: &HeapLayout) -> bool {
    !span.noscan() && !span.is_large() && span.elemsize > layout.heap_bits_limit
}

fn header_type(image: &Image, span: &Span, slot: Slot) -> Option<u64> {
    if span.is_large() {
        return large_type(image, span);
    }
    let kind = image.word(span.address(slot))?;
    (kind != 0).then_some(kind)
}

/// Returns the type that the allocator keeps of a large object; what it keeps may be a mask alone.
fn large_type(image: &Image, span: &Span) -> Option<u64> {
    let kept = span.is_large().then_some(span.large_type)?;
    Type::read(image, kept).map(|kind| kind.address)
}
