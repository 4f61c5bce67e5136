//! Decodes pc-value tables (src/runtime/symtab.go pcvalue, step).

use std::cell::Cell;

use super::bytes::varint;
use crate::problem::{Parsed, problem};

/// What no table and no entry means, as in the runtime.
pub const NO_VALUE: i32 = -1;
/// Entries one call may walk: a second's work. A large function has some ten thousand.
const MAX_STEPS: u64 = 1 << 29;

/// Counts the entries walked, so that made-up tables cannot keep us busy for ever.
pub struct Patience(Cell<u64>);

impl Default for Patience {
    fn default() -> Self {
        Patience(Cell::new(MAX_STEPS))
    }
}

impl Patience {
    fn spend(&self) -> Option<()> {
        self.0.set(self.0.get().checked_sub(1)?);
        Some(())
    }
}

/// Returns the value that the table at `offset` of `tables` holds `distance` bytes into its function.
pub fn value_at(
    tables: &[u8],
    offset: u32,
    distance: u64,
    quantum: u8,
    patience: &Patience,
) -> Parsed<i32> {
    for run in Runs::of(tables, offset, quantum, patience)? {
        let (value, end) = run?;
        if distance < end {
            return Ok(value);
        }
    }
    Ok(NO_VALUE)
}

/// Walks the table at an offset: each value, with how many bytes into its function it ends.
///
/// An entry is a zigzag value delta and a pc delta in instruction quanta; a value delta of 0 ends the table.
pub struct Runs<'a> {
    rest: &'a [u8],
    offset: u32,
    quantum: u8,
    patience: &'a Patience,
    value: i32,
    pc: u64,
    is_over: bool,
}

impl<'a> Runs<'a> {
    pub fn of(tables: &'a [u8], offset: u32, quantum: u8, patience: &'a Patience) -> Parsed<Self> {
        let Some(rest) = tables.get(offset as usize..) else {
            return problem("a pc-value table ends before its end mark", offset as usize);
        };
        Ok(Runs {
            rest,
            offset,
            quantum,
            patience,
            value: NO_VALUE,
            pc: 0,
            is_over: offset == 0,
        })
    }

    fn step(&mut self) -> Parsed<Option<(i32, u64)>> {
        let cut = || {
            problem(
                "a pc-value table ends before its end mark",
                self.offset as usize,
            )
        };
        if self.patience.spend().is_none() {
            return problem(
                "its pc-value tables are absurdly long",
                self.offset as usize,
            );
        }
        let Some((delta, after)) = varint(self.rest) else {
            return cut();
        };
        if delta == 0 && self.pc != 0 {
            return Ok(None);
        }
        let Some((advance, after)) = varint(after) else {
            return cut();
        };
        let delta = delta as u32;
        self.value = self
            .value
            .wrapping_add((delta >> 1) as i32 ^ -((delta & 1) as i32));
        self.pc = self
            .pc
            .saturating_add(u64::from(advance as u32) * u64::from(self.quantum));
        self.rest = after;
        Ok(Some((self.value, self.pc)))
    }
}

impl Iterator for Runs<'_> {
    type Item = Parsed<(i32, u64)>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_over {
            return None;
        }
        let step = self.step();
        self.is_over = !matches!(step, Ok(Some(_)));
        step.transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // -1 + 1 = 0 for 4 bytes, + 8 = 8 for 300 bytes, end.
    const TABLE: [u8; 7] = [0xff, 2, 4, 16, 0xac, 2, 0];

    fn at(distance: u64) -> Parsed<i32> {
        value_at(&TABLE, 1, distance, 1, &Patience::default())
    }

    #[test]
    fn values_hold_until_the_next_entry() {
        assert_eq!(at(0), Ok(0));
        assert_eq!(at(3), Ok(0));
        assert_eq!(at(4), Ok(8));
        assert_eq!(at(303), Ok(8));
        assert_eq!(at(304), Ok(NO_VALUE));
    }

    #[test]
    fn tables_that_do_not_end() {
        let patience = Patience::default();
        assert!(value_at(&TABLE[..6], 1, 304, 1, &patience).is_err());
        assert!(value_at(&TABLE, 99, 0, 1, &patience).is_err());
        assert_eq!(value_at(&TABLE, 0, 0, 1, &patience), Ok(NO_VALUE));
    }

    #[test]
    fn patience_ends() {
        let patience = Patience(Cell::new(2));
        assert!(value_at(&TABLE, 1, 304, 1, &patience).is_err());
    }
}
