//! Machine code for one system call in a thread that was interrupted anywhere, after which it goes on by itself.
//!
//! The code carries the interrupted state within it. Once a thread's instruction pointer is set to its start
//! (one SETREGS, which is one step), nobody is needed any more: the call is made, every register that it
//! touched is put back, its signal mask too, and the thread goes on where it was, with or without a tracer. It uses
//! no stack: below a goroutine's stack pointer may lie somebody else's object. It touches no flags: only `mov`,
//! `lea`, `syscall` (which gives them back), `jrcxz` and `jmp`. It writes no memory.

use libc::user_regs_struct;

/// One system call with up to five arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Call {
    pub number: u32,
    pub arguments: [u64; 5],
}

pub const CLONE: u32 = 56;
const SIGPROCMASK: u32 = 14;
const WAIT4: u32 = 61;
const EXIT_GROUP: u32 = 231;
const RESTART_SYSCALL: u64 = 219;
/// A set of signals as the kernel has it has one bit for each.
const MASK_BYTES: u64 = 8;
/// The length of the `syscall` instruction.
const SYSCALL_BYTES: u64 = 2;

/// Nothing that is built here is longer.
pub const MAX_BYTES: usize = 208;

/// What the code starts with, so that it is known again where it was left: jmp over the rest of the name.
pub const MARK: [u8; 8] = *b"\xeb\x08mapmed";
const REST_OF_MARK: [u8; 2] = *b"ic";

impl Call {
    /// A copy of the process with copy-on-write memory that tells nobody when it ends (exit signal 0).
    pub const fn fork() -> Call {
        Call {
            number: CLONE,
            arguments: [0; 5],
        }
    }

    /// Takes note of the end of `child`, if it has ended, so that no zombie stays.
    pub fn reap(child: libc::pid_t) -> Call {
        let options = (libc::__WALL | libc::WNOHANG) as u32;
        Call {
            number: WAIT4,
            arguments: [child as u64, 0, u64::from(options), 0, 0],
        }
    }
}

/// Returns the registers with which an interrupted thread goes on when nobody but itself restarts what it
/// was doing: a system call that a stop has broken off is made again, as the kernel would.
///
/// Codes: include/linux/errno.h (ERESTARTSYS 512, NOINTR 513, NOHAND 514, RESTARTBLOCK 516); the same step
/// is in arch/x86/kernel/signal.c, arch_do_signal_or_restart.
pub fn continued(interrupted: &user_regs_struct) -> user_regs_struct {
    let mut registers = *interrupted;
    registers.orig_rax = u64::MAX; // not in a system call any more
    if (interrupted.orig_rax as i64) < 0 {
        return registers;
    }
    match interrupted.rax as i64 {
        -514..=-512 => registers.rax = interrupted.orig_rax,
        -516 => registers.rax = RESTART_SYSCALL,
        _ => return registers,
    }
    registers.rip -= SYSCALL_BYTES;
    registers
}

/// Returns the code that makes `call`, and then goes on with `registers` and the signals of `mask` blocked. Where the
/// call is a fork, the copy ends itself at its first instruction of its own: it never runs the program's code.
pub fn machine_code(call: Call, registers: &user_regs_struct, mask: u64) -> Vec<u8> {
    let mut code = Vec::with_capacity(MAX_BYTES);
    code.extend(MARK);
    code.extend(REST_OF_MARK);
    for (register, value) in ARGUMENTS.into_iter().zip(call.arguments) {
        load(&mut code, register, value);
    }
    load(&mut code, RAX, u64::from(call.number));
    code.extend(SYSCALL);
    if call.number == CLONE {
        code.extend([0x48, 0x89, 0xc1]); // mov rcx, rax
        let end = exit();
        code.extend([0xe3, 0x02]); // jrcxz over the next jump: zero is the copy
        code.extend([0xeb, end.len() as u8]); // jmp over the exit
        code.extend(end);
    }
    let back = way_back(registers);
    block_only(&mut code, back.len());
    code.extend(back);
    code.extend(mask.to_le_bytes());
    debug_assert!(code.len() <= MAX_BYTES);
    code
}

const SYSCALL: [u8; 2] = [0x0f, 0x05];

/// Appends the call that blocks the signals of the mask that lies `distance` bytes behind it, and no others.
fn block_only(code: &mut Vec<u8>, distance: usize) {
    for (register, value) in [
        (RDI, libc::SIG_SETMASK as u64),
        (RDX, 0),
        (R10, MASK_BYTES),
        (RAX, u64::from(SIGPROCMASK)),
    ] {
        load(code, register, value);
    }
    code.extend([0x48, 0x8d, 0x35]); // lea rsi, [rip + ...]
    code.extend(((SYSCALL.len() + distance) as u32).to_le_bytes());
    code.extend(SYSCALL);
}

fn way_back(registers: &user_regs_struct) -> Vec<u8> {
    let mut code = Vec::new();
    for (register, value) in restored(registers) {
        load(&mut code, register, value);
    }
    code.extend([0xff, 0x25, 0, 0, 0, 0]); // jmp [rip + 0]
    code.extend(registers.rip.to_le_bytes());
    code
}

fn exit() -> Vec<u8> {
    let mut code = Vec::new();
    load(&mut code, RDI, 0);
    load(&mut code, RAX, u64::from(EXIT_GROUP));
    code.extend(SYSCALL);
    code.extend([0xeb, 0xfe]); // should that ever return: stay here
    code
}

/// A register as `mov` encodes it: its number, 8 and up being r8 and up.
type Register = u8;
const RAX: Register = 0;
const RCX: Register = 1;
const RDX: Register = 2;
const RSI: Register = 6;
const RDI: Register = 7;
const R8: Register = 8;
const R10: Register = 10;
const R11: Register = 11;
const ARGUMENTS: [Register; 5] = [RDI, RSI, RDX, R10, R8];

/// What the code and the kernel change: arguments, rax, and rcx and r11, which `syscall` itself uses.
fn restored(registers: &user_regs_struct) -> [(Register, u64); 8] {
    [
        (RDI, registers.rdi),
        (RSI, registers.rsi),
        (RDX, registers.rdx),
        (R10, registers.r10),
        (R8, registers.r8),
        (RCX, registers.rcx),
        (R11, registers.r11),
        (RAX, registers.rax),
    ]
}

/// Appends `mov register, value`: the short form, which clears the upper half, where it fits.
fn load(code: &mut Vec<u8>, register: Register, value: u64) {
    let (extended, low) = (register >> 3, register & 7);
    if let Ok(short) = u32::try_from(value) {
        if extended == 1 {
            code.push(0x41);
        }
        code.push(0xb8 | low);
        code.extend(short.to_le_bytes());
    } else {
        code.extend([0x48 | extended, 0xb8 | low]);
        code.extend(value.to_le_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interrupted(orig_rax: i64, rax: i64) -> user_regs_struct {
        // SAFETY: all-zero bytes are a valid user_regs_struct, a struct of integers.
        let mut registers: user_regs_struct = unsafe { std::mem::zeroed() };
        (registers.rip, registers.rax, registers.orig_rax) =
            (0x40_1002, rax as u64, orig_rax as u64);
        registers
    }

    #[test]
    fn what_was_broken_off_is_made_again() {
        const FUTEX: i64 = 202;
        for (orig, answer, rip, rax) in [
            (-1, -512, 0x40_1002, -512), // user code whose rax only looks like it
            (FUTEX, 0, 0x40_1002, 0),    // made and answered
            (FUTEX, -4, 0x40_1002, -4),  // EINTR is an answer
            (FUTEX, -512, 0x40_1000, FUTEX),
            (FUTEX, -513, 0x40_1000, FUTEX),
            (FUTEX, -514, 0x40_1000, FUTEX),
            (FUTEX, -516, 0x40_1000, RESTART_SYSCALL as i64),
        ] {
            let back = continued(&interrupted(orig, answer));
            assert_eq!(
                (back.rip, back.rax as i64, back.orig_rax),
                (rip, rax, u64::MAX),
                "{orig} {answer}"
            );
        }
    }

    #[test]
    fn the_code_fits_whatever_the_registers_hold() {
        let mut registers = interrupted(-1, -1);
        for value in [0, u64::from(u32::MAX), u64::MAX] {
            (registers.rdi, registers.rsi, registers.rdx) = (value, value, value);
            (registers.r10, registers.r8, registers.rcx, registers.r11) =
                (value, value, value, value);
            for call in [Call::fork(), Call::reap(i32::MAX)] {
                assert!(machine_code(call, &registers, value).len() <= MAX_BYTES);
            }
        }
    }
}
