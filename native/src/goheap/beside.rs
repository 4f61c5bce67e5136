//! Keys and elements that are too large for a slot: objects of their own, beside the map.

use crate::image::Image;

use super::slots::{Sample, SlotLayout, live_slots};
use super::spans::Spans;

/// Returns how many bytes of the objects that hold the indirect keys and elements of the map whose header is at
/// `header` were in RAM; None where it cannot be read, has more than `slots` slots, or nobody knows what was in RAM.
pub fn resident_beside(
    image: &Image,
    spans: &Spans,
    header: u64,
    layout: &SlotLayout,
    slots: u64,
) -> Option<u64> {
    let resident = image.resident.as_ref()?;
    let every = Sample {
        slots,
        every: 1,
        most: usize::try_from(slots).ok()?,
    };
    let live = live_slots(image, header, layout, every)?;
    let sum = |places: &[u64], is_indirect: bool| -> u64 {
        let objects = places.iter().filter_map(|&at| spans.find(at));
        let bytes = objects.map(|(span, slot)| resident.bytes(span.address(slot), span.elemsize));
        if is_indirect { bytes.sum() } else { 0 }
    };
    Some(sum(&live.keys, layout.key_indirect) + sum(&live.elems, layout.elem_indirect))
}
