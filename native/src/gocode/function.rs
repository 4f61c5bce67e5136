//! One function followed to where nothing changes any more, and then read once for what it says.

use std::collections::{BTreeSet, HashMap, HashSet};

use iced_x86::{Instruction, InstructionInfoFactory};

use super::blocks::{Block, blocks, decode};
use super::state::State;
use super::step::{Facts, Ground, Stepper};
use super::value::{Id, Source, Sources, Value};

/// How often each instruction of a function may be looked at.
const MOST_ROUNDS: usize = 32;

/// What one function says: sources by number, and the words of its frame at the calls that were asked for.
pub struct Followed {
    pub sources: Sources,
    pub facts: Facts,
    pub standing: HashMap<u64, Vec<(i64, Id)>>,
}

/// Follows the function whose code begins at `entry`; None where it is too large to.
pub fn follow(
    ground: &Ground<'_>,
    code: &[u8],
    entry: u64,
    standing: &HashSet<u64>,
) -> Option<Followed> {
    let code = decode(code, entry)?;
    let blocks = blocks(&code);
    let mut stepper = Stepper {
        ground,
        sources: Sources::default(),
        factory: InstructionInfoFactory::new(),
        facts: None,
    };
    let states = settle(&mut stepper, &code, &blocks)?;
    stepper.facts = Some(Facts::default());
    let mut found = HashMap::new();
    for (block, state) in blocks.iter().zip(states) {
        let Some(mut state) = state else {
            continue; // only a table of jumps leads there
        };
        for instruction in &code[block.start..block.end] {
            if standing.contains(&instruction.next_ip()) {
                found.insert(instruction.next_ip(), words(&state));
            }
            stepper.step(&mut state, instruction);
        }
    }
    Some(Followed {
        sources: stepper.sources,
        facts: stepper.facts?,
        standing: found,
    })
}

/// Returns what holds at the beginning of each block; None where it takes too long.
fn settle(
    stepper: &mut Stepper<'_>,
    code: &[Instruction],
    blocks: &[Block],
) -> Option<Vec<Option<State>>> {
    let mut states: Vec<Option<State>> = vec![None; blocks.len()];
    *states.first_mut()? = Some(State::at_entry(stepper.sources.value(Source::Context)));
    let mut due = BTreeSet::from([0]);
    let mut left = code.len() * MOST_ROUNDS;
    while let Some(number) = due.pop_first() {
        let block = &blocks[number];
        left = left.checked_sub(block.end - block.start)?;
        let mut state = states[number].clone()?;
        for instruction in &code[block.start..block.end] {
            stepper.step(&mut state, instruction);
        }
        for &next in &block.next {
            let changed = match &mut states[next] {
                Some(known) => known.meet(&state),
                unknown => {
                    *unknown = Some(state.clone());
                    true
                }
            };
            if changed {
                due.insert(next);
            }
        }
    }
    Some(states)
}

fn words(state: &State) -> Vec<(i64, Id)> {
    let source = |&(at, value): &(i64, Value)| match value {
        Value::From(id) => Some((at, id)),
        _ => None,
    };
    state.slots().iter().filter_map(source).collect()
}
