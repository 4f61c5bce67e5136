//! From a word in a frame or a closure to the variable that it is part of, and on to what that leads to.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use super::locals::{Local, locals};
use super::read::{Globals, Sections};
use super::types::{MAP, Types};

/// Variable, path from it, declared, and where the type of the map is that the path leads to, where that is known.
pub type Named = (String, String, Option<String>, Option<u64>);
/// A function's entry and the address in it that its frame stands at.
type Point = (u64, u64);

/// The variables in scope at the points that were asked for.
pub struct Scopes {
    sections: Sections,
    known: Mutex<HashMap<Point, Arc<Vec<Local>>>>,
}

impl Scopes {
    pub fn new(sections: Sections) -> Scopes {
        Scopes {
            sections,
            known: Mutex::default(),
        }
    }

    /// Returns the variables in scope; none where the debug information knows or can tell nothing.
    fn at(&self, globals: &Globals, (entry, pc): Point) -> Arc<Vec<Local>> {
        let Ok(mut known) = self.known.lock() else {
            return Arc::default();
        };
        let fresh = || {
            let die = globals.functions.get(&entry)?;
            locals(&self.sections, *die, pc).ok()
        };
        known
            .entry((entry, pc))
            .or_insert_with(|| Arc::new(fresh().unwrap_or_default()))
            .clone()
    }

    pub fn local(
        &self,
        globals: &Globals,
        entry: u64,
        pc: u64,
        at: i64,
        places: &[u64],
    ) -> Option<Named> {
        let all = self.at(globals, (entry, pc));
        let mut found = None;
        for local in all.iter() {
            let offset = local.offset_of(at, &globals.types);
            // The innermost scope that has it wins.
            found = offset
                .and_then(|offset| named(&globals.types, local, offset, places))
                .or(found);
        }
        found
    }

    pub fn only_local(
        &self,
        globals: &Globals,
        entry: u64,
        pc: u64,
        places: &[u64],
    ) -> Option<Named> {
        let all = self.at(globals, (entry, pc));
        only(
            all.iter()
                .filter(|local| local.is_nowhere && !local.is_parameter),
            |local| named(&globals.types, local, 0, places),
        )
    }

    pub fn captured(
        &self,
        globals: &Globals,
        entry: u64,
        at: u64,
        places: &[u64],
    ) -> Option<Named> {
        let all = self.at(globals, (entry, entry));
        let own = || {
            all.iter()
                .filter(|local| local.is_outermost && !local.is_parameter)
        };
        let size = |local: &Local| globals.types.size(local.kind).unwrap_or(0);
        let told = |local: &&Local| {
            local.captured_at > 0
                && (local.captured_at..local.captured_at + size(local)).contains(&at)
        };
        if let Some(local) = own().find(told) {
            return named(&globals.types, local, at - local.captured_at, places);
        }
        // Up to Go 1.22 nobody says what lies where in a closure: believed where only one variable can be it.
        if own().any(|local| local.captured_at > 0) {
            return None;
        }
        only(own(), |local| named(&globals.types, local, 0, places))
    }
}

impl Local {
    /// Returns how far into the variable the word `at` bytes from the caller's stack pointer lies.
    fn offset_of(&self, at: i64, types: &Types) -> Option<u64> {
        self.pieces.iter().find_map(|piece| {
            let bytes = match piece.bytes {
                0 => types.size(self.kind)?,
                known => known,
            };
            let offset = u64::try_from(at - piece.at).ok()?;
            (offset < bytes).then_some(piece.within + offset)
        })
    }
}

fn only<'l>(
    candidates: impl Iterator<Item = &'l Local>,
    name: impl Fn(&Local) -> Option<Named>,
) -> Option<Named> {
    let mut named = candidates.filter_map(name);
    let first = named.next()?;
    named.next().is_none().then_some(first)
}

/// Returns the name of the variable and the way from `offset` in it to a map.
fn named(types: &Types, local: &Local, offset: u64, places: &[u64]) -> Option<Named> {
    let mut all = vec![offset];
    all.extend(places);
    let way = types.follow(local.kind, &all)?;
    let name = local.name.strip_prefix('&').unwrap_or(&local.name);
    let map_type = way.map_type();
    (way.kind == MAP).then(|| (name.to_owned(), way.path, way.declared, map_type))
}
