//! Which instructions name which global variables: one pass over amd64 code for operands relative to the
//! instruction pointer (Intel SDM volume 2, 2.2.1.6: ModRM 00 xxx 101 and 32 bits of distance).
//!
//! Bytes are not disassembled: an operand is believed where the bytes before it are an opcode that Go's compiler
//! uses, and where it leads into the variables. What is no instruction at all passes that by chance once in millions.

use std::ops::Range;

const REX_W: u8 = 0x48;
/// How far behind a variable's start an operand that names it may lie.
const MOST_DISTANCE: u64 = 1 << 16;
/// Operands one program may have; the largest known have some millions.
const MOST: usize = 1 << 26;

/// Where variables are named, in order of the address named: distances from the variables' and the text's start,
/// and whether the operand is written to.
pub struct References {
    variables: u64,
    text: u64,
    /// 30 bits of variable, 32 of instruction, 1 of being a whole word, 1 of being written.
    packed: Vec<u64>,
}

/// What an opcode does with its operand: the bytes of immediate value behind it, and whether it is written to.
struct Use {
    immediate: u64,
    writes: bool,
    /// Moves or takes the address of a whole word: the only uses that a variable's start is known by.
    is_word: bool,
}

impl References {
    /// Looks through `code`, which lies at `text`, for operands in `variables`.
    pub fn find(code: &[u8], text: u64, variables: Range<u64>) -> References {
        let mut packed = Vec::new();
        // Prefix and opcode lie before, the distance behind.
        for at in 2..code.len().saturating_sub(4) {
            if code[at] & 0xc7 != 0x05 {
                continue;
            }
            let distance = i32::from_le_bytes(code[at + 1..at + 5].try_into().unwrap_or_default());
            let behind = (text + at as u64 + 5).wrapping_add_signed(distance.into());
            if behind.wrapping_add(4) < variables.start || behind >= variables.end {
                continue;
            }
            let Some(used) = use_of(code[at - 2], code[at - 1], code[at] >> 3 & 7) else {
                continue;
            };
            let target = behind.wrapping_add(used.immediate);
            if variables.contains(&target) && packed.len() < MOST {
                let flags = u64::from(used.is_word) << 1 | u64::from(used.writes);
                packed.push((target - variables.start) << 34 | (at as u64) << 2 | flags);
            }
        }
        packed.sort_unstable();
        References {
            variables: variables.start,
            text,
            packed,
        }
    }

    /// Returns the instructions that name the word at `address`, and whether they write it; where none does, those
    /// that name the nearest word before it, which then is in the same variable.
    pub fn naming(&self, address: u64) -> Vec<(u64, bool)> {
        let Some(offset) = address.checked_sub(self.variables) else {
            return Vec::new();
        };
        let exact = self.at(offset);
        if !exact.is_empty() {
            return exact.iter().map(|&each| self.unpacked(each)).collect();
        }
        let end = self.packed.partition_point(|each| each >> 34 <= offset);
        let start = self.packed[..end]
            .iter()
            .rev()
            .find(|&&each| each >> 1 & 1 == 1);
        let start = start
            .map(|each| each >> 34)
            .filter(|start| offset - start < MOST_DISTANCE);
        let named = start.map_or(&[][..], |start| self.at(start));
        named.iter().map(|&each| self.unpacked(each)).collect()
    }

    /// Returns every address that is named, in order.
    pub fn named(&self) -> Vec<u64> {
        let all = self.packed.iter();
        let mut named: Vec<u64> = all.map(|each| self.variables + (each >> 34)).collect();
        named.dedup();
        named
    }

    fn at(&self, offset: u64) -> &[u64] {
        let start = self.packed.partition_point(|each| each >> 34 < offset);
        let end = self.packed.partition_point(|each| each >> 34 <= offset);
        &self.packed[start..end]
    }

    fn unpacked(&self, each: u64) -> (u64, bool) {
        (self.text + (each >> 2 & 0xffff_ffff), each & 1 == 1)
    }
}

/// Returns what the opcode `code`, behind the byte `before`, does with its operand; `group` is the middle of ModRM.
fn use_of(before: u8, code: u8, group: u8) -> Option<Use> {
    let is_word = before & 0xf8 == REX_W && matches!(code, 0x8b | 0x89 | 0x8d);
    let (immediate, writes) = match (before, code) {
        // cmpxchg, xadd, moves of half and whole vectors, of bytes and halves.
        (0x0f, 0xb0 | 0xb1 | 0xc0 | 0xc1 | 0x11 | 0x29 | 0x7f | 0xd6) => (0, true),
        (0x0f, 0x10 | 0x28 | 0x6f | 0xb6 | 0xb7 | 0xbe | 0xbf) => (0, false),
        (0x0f, _) => return None,
        (_, 0x88 | 0x89 | 0x01 | 0x29 | 0x21 | 0x09 | 0x31 | 0x86 | 0x87) => (0, true),
        (_, 0x8a | 0x8b | 0x8d | 0x03 | 0x2b | 0x23 | 0x0b | 0x33) => (0, false),
        (_, 0x38..=0x3b | 0x84 | 0x85 | 0x63) => (0, false),
        (_, 0xc6) => (1, true),
        (_, 0xc7) => (4, true),
        (_, 0x80 | 0x83) => (1, group != 7),
        (_, 0x81) => (4, group != 7),
        (_, 0xff) => (0, group < 2),
        _ => return None,
    };
    Some(Use {
        immediate,
        writes,
        is_word,
    })
}

#[cfg(test)]
mod tests {
    use super::References;

    // mov rax, [rip+0x10]; mov dword [rip+0x20], 1; lea rcx, [rip+0x30]; all at 0x1000.
    const CODE: [u8; 28] = [
        0x90, 0x48, 0x8b, 0x05, 0x10, 0, 0, 0, 0x90, 0xc7, 0x05, 0x20, 0, 0, 0, 1, 0, 0, 0, 0x48,
        0x8d, 0x0d, 0x30, 0, 0, 0, 0x90, 0x90,
    ];

    fn found() -> References {
        References::find(&CODE, 0x1000, 0x1008..0x2000)
    }

    #[test]
    fn operands_are_found_with_what_is_done_to_them() {
        assert_eq!(found().naming(0x1018), [(0x1003, false)]);
        assert_eq!(found().naming(0x1033), [(0x100a, true)]);
        assert_eq!(found().naming(0x104a), [(0x1015, false)]);
    }

    #[test]
    fn what_nobody_names_is_part_of_what_begins_before_it() {
        assert_eq!(found().naming(0x1050), [(0x1015, false)]);
        // The move of a number says nothing of where a variable begins.
        assert_eq!(found().naming(0x1038), [(0x1003, false)]);
        assert_eq!(found().naming(0x1010), []);
        assert_eq!(found().naming(0x10), []);
    }
}
