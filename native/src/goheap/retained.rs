//! What would go if an object went: the bytes that only it leads to.

use std::collections::HashMap;

use super::dominators::{Dominators, NOBODY, common, dominators};
use super::holders::{Dominated, Leaf, find_holders};
use super::mark::{Marked, ROOT};
use super::references::{Node, References};
use super::shared::{Heads, Heap, shared_bytes};
use super::spans::{Slot, Spans};

/// What holds less than this, or than one in so many bytes, is not told.
const LEAST_HELD: u64 = 1 << 20;
const LEAST_SHARE: u64 = 100;
/// The place of what stands for all roots together.
const ENTRY: u32 = 0;

/// What goes together: nothing else leads to these objects, so that all ways to them go through one node.
pub type Group = Vec<Slot>;

/// Bytes retained by each object, its own included, and by each group.
pub struct Retained {
    pub by_group: Vec<u64>,
    /// What each group leads to and does not retain; None where nobody went to see.
    pub shared_by_group: Vec<Option<u64>>,
    /// By place in the tree.
    shared: HashMap<u32, u64>,
    tree: Dominators,
    /// By place in the tree.
    sums: Vec<u64>,
    /// Large objects without pointers.
    leaves: Vec<Leaf>,
    least_held: u64,
}

impl Retained {
    /// Returns what the reached object in `slot` retains.
    pub fn by_object(&self, spans: &Spans, slot: Slot) -> u64 {
        if !spans.is_inner(slot) {
            return spans.of_slot(slot).elemsize;
        }
        self.sums[self.tree.place[slot as usize] as usize]
    }

    /// Returns what the reached object in `slot` leads to and does not retain; None where nobody went to see.
    pub fn shared_by_object(&self, spans: &Spans, slot: Slot) -> Option<u64> {
        let place = spans.is_inner(slot).then(|| self.tree.place[slot as usize]);
        self.shared.get(&place?).copied()
    }

    /// Returns (object, bytes) of those that hold much without being within a map (`is_part`).
    pub fn holders(&self, spans: &Spans, is_part: impl Fn(Slot) -> bool) -> Vec<(Slot, u64)> {
        let object =
            |place: usize| Some(self.tree.order[place]).filter(|&slot| spans.is_inner(slot));
        let heap = Dominated {
            dominator: &self.tree.dominator,
            sums: &self.sums,
            leaves: &self.leaves,
        };
        find_holders(&heap, object, self.least_held, is_part)
    }
}

/// What begins a map: objects of `header_bytes`, and the roots of tries.
pub struct MapHeads {
    pub header_bytes: u64,
    pub roots: Vec<Slot>,
}

/// Returns what each object and each of `groups` retains, an object being in one group at most, and what groups and the
/// largest of `heads` only share.
pub fn retained_bytes(
    spans: &Spans,
    marked: &Marked,
    roots: &[u64],
    groups: &[Group],
    heads: &MapHeads,
    mut graph: References,
) -> Retained {
    let (entry, groups) = add_nodes(&mut graph, (spans, marked), roots, groups);
    let tree = dominators(&graph, entry);
    let shared = hang_shared_leaves(&graph, (spans, marked), &tree);
    let group_rows: Vec<usize> = groups
        .iter()
        .filter_map(|&group| graph.row(group))
        .collect();
    let least_held = LEAST_HELD.max(marked.bytes / LEAST_SHARE);
    let mut sums = vec![0; tree.order.len()];
    let mut leaves = Vec::new();
    for span in &spans.list {
        for slot in span.slots().filter(|&slot| marked.is_reached(slot)) {
            let below = if spans.is_inner(slot) {
                tree.place[slot as usize]
            } else {
                shared
                    .get(spans, slot)
                    .unwrap_or_else(|| first_holder(marked, &tree, slot))
            };
            sums[below as usize] += span.elemsize;
            if !spans.is_inner(slot) && span.elemsize >= least_held {
                let bytes = span.elemsize;
                leaves.push(Leaf { slot, below, bytes });
            }
        }
    }
    for place in (1..sums.len()).rev() {
        sums[tree.dominator[place] as usize] += sums[place];
    }
    let place_of = |&slot: &Slot| tree.place[slot as usize];
    let heads = Heads {
        bytes: heads.header_bytes,
        also: group_rows
            .iter()
            .map(|&row| tree.place[row])
            .chain(heads.roots.iter().map(place_of))
            .collect(),
    };
    let heap = Heap {
        graph: &graph,
        spans,
        marked,
        tree: &tree,
        leaf_place: |leaf| shared.get(spans, leaf),
    };
    let not_retained = shared_bytes(&heap, &sums, &heads);
    let by_group = |&row: &usize| sums.get(tree.place[row] as usize).copied().unwrap_or(0);
    Retained {
        by_group: group_rows.iter().map(by_group).collect(),
        shared_by_group: group_rows
            .iter()
            .map(|&row| not_retained.get(&tree.place[row]).copied())
            .collect(),
        shared: not_retained,
        tree,
        sums,
        leaves,
        least_held,
    }
}

/// Adds what stands for all roots and for each group, and returns these nodes. Others lead to the objects of a group
/// by the group alone.
fn add_nodes(
    graph: &mut References,
    (spans, marked): (&Spans, &Marked),
    roots: &[u64],
    groups: &[Group],
) -> (Node, Vec<Node>) {
    let reached = roots.iter().filter_map(|&root| spans.find(root));
    let mut first: Vec<Slot> = reached
        .map(|(_, slot)| slot)
        .filter(|&slot| marked.is_reached(slot))
        .collect();
    first.sort_unstable();
    first.dedup();
    let entry = graph.push(first);
    if groups.is_empty() {
        return (entry, Vec::new());
    }
    let members = (entry + 1..).zip(groups);
    let group_of: HashMap<Slot, Node> = members
        .flat_map(|(group, members)| members.iter().map(move |&each| (each, group)))
        .collect();
    graph.redirect(|to| group_of.get(&to).copied().unwrap_or(to));
    let nodes = groups
        .iter()
        .map(|members| graph.push(members.iter().copied()));
    (entry, nodes.collect())
}

/// Returns the place of who led to `leaf` first.
fn first_holder(marked: &Marked, tree: &Dominators, leaf: Slot) -> u32 {
    match marked.parent[leaf as usize] {
        ROOT => ENTRY,
        parent => tree.place[parent as usize],
    }
}

/// The objects without pointers that several others lead to: by slot, the place of what all these hang below, and one
/// more. Most have one parent, and most of this is never written to.
struct Shared(Vec<u32>);

impl Shared {
    fn get(&self, spans: &Spans, leaf: Slot) -> Option<u32> {
        self.0[(leaf - spans.inner_slots) as usize].checked_sub(1)
    }
}

fn hang_shared_leaves(
    graph: &References,
    (spans, marked): (&Spans, &Marked),
    tree: &Dominators,
) -> Shared {
    let mut shared = Shared(vec![0; (spans.slots - spans.inner_slots) as usize]);
    for row in 0..graph.rows() {
        let holder = tree.place[row];
        for &to in graph.of(row).iter().filter(|_| holder != NOBODY) {
            if graph.row(to).is_none() {
                let other = shared.get(spans, to);
                let other = other.unwrap_or_else(|| first_holder(marked, tree, to));
                let below = common(&tree.dominator, other, holder);
                shared.0[(to - spans.inner_slots) as usize] = below + 1;
            }
        }
    }
    shared
}
