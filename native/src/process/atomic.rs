//! What a thread that stands right behind an atomic instruction has just written, by its registers and flags.
//!
//! `lock cmpxchg` leaves the old value in EAX where it wrote, and says so in ZF; the new one is its operand. `lock
//! xadd` leaves the old value in its operand; what was added is gone, but the flags are those of the sum, so of the
//! few numbers that may have been added those that make other flags drop out. (Intel SDM, volume 2.)

use iced_x86::{Code, Decoder, DecoderOptions, Instruction, Register};
use libc::user_regs_struct;

/// The longest instruction there is.
pub const LONGEST: usize = 15;
const SHORTEST: usize = 4;
const LOCK_PREFIX: u8 = 0xf0;

const CARRY: u64 = 1;
const PARITY: u64 = 1 << 2;
const ADJUST: u64 = 1 << 4;
const ZERO: u64 = 1 << 6;
const SIGN: u64 = 1 << 7;
const OVERFLOW: u64 = 1 << 11;
const OF_A_SUM: u64 = CARRY | PARITY | ADJUST | ZERO | SIGN | OVERFLOW;

/// What four bytes held before an instruction, and what they may have held right after it: one value or several.
#[derive(Debug, PartialEq, Eq)]
pub struct Written {
    pub old: u32,
    pub new: Vec<u32>,
}

/// Returns what the instruction that ends where the thread stands has written to the four bytes at `address`; None
/// where it is none that is understood, wrote elsewhere, or not at all. `code` ends where the thread stands;
/// `summands` is what the program may have added there.
pub fn written(
    code: &[u8],
    registers: &user_regs_struct,
    address: u64,
    summands: &[i32],
) -> Option<Written> {
    let instruction = last(code, registers.rip)?;
    let at = instruction.virtual_address(0, 0, |register, _, _| value(registers, register))?;
    if at != address {
        return None;
    }
    let operand = value(registers, instruction.op1_register().full_register())? as u32;
    match instruction.code() {
        Code::Cmpxchg_rm32_r32 if registers.eflags & ZERO != 0 => Some(Written {
            old: registers.rax as u32,
            new: vec![operand],
        }),
        Code::Xadd_rm32_r32 => {
            let new = sums(operand, summands, registers.eflags);
            (!new.is_empty()).then_some(Written { old: operand, new })
        }
        _ => None,
    }
}

fn sums(old: u32, summands: &[i32], flags: u64) -> Vec<u32> {
    if flags & ZERO != 0 {
        return vec![0];
    }
    summands
        .iter()
        .map(|&summand| summand as u32)
        .filter(|&summand| flags_of(old, summand) == flags & OF_A_SUM)
        .map(|summand| old.wrapping_add(summand))
        .collect()
}

fn flags_of(left: u32, right: u32) -> u64 {
    let (sum, carries) = left.overflowing_add(right);
    let (_, overflows) = (left as i32).overflowing_add(right as i32);
    let when = |is: bool, flag: u64| if is { flag } else { 0 };
    when(carries, CARRY)
        | when((sum as u8).count_ones() % 2 == 0, PARITY)
        | when((left ^ right ^ sum) & 0x10 != 0, ADJUST)
        | when(sum == 0, ZERO)
        | when(sum >> 31 != 0, SIGN)
        | when(overflows, OVERFLOW)
}

/// Returns the one locked instruction that `code` can end with; None where there is none, or more than one.
fn last(code: &[u8], end: u64) -> Option<Instruction> {
    let mut found = (SHORTEST..=code.len().min(LONGEST)).filter_map(|length| {
        let bytes = &code[code.len() - length..];
        if bytes[0] != LOCK_PREFIX {
            return None;
        }
        let start = end.wrapping_sub(length as u64);
        let instruction = Decoder::with_ip(64, bytes, start, DecoderOptions::NONE).decode();
        (!instruction.is_invalid() && instruction.len() == length).then_some(instruction)
    });
    let only = found.next();
    if found.next().is_some() { None } else { only }
}

fn value(r: &user_regs_struct, register: Register) -> Option<u64> {
    Some(match register {
        Register::RAX => r.rax,
        Register::RBX => r.rbx,
        Register::RCX => r.rcx,
        Register::RDX => r.rdx,
        Register::RSI => r.rsi,
        Register::RDI => r.rdi,
        Register::RBP => r.rbp,
        Register::RSP => r.rsp,
        Register::R8 => r.r8,
        Register::R9 => r.r9,
        Register::R10 => r.r10,
        Register::R11 => r.r11,
        Register::R12 => r.r12,
        Register::R13 => r.r13,
        Register::R14 => r.r14,
        Register::R15 => r.r15,
        // Their base is 0 in 64-bit code.
        Register::DS | Register::ES | Register::SS | Register::CS => 0,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: u64 = 0xc0_0001_2038;
    const LOCKED: i32 = 1;
    const SUMMANDS: [i32; 3] = [-LOCKED, LOCKED - 8, LOCKED - 8 - 4];
    /// movl $1, %edx; lock cmpxchg %edx, (%rcx), as Go 1.27 compiles Mutex.Lock.
    const CMPXCHG: [u8; 9] = [0xba, 1, 0, 0, 0, 0xf0, 0x0f, 0xb1, 0x11];
    /// lock xadd %ebx, (%rax), behind the bytes of another instruction.
    const XADD: [u8; 8] = [0xff, 0xff, 0xff, 0xff, 0xf0, 0x0f, 0xc1, 0x18];

    fn registers() -> user_regs_struct {
        // SAFETY: all-zero bytes are a valid user_regs_struct, a struct of integers.
        let mut registers: user_regs_struct = unsafe { std::mem::zeroed() };
        (registers.rip, registers.rax, registers.rcx) = (0x498a17, AT, AT);
        registers
    }

    #[test]
    fn an_exchange_that_was_made_tells_both_values() {
        let mut r = registers();
        (r.rax, r.rdx, r.eflags) = (2, 3, ZERO);
        let told = written(&CMPXCHG, &r, AT, &SUMMANDS);
        assert_eq!(
            told,
            Some(Written {
                old: 2,
                new: vec![3]
            })
        );
    }

    #[test]
    fn one_that_was_not_made_or_was_made_elsewhere_tells_nothing() {
        let mut r = registers();
        (r.rax, r.rdx, r.eflags) = (2, 3, 0);
        assert_eq!(written(&CMPXCHG, &r, AT, &SUMMANDS), None);
        r.eflags = ZERO;
        assert_eq!(written(&CMPXCHG, &r, AT + 4, &SUMMANDS), None);
    }

    #[test]
    fn every_sum_is_among_those_that_its_flags_allow() {
        for old in 0..4096 {
            for summand in SUMMANDS {
                let mut r = registers();
                (r.rbx, r.eflags) = (u64::from(old), flags_of(old, summand as u32));
                let told = written(&XADD, &r, AT, &SUMMANDS).unwrap();
                assert_eq!(told.old, old);
                assert!(told.new.contains(&old.wrapping_add(summand as u32)));
            }
        }
    }

    #[test]
    fn flags_that_no_summand_makes_tell_nothing() {
        let mut r = registers();
        (r.rbx, r.eflags) = (1, SIGN | OVERFLOW);
        assert_eq!(written(&XADD, &r, AT, &SUMMANDS), None);
    }

    #[test]
    fn what_stands_behind_no_locked_instruction_tells_nothing() {
        let mut r = registers();
        r.eflags = ZERO;
        assert_eq!(written(&CMPXCHG[..8], &r, AT, &SUMMANDS), None);
        assert_eq!(written(&[0x90; 15], &r, AT, &SUMMANDS), None);
        assert_eq!(written(&[], &r, AT, &SUMMANDS), None);
    }

    #[test]
    fn the_flags_of_a_sum_are_those_that_this_processor_makes() {
        for left in [
            0_u32,
            1,
            2,
            9,
            12,
            0x7fff_ffff,
            0x8000_0000,
            0xc000_0001,
            u32::MAX,
        ] {
            for right in [1_i32, -1, -7, -11, 1 << 30, -(1 << 30)] {
                let flags: u64;
                // SAFETY: adds two registers, and pops what it pushed.
                unsafe {
                    std::arch::asm!("add {l:e}, {r:e}", "pushfq", "pop {f}",
                        l = inout(reg) left => _, r = in(reg) right, f = out(reg) flags);
                }
                assert_eq!(
                    flags & OF_A_SUM,
                    flags_of(left, right as u32),
                    "{left} {right}"
                );
            }
        }
    }
}
