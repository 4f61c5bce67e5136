//! Who leads to whom, looked up once for all that asks for it.

use std::ops::Range;

use super::mark::Marked;
use super::objects::Objects;
use super::spans::Slot;
use crate::parallel::{in_parallel, threads};

/// What each object with pointers leads to, and what else is a node of the heap as a graph: row i is that of slot i;
/// nodes from the last slot on have the rows behind. Objects without pointers, often most of a heap, have no row, and
/// only those are among the targets that others lead to than their parents in the mark.
#[cfg_attr(test, derive(Clone))]
pub struct References {
    starts: Vec<u32>,
    targets: Vec<Node>,
    /// The slots of objects without pointers.
    leaves: Range<Slot>,
}

const PARTS_A_THREAD: usize = 16;

/// A slot, or what stands for no single object.
pub type Node = u32;

impl References {
    /// Reads every reached object once, in order of address.
    pub fn read(objects: &Objects<'_>, marked: &Marked) -> References {
        let spans = objects.spans;
        // A heap's objects with most references often lie together.
        let (parts, slots) = (PARTS_A_THREAD * threads(), spans.inner_slots as usize);
        let bounds: Vec<usize> = (0..=parts)
            .map(|part| {
                let from = (slots * part / parts) as Slot;
                spans
                    .with_pointers()
                    .partition_point(|span| span.first_slot < from)
            })
            .collect();
        let read = in_parallel(parts, |part| {
            part_of(&mut objects.again(), marked, bounds[part]..bounds[part + 1])
        });
        let count = read.iter().map(|(_, targets)| targets.len()).sum();
        let mut all = References {
            starts: Vec::with_capacity(slots + 1),
            targets: Vec::with_capacity(count),
            leaves: spans.inner_slots..spans.slots,
        };
        for (starts, targets) in read {
            let before = all.targets.len() as u32;
            all.starts.extend(starts.iter().map(|start| before + start));
            all.targets.extend(targets);
        }
        all.starts.push(all.targets.len() as u32);
        all
    }

    pub fn rows(&self) -> usize {
        self.starts.len() - 1
    }

    /// Returns one more than the last node.
    pub fn nodes(&self) -> Node {
        let behind = self.rows() as u32 - self.leaves.start;
        self.leaves.end + behind
    }

    /// Returns how many references there are.
    pub fn count(&self) -> usize {
        self.targets.len()
    }

    /// Returns the row of `node`; None for an object without pointers.
    #[inline]
    pub fn row(&self, node: Node) -> Option<usize> {
        if node < self.leaves.start {
            Some(node as usize)
        } else {
            let behind = node.checked_sub(self.leaves.end)?;
            Some((self.leaves.start + behind) as usize)
        }
    }

    /// Returns what row number `row` leads to.
    #[inline]
    pub fn of(&self, row: usize) -> &[Node] {
        &self.targets[self.starts[row] as usize..self.starts[row + 1] as usize]
    }

    /// Returns the rows that row number `row` leads to.
    #[inline]
    pub fn rows_of(&self, row: usize) -> impl Iterator<Item = usize> {
        self.of(row).iter().filter_map(|&to| self.row(to))
    }

    /// Returns the node of row number `row`.
    pub fn node(&self, row: usize) -> Node {
        match (row as u32).checked_sub(self.leaves.start) {
            None => row as u32,
            Some(behind) => self.leaves.end + behind,
        }
    }

    /// Adds a node that leads to `targets`, and returns it.
    pub fn push(&mut self, targets: impl IntoIterator<Item = Node>) -> Node {
        self.targets.extend(targets);
        self.starts.push(self.targets.len() as u32);
        self.node(self.rows() - 1)
    }

    /// Puts `by` in the place of each target.
    pub fn redirect(&mut self, by: impl Fn(Node) -> Node) {
        for target in &mut self.targets {
            *target = by(*target);
        }
    }

    #[cfg(test)]
    pub fn of_edges(nodes: usize, edges: &[(Node, Node)]) -> References {
        let nodes = nodes as Node;
        let mut graph = References {
            starts: vec![0],
            targets: Vec::new(),
            leaves: nodes..nodes,
        };
        for node in 0..nodes {
            let own = edges.iter().filter(|edge| edge.0 == node);
            graph.push(own.map(|edge| edge.1));
        }
        graph
    }
}

/// Returns the references of the objects in the spans `numbers`.
fn part_of(
    objects: &mut Objects<'_>,
    marked: &Marked,
    numbers: Range<usize>,
) -> (Vec<u32>, Vec<Node>) {
    let spans = objects.spans;
    let (mut starts, mut targets) = (Vec::new(), Vec::new());
    let first_of = |number: usize| {
        let span = spans.with_pointers().get(number);
        span.map_or(spans.inner_slots, |span| span.first_slot)
    };
    let (first, last) = (first_of(numbers.start), first_of(numbers.end));
    starts.reserve_exact((last - first) as usize);
    for slot in first..last {
        starts.push(targets.len() as u32);
        // Behind the last slot of a span there may be numbers that are of none.
        if !marked.is_reached(slot) {
            continue;
        }
        objects.pointers(slot, |_, pointer| {
            let Some((_, to)) = spans.find(pointer) else {
                return;
            };
            if marked.is_reached(to) && (spans.is_inner(to) || marked.parent[to as usize] != slot) {
                targets.push(to);
            }
        });
    }
    (starts, targets)
}
