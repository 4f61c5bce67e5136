//! One function as instructions and basic blocks.

use std::collections::{BTreeSet, HashMap};

use iced_x86::{Decoder, DecoderOptions, FlowControl, Instruction};

/// Instructions of one function; the largest generated ones have some hundred thousand.
const MOST: usize = 1 << 18;
const BITS: u32 = 64;

/// Instructions [start, end), and the blocks that can follow.
pub struct Block {
    pub start: usize,
    pub end: usize,
    pub next: Vec<usize>,
}

/// Decodes the code of the function that begins at `entry`; None where it is too long.
pub fn decode(code: &[u8], entry: u64) -> Option<Vec<Instruction>> {
    let mut decoder = Decoder::with_ip(BITS, code, entry, DecoderOptions::NONE);
    let mut all = Vec::new();
    while decoder.can_decode() {
        if all.len() >= MOST {
            return None;
        }
        all.push(decoder.decode());
    }
    Some(all)
}

/// Returns the blocks of a function in order of address. What only a table of jumps leads to follows nothing.
pub fn blocks(code: &[Instruction]) -> Vec<Block> {
    let index: HashMap<u64, usize> = code.iter().map(Instruction::ip).zip(0..).collect();
    let mut starts = BTreeSet::from([0]);
    for (at, instruction) in code.iter().enumerate() {
        if ends_block(instruction) {
            starts.extend(target(instruction, &index));
            starts.insert(at + 1);
        }
    }
    starts.remove(&code.len());
    let starts: Vec<usize> = starts.into_iter().collect();
    let number = |at: usize| starts.binary_search(&at).ok();
    let ends = starts.iter().skip(1).copied().chain([code.len()]);
    let block = |(&start, end): (&usize, usize)| {
        let last = &code[end - 1];
        let falls_through = !matches!(
            last.flow_control(),
            FlowControl::UnconditionalBranch
                | FlowControl::IndirectBranch
                | FlowControl::Return
                | FlowControl::Exception
        );
        let jumped = ends_block(last).then(|| target(last, &index)).flatten();
        let next = jumped.into_iter().chain(falls_through.then_some(end));
        Block {
            start,
            end,
            next: next.filter_map(number).collect(),
        }
    };
    starts.iter().zip(ends).map(block).collect()
}

fn ends_block(instruction: &Instruction) -> bool {
    !matches!(
        instruction.flow_control(),
        FlowControl::Next | FlowControl::Call | FlowControl::IndirectCall
    )
}

fn target(instruction: &Instruction, index: &HashMap<u64, usize>) -> Option<usize> {
    index.get(&instruction.near_branch_target()).copied()
}

#[cfg(test)]
mod tests {
    use super::{blocks, decode};

    #[test]
    fn a_loop_has_three_blocks() {
        // 0: xor eax, eax; 2: inc rax; 5: cmp rax, 9; 9: jl 2; 11: ret
        let code = [
            0x31, 0xc0, 0x48, 0xff, 0xc0, 0x48, 0x83, 0xf8, 9, 0x7c, 0xf7, 0xc3,
        ];
        let all = blocks(&decode(&code, 0x1000).unwrap());
        let next: Vec<&[usize]> = all.iter().map(|block| &block.next[..]).collect();
        assert_eq!(next, [&[1][..], &[1, 2], &[]]);
    }
}
