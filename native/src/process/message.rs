//! What we and a guardian say to each other: orders to it, answers from it, each as a kind, a number and bytes.

use std::io::{self, ErrorKind, Read, Write};
use std::time::Duration;

use libc::{pid_t, user_regs_struct};

use super::failure::Failure;
use super::sys;
use super::writing::Change;

/// Messages larger than this are none of ours.
const MOST_BYTES: u64 = 1 << 30;
const WORD: usize = size_of::<u64>();
const REGISTERS: usize = size_of::<user_regs_struct>();

/// The threads of a process that stands still, and where each stood.
pub type Registers = Vec<(pid_t, user_regs_struct)>;

/// What a guardian says; each of these means one thing.
pub enum Answer {
    /// Every thread stands still.
    Holding(Registers),
    /// All that was asked for last was written, and read again.
    Written,
    /// Every thread was let go, so long after it was asked to stop; no order is open that was carried out.
    LetGo(Duration),
    /// What was asked for could not be done.
    Failed(Failure),
}

const HOLDING: u64 = 0;
const WRITTEN: u64 = 1;
const LET_GO: u64 = 2;
/// The kinds from here on are failures.
const FAILED: u64 = 16;

impl Answer {
    pub fn send(&self, to: &mut impl Write) -> io::Result<()> {
        match self {
            Answer::Holding(registers) => send(to, HOLDING, 0, &pack(registers)),
            Answer::Written => send(to, WRITTEN, 0, &[]),
            Answer::LetGo(pause) => send(to, LET_GO, pause.as_nanos() as u64, &[]),
            Answer::Failed(failure) => {
                let (kind, number) = numbers(failure);
                send(to, FAILED + kind, number, &[])
            }
        }
    }

    pub fn receive(from: &mut impl Read) -> io::Result<Answer> {
        let (kind, number, raw) = receive(from)?;
        match kind {
            HOLDING => Ok(Answer::Holding(unpack(&raw))),
            WRITTEN => Ok(Answer::Written),
            LET_GO => Ok(Answer::LetGo(Duration::from_nanos(number))),
            FAILED.. => Ok(Answer::Failed(failure(kind - FAILED, number))),
            _ => Err(ErrorKind::InvalidData.into()),
        }
    }
}

/// Sends the order to write `changes`.
pub fn send_changes(to: &mut impl Write, changes: &[Change]) -> io::Result<()> {
    let mut raw = Vec::new();
    for change in changes {
        let (old, new) = (change.old.len() as u64, change.new.len() as u64);
        for number in [change.address, old, new] {
            raw.extend(number.to_le_bytes());
        }
        raw.extend(&change.old);
        raw.extend(&change.new);
    }
    send(to, 0, 0, &raw)
}

/// Returns the changes of the next order; InvalidData where it is none.
pub fn receive_changes(from: &mut impl Read) -> io::Result<Vec<Change>> {
    let (_, _, raw) = receive(from)?;
    changes(&raw).ok_or_else(|| ErrorKind::InvalidData.into())
}

fn changes(mut raw: &[u8]) -> Option<Vec<Change>> {
    let mut found = Vec::new();
    while !raw.is_empty() {
        let (head, rest) = raw.split_at_checked(3 * WORD)?;
        let [address, old, new] = words(head);
        let (old, rest) = rest.split_at_checked(usize::try_from(old).ok()?)?;
        let (new, rest) = rest.split_at_checked(usize::try_from(new).ok()?)?;
        found.push(Change {
            address,
            old: old.to_vec(),
            new: new.to_vec(),
        });
        raw = rest;
    }
    Some(found)
}

fn pack(registers: &Registers) -> Vec<u8> {
    let mut raw = Vec::new();
    for (id, each) in registers {
        raw.extend(id.to_le_bytes());
        raw.extend(sys::bytes_of(each));
    }
    raw
}

fn unpack(raw: &[u8]) -> Registers {
    let each = size_of::<pid_t>() + REGISTERS;
    raw.chunks_exact(each)
        .map(|chunk| {
            let (id, registers) = chunk.split_at(size_of::<pid_t>());
            let id = pid_t::from_le_bytes(id.try_into().unwrap_or_default());
            (id, sys::registers_from(registers))
        })
        .collect()
}

pub(super) fn numbers(failure: &Failure) -> (u64, u64) {
    match failure {
        Failure::Gone(thread) => (1, *thread as u64),
        Failure::NotPermitted(thread) => (2, *thread as u64),
        Failure::TooSlow(thread) => (3, *thread as u64),
        Failure::Changed(address) => (4, *address),
        Failure::NotWhole(address) => (5, *address),
        Failure::OtherMachine => (6, 0),
        Failure::InPart(address) => (8, *address),
        Failure::NotThere(address) => (9, *address),
        Failure::Kernel { errno, .. } => (7, *errno as u64),
        _ => (7, 0),
    }
}

pub(super) fn failure(kind: u64, number: u64) -> Failure {
    match kind {
        1 => Failure::Gone(number as pid_t),
        2 => Failure::NotPermitted(number as pid_t),
        3 => Failure::TooSlow(number as pid_t),
        4 => Failure::Changed(number),
        5 => Failure::NotWhole(number),
        6 => Failure::OtherMachine,
        8 => Failure::InPart(number),
        9 => Failure::NotThere(number),
        _ => Failure::Kernel {
            doing: "guarding",
            errno: number as i32,
        },
    }
}

pub(super) fn send(to: &mut impl Write, kind: u64, number: u64, raw: &[u8]) -> io::Result<()> {
    let mut whole = Vec::with_capacity(3 * WORD + raw.len());
    for each in [kind, number, raw.len() as u64] {
        whole.extend(each.to_le_bytes());
    }
    whole.extend(raw);
    to.write_all(&whole)
}

pub(super) fn receive(from: &mut impl Read) -> io::Result<(u64, u64, Vec<u8>)> {
    let mut head = [0; 3 * WORD];
    from.read_exact(&mut head)?;
    let [kind, number, bytes] = words(&head);
    if bytes > MOST_BYTES {
        return Err(ErrorKind::InvalidData.into());
    }
    let mut raw = vec![0; bytes as usize];
    from.read_exact(&mut raw)?;
    Ok((kind, number, raw))
}

fn words(head: &[u8]) -> [u64; 3] {
    let word = |at: usize| head[at * WORD..][..WORD].try_into().unwrap_or_default();
    [0, 1, 2].map(|at| u64::from_le_bytes(word(at)))
}
