//! Everything that is reachable, and the shortest way to it from a root.

use std::sync::{Mutex, PoisonError};

use super::levels::Level;
use super::objects::Objects;
use super::spans::{Slot, Span, Spans};
use crate::parallel::{in_parallel, share, threads};

pub const ROOT: Slot = u32::MAX - 1;
pub const UNSEEN: Slot = u32::MAX;
/// Objects, and bytes of them, that are looked at before what they lead to is noted: enough to share, and few enough
/// for what is found in them to be held.
const BATCH: usize = 1 << 15;
const BATCH_BYTES: u64 = 16 << 20;
/// Objects, or words, that are asked for at once: what memory has to answer before the next step, and no more than
/// the nearest cache holds.
const AT_ONCE: usize = 128;
/// Less is not worth a thread.
const WORTH_SHARING: usize = 1 << 10;
const WORTH_SHARING_BYTES: u64 = 1 << 20;

pub struct Marked {
    /// By slot: who led there first, ROOT, or UNSEEN.
    pub parent: Vec<Slot>,
    /// From where: the offset within the parent, or the number of the root.
    pub place: Vec<u32>,
    pub edges: u64,
    pub objects: u64,
    pub bytes: u64,
    /// How many of the objects, and their bytes, need no doubtful root.
    pub certain_objects: u64,
    pub certain_bytes: u64,
    pub unread: u64,
}

/// One word that leads to an object: in which one of the batch, and where in that.
struct Edge {
    from: u32,
    place: u32,
    to: Slot,
}

/// What is looked at next, and how many bytes that is.
struct Batch<'a> {
    objects: &'a [Slot],
    bytes: u64,
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
    let slots = spans.slots as usize;
    let (roots, specials) = roots.split_at(specials);
    let (certain, doubtful) = roots.split_at(certain.min(roots.len()));
    let mut watchers: Vec<Slot> = watchers
        .iter()
        .filter_map(|&pointer| spans.find(pointer).map(|(_, slot)| slot))
        .collect();
    watchers.sort_unstable();
    watchers.dedup();
    let mut marking = Marking {
        spans,
        readers: (0..threads())
            .map(|_| Mutex::new(objects.again()))
            .collect(),
        marked: Marked {
            parent: vec![UNSEEN; slots],
            place: vec![0; slots],
            edges: 0,
            objects: 0,
            bytes: 0,
            certain_objects: 0,
            certain_bytes: 0,
            unread: 0,
        },
    };
    marking.reach_all(certain, 0, &watchers);
    marking.reach_all(specials, roots.len(), &watchers);
    watchers.retain(|&slot| marking.marked.is_reached(slot));
    marking.reach_below(Level::of(watchers), &[]);
    let (certain_objects, certain_bytes) = marking.marked.count(spans);
    marking.reach_all(doubtful, certain.len(), &[]);
    let mut marked = marking.finish();
    (marked.certain_objects, marked.certain_bytes) = (certain_objects, certain_bytes);
    marked
}

impl Marked {
    #[inline]
    pub fn is_reached(&self, slot: Slot) -> bool {
        self.parent[slot as usize] != UNSEEN
    }

    /// Returns the reached objects with pointers in the spans that are `wanted`, by address.
    pub fn in_spans<'a>(
        &'a self,
        spans: &'a Spans,
        wanted: impl Fn(&Span) -> bool + 'a,
    ) -> impl Iterator<Item = (&'a Span, Slot)> + 'a {
        let spans = spans
            .with_pointers()
            .iter()
            .filter(move |span| wanted(span));
        spans.flat_map(|span| {
            let reached = span.slots().filter(|&slot| self.is_reached(slot));
            reached.map(move |slot| (span, slot))
        })
    }

    /// Returns (objects, bytes) reached.
    fn count(&self, spans: &Spans) -> (u64, u64) {
        let (mut objects, mut bytes) = (0, 0);
        for span in &spans.list {
            let count = span.slots().filter(|&slot| self.is_reached(slot)).count() as u64;
            objects += count;
            bytes += count * span.elemsize;
        }
        (objects, bytes)
    }
}

/// Words found in objects, and those of them that lead to an object.
struct Found<'a> {
    spans: &'a Spans,
    marked: &'a Marked,
    words: Vec<(u32, u32, u64)>,
    edges: Vec<Edge>,
    count: u64,
}

impl Found<'_> {
    #[inline]
    fn add(&mut self, from: u32, place: u32, word: u64) {
        self.words.push((from, place, word));
        if self.words.len() == AT_ONCE {
            self.look_up();
        }
    }

    /// Looks up where the words so far lead to, all at once.
    fn look_up(&mut self) {
        for (from, place, word) in self.words.drain(..) {
            if let Some((_, to)) = self.spans.find(word) {
                self.count += 1;
                if !self.marked.is_reached(to) {
                    self.edges.push(Edge { from, place, to });
                }
            }
        }
    }
}

/// The mark under way. `readers`: one for each thread.
struct Marking<'a> {
    spans: &'a Spans,
    readers: Vec<Mutex<Objects<'a>>>,
    marked: Marked,
}

impl Marking<'_> {
    /// Reaches everything from `roots`, numbered from `first` on, but not through `watchers` (sorted).
    fn reach_all(&mut self, roots: &[u64], first: usize, watchers: &[Slot]) {
        let mut level = Level::default();
        for (number, &root) in (first as u32..).zip(roots) {
            if let Some((_, to)) = self.spans.find(root) {
                self.marked.edges += 1;
                self.reach(to, (ROOT, number), &mut level);
                level.end_run();
            }
        }
        self.reach_below(level, watchers);
    }

    /// Reaches everything that the objects of `level` lead to, the nearest first, but not through `watchers`.
    fn reach_below(&mut self, mut level: Level, watchers: &[Slot]) {
        while !level.objects.is_empty() {
            let mut below = Level::default();
            let (mut ends, mut at) = (level.ends.iter().peekable(), 0);
            while at < level.objects.len() {
                let batch = self.batch(&level.objects[at..]);
                for (found, edges) in self.look(&batch, watchers) {
                    self.marked.edges += edges;
                    for edge in &found {
                        while ends
                            .next_if(|&&end| end <= at + edge.from as usize)
                            .is_some()
                        {
                            below.end_run();
                        }
                        let from = (batch.objects[edge.from as usize], edge.place);
                        self.reach(edge.to, from, &mut below);
                    }
                }
                at += batch.objects.len();
            }
            below.end_run();
            level = below;
        }
    }

    /// Returns the first of the objects that are `due`.
    fn batch<'b>(&self, due: &'b [Slot]) -> Batch<'b> {
        let (mut count, mut bytes) = (0, 0);
        while count < due.len().min(BATCH) && bytes < BATCH_BYTES {
            bytes += self.spans.of_slot(due[count]).elemsize;
            count += 1;
        }
        Batch {
            objects: &due[..count],
            bytes,
        }
    }

    /// Returns the words in the objects of `batch`, in their order, that lead to what is not reached yet, and how many
    /// lead to any object.
    fn look(&self, batch: &Batch<'_>, watchers: &[Slot]) -> Vec<(Vec<Edge>, u64)> {
        let count = batch.objects.len();
        let is_small = count < WORTH_SHARING && batch.bytes < WORTH_SHARING_BYTES;
        let parts = if is_small { 1 } else { self.readers.len() };
        in_parallel(parts, |part| {
            let mut found = Found {
                spans: self.spans,
                marked: &self.marked,
                words: Vec::new(),
                edges: Vec::new(),
                count: 0,
            };
            // No other thread has this reader; a panic in one ends the whole mark.
            let reader = self.readers[part].lock();
            let mut objects = reader.unwrap_or_else(PoisonError::into_inner);
            let own = share(count, part, parts);
            for (chunk, slots) in (0..).zip(batch.objects[own.clone()].chunks(AT_ONCE)) {
                objects.touch(slots);
                let first = own.start + chunk * AT_ONCE;
                let looked_at = (first as u32..)
                    .zip(slots)
                    .filter(|(_, slot)| watchers.binary_search(slot).is_err());
                for (from, &slot) in looked_at {
                    objects.pointers(slot, |place, word| found.add(from, place as u32, word));
                }
            }
            found.look_up();
            (found.edges, found.count)
        })
    }

    /// Notes who leads to `to`; an object with pointers is one of the `level` to be looked at.
    #[inline]
    fn reach(&mut self, to: Slot, (from, place): (Slot, u32), level: &mut Level) {
        let slot = to as usize;
        if self.marked.parent[slot] != UNSEEN {
            return;
        }
        self.marked.parent[slot] = from;
        self.marked.place[slot] = place;
        if self.spans.is_inner(to) {
            level.objects.push(to);
        }
    }

    fn finish(self) -> Marked {
        let readers = self.readers.into_iter().map(Mutex::into_inner);
        let readers = readers.map(|reader| reader.unwrap_or_else(PoisonError::into_inner));
        let unread = readers.map(|reader| reader.unread).sum();
        let (objects, bytes) = self.marked.count(self.spans);
        Marked {
            unread,
            objects,
            bytes,
            ..self.marked
        }
    }
}
