//! Functions as Go's compiler writes them, and what is read out of them.

use std::collections::{HashMap, HashSet};

use super::callees::Callee;
use super::function::{Followed, follow};
use super::step::Ground;
use super::value::{Source, Value};

const ENTRY: u64 = 0x1000;
const ASSIGN: u64 = 0x2000;
const MAP_TYPE: u64 = 0x8000;
const VARIABLE: u64 = 0x10000;

/// Assembles: bytes, and operands relative to what follows them.
#[derive(Default)]
struct Code(Vec<u8>);

impl Code {
    fn bytes(mut self, bytes: &[u8]) -> Code {
        self.0.extend(bytes);
        self
    }

    fn relative(self, opcode: &[u8], target: u64) -> Code {
        let behind = ENTRY + (self.0.len() + opcode.len() + 4) as u64;
        let distance = target.wrapping_sub(behind) as i32;
        self.bytes(opcode).bytes(&distance.to_le_bytes())
    }

    fn type_in_ax(self) -> Code {
        self.relative(&[0x48, 0x8d, 0x05], MAP_TYPE)
    }

    fn assign(self) -> Code {
        self.relative(&[0xe8], ASSIGN)
    }
}

fn followed(code: &Code, standing: &[u64]) -> Followed {
    let callees = HashMap::from([(ASSIGN, Callee::LooksInto)]);
    let ground = Ground {
        callees: &callees,
        is_map_type: &|at| at == MAP_TYPE,
        types: MAP_TYPE..0x9000,
        variables: VARIABLE..0x11000,
    };
    let standing: HashSet<u64> = standing.iter().copied().collect();
    follow(&ground, &code.0, ENTRY, &standing).unwrap()
}

/// Where the maps come from that are said to be of the type.
fn maps(found: &Followed) -> Vec<(Source, Vec<u64>)> {
    let typed = found.facts.maps.iter();
    let typed = typed.filter(|(_, kind)| *kind == MAP_TYPE);
    let way = |&(map, _): &(Value, u64)| match map {
        Value::From(id) => Some(found.sources.way(id)),
        _ => None,
    };
    typed.filter_map(way).collect()
}

#[test]
fn a_map_in_a_variable_has_the_type_that_goes_along_with_it() {
    let code = Code::default().relative(&[0x48, 0x8b, 0x1d], VARIABLE); // mov rbx, [rip+variable]
    let found = followed(&code.type_in_ax().assign(), &[]);
    assert_eq!(maps(&found), [(Source::Word(VARIABLE), vec![])]);
}

#[test]
fn what_a_closure_captured_is_found_behind_dx_and_through_the_frame() {
    let code = Code::default()
        .bytes(&[0x48, 0x8b, 0x4a, 0x08]) // mov rcx, [rdx+8]
        .bytes(&[0x48, 0x89, 0x4c, 0x24, 0xe0]) // mov [rsp-32], rcx
        .bytes(&[0x31, 0xc9]) // xor ecx, ecx
        .bytes(&[0x48, 0x8b, 0x5c, 0x24, 0xe0]); // mov rbx, [rsp-32]
    let found = followed(&code.type_in_ax().assign(), &[]);
    assert_eq!(maps(&found), [(Source::Context, vec![8])]);
}

#[test]
fn where_two_ways_meet_that_disagree_nothing_is_said() {
    // mov rbx, [variable]; test cl, cl; je over; mov rbx, [variable+8]; over: lea rax, type; call
    let code = Code::default()
        .relative(&[0x48, 0x8b, 0x1d], VARIABLE)
        .bytes(&[0x84, 0xc9, 0x74, 0x07])
        .relative(&[0x48, 0x8b, 0x1d], VARIABLE + 8);
    assert_eq!(maps(&followed(&code.type_in_ax().assign(), &[])), []);
}

#[test]
fn a_call_leaves_nothing_in_registers_but_its_result_and_all_in_the_frame() {
    let code = Code::default()
        .relative(&[0x48, 0x8b, 0x1d], VARIABLE)
        .bytes(&[0x48, 0x89, 0x5c, 0x24, 0xf0]) // mov [rsp-16], rbx
        .relative(&[0xe8], 0x3000);
    let returns_to = ENTRY + code.0.len() as u64;
    let found = followed(&code.type_in_ax().assign(), &[returns_to]);
    assert_eq!(maps(&found), []); // BX is what the call left there
    let words = &found.standing[&returns_to];
    let places: Vec<i64> = words.iter().map(|word| word.0).collect();
    assert_eq!(places, [-24]); // below the return address
}

#[test]
fn the_value_of_an_interface_is_of_the_type_before_it_and_not_followed() {
    let code = Code::default()
        .relative(&[0x48, 0x8b, 0x0d], VARIABLE) // mov rcx, [variable]
        .type_in_ax()
        .bytes(&[0x48, 0x89, 0x44, 0x24, 0xe0]) // mov [rsp-32], rax
        .bytes(&[0x48, 0x89, 0x4c, 0x24, 0xe8]) // mov [rsp-24], rcx
        .bytes(&[0x48, 0x8b, 0x5c, 0x24, 0xe8]); // mov rbx, [rsp-24]
    let found = followed(&code.assign(), &[]);
    assert_eq!(maps(&found), [(Source::Word(VARIABLE), vec![])]);
}
