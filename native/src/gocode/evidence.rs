//! What all functions of a program say together.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use memchr::memchr_iter;

use crate::gobinary::{Loaded, Tables};

use super::callees::{Callee, callees};
use super::function::{Followed, follow};
use super::step::Ground;
use super::value::{Id, Source, Value};

/// Whose own variables nobody asks for.
const RUNTIME: [&[u8]; 2] = [b"runtime.", b"internal/runtime/"];
/// src/internal/abi/type.go: Type.Kind_ and its value for maps.
const KIND: u64 = 23;
const KIND_MASK: u8 = 31;
const MAP: u8 = 21;
const CALL: u8 = 0xe8;

/// Where a way begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Start {
    /// The word at this address.
    Word(u64),
    /// A closure of the function with this entry.
    Closure(u64),
    /// The word so far from the caller's stack pointer, in a frame that stands at this return address.
    Slot(u64, i64),
    /// What lies there in any frame of the function with this entry: the header of a map.
    Header(u64, i64),
}

/// The type of what lies at the end of a way: of a map, or of the values that a pointer leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Said {
    Map(u64),
    Values(u64),
}

/// A way that begins at `start`: at each of the offsets lies the pointer to go on by.
pub struct Evidence {
    pub start: Start,
    pub offsets: Vec<u64>,
    pub said: Said,
}

/// Where a program has what.
pub struct Program<'a> {
    pub loaded: &'a Loaded,
    pub types: Range<u64>,
    pub variables: Range<u64>,
    /// Return addresses that frames stand at.
    pub standing: HashSet<u64>,
}

impl Program<'_> {
    fn is_map_type(&self, at: u64) -> bool {
        let kind = self.loaded.image.slice(at.saturating_add(KIND), 1);
        self.types.contains(&at) && kind.is_some_and(|kind| kind[0] & KIND_MASK == MAP)
    }
}

type Ways = HashMap<(Start, Vec<u64>), Option<Said>>;

/// Returns what the code says of variables, captured ones and frames. What is contradicted anywhere is not said.
pub fn find(program: &Program<'_>) -> Vec<Evidence> {
    let tables = program.loaded.tables();
    let callees = callees(&tables);
    let ground = Ground {
        is_map_type: &|at| program.is_map_type(at),
        callees: &callees,
        types: program.types.clone(),
        variables: program.variables.clone(),
    };
    let mut ways = Ways::new();
    for (entry, code) in telling(program, &tables, &ground) {
        if let Some(followed) = follow(&ground, code, entry, &program.standing) {
            collect(&followed, entry, &mut ways);
        }
    }
    let said = |((start, offsets), said): ((Start, Vec<u64>), Option<Said>)| {
        let said = said?;
        Some(Evidence {
            start,
            offsets,
            said,
        })
    };
    ways.into_iter().filter_map(said).collect()
}

/// Returns entry and code of each function that hands types to the runtime, and has a use for what it gets.
fn telling<'p>(
    program: &'p Program<'_>,
    tables: &Tables<'p>,
    ground: &Ground<'_>,
) -> Vec<(u64, &'p [u8])> {
    let is_asked = |name: &[u8]| !RUNTIME.iter().any(|prefix| name.starts_with(prefix));
    let all = tables.code_of(is_asked);
    let code = |(entry, end): (u64, u64)| {
        let bytes = usize::try_from(end.checked_sub(entry)?).ok()?;
        Some((entry, program.loaded.image.slice(entry, bytes)?))
    };
    all.filter_map(code)
        .filter(|&(entry, code)| tells(ground, entry, code))
        .collect()
}

fn tells(ground: &Ground<'_>, entry: u64, code: &[u8]) -> bool {
    let (mut makes, mut looks, mut stores) = (false, false, false);
    for at in memchr_iter(CALL, code) {
        match callee_at(ground, entry, code, at) {
            Some(Callee::LooksInto | Callee::MakesMap) => looks = true,
            Some(Callee::Makes | Callee::Allocates | Callee::Grows) => makes = true,
            Some(Callee::Stores) => stores = true,
            _ => {}
        }
    }
    looks || makes && (stores || writes_variables(&ground.variables, entry, code))
}

fn callee_at(ground: &Ground<'_>, entry: u64, code: &[u8], at: usize) -> Option<Callee> {
    let behind = entry + at as u64 + 5;
    let distance = i32::from_le_bytes(code.get(at + 1..at + 5)?.try_into().ok()?);
    let target = behind.wrapping_add_signed(distance.into());
    ground.callees.get(&target).copied()
}

/// Tells whether a whole register seems to be written to a variable: REX.W, 89 or 87, an operand relative to the
/// instruction pointer.
fn writes_variables(variables: &Range<u64>, entry: u64, code: &[u8]) -> bool {
    code.windows(7).enumerate().any(|(at, bytes)| {
        let is_store =
            bytes[0] & 0xf8 == 0x48 && matches!(bytes[1], 0x87 | 0x89) && bytes[2] & 0xc7 == 0x05;
        let distance = i32::from_le_bytes([bytes[3], bytes[4], bytes[5], bytes[6]]);
        let behind = entry + at as u64 + 7;
        is_store && variables.contains(&behind.wrapping_add_signed(distance.into()))
    })
}

/// Adds what one function says.
fn collect(followed: &Followed, entry: u64, ways: &mut Ways) {
    let facts = &followed.facts;
    let mut types: HashMap<Id, Option<Said>> = HashMap::new();
    for &(map, kind) in &facts.maps {
        match map {
            Value::From(id) => agree(types.entry(id), Said::Map(kind)),
            Value::Frame(at) => {
                agree(
                    ways.entry((Start::Header(entry, at), Vec::new())),
                    Said::Map(kind),
                );
            }
            _ => {}
        }
    }
    for &(result, kind) in &facts.made {
        agree(types.entry(result), Said::Values(kind));
    }
    let mut add = |start: Start, offsets: Vec<u64>, said: Option<Said>| match said {
        Some(said) => agree(ways.entry((start, offsets)), said),
        None => drop(ways.insert((start, offsets), None)),
    };
    for (&id, &said) in &types {
        if let (Some(start), offsets) = way(followed, id, entry) {
            add(start, offsets, said);
        }
    }
    for &(place, value) in &facts.stores {
        let said = types.get(&value).copied();
        if let (Some(said), (Some(start), offsets)) = (said, way(followed, place, entry)) {
            add(start, offsets, said);
        }
    }
    for (&pc, words) in &followed.standing {
        for &(at, id) in words {
            if let Some(&said) = types.get(&id) {
                add(Start::Slot(pc, at), Vec::new(), said);
            }
        }
    }
}

fn agree<K>(entry: std::collections::hash_map::Entry<'_, K, Option<Said>>, said: Said) {
    entry
        .and_modify(|known| *known = known.filter(|known| *known == said))
        .or_insert(Some(said));
}

/// Returns where the way to a source begins, where others can find that too, and the offsets along it.
fn way(followed: &Followed, id: Id, entry: u64) -> (Option<Start>, Vec<u64>) {
    let (source, offsets) = followed.sources.way(id);
    let start = match source {
        Source::Word(at) => Some(Start::Word(at)),
        Source::Context if !offsets.is_empty() => Some(Start::Closure(entry)),
        _ => None,
    };
    (start, offsets)
}
