//! What one instruction does to what is known, and what it says.

use std::collections::HashMap;
use std::ops::Range;

use iced_x86::{
    Instruction, InstructionInfoFactory, Mnemonic, OpAccess, OpKind, Register, UsedMemory,
};

use super::callees::Callee;
use super::state::State;
use super::value::{Id, Source, Sources, Value};

const WORD: i64 = 8;

/// What holds for every function of a program.
pub struct Ground<'a> {
    /// Tells whether a type is one of maps.
    pub is_map_type: &'a dyn Fn(u64) -> bool,
    pub callees: &'a HashMap<u64, Callee>,
    pub types: Range<u64>,
    pub variables: Range<u64>,
}

/// What the instructions of one function say.
#[derive(Default)]
pub struct Facts {
    /// A map, by its source or where in the frame its header lies, and its type.
    pub maps: Vec<(Value, u64)>,
    /// What a call returns, and the type of what that leads to.
    pub made: Vec<(Id, u64)>,
    /// A place, and what is written to it.
    pub stores: Vec<(Id, Id)>,
}

/// Where an operand in memory lies.
enum Place {
    Slot(i64),
    Fixed(u64),
    Behind(Id, u64),
    Elsewhere,
}

pub struct Stepper<'a> {
    pub ground: &'a Ground<'a>,
    pub sources: Sources,
    pub factory: InstructionInfoFactory,
    /// Nobody takes notes before it is settled what holds where.
    pub facts: Option<Facts>,
}

impl Stepper<'_> {
    pub fn step(&mut self, state: &mut State, code: &Instruction) {
        let (to, from) = (code.op0_kind(), code.op1_kind());
        let is_wide = |register: Register| register.is_gpr64();
        match code.mnemonic() {
            Mnemonic::Call => self.call(state, code),
            Mnemonic::Mov if to == OpKind::Register && is_wide(code.op0_register()) => {
                let value = match from {
                    OpKind::Register => state.get(code.op1_register()),
                    OpKind::Memory => self.load(state, code),
                    _ => self.constant(code.immediate(1)),
                };
                state.set(code.op0_register(), value);
            }
            Mnemonic::Mov | Mnemonic::Xchg if to == OpKind::Memory => self.store(state, code),
            Mnemonic::Lea if is_wide(code.op0_register()) => {
                let value = match self.place(state, code) {
                    Place::Slot(at) => Value::Frame(at),
                    Place::Fixed(at) => Value::Address(at),
                    Place::Behind(base, 0) => Value::From(base),
                    _ => Value::Unknown,
                };
                state.set(code.op0_register(), value);
            }
            Mnemonic::Xor
                if from == OpKind::Register && code.op0_register() == code.op1_register() =>
            {
                state.set(code.op0_register(), Value::Nil);
            }
            Mnemonic::Push => {
                let value = match to {
                    OpKind::Register => state.get(code.op0_register()),
                    _ => Value::Unknown,
                };
                self.move_stack(state, -WORD);
                if let Value::Frame(top) = state.get(Register::RSP) {
                    state.keep(top, value);
                }
            }
            Mnemonic::Pop if to == OpKind::Register => {
                let value = match state.get(Register::RSP) {
                    Value::Frame(top) => state.slot(top),
                    _ => Value::Unknown,
                };
                self.move_stack(state, WORD);
                state.set(code.op0_register(), value);
            }
            Mnemonic::Add | Mnemonic::Sub if moves_a_frame(state, code) => {
                let by = code.immediate(1) as i64;
                let by = if code.mnemonic() == Mnemonic::Sub {
                    -by
                } else {
                    by
                };
                if let Value::Frame(at) = state.get(code.op0_register()) {
                    state.set(code.op0_register(), Value::Frame(at.wrapping_add(by)));
                }
            }
            _ => self.forget_what_changes(state, code),
        }
    }

    fn move_stack(&self, state: &mut State, by: i64) {
        if let Value::Frame(at) = state.get(Register::RSP) {
            state.set(Register::RSP, Value::Frame(at.wrapping_add(by)));
        }
    }

    fn constant(&self, value: u64) -> Value {
        match value {
            0 => Value::Nil,
            // Programs that are linked to a fixed place name it so.
            at if self.ground.types.contains(&at) => Value::Address(at),
            _ => Value::Unknown,
        }
    }

    fn place(&self, state: &State, code: &Instruction) -> Place {
        if matches!(code.memory_segment(), Register::FS | Register::GS) {
            return Place::Elsewhere;
        }
        if code.is_ip_rel_memory_operand() {
            return Place::Fixed(code.ip_rel_memory_address());
        }
        if code.memory_index() != Register::None {
            return Place::Elsewhere;
        }
        let offset = code.memory_displacement64();
        match state.get(code.memory_base()) {
            Value::Frame(at) => Place::Slot(at.wrapping_add(offset as i64)),
            Value::Address(at) => Place::Fixed(at.wrapping_add(offset)),
            Value::From(base) => Place::Behind(base, offset),
            _ => Place::Elsewhere,
        }
    }

    fn load(&mut self, state: &State, code: &Instruction) -> Value {
        match self.place(state, code) {
            Place::Slot(at) => state.slot(at),
            Place::Fixed(at) => self.through(Value::Address(at), 0),
            Place::Behind(base, offset) => self.through(Value::From(base), offset),
            Place::Elsewhere => Value::Unknown,
        }
    }

    fn store(&mut self, state: &mut State, code: &Instruction) {
        let is_register = code.op1_kind() == OpKind::Register;
        let is_wide = code.memory_size().size() as i64 == WORD;
        let value = match is_register {
            true if is_wide => state.get(code.op1_register()),
            true => Value::Unknown,
            false => self.constant(code.immediate(1)),
        };
        let place = self.place(state, code);
        if is_register && code.mnemonic() == Mnemonic::Xchg {
            state.set(code.op1_register(), Value::Unknown);
        }
        match place {
            Place::Slot(at) if is_wide => {
                self.note_interface(state.slot(at - WORD), value);
                state.keep(at, value);
            }
            Place::Slot(at) => state.forget(at, code.memory_size().size() as i64),
            Place::Fixed(at) => {
                let place = self.through(Value::Address(at), 0);
                self.note_store(place, value);
            }
            Place::Behind(base, offset) => {
                let place = self.through(Value::From(base), offset);
                self.note_store(place, value);
            }
            Place::Elsewhere => {}
        }
    }

    /// Returns the word `offset` bytes into what `pointer` leads to, in the program's variables or on the heap.
    fn through(&mut self, pointer: Value, offset: u64) -> Value {
        match pointer {
            Value::Address(at) if self.ground.variables.contains(&at) => {
                self.sources.value(Source::Word(at.wrapping_add(offset)))
            }
            Value::From(base) => self.sources.behind(base, offset),
            _ => Value::Unknown,
        }
    }

    /// A map behind its type, one word after the other, is the value of an interface.
    fn note_interface(&mut self, before: Value, value: Value) {
        if let (Some(facts), Value::Address(kind), Value::From(_)) =
            (&mut self.facts, before, value)
            && (self.ground.is_map_type)(kind)
        {
            facts.maps.push((value, kind));
        }
    }

    fn note_store(&mut self, place: Value, value: Value) {
        if let (Some(facts), Value::From(place), Value::From(value)) =
            (&mut self.facts, place, value)
        {
            facts.stores.push((place, value));
        }
    }

    fn call(&mut self, state: &mut State, code: &Instruction) {
        let direct = code.op0_kind() == OpKind::NearBranch64;
        let callee = direct.then(|| self.ground.callees.get(&code.near_branch_target()));
        let callee = callee.flatten().copied();
        if callee == Some(Callee::SparesRegisters) {
            return state.set(Register::R11, Value::Unknown);
        }
        let second = state.get(Register::RBX);
        let type_in = |register| match state.get(register) {
            Value::Address(at) if self.ground.types.contains(&at) => Some(at),
            _ => None,
        };
        let said = match callee {
            Some(Callee::Grows) => type_in(Register::RSI),
            Some(Callee::Allocates) => type_in(Register::RBX),
            Some(Callee::Stores) => {
                let place = self.through(state.get(Register::RAX), 0);
                self.note_store(place, second);
                None
            }
            Some(_) => type_in(Register::RAX),
            None => None,
        };
        state.forget_registers();
        let result = self.sources.value(Source::Result(code.next_ip()));
        state.set(Register::RAX, result);
        let (Some(facts), Some(said)) = (&mut self.facts, said) else {
            return;
        };
        match (callee, result) {
            (Some(Callee::LooksInto | Callee::MakesMap), _) if !(self.ground.is_map_type)(said) => {
            }
            (Some(Callee::LooksInto), _) => facts.maps.push((second, said)),
            (Some(Callee::MakesMap), _) => facts.maps.push((result, said)),
            (Some(_), Value::From(result)) => facts.made.push((result, said)),
            _ => {}
        }
    }

    fn forget_what_changes(&mut self, state: &mut State, code: &Instruction) {
        let info = self.factory.info(code);
        let written = |access: OpAccess| {
            !matches!(
                access,
                OpAccess::Read | OpAccess::CondRead | OpAccess::NoMemAccess | OpAccess::None
            )
        };
        let memory = info
            .used_memory()
            .iter()
            .filter(|used| written(used.access()));
        for used in memory {
            forget_memory(state, used);
        }
        for used in info.used_registers() {
            if written(used.access()) {
                state.set(used.register(), Value::Unknown);
            }
        }
    }
}

fn moves_a_frame(state: &State, code: &Instruction) -> bool {
    let is_frame = code.op0_kind() == OpKind::Register
        && matches!(state.get(code.op0_register()), Value::Frame(_));
    is_frame && !matches!(code.op1_kind(), OpKind::Register | OpKind::Memory)
}

fn forget_memory(state: &mut State, used: &UsedMemory) {
    if let (Value::Frame(at), Register::None) = (state.get(used.base()), used.index()) {
        let at = at.wrapping_add(used.displacement() as i64);
        state.forget(at, used.memory_size().size() as i64);
    }
}
