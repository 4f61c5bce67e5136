//! What a register or a word of the frame holds, as far as it matters where that came from.

use std::collections::HashMap;

/// Number of a `Source`.
pub type Id = u32;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value {
    Unknown,
    /// Zero: nil, which goes with every type.
    Nil,
    /// Address of something in the program itself.
    Address(u64),
    /// Address in the frame, counted from the caller's stack pointer.
    Frame(i64),
    From(Id),
}

/// Where a value came from. A place is one source, however often it is read: it has one type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Source {
    /// The word at a fixed address.
    Word(u64),
    /// What a closure is called with: the closure itself.
    Context,
    /// What the call that returns to this address returned.
    Result(u64),
    /// The word so many bytes into what another source leads to.
    Behind(Id, u32),
}

impl Value {
    /// Returns what is known where two ways meet.
    pub fn meet(self, other: Value) -> Value {
        match (self, other) {
            (one, two) if one == two => one,
            (Value::Nil, known @ Value::From(_)) | (known @ Value::From(_), Value::Nil) => known,
            _ => Value::Unknown,
        }
    }
}

/// The sources of one function, each once.
#[derive(Default)]
pub struct Sources {
    pub all: Vec<Source>,
    numbers: HashMap<Source, Id>,
}

/// Sources of one function: more are not told apart.
const MOST: usize = 1 << 16;
/// Steps from what is known; ways that are longer say nothing.
const MOST_DEPTH: usize = 4;
/// No struct has fields farther away.
const MOST_OFFSET: u64 = 1 << 20;

impl Sources {
    pub fn value(&mut self, source: Source) -> Value {
        let number = self.all.len();
        if let Some(&known) = self.numbers.get(&source) {
            return Value::From(known);
        }
        if number >= MOST {
            return Value::Unknown;
        }
        self.all.push(source);
        self.numbers.insert(source, number as Id);
        Value::From(number as Id)
    }

    /// Returns the word `offset` bytes into what `base` leads to.
    pub fn behind(&mut self, base: Id, offset: u64) -> Value {
        if offset > MOST_OFFSET || self.way(base).1.len() >= MOST_DEPTH {
            return Value::Unknown;
        }
        self.value(Source::Behind(base, offset as u32))
    }

    /// Returns where the way to a source begins, and the offsets along it.
    pub fn way(&self, mut id: Id) -> (Source, Vec<u64>) {
        let mut offsets = Vec::new();
        while let Source::Behind(base, offset) = self.all[id as usize] {
            offsets.push(u64::from(offset));
            id = base;
        }
        offsets.reverse();
        (self.all[id as usize], offsets)
    }
}
