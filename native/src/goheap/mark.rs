//! Everything that is reachable, in the order of the shortest way from a root.

use super::objects::Objects;
use super::spans::{Slot, Spans};

/// Index into `Marked::order`.
pub type Reached = u32;
pub const ROOT: Reached = u32::MAX;
pub const UNSEEN: Reached = u32::MAX;

pub struct Marked {
    /// The slots reached, breadth first.
    pub order: Vec<Slot>,
    /// Who led there first: an index into `order`, or ROOT.
    pub parent: Vec<Reached>,
    /// From where: the offset within the parent, or the number of the root.
    pub place: Vec<u32>,
    /// Slot -> index into `order`, or `u32::MAX`.
    pub index: Vec<Reached>,
    pub edges: u64,
    pub bytes: u64,
    /// How many of the first objects in `order`, and their bytes, need no doubtful root.
    pub certain_objects: usize,
    pub certain_bytes: u64,
    pub unread: u64,
}

/// Marks from `roots`: words that may be pointers; whichever are not are passed over. The first `certain` of them
/// are pointers beyond doubt, and so are those from `specials` on; what the others alone lead to comes last.
pub fn mark(objects: &mut Objects<'_>, roots: &[u64], certain: usize, specials: usize) -> Marked {
    let spans = objects.spans;
    // Room that is never written to costs nothing; to grow by doubling costs three times what is needed.
    let slots = spans.slots as usize;
    let mut marked = Marked {
        order: Vec::with_capacity(slots),
        parent: Vec::with_capacity(slots),
        place: Vec::with_capacity(slots),
        index: vec![UNSEEN; slots],
        edges: 0,
        bytes: 0,
        certain_objects: 0,
        certain_bytes: 0,
        unread: 0,
    };
    let (roots, specials) = roots.split_at(specials);
    let (certain, doubtful) = roots.split_at(certain.min(roots.len()));
    let next = marked.reach_all(objects, certain, 0, 0);
    let next = marked.reach_all(objects, specials, roots.len(), next);
    (marked.certain_objects, marked.certain_bytes) = (marked.order.len(), marked.bytes);
    marked.reach_all(objects, doubtful, certain.len(), next);
    marked.unread = objects.unread;
    marked
}

impl Marked {
    /// Reaches everything from `roots`, numbered from `first` on, and returns how many objects are done.
    fn reach_all(
        &mut self,
        objects: &mut Objects<'_>,
        roots: &[u64],
        first: usize,
        mut next: usize,
    ) -> usize {
        let spans = objects.spans;
        for (number, &root) in roots.iter().enumerate() {
            self.reach(spans, root, ROOT, (first + number) as u32);
        }
        while let Some(&slot) = self.order.get(next) {
            objects.pointers(slot, |offset, value| {
                self.reach(spans, value, next as Reached, offset as u32);
            });
            next += 1;
        }
        next
    }

    #[inline]
    fn reach(&mut self, spans: &Spans, pointer: u64, parent: Reached, place: u32) {
        let Some((span, slot)) = spans.find(pointer) else {
            return;
        };
        self.edges += 1;
        if self.index[slot as usize] != UNSEEN {
            return;
        }
        self.index[slot as usize] = self.order.len() as Reached;
        self.order.push(slot);
        self.parent.push(parent);
        self.place.push(place);
        self.bytes += span.elemsize;
    }
}
