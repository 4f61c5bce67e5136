//! Which functions of the runtime say a type, and in which registers (src/cmd/compile/internal/typecheck/_builtin/
//! runtime.go, in the order of ABIInternal: AX, BX, CX, DI, SI).

use std::collections::HashMap;

use crate::gobinary::Tables;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Callee {
    /// A map type in AX, the map in BX.
    LooksInto,
    /// A map type in AX; returns the map.
    MakesMap,
    /// A type in AX; returns one value of it, or several.
    Makes,
    /// A type in BX; returns one value of it, or several.
    Allocates,
    /// A type in SI; returns values of it.
    Grows,
    /// The address of a pointer in AX, what it is to be in BX.
    Stores,
    /// Changes no register but R11; behind the one that grows the stack the function begins anew.
    SparesRegisters,
}

const MAP_NAMES: [&[u8]; 4] = [b"mapaccess", b"mapassign", b"mapdelete", b"mapiterinit"];
const OTHER_MAP_NAMES: [&[u8]; 2] = [b"mapclear", b"mapIterStart"];

fn of(name: &[u8]) -> Option<Callee> {
    if matches!(
        name,
        b"sync/atomic.StorePointer" | b"sync/atomic.SwapPointer"
    ) {
        return Some(Callee::Stores);
    }
    let bare = name.strip_prefix(b"runtime.")?;
    match bare {
        b"makemap" | b"makemap64" => Some(Callee::MakesMap),
        b"newobject" | b"makeslice" | b"makeslice64" => Some(Callee::Makes),
        _ if bare.starts_with(b"growslice") => Some(Callee::Grows),
        _ if bare.starts_with(b"mallocgc") => Some(Callee::Allocates),
        _ if bare.starts_with(b"gcWriteBarrier") || bare.starts_with(b"morestack") => {
            Some(Callee::SparesRegisters)
        }
        _ if OTHER_MAP_NAMES.contains(&bare) => Some(Callee::LooksInto),
        _ if MAP_NAMES.iter().any(|each| bare.starts_with(each)) => Some(Callee::LooksInto),
        _ => None,
    }
}

/// Returns the entry of each such function -> what it is.
pub fn callees(tables: &Tables<'_>) -> HashMap<u64, Callee> {
    let mut found = HashMap::new();
    for index in 0..tables.functions {
        let Ok(function) = tables.function(index) else {
            continue;
        };
        if let Some(callee) = of(function.name()) {
            found.insert(tables.text.wrapping_add(function.entry.into()), callee);
        }
    }
    found
}
