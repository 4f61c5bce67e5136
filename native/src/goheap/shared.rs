//! What the largest maps lead to and do not hold alone: what else leads there keeps it when the map goes.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use super::dominators::{Dominators, NOBODY};
use super::mark::{Marked, ROOT};
use super::references::{Node, References};
use super::spans::{Slot, Spans};

/// Of how many heads this is told, the largest first: as many as are shown, and some more.
const MOST_HEADS: usize = 32;
/// What holds less is not worth the walk.
const LEAST_HELD: u64 = 1 << 16;
/// All walks together follow no more references than the whole heap has this many times.
const MOST_WALKS: u64 = 3;
/// Objects are multiples of it.
const WORD: u64 = 8;
const NONE: u8 = 0;

/// What may be the head of a map: an object of `bytes`, and the places `also`.
pub struct Heads {
    pub bytes: u64,
    pub also: Vec<u32>,
}

/// The heap as who leads to whom and what dominates what. `leaf_place`: what an object without pointers that several
/// lead to hangs below; None where its parent in the mark alone leads there.
pub struct Heap<'a, F: Fn(Slot) -> Option<u32>> {
    pub graph: &'a References,
    pub spans: &'a Spans,
    pub marked: &'a Marked,
    pub tree: &'a Dominators,
    pub leaf_place: F,
}

/// Returns place of a head -> bytes that it leads to beyond what it retains. `sums`: bytes retained, by place.
pub fn shared_bytes<F: Fn(Slot) -> Option<u32>>(
    heap: &Heap<'_, F>,
    sums: &[u64],
    heads: &Heads,
) -> HashMap<u32, u64> {
    let chosen = choose(heap, sums, heads);
    if chosen.is_empty() {
        return HashMap::new();
    }
    let held = Held::below(heap.tree, &chosen);
    let leaves = Leaves::of(heap);
    let mut left = heap.graph.count() as u64 * MOST_WALKS + sums.len() as u64;
    let mut walk = Walk {
        heap,
        held: &held,
        leaves: &leaves,
        seen: vec![0; (heap.graph.nodes() as usize).div_ceil(64)],
        due: Vec::new(),
        bytes: 0,
    };
    let numbered = (1..).zip(&chosen);
    let told = numbered.map_while(|(number, &place)| {
        let bytes = walk.from(number, &mut left)?;
        Some((place, bytes))
    });
    told.collect()
}

/// Returns the places of the heads that retain the most, the largest first.
fn choose<F: Fn(Slot) -> Option<u32>>(heap: &Heap<'_, F>, sums: &[u64], heads: &Heads) -> Vec<u32> {
    let mut largest = BinaryHeap::new();
    let mut offer = |place: u32| {
        let bytes = sums.get(place as usize).copied().unwrap_or(0);
        if bytes >= LEAST_HELD {
            largest.push(Reverse((bytes, place)));
            if largest.len() > MOST_HEADS {
                largest.pop();
            }
        }
    };
    for (place, &node) in (0..).zip(&heap.tree.order) {
        if heap.spans.is_inner(node) && heap.spans.of_slot(node).elemsize == heads.bytes {
            offer(place);
        }
    }
    heads.also.iter().for_each(|&place| offer(place));
    let mut chosen: Vec<(u64, u32)> = largest.into_iter().map(|Reverse(each)| each).collect();
    chosen.sort_unstable_by(|a, b| b.cmp(a));
    chosen.dedup();
    chosen.into_iter().map(|(_, place)| place).collect()
}

/// Which head holds what: by place in the tree, the number of the nearest head at or above it; by that number, the
/// next head above.
struct Held {
    by: Vec<u8>,
    above: Vec<u8>,
}

impl Held {
    fn below(tree: &Dominators, heads: &[u32]) -> Held {
        let mut held = Held {
            by: vec![NONE; tree.order.len()],
            above: vec![NONE; heads.len() + 1],
        };
        for (number, &head) in (1..).zip(heads) {
            held.by[head as usize] = number;
        }
        for place in 1..tree.order.len() {
            let above = held.by[tree.dominator[place] as usize];
            match held.by[place] {
                NONE => held.by[place] = above,
                head => held.above[head as usize] = above,
            }
        }
        held
    }

    #[inline]
    fn is_held(&self, place: u32, head: u8) -> bool {
        let mut by = self.by[place as usize];
        while by != NONE && by != head {
            by = self.above[by as usize];
        }
        by == head
    }
}

/// Objects without pointers, which the graph leads to only from others than their parents in the mark.
struct Leaves {
    /// By slot of the parent: words of those that nobody else leads to.
    alone: Vec<u32>,
    /// (parent, object) of the others.
    shared: Vec<(Slot, Slot)>,
}

impl Leaves {
    fn of<F: Fn(Slot) -> Option<u32>>(heap: &Heap<'_, F>) -> Leaves {
        let mut leaves = Leaves {
            alone: vec![0; heap.spans.inner_slots as usize],
            shared: Vec::new(),
        };
        for span in &heap.spans.list {
            for slot in span.slots().filter(|&slot| !heap.spans.is_inner(slot)) {
                let parent = heap.marked.parent[slot as usize];
                if !heap.marked.is_reached(slot) || parent == ROOT {
                    continue;
                }
                if (heap.leaf_place)(slot).is_some() {
                    leaves.shared.push((parent, slot));
                } else {
                    let words = &mut leaves.alone[parent as usize];
                    *words = words.saturating_add((span.elemsize / WORD) as u32);
                }
            }
        }
        leaves
    }
}

struct Walk<'a, F: Fn(Slot) -> Option<u32>> {
    heap: &'a Heap<'a, F>,
    held: &'a Held,
    leaves: &'a Leaves,
    /// A bit for each node.
    seen: Vec<u64>,
    due: Vec<Node>,
    bytes: u64,
}

impl<F: Fn(Slot) -> Option<u32>> Walk<'_, F> {
    /// Returns the bytes of all that head number `head` leads to and does not retain; None where more than `left`
    /// references would have to be followed.
    fn from(&mut self, head: u8, left: &mut u64) -> Option<u64> {
        self.seen.fill(0);
        self.bytes = 0;
        let graph = self.heap.graph;
        for (place, &node) in (0..).zip(&self.heap.tree.order) {
            if self.held.is_held(place, head) {
                self.follow(graph.row(node)?, head, left)?;
            }
        }
        while let Some(node) = self.due.pop() {
            self.follow(graph.row(node)?, head, left)?;
        }
        for &(parent, leaf) in &self.leaves.shared {
            let is_led_to = self.is_seen(parent) || self.is_held(parent, head);
            if is_led_to && !self.is_held(leaf, head) {
                self.reach(leaf);
            }
        }
        Some(self.bytes)
    }

    fn follow(&mut self, row: usize, head: u8, left: &mut u64) -> Option<()> {
        let targets = self.heap.graph.of(row);
        *left = left.checked_sub(targets.len() as u64)?;
        for &to in targets {
            if !self.is_held(to, head) {
                self.reach(to);
            }
        }
        Some(())
    }

    fn reach(&mut self, node: Node) {
        if self.is_seen(node) {
            return;
        }
        self.seen[node as usize / 64] |= 1 << (node % 64);
        let spans = self.heap.spans;
        if node < spans.slots {
            self.bytes += spans.of_slot(node).elemsize;
        }
        if let Some(alone) = self.leaves.alone.get(node as usize) {
            self.bytes += u64::from(*alone) * WORD;
        }
        if self.heap.graph.row(node).is_some() {
            self.due.push(node);
        }
    }

    #[inline]
    fn is_seen(&self, node: Node) -> bool {
        self.seen[node as usize / 64] >> (node % 64) & 1 == 1
    }

    /// Tells whether `node` goes when head number `head` does.
    #[inline]
    fn is_held(&self, node: Node, head: u8) -> bool {
        let heap = self.heap;
        let place = match heap.graph.row(node) {
            Some(row) => heap.tree.place[row],
            None => {
                (heap.leaf_place)(node).unwrap_or_else(|| match heap.marked.parent[node as usize] {
                    ROOT => NOBODY,
                    parent => heap.tree.place[parent as usize],
                })
            }
        };
        place != NOBODY && self.held.is_held(place, head)
    }
}
