//! A sync.Map as a hash trie: nodes of 16 children, and entries.

use std::collections::HashMap;

use super::super::objects::Objects;
use super::super::references::References;
use super::{ANY_MAP, Found, Ground, Place, SyncRow};

/// HashTrieMap: inited 0, initMu 4, root 16, keyHash 24, valEqual 32, seed 40.
const ROOT_PLACE: u64 = 16;
const STRUCT_BYTES: u64 = 48;
/// An inner node: isEntry 0, dead 4, mu 8, parent 16, children from 24 on; 152 bytes, in the class of 160.
const NODE_BYTES: u64 = 160;
const PARENT: u64 = 16;
const CHILDREN: u64 = 24;
const CHILDREN_END: u64 = 152;
/// An entry: isEntry 0, overflow 8, then key and value.
const OVERFLOW: u64 = 8;
/// 64 bits of hash, 4 a level.
const MOST_DEPTH: u32 = 17;

pub fn find(ground: &Ground<'_>, heap: (&mut Objects<'_>, &References)) -> Vec<Found> {
    let roots = ground
        .of_size(NODE_BYTES)
        .filter(|&(_, address)| is_root(ground, address))
        .map(|(index, address)| (address, (index, true)))
        .collect::<HashMap<_, _>>();
    let parts: HashMap<u64, _> = roots.iter().map(|(&at, &(index, _))| (at, index)).collect();
    let places = ground.places(heap, roots, |_, at| is_held_at(ground, at).is_some());
    let one = |(root, place): (u64, Place)| Found {
        address: place.address - ROOT_PLACE,
        place,
        parts: vec![parts[&root]],
        inner: Vec::new(),
        is_trie: true,
        map_type: map_type(ground, place.address).unwrap_or(0),
    };
    places.into_iter().map(one).collect()
}

/// Tells whether a node without a parent lies at `address`, and its children say that they are its.
fn is_root(ground: &Ground<'_>, address: u64) -> bool {
    let Some(head) = ground.word(address) else {
        return false;
    };
    // isEntry false, its padding zero, dead 0 or 1; no parent.
    if head & !(1 << 32) != 0 || ground.word(address + PARENT) != Some(0) {
        return false;
    }
    (CHILDREN..CHILDREN_END)
        .step_by(8)
        .all(|place| match ground.word(address + place) {
            None => false,
            Some(0) => true,
            Some(child) => match kind_of(ground, child) {
                Some(true) => true,
                Some(false) => ground.word(child + PARENT) == Some(address),
                None => false,
            },
        })
}

/// Returns whether what lies at `node` is an entry; None where it is neither that nor an inner node.
fn kind_of(ground: &Ground<'_>, node: u64) -> Option<bool> {
    match ground.word(node)? & 0xff {
        0 => ground.object(node, NODE_BYTES).map(|_| false),
        1 => Some(true),
        _ => None,
    }
}

/// Returns keyHash and valEqual, where the word at `place` is the root of an initialised HashTrieMap: what lies
/// behind it must be two functions.
fn is_held_at(ground: &Ground<'_>, place: u64) -> Option<(u64, u64)> {
    let inited = ground.word(place.checked_sub(ROOT_PLACE)?)? & 0xffff_ffff;
    let (hash, equal) = (ground.word(place + 8)?, ground.word(place + 16)?);
    let hash_code = ground.word(hash)?;
    let right = inited == 1 && ground.image.slice(hash_code, 1).is_some();
    (right && (equal == 0 || ground.word(equal).is_some())).then_some((hash, equal))
}

/// Returns the one map type that hashes and compares as this trie does; map[any]any where that is one of them,
/// for then it is a sync.Map.
fn map_type(ground: &Ground<'_>, place: u64) -> Option<u64> {
    let (hash, equal) = is_held_at(ground, place)?;
    let mut of_any = None;
    let mut candidates = Vec::new();
    for map in ground.types.maps_hashed_by(hash, equal) {
        let name = ground.types.name(map.address)?;
        if name == ANY_MAP {
            of_any = Some(map.address);
        }
        candidates.push(map.address);
    }
    of_any.or_else(|| {
        candidates
            .first()
            .copied()
            .filter(|_| candidates.len() == 1)
    })
}

pub fn measure(ground: &Ground<'_>, found: &Found) -> Option<SyncRow> {
    let root = ground.word(found.place.address)?;
    let mut row = SyncRow {
        is_sound: true,
        ..SyncRow::default()
    };
    row.add_part(ground, found.address, STRUCT_BYTES);
    row.add_part(ground, root, NODE_BYTES);
    let most = ground.marked.objects;
    count(ground, root, 0, most, &mut row)?;
    row.objects = row.entries;
    Some(row)
}

/// Adds what hangs below `node`, not the node itself, and returns how many hashes are there.
fn count(ground: &Ground<'_>, node: u64, depth: u32, most: u64, row: &mut SyncRow) -> Option<u64> {
    if depth > MOST_DEPTH {
        return None;
    }
    let mut hashes = 0;
    for place in (CHILDREN..CHILDREN_END).step_by(8) {
        let child = ground.word(node + place)?;
        if child == 0 {
            continue;
        }
        if kind_of(ground, child)? {
            hashes += 1;
            add_entries(ground, child, most, row)?;
        } else {
            let below = count(ground, child, depth + 1, most, row)?;
            row.add_part(ground, child, NODE_BYTES);
            // Inserts make a node only where two hashes meet: one with fewer is what deletes have left behind.
            row.spare_bytes += if below < 2 { NODE_BYTES } else { 0 };
            hashes += below;
        }
    }
    Some(hashes)
}

fn add_entries(ground: &Ground<'_>, first: u64, most: u64, row: &mut SyncRow) -> Option<()> {
    let mut entry = first;
    while entry != 0 {
        let (span, slot) = ground.spans.find(entry)?;
        row.entries += 1;
        row.add_part(ground, span.address(slot), span.elemsize);
        // More entries than there are objects: a cycle.
        (row.entries <= most).then_some(())?;
        entry = ground.word(entry + OVERFLOW)?;
    }
    Some(())
}
