//! Programs that say which words of a large type hold pointers, up to Go 1.23: src/runtime/mbitmap.go, runGCProg.

/// Set in an instruction that repeats the bits before it; else it is followed by as many bits.
const REPEAT: u8 = 1 << 7;
/// A lying program is given up beyond these: 128 MiB of pointers, where no variable on a stack has more than 10.
const MOST_POINTERS: usize = 1 << 24;

/// Returns which of the first `count` words the program sets, ascending; None where it is none, or says more than
/// memory can hold. What it says of words behind these counts for repetitions alone.
pub fn pointer_words(program: &[u8], count: u32) -> Option<Vec<u32>> {
    let mut program = program.iter().copied();
    let (mut set, mut length) = (Vec::new(), 0u32);
    loop {
        let instruction = program.next()?;
        let bits = u32::from(instruction & !REPEAT);
        if instruction & REPEAT != 0 {
            let bits = if bits == 0 {
                varint(&mut program)?
            } else {
                bits
            };
            let times = varint(&mut program)?;
            length = repeat(&mut set, length, bits, times)?;
        } else if bits == 0 {
            break;
        } else {
            length = literal(&mut set, length, bits, &mut program)?;
        }
    }
    set.truncate(set.partition_point(|&word| word < count));
    Some(set)
}

/// Adds `bits` bits that the program spells out behind the first `length`, and returns how many there are now.
fn literal(
    set: &mut Vec<u32>,
    length: u32,
    bits: u32,
    program: &mut impl Iterator<Item = u8>,
) -> Option<u32> {
    for first in (0..bits).step_by(8) {
        let byte = program.next()?;
        let own = (first..bits.min(first + 8)).filter(|bit| byte >> (bit - first) & 1 == 1);
        set.extend(own.map(|bit| length + bit));
    }
    length.checked_add(bits)
}

/// Adds the last `bits` of the `length` bits so far `times` times, and returns how many there are now.
fn repeat(set: &mut Vec<u32>, length: u32, bits: u32, times: u32) -> Option<u32> {
    let from = length.checked_sub(bits)?;
    let end = bits.checked_mul(times)?.checked_add(length)?;
    let first = set.partition_point(|&word| word < from);
    let pattern = set[first..].to_vec();
    if pattern.is_empty() {
        return Some(end);
    }
    if pattern.len().checked_mul(times as usize)? + set.len() > MOST_POINTERS {
        return None;
    }
    for time in 1..=times {
        set.extend(pattern.iter().map(|word| word + time * bits));
    }
    Some(end)
}

/// Takes a number off the front: seven bits a byte, the lowest first, the last without its highest bit.
fn varint(program: &mut impl Iterator<Item = u8>) -> Option<u32> {
    let mut number = 0u32;
    for shift in (0..32).step_by(7) {
        let byte = program.next()?;
        let part = u32::from(byte & 0x7f);
        number |= part
            .checked_shl(shift)
            .filter(|shifted| shifted >> shift == part)?;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_and_repetitions_one_behind_the_other() {
        let ten_bits = [10, 0b1000_0001, 0b10];
        let (three_of_them_twice_more, a_zero) = ([REPEAT | 3, 2], [1, 0]);
        let (that_five_times_more, a_pointer) = ([REPEAT, 1, 5], [1, 1]);
        let program = [
            &ten_bits[..],
            &three_of_them_twice_more,
            &a_zero,
            &that_five_times_more,
            &a_pointer,
            &[0],
        ]
        .concat();
        let wanted = [0, 7, 9, 10, 12, 13, 15, 22];
        assert_eq!(pointer_words(&program, 100), Some(wanted.to_vec()));
        assert_eq!(pointer_words(&program, 13), Some(wanted[..5].to_vec()));
        for end in 0..program.len() {
            assert_eq!(pointer_words(&program[..end], 100), None, "{end}");
        }
    }

    #[test]
    fn numbers_of_several_bytes() {
        // A pointer, then 2 bits (0 and it) 300 times.
        let program = [2, 0b10, 0x80 | 2, 0xac, 0x02, 0];
        let words = pointer_words(&program, u32::MAX).unwrap();
        assert_eq!((words.len(), words[300]), (301, 601));
    }

    #[test]
    fn what_would_fill_all_memory_is_none() {
        let far = [1, 1, 0x81, 0xff, 0xff, 0xff, 0xff, 0x0f, 0];
        assert_eq!(pointer_words(&far, 1), None);
        let doubled: Vec<u8> = [1, 1]
            .into_iter()
            .chain([0x81, 0x7f].repeat(64))
            .chain([0])
            .collect();
        assert!(pointer_words(&doubled, 1).is_some());
        let before_the_start = [1, 1, 0x80 | 2, 1, 0];
        assert_eq!(pointer_words(&before_the_start, 8), None);
        let endless = [1, 1, 0x81, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0];
        assert_eq!(pointer_words(&endless, 8), None);
    }
}
