//! What unwinding needs to know of a code address, looked up once for each.

use std::collections::HashMap;

use crate::gobinary::{Loaded, Tables};
use crate::problem::Parsed;

/// src/internal/abi/symtab.go, FuncFlag.
const TOP_OF_STACK: u8 = 1;
const WRITES_SP: u8 = 2;

/// Functions that unwinding knows by name: their ids differ between versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Ordinary,
    /// Nobody called them: a preemption or a debugger put them there.
    Injected,
    /// A fault put it there: its caller goes on, if at all, with its deferred calls.
    Fault,
    /// Calls by reflection: what it was called with is known to reflection alone.
    Reflection,
    /// Moves to another stack and arranges for both to look like calls.
    CgoCallback,
    /// Moves to the system stack, and says so in g.sched before it does.
    Switch,
    /// Moves to the system stack and says so nowhere: what calls the race, memory or address sanitizer.
    Sanitizer,
    /// Moves to the stack that g.sched tells.
    Resume,
    SignalEntry,
    SignalReturn,
}

/// One code address.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    pub entry: u64,
    /// From the stack pointer up to the return address; negative where no table says.
    pub delta: i32,
    pub is_top: bool,
    pub writes_sp: bool,
    pub role: Role,
}

/// The code addresses met so far: the tables of a program do not change.
pub type Places = HashMap<u64, Option<Place>>;

pub struct Code<'a> {
    pub tables: Tables<'a>,
    pub known: Places,
}

impl<'a> Code<'a> {
    pub fn new(loaded: &'a Loaded, known: Places) -> Code<'a> {
        Code {
            tables: loaded.tables(),
            known,
        }
    }

    /// Returns what `pc` is; None outside of the program's Go code.
    pub fn place(&mut self, pc: u64) -> Parsed<Option<Place>> {
        if let Some(known) = self.known.get(&pc) {
            return Ok(*known);
        }
        let place = self.look_up(pc)?;
        self.known.insert(pc, place);
        Ok(place)
    }

    fn look_up(&self, pc: u64) -> Parsed<Option<Place>> {
        let Some(function) = self.tables.function_at(pc)? else {
            return Ok(None);
        };
        let distance = function.distance(pc);
        Ok(Some(Place {
            entry: pc - distance,
            delta: function.sp_delta(distance)?,
            is_top: function.flags() & TOP_OF_STACK != 0,
            writes_sp: function.flags() & WRITES_SP != 0,
            role: role(function.name()),
        }))
    }
}

fn role(name: &[u8]) -> Role {
    match name {
        b"runtime.asyncPreempt" | b"runtime.debugCallV2" => Role::Injected,
        b"runtime.sigpanic" => Role::Fault,
        b"reflect.makeFuncStub" | b"reflect.methodValueCall" => Role::Reflection,
        b"runtime.cgocallback" => Role::CgoCallback,
        b"runtime.systemstack" | b"runtime.mcall" => Role::Switch,
        b"runtime.gogo" | b"gogo" => Role::Resume,
        b"runtime.sigtramp" => Role::SignalEntry,
        b"runtime.sigreturn" | b"runtime.sigreturn__sigaction" => Role::SignalReturn,
        _ if calls_sanitizer(name) => Role::Sanitizer,
        _ => Role::Ordinary,
    }
}

/// src/runtime/race_amd64.s, msan_amd64.s, asan_amd64.s; functions of one file alone have no package in their name.
fn calls_sanitizer(name: &[u8]) -> bool {
    let name = name.strip_prefix(b"runtime.").unwrap_or(name);
    [&b"racecall"[..], b"raceSymbolize", b"msancall", b"asancall"]
        .iter()
        .any(|each| name.starts_with(each))
}
