//! What holds much and is no map: objects below which the heap spreads out into many small parts.

use super::spans::Slot;

/// The heap as what dominates what, by place in that tree. `sums`: bytes retained.
pub struct Dominated<'a> {
    pub dominator: &'a [u32],
    pub sums: &'a [u64],
    pub leaves: &'a [Leaf],
}

/// A large object without pointers, and the place that it hangs below.
#[derive(Debug, Clone, Copy)]
pub struct Leaf {
    pub slot: Slot,
    pub below: u32,
    pub bytes: u64,
}

/// Returns (object, bytes retained) of each object that retains at least `least` bytes of which no single object
/// below it retains more than half, and that lies neither within a map (`is_part`) nor below another such object.
/// `object`: that at a place, if it is one.
pub fn find_holders(
    heap: &Dominated<'_>,
    object: impl Fn(usize) -> Option<Slot>,
    least: u64,
    is_part: impl Fn(Slot) -> bool,
) -> Vec<(Slot, u64)> {
    let places = heap.sums.len();
    // One object below it retains more than half.
    let mut leads_to_one = vec![false; places];
    for place in 1..places {
        let above = heap.dominator[place] as usize;
        leads_to_one[above] |= heap.sums[place] > heap.sums[above] / 2;
    }
    for leaf in heap.leaves {
        leads_to_one[leaf.below as usize] |= leaf.bytes > heap.sums[leaf.below as usize] / 2;
    }
    let mut found = Vec::new();
    // A map holds what is below it, and so does a holder.
    let mut is_held = vec![false; places];
    for place in 1..places {
        let bytes = heap.sums[place];
        let own = object(place)
            .filter(|&slot| !is_held[heap.dominator[place] as usize] && !is_part(slot));
        let Some(slot) = own else {
            is_held[place] = true;
            continue;
        };
        if bytes >= least && !leads_to_one[place] {
            found.push((slot, bytes));
            is_held[place] = true;
        }
    }
    let leaves = heap.leaves.iter().filter(|leaf| leaf.bytes >= least);
    let free = leaves.filter(|leaf| !is_held[leaf.below as usize] && !is_part(leaf.slot));
    found.extend(free.map(|leaf| (leaf.slot, leaf.bytes)));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Positions as objects: each has the dominator given, and bytes of its own.
    fn holders(dominator: &[u32], own: &[u64], parts: &[Slot]) -> Vec<(Slot, u64)> {
        let places = own.len();
        let mut sums = own.to_vec();
        for place in (1..places).rev() {
            sums[dominator[place] as usize] += sums[place];
        }
        let heap = Dominated {
            dominator,
            sums: &sums,
            leaves: &[],
        };
        let object = |place| Some(place as Slot);
        find_holders(&heap, object, 10, |object| parts.contains(&object))
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
