//! What would go if an object went: the bytes that only it leads to.
//!
//! Objects without pointers, often most of a heap, stay out of the dominator tree: each hangs below the nearest
//! object that dominates everybody who refers to it.

use std::collections::HashMap;

use super::dominators::{Dominators, Graph, NOBODY, Node, dominators};
use super::holders::{Dominated, find_holders};
use super::mark::{Marked, Reached, UNSEEN};
use super::objects::Objects;
use super::spans::{Slot, Spans};

/// What holds less than this, or than one in so many bytes, is not told.
const LEAST_HELD: u64 = 1 << 20;
const LEAST_SHARE: u64 = 100;
/// Stands for all roots together.
const ENTRY: u32 = 0;

/// What goes together: nothing else leads to these objects, so that all ways to them go through one node.
pub type Group = Vec<Reached>;

/// Bytes retained by each object, its own included, and by each group.
pub struct Retained {
    pub by_group: Vec<u64>,
    /// Of what is no map: (object, bytes), as `find_holders` says.
    pub holders: Vec<(Reached, u64)>,
    places: Vec<u32>,
    sums: Vec<u64>,
}

impl Retained {
    /// Returns what the reached `object` retains.
    pub fn by_object(&self, spans: &Spans, marked: &Marked, object: Reached) -> u64 {
        let span = spans.of_slot(marked.order[object as usize]);
        if span.noscan() {
            return span.elemsize;
        }
        self.sums[self.places[object as usize] as usize]
    }
}

/// Returns what each object and each of `groups` retains, an object being in one group at most; and which objects
/// hold much without being within a map (`is_part`).
pub fn retained_bytes(
    objects: &mut Objects<'_>,
    marked: &Marked,
    roots: &[u64],
    groups: &[Group],
    is_part: impl Fn(Reached) -> bool,
) -> Retained {
    // Numbered twice: the numbers need not be held while the tree is made, which is when we hold most.
    let graph = Inner::number(objects.spans, marked, groups).graph(objects, marked, roots, groups);
    let Dominators { order, dominator } = dominators(graph, ENTRY);
    let inner = Inner::number(objects.spans, marked, groups);
    let position = positions(&order, inner.nodes(groups));
    drop(order);
    let group_places = position[inner.count as usize..].to_vec();
    let mut places = inner.number;
    for place in places.iter_mut().filter(|place| **place != NOBODY) {
        *place = position[*place as usize];
    }
    drop(position);
    hang_leaves(objects, marked, &dominator, &mut places, roots);
    let sums = add_up(objects.spans, marked, &dominator, &places);
    let mut object = vec![NOBODY; sums.len()];
    for (index, &slot) in (0..).zip(&marked.order) {
        if !objects.spans.of_slot(slot).noscan() {
            object[places[index as usize] as usize] = index;
        }
    }
    let heap = Dominated {
        dominator: &dominator,
        sums: &sums,
        object: &object,
        below: &places,
    };
    let least = LEAST_HELD.max(marked.bytes / LEAST_SHARE);
    let leaf_bytes = |leaf: Reached| {
        let span = objects.spans.of_slot(marked.order[leaf as usize]);
        if span.noscan() { span.elemsize } else { 0 }
    };
    let holders = find_holders(&heap, leaf_bytes, least, is_part);
    let by_group = |&place: &u32| sums.get(place as usize).copied().unwrap_or(0);
    Retained {
        by_group: group_places.iter().map(by_group).collect(),
        holders,
        places,
        sums,
    }
}

/// The objects that have pointers, numbered from 1 on; the groups have the numbers behind them.
struct Inner {
    /// Reached -> number, or NOBODY for an object without pointers.
    number: Vec<u32>,
    count: u32,
    /// Number of an object in a group -> number of the group, by which alone others lead to it.
    grouped: HashMap<u32, u32>,
}

impl Inner {
    fn number(spans: &Spans, marked: &Marked, groups: &[Group]) -> Inner {
        let (mut count, mut number) = (1, vec![NOBODY; marked.order.len()]);
        for (slot, index) in by_address(marked) {
            if !spans.of_slot(slot).noscan() {
                number[index as usize] = count;
                count += 1;
            }
        }
        let mut grouped = HashMap::new();
        for (group, members) in (count..).zip(groups) {
            grouped.extend(members.iter().map(|&each| (number[each as usize], group)));
        }
        Inner {
            number,
            count,
            grouped,
        }
    }

    fn nodes(&self, groups: &[Group]) -> usize {
        self.count as usize + groups.len()
    }

    fn graph(
        &self,
        objects: &mut Objects<'_>,
        marked: &Marked,
        roots: &[u64],
        groups: &[Group],
    ) -> Graph {
        let mut graph = Graph {
            starts: Vec::with_capacity(self.nodes(groups) + 2),
            targets: Vec::with_capacity(marked.edges as usize + roots.len()),
        };
        graph.starts.push(0);
        for &root in roots {
            graph
                .targets
                .extend(reached(objects, marked, root).and_then(|to| self.inner(to)));
        }
        graph.starts.push(graph.targets.len() as u32);
        let spans = objects.spans;
        for (slot, _) in by_address(marked) {
            if spans.of_slot(slot).noscan() {
                continue;
            }
            objects.pointers(slot, |_, pointer| {
                let to = spans
                    .find(pointer)
                    .filter(|(span, _)| !span.noscan())
                    .map(|(_, slot)| marked.index[slot as usize]);
                graph.targets.extend(to.and_then(|to| self.inner(to)));
            });
            graph.starts.push(graph.targets.len() as u32);
        }
        for members in groups {
            let numbers = members.iter().map(|&each| self.number[each as usize]);
            graph
                .targets
                .extend(numbers.filter(|&number| number != NOBODY));
            graph.starts.push(graph.targets.len() as u32);
        }
        graph
    }

    fn inner(&self, object: Reached) -> Option<u32> {
        if object == UNSEEN {
            return None;
        }
        let number = self.number[object as usize];
        if self.grouped.is_empty() {
            return Some(number).filter(|&number| number != NOBODY);
        }
        let node = self.grouped.get(&number).copied();
        Some(node.unwrap_or(number)).filter(|_| number != NOBODY)
    }
}

fn reached(objects: &Objects<'_>, marked: &Marked, pointer: u64) -> Option<Reached> {
    let (_, slot) = objects.spans.find(pointer)?;
    Some(marked.index[slot as usize]).filter(|&index| index != UNSEEN)
}

/// Returns (slot, object) of all that was reached by address, so that the memory is read in its order.
fn by_address(marked: &Marked) -> impl Iterator<Item = (Slot, Reached)> + '_ {
    let all = (0..).zip(marked.index.iter().copied());
    all.filter(|&(_, index)| index != UNSEEN)
}

fn positions(order: &[Node], nodes: usize) -> Vec<u32> {
    let mut position = vec![NOBODY; nodes];
    for (place, &node) in order.iter().enumerate() {
        position[node as usize] = place as u32;
    }
    position
}

/// Adds to `places` (those of the objects with pointers in the tree) for each object without pointers the place of
/// the object it hangs below.
fn hang_leaves(
    objects: &mut Objects<'_>,
    marked: &Marked,
    dominator: &[u32],
    places: &mut [u32],
    roots: &[u64],
) {
    let spans = objects.spans;
    let hang = |places: &mut [u32], pointer: u64, holder: u32| {
        let Some((_, slot)) = spans.find(pointer).filter(|(span, _)| span.noscan()) else {
            return;
        };
        let leaf = marked.index[slot as usize];
        if leaf == UNSEEN {
            return;
        }
        let place = &mut places[leaf as usize];
        *place = if *place == NOBODY {
            holder
        } else {
            common(dominator, *place, holder)
        };
    };
    for &root in roots {
        hang(places, root, ENTRY);
    }
    for (slot, index) in by_address(marked) {
        if !spans.of_slot(slot).noscan() {
            let holder = places[index as usize];
            objects.pointers(slot, |_, pointer| hang(places, pointer, holder));
        }
    }
}

/// Returns the nearest position above both in the tree.
fn common(dominator: &[u32], mut a: u32, mut b: u32) -> u32 {
    while a != b {
        if a > b {
            a = dominator[a as usize];
        } else {
            b = dominator[b as usize];
        }
    }
    a
}

/// Returns what each place in the tree retains.
fn add_up(spans: &Spans, marked: &Marked, dominator: &[u32], places: &[u32]) -> Vec<u64> {
    let mut sums = vec![0u64; dominator.len()];
    for (&place, &slot) in places.iter().zip(&marked.order) {
        sums[place as usize] += spans.of_slot(slot).elemsize;
    }
    for place in (1..sums.len()).rev() {
        sums[dominator[place] as usize] += sums[place];
    }
    sums
}
