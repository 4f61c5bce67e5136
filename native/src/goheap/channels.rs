//! Channels: each says itself what it is of. src/runtime/chan.go, hchan: qcount 0, dataqsiz 8, buf 16, elemsize 24;
//! where elemtype lies the program's own description of an hchan tells.

use super::abi::{self, Type};
use super::fitting::Fitting;
use super::shapes::Shape;
use super::telling::Telling;
use super::typeindex::TypeIndex;

const HCHAN: &str = "runtime.hchan";
const QUEUED: u64 = 0;
const SLOTS: u64 = 8;
const BUFFER: u64 = 16;
const ELEMENT_BYTES: u64 = 24;

/// Tells the channels with pointers in their elements what they are.
pub fn tell_channels(telling: &mut Telling<'_, '_>, types: &TypeIndex<'_>, fitting: &Fitting<'_>) {
    let Some((bytes, place)) = layout(telling, types) else {
        return;
    };
    let rounded = fitting.rounded(bytes);
    let of_size = telling
        .marked
        .in_spans(telling.spans, move |span| span.elemsize == rounded);
    for (span, slot) in of_size {
        let address = span.address(slot);
        if let Some(element) = element(telling, types, address, place) {
            let shape = telling.shapes.id(Shape::Channel(element));
            telling.tell(address, shape);
        }
    }
}

/// Returns the size of an hchan and where its elemtype lies.
fn layout(telling: &Telling<'_, '_>, types: &TypeIndex<'_>) -> Option<(u64, u64)> {
    let kind = types.struct_named(HCHAN)?;
    let is_type = |field: &(u64, Type)| {
        let of = field
            .1
            .element(telling.image)
            .filter(|_| field.1.kind == abi::POINTER);
        of.and_then(|of| types.name(of.address)).as_deref() == Some("abi.Type")
    };
    let fields = kind.fields(telling.image)?;
    let place = fields.iter().find(|field| is_type(field))?.0;
    Some((kind.size, place))
}

fn element(
    telling: &Telling<'_, '_>,
    types: &TypeIndex<'_>,
    channel: u64,
    place: u64,
) -> Option<u64> {
    let word = |offset: u64| telling.image.word(channel + offset);
    let kind = Type::read(telling.image, word(place).filter(|&at| types.holds(at))?)?;
    let (queued, slots, buffer) = (word(QUEUED)?, word(SLOTS)?, word(BUFFER)?);
    let (span, slot) = telling.spans.find(buffer)?;
    let room = span.address(slot) + span.elemsize - buffer;
    let right = word(ELEMENT_BYTES)? & 0xffff == kind.size
        && queued <= slots
        && slots
            .checked_mul(kind.size)
            .is_some_and(|bytes| bytes <= room);
    right.then_some(kind.address)
}
