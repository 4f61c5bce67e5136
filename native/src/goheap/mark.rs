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
/// The objects that `watchers`, some of the certain roots, point to lead only to what no other certain root does.
pub fn mark(
    objects: &mut Objects<'_>,
    roots: &[u64],
    certain: usize,
    specials: usize,
    watchers: &[u64],
) -> Marked {
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
    let mut watchers: Vec<Slot> = watchers
        .iter()
        .filter_map(|&pointer| spans.find(pointer).map(|(_, slot)| slot))
        .collect();
    watchers.sort_unstable();
    watchers.dedup();
    let next = marked.reach_all(objects, certain, 0, 0, &watchers);
    let next = marked.reach_all(objects, specials, roots.len(), next, &watchers);
    for slot in watchers {
        let parent = marked.index[slot as usize];
        if parent != UNSEEN {
            marked.follow(objects, parent);
        }
    }
    let next = marked.reach_all(objects, &[], 0, next, &[]);
    (marked.certain_objects, marked.certain_bytes) = (marked.order.len(), marked.bytes);
    marked.reach_all(objects, doubtful, certain.len(), next, &[]);
    marked.unread = objects.unread;
    marked
}

impl Marked {
    /// Reaches everything from `roots`, numbered from `first` on, but not through `watchers` (sorted); returns how many
    /// objects are done.
    fn reach_all(
        &mut self,
        objects: &mut Objects<'_>,
        roots: &[u64],
        first: usize,
        mut next: usize,
        watchers: &[Slot],
    ) -> usize {
        let spans = objects.spans;
        for (number, &root) in roots.iter().enumerate() {
            self.reach(spans, root, ROOT, (first + number) as u32);
        }
        while let Some(&slot) = self.order.get(next) {
            if watchers.binary_search(&slot).is_err() {
                self.follow(objects, next as Reached);
            }
            next += 1;
        }
        next
    }

    /// Reaches what `parent` points to.
    #[inline]
    fn follow(&mut self, objects: &mut Objects<'_>, parent: Reached) {
        let spans = objects.spans;
        objects.pointers(self.order[parent as usize], |offset, value| {
            self.reach(spans, value, parent, offset as u32);
        });
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
