//! What registers and the frame hold at one point of a function.

use iced_x86::Register;

use super::value::Value;

const REGISTERS: usize = 16;
const WORD: i64 = 8;
/// Words of a frame that are followed; more are forgotten.
const MOST_SLOTS: usize = 1 << 12;

#[derive(Clone)]
pub struct State {
    registers: [Value; REGISTERS],
    /// Offset from the caller's stack pointer, and the word there, in order; any other word is not known.
    slots: Vec<(i64, Value)>,
}

/// Returns the number of the 64-bit register that `register` is a part of; None for others.
pub fn number(register: Register) -> Option<usize> {
    register
        .is_gpr()
        .then(|| register.full_register().number())
        .filter(|&number| number < REGISTERS)
}

impl State {
    /// At the entry: the return address lies below the caller's stack pointer, DX leads to the closure.
    pub fn at_entry(context: Value) -> State {
        let mut state = State {
            registers: [Value::Unknown; REGISTERS],
            slots: Vec::new(),
        };
        state.set(Register::RSP, Value::Frame(-WORD));
        state.set(Register::RDX, context);
        state
    }

    pub fn get(&self, register: Register) -> Value {
        number(register).map_or(Value::Unknown, |number| self.registers[number])
    }

    pub fn set(&mut self, register: Register, value: Value) {
        if let Some(number) = number(register) {
            self.registers[number] = value;
        }
    }

    pub fn slot(&self, at: i64) -> Value {
        let found = self.slots.binary_search_by_key(&at, |slot| slot.0);
        found.map_or(Value::Unknown, |index| self.slots[index].1)
    }

    /// Forgets the words that `bytes` at `at` are a part of.
    pub fn forget(&mut self, at: i64, bytes: i64) {
        let first = self.slots.partition_point(|slot| slot.0 + WORD <= at);
        let behind = self
            .slots
            .partition_point(|slot| slot.0 < at + bytes.max(1));
        self.slots.drain(first..behind.max(first));
    }

    /// Keeps the word that is written to `at`. What lies behind an address is the value of an interface, whose
    /// static type says nothing.
    pub fn keep(&mut self, at: i64, value: Value) {
        self.forget(at, WORD);
        let of_interface = matches!(self.slot(at - WORD), Value::Address(_));
        if value != Value::Unknown && !of_interface && self.slots.len() < MOST_SLOTS {
            let index = self.slots.partition_point(|slot| slot.0 < at);
            self.slots.insert(index, (at, value));
        }
    }

    /// Forgets all registers that a call may change: all but the stack pointer and BP.
    pub fn forget_registers(&mut self) {
        let kept = [Register::RSP, Register::RBP].map(|each| (each, self.get(each)));
        self.registers = [Value::Unknown; REGISTERS];
        for (register, value) in kept {
            self.set(register, value);
        }
    }

    /// Takes in what holds on another way to the same point; returns whether less is known now.
    pub fn meet(&mut self, other: &State) -> bool {
        let mut changed = false;
        let mut meet = |own: &mut Value, other: Value| {
            let met = own.meet(other);
            changed |= met != *own;
            *own = met;
            met != Value::Unknown
        };
        for (own, other) in self.registers.iter_mut().zip(&other.registers) {
            meet(own, *other);
        }
        self.slots
            .retain_mut(|(at, own)| meet(own, other.slot(*at)));
        changed
    }

    pub fn slots(&self) -> &[(i64, Value)] {
        &self.slots
    }
}
