//! What would go if an object went: the bytes that only it leads to.
//!
//! Objects without pointers, often most of a heap, stay out of the dominator tree: each hangs below the nearest
//! object that dominates everybody who refers to it.

use std::collections::HashMap;

use super::dominators::{Dominators, Graph, NOBODY, dominators};
use super::holders::{Dominated, find_holders};
use super::mark::{Marked, Reached, UNSEEN};
use super::objects::Objects;

/// What holds less than this, or than one in so many bytes, is not told.
const LEAST_HELD: u64 = 1 << 20;
const LEAST_SHARE: u64 = 100;
/// Stands for all roots together.
const ENTRY: u32 = 0;

/// What goes together: nothing else leads to these objects, so that all ways to them go through one node.
pub type Group = Vec<Reached>;

/// Bytes retained by each object, its own included, and by each group.
pub struct Retained {
    pub by_object: Vec<u64>,
    pub by_group: Vec<u64>,
    /// Of what is no map: (object, bytes), as `find_holders` says.
    pub holders: Vec<(Reached, u64)>,
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
    let inner = Inner::number(objects, marked, groups);
    let graph = inner.graph(objects, marked, roots, groups);
    let tree = dominators(graph, ENTRY);
    let position = positions(&tree, inner.nodes(groups));
    let leaves = hang_leaves(objects, marked, &inner, &tree, &position, roots);
    let sums = add_up(objects, marked, &inner, &tree, &position, &leaves);
    let own = |index: usize| objects.spans.of_slot(marked.order[index]).elemsize;
    let mut object = vec![NOBODY; sums.len()];
    for (index, &number) in inner.number.iter().enumerate() {
        if number != NOBODY {
            object[position[number as usize] as usize] = index as Reached;
        }
    }
    let heap = Dominated {
        tree: &tree,
        sums: &sums,
        object: &object,
        below: &leaves,
    };
    let least = LEAST_HELD.max(marked.bytes / LEAST_SHARE);
    let holders = find_holders(&heap, |leaf| own(leaf as usize), least, is_part);
    let by_object = |index: usize| match inner.number[index] {
        NOBODY => own(index),
        number => sums[position[number as usize] as usize],
    };
    let by_group = |index: u32| {
        let place = position[(inner.count + index) as usize];
        sums.get(place as usize).copied().unwrap_or(0)
    };
    Retained {
        by_object: (0..marked.order.len()).map(by_object).collect(),
        by_group: (0..groups.len() as u32).map(by_group).collect(),
        holders,
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
    fn number(objects: &Objects<'_>, marked: &Marked, groups: &[Group]) -> Inner {
        let mut count = 1;
        let number: Vec<u32> = marked
            .order
            .iter()
            .map(|&slot| {
                if objects.spans.of_slot(slot).noscan() {
                    return NOBODY;
                }
                count += 1;
                count - 1
            })
            .collect();
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
        for (index, &slot) in marked.order.iter().enumerate() {
            if self.number[index] == NOBODY {
                continue;
            }
            let spans = objects.spans;
            objects.pointers(slot, |_, pointer| {
                let to = spans
                    .find(pointer)
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

fn positions(tree: &Dominators, nodes: usize) -> Vec<u32> {
    let mut position = vec![NOBODY; nodes];
    for (place, &node) in tree.order.iter().enumerate() {
        position[node as usize] = place as u32;
    }
    position
}

/// Returns for each object without pointers the position of the object it hangs below.
fn hang_leaves(
    objects: &mut Objects<'_>,
    marked: &Marked,
    inner: &Inner,
    tree: &Dominators,
    position: &[u32],
    roots: &[u64],
) -> Vec<u32> {
    let mut below = vec![NOBODY; marked.order.len()];
    let mut hang = |leaf: Reached, holder: u32| {
        let place = &mut below[leaf as usize];
        *place = if *place == NOBODY {
            holder
        } else {
            common(tree, *place, holder)
        };
    };
    for &root in roots {
        if let Some(leaf) =
            reached(objects, marked, root).filter(|&to| inner.number[to as usize] == NOBODY)
        {
            hang(leaf, 0);
        }
    }
    let spans = objects.spans;
    for (index, &slot) in marked.order.iter().enumerate() {
        if inner.number[index] == NOBODY {
            continue;
        }
        let holder = position[inner.number[index] as usize];
        objects.pointers(slot, |_, pointer| {
            let Some((_, slot)) = spans.find(pointer) else {
                return;
            };
            let to = marked.index[slot as usize];
            if to != UNSEEN && inner.number[to as usize] == NOBODY {
                hang(to, holder);
            }
        });
    }
    below
}

/// Returns the nearest position above both in the tree.
fn common(tree: &Dominators, mut a: u32, mut b: u32) -> u32 {
    while a != b {
        if a > b {
            a = tree.dominator[a as usize];
        } else {
            b = tree.dominator[b as usize];
        }
    }
    a
}

/// Returns what each position of the tree retains.
fn add_up(
    objects: &Objects<'_>,
    marked: &Marked,
    inner: &Inner,
    tree: &Dominators,
    position: &[u32],
    leaves: &[u32],
) -> Vec<u64> {
    let own = |index: usize| objects.spans.of_slot(marked.order[index]).elemsize;
    let mut sums = vec![0u64; tree.order.len()];
    for (index, &leaf) in leaves.iter().enumerate() {
        let place = match inner.number[index] {
            NOBODY => leaf,
            number => position[number as usize],
        };
        sums[place as usize] += own(index);
    }
    for place in (1..sums.len()).rev() {
        sums[tree.dominator[place] as usize] += sums[place];
    }
    sums
}
