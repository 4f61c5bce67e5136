//! What the runtime keeps beside an object and the collector begins with as well: finalizers, cleanups, handles of
//! weak pointers. src/runtime/mheap.go (special), mgcmark.go (markrootSpans).

use super::abi::Type;
use super::layout::{HeapLayout, WORD};
use super::objects::Objects;
use super::telling::Telling;

/// A span has no more than this many; a longer list is a lie.
const MOST: u32 = 1 << 20;
/// Of a specialfinalizer, behind the special itself: fn, nret, fint, ot (a pointer to the object's type).
const FUNCTION: u64 = 0;
const OBJECT_TYPE: u64 = 24;
/// Of a specialCleanup: one function value, or from Go 1.26 on three words.
const CLEANUP_WORDS: u64 = 3;

/// A word that the collector begins with.
#[derive(Debug, Clone, Copy)]
pub struct Special {
    pub word: u64,
    /// The object that it is kept beside, and where in it the word lies: an object with a finalizer holds what it
    /// leads to, whoever holds the object. None for a word of the special itself.
    pub object: u64,
    pub place: Option<u32>,
    /// The type of the object, where the finalizer says it; else 0.
    pub kind: u64,
}

/// Returns the words of all specials.
pub fn find_specials(objects: &mut Objects<'_>, layout: &HeapLayout) -> Vec<Special> {
    let mut found = Vec::new();
    let spans = objects.spans;
    for span in &spans.list {
        let mut special = objects
            .image
            .word(span.record + layout.span_specials)
            .unwrap_or(0);
        for _ in 0..MOST {
            if special == 0 {
                break;
            }
            let head = objects.image.word(special + WORD).unwrap_or(0);
            // Up to Go 1.23 offset and kind share a word.
            let narrow = layout.special_bytes == 2 * WORD;
            let offset = if narrow { head & 0xffff } else { head };
            let kind = if narrow {
                head >> 16
            } else {
                objects.image.word(special + 2 * WORD).unwrap_or(0)
            };
            let own = special + layout.special_bytes;
            if offset < span.bytes() {
                let object = span.start + offset / span.elemsize * span.elemsize;
                add(objects, layout, (kind & 0xff, own, object), &mut found);
            }
            special = objects.image.word(special).unwrap_or(0);
        }
    }
    found
}

fn add(
    objects: &mut Objects<'_>,
    layout: &HeapLayout,
    (kind, own, object): (u64, u64, u64),
    found: &mut Vec<Special>,
) {
    let image = objects.image;
    let of_itself = |at: u64| Special {
        word: image.word(own + at).unwrap_or(0),
        object,
        place: None,
        kind: 0,
    };
    if kind == layout.special_finalizer {
        found.push(of_itself(FUNCTION));
        let kind = image
            .word(own + OBJECT_TYPE)
            .and_then(|pointer| Type::read(image, pointer)?.element(image))
            .map_or(0, |kind| kind.address);
        let Some((_, slot)) = objects.spans.find(object) else {
            return;
        };
        objects.pointers(slot, |offset, word| {
            let place = Some(offset as u32);
            found.push(Special {
                word,
                object,
                place,
                kind,
            });
        });
    } else if kind == layout.special_cleanup {
        found.extend((0..CLEANUP_WORDS).map(|index| of_itself(index * WORD)));
    } else if kind == layout.special_weak {
        found.push(of_itself(0));
    }
}

/// Tells what the objects with finalizers lead to.
pub fn tell_specials(telling: &mut Telling<'_, '_>, specials: &[Special]) {
    let mut previous = 0;
    for special in specials.iter().filter(|special| special.kind != 0) {
        // An object with a header says itself what it is, where anything leads to it; here nothing has to.
        if special.object != previous {
            let skip = telling.header_bytes(special.object);
            telling.pass_on_variable(special.object + skip, special.kind);
        }
        previous = special.object;
    }
}
