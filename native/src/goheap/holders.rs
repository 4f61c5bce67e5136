//! What holds much and is no map: objects below which the heap spreads out into many small parts.

use super::dominators::NOBODY;
use super::mark::Reached;

/// The heap as what dominates what. `sums`: bytes retained by each position of the tree.
pub struct Dominated<'a> {
    pub dominator: &'a [u32],
    pub sums: &'a [u64],
    /// Position -> the object there, or NOBODY.
    pub object: &'a [Reached],
    /// Object -> its own position, or where it has no pointers that which it hangs below, or NOBODY.
    pub below: &'a [u32],
}

/// Returns (object, bytes retained) of each object that retains at least `least` bytes of which no single object
/// below it retains more than half, and that lies neither within a map (`is_part`) nor below another such object.
/// `leaf_bytes`: of an object without pointers, 0 of any other.
pub fn find_holders(
    heap: &Dominated<'_>,
    leaf_bytes: impl Fn(Reached) -> u64,
    least: u64,
    is_part: impl Fn(Reached) -> bool,
) -> Vec<(Reached, u64)> {
    let places = heap.sums.len();
    let mut largest_below = vec![0u64; places];
    for place in 1..places {
        let above = heap.dominator[place] as usize;
        largest_below[above] = largest_below[above].max(heap.sums[place]);
    }
    let leaves = || {
        let hung = heap.below.iter().enumerate();
        hung.filter(|&(_, &below)| below != NOBODY)
            .map(|(leaf, &below)| (leaf as Reached, below as usize, leaf_bytes(leaf as Reached)))
            .filter(|&(_, _, own)| own >= least)
    };
    for (_, below, own) in leaves() {
        largest_below[below] = largest_below[below].max(own);
    }
    let mut found = Vec::new();
    // A map holds what is below it, and so does a holder.
    let mut is_held = vec![false; places];
    for place in 1..places {
        let object = heap.object[place];
        if is_held[heap.dominator[place] as usize] || object == NOBODY || is_part(object) {
            is_held[place] = true;
        } else if heap.sums[place] >= least && largest_below[place] <= heap.sums[place] / 2 {
            found.push((object, heap.sums[place]));
            is_held[place] = true;
        }
    }
    for (leaf, below, own) in leaves() {
        if !is_held[below] && !is_part(leaf) {
            found.push((leaf, own));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Positions as objects: each has the dominator given, and bytes of its own.
    fn holders(dominator: &[u32], own: &[u64], parts: &[Reached]) -> Vec<(Reached, u64)> {
        let places = own.len();
        let mut sums = own.to_vec();
        for place in (1..places).rev() {
            sums[dominator[place] as usize] += sums[place];
        }
        let object: Vec<Reached> = (0..places as u32).collect();
        let heap = Dominated {
            dominator,
            sums: &sums,
            object: &object,
            below: &[],
        };
        find_holders(&heap, |_| 0, 10, |object| parts.contains(&object))
    }

    #[test]
    fn what_spreads_out_is_a_holder_and_what_leads_to_it_is_none() {
        // 1 leads to 2, which holds 3, 4 and 5.
        let chain = [0, 0, 1, 2, 2, 2];
        assert_eq!(holders(&chain, &[0, 1, 1, 5, 5, 5], &[]), [(2, 16)]);
        assert_eq!(holders(&chain, &[0, 1, 1, 5, 5, 5], &[2]), []);
        assert_eq!(holders(&chain, &[0, 1, 1, 2, 2, 2], &[]), []);
    }

    #[test]
    fn many_maps_in_one_object_are_that_objects() {
        let three = [0, 0, 1, 1, 1];
        assert_eq!(holders(&three, &[0, 1, 5, 5, 5], &[2, 3, 4]), [(1, 16)]);
    }
}
