//! From an address to the record of its function (src/runtime/symtab.go findfunc, runtime2.go _func).

use super::bytes::{c_string, i32_at, u32_at};
use super::pcvalue::{NO_VALUE, Patience, Runs, value_at};
use crate::problem::{Parsed, problem};

const FUNCTAB_ENTRY_BYTES: usize = 8;
const FIXED_BYTES: usize = 44;
const NO_FUNCDATA: u32 = u32::MAX;
/// This one has the id of a wrapper in every version (src/cmd/internal/objabi/funcid.go funcIDs).
const KNOWN_WRAPPER: &[u8] = b"runtime.deferreturn";

/// The tables of one program, borrowed from its bytes.
pub struct Tables<'a> {
    pub names: &'a [u8],
    pub units: &'a [u8],
    pub files: &'a [u8],
    pub values: &'a [u8],
    pub records: &'a [u8],
    /// go:func.* and whatever follows it.
    pub funcdata: &'a [u8],
    pub functions: usize,
    pub text: u64,
    pub quantum: u8,
    /// The id of compiler-generated wrappers; it differs between versions (src/internal/abi/symtab.go FuncID).
    pub wrapper: Option<u8>,
    pub patience: Patience,
}

/// One function's record; word numbers as in runtime2.go.
pub struct Function<'t, 'a> {
    pub(super) tables: &'t Tables<'a>,
    raw: &'a [u8],
    /// Bytes from the text's start to its first instruction.
    pub entry: u32,
}

impl<'a> Tables<'a> {
    /// Returns the function that `pc` is in, None outside of the text; padding counts as the one before it.
    pub fn function_at(&self, pc: u64) -> Parsed<Option<Function<'_, 'a>>> {
        let distance = pc.checked_sub(self.text).map(u32::try_from);
        let Some(Ok(offset)) = distance else {
            return Ok(None);
        };
        // One entry more than there are functions: where the last one ends.
        let (mut low, mut high) = (0, self.functions + 1);
        while low < high {
            let middle = low + (high - low) / 2;
            match self.entry(middle) {
                Some(entry) if entry <= offset => low = middle + 1,
                _ => high = middle,
            }
        }
        if low == 0 || low > self.functions {
            return Ok(None);
        }
        self.function(low - 1).map(Some)
    }

    /// Returns function number `index` in order of address.
    pub fn function(&self, index: usize) -> Parsed<Function<'_, 'a>> {
        let at = index * FUNCTAB_ENTRY_BYTES;
        let place =
            u32_at(self.records, at + 4).and_then(|place| self.records.get(place as usize..));
        match (place, self.entry(index)) {
            (Some(raw), Some(entry)) if raw.len() >= FIXED_BYTES => Ok(Function {
                tables: self,
                raw,
                entry,
            }),
            _ => problem("a function's record lies outside of its table", at),
        }
    }

    /// Returns where the code of each function lies whose name `is_meant`: [start, end).
    pub fn code_of(&self, is_meant: impl Fn(&[u8]) -> bool) -> impl Iterator<Item = (u64, u64)> {
        let indices = (0..self.functions).filter(move |&index| {
            self.function(index)
                .is_ok_and(|function| is_meant(function.name()))
        });
        let address = |index| self.text.checked_add(self.entry(index)?.into());
        indices.filter_map(move |index| Some((address(index)?, address(index + 1)?)))
    }

    /// Returns where the code of each function lies that has one inlined whose name `is_meant`: [start, end).
    pub fn code_inlining(&self, is_meant: impl Fn(&[u8]) -> bool) -> Parsed<Vec<(u64, u64)>> {
        let mut found = Vec::new();
        for index in 0..self.functions {
            if self.function(index)?.inlines(&is_meant)? {
                let address = |index| self.text.checked_add(u64::from(self.entry(index)?));
                found.extend(address(index).zip(address(index + 1)));
            }
        }
        Ok(found)
    }

    fn entry(&self, index: usize) -> Option<u32> {
        u32_at(self.records, index.checked_mul(FUNCTAB_ENTRY_BYTES)?)
    }

    /// Returns a name by its offset; "" where a damaged one points nowhere, as the runtime has it for 0.
    pub fn name(&self, offset: i32) -> &'a [u8] {
        let at = usize::try_from(offset).ok().filter(|at| *at > 0);
        at.and_then(|at| c_string(self.names, at))
            .unwrap_or_default()
    }

    /// Returns the id that wrappers have in this version, learned from one that is always there.
    pub fn wrapper_id(&self) -> Option<u8> {
        (0..self.functions)
            .filter_map(|index| self.function(index).ok())
            .find(|function| function.name() == KNOWN_WRAPPER)
            .map(|function| function.id())
    }
}

impl<'a> Function<'_, 'a> {
    pub fn name(&self) -> &'a [u8] {
        self.tables.name(self.signed(1))
    }

    /// Size of arguments and results in bytes.
    pub fn arguments(&self) -> i32 {
        self.signed(2)
    }

    /// Bytes from the entry to the call of runtime.deferreturn, 0 where there is none.
    pub fn defer_return(&self) -> i32 {
        self.signed(3)
    }

    pub fn start_line(&self) -> i32 {
        self.signed(9)
    }

    pub fn id(&self) -> u8 {
        self.raw.get(40).copied().unwrap_or_default()
    }

    /// Bits of abi.FuncFlag: 1 top of stack, 2 writes SP, 4 assembly.
    pub fn flags(&self) -> u8 {
        self.raw.get(41).copied().unwrap_or_default()
    }

    pub fn distance(&self, pc: u64) -> u64 {
        pc.wrapping_sub(self.tables.text)
            .wrapping_sub(self.entry.into())
    }

    /// Returns the bytes between the stack pointer and the return address, -1 where no table says.
    pub fn sp_delta(&self, distance: u64) -> Parsed<i32> {
        self.value(self.word(4), distance)
    }

    /// Returns the value of pcdata table `number`, -1 where there is none.
    pub fn pcdata(&self, number: u32, distance: u64) -> Parsed<i32> {
        if number >= self.word(7) {
            return Ok(NO_VALUE);
        }
        match u32_at(self.raw, FIXED_BYTES + 4 * number as usize) {
            Some(table) => self.value(table, distance),
            None => problem("a function's record is cut short", 0),
        }
    }

    /// Returns file ("" where unknown) and line (0 where unknown) of an instruction.
    pub fn place(&self, distance: u64) -> Parsed<(&'a [u8], i32)> {
        let file = self.value(self.word(5), distance)?;
        let line = self.value(self.word(6), distance)?;
        Ok(match self.file(file) {
            Some(name) if line != NO_VALUE => (name, line),
            _ => (b"", 0),
        })
    }

    fn file(&self, number: i32) -> Option<&'a [u8]> {
        let unit = self.word(8).checked_add(u32::try_from(number).ok()?)?;
        let offset = u32_at(self.tables.units, (unit as usize).checked_mul(4)?)?;
        c_string(self.tables.files, offset as usize)
    }

    /// Returns the bytes from funcdata `number` on, None where the function has none.
    pub fn funcdata(&self, number: u8) -> Option<&'a [u8]> {
        if number >= self.raw.get(43).copied()? {
            return None;
        }
        let index = (self.word(7) as usize).checked_add(number.into())?;
        let offset = u32_at(self.raw, index.checked_mul(4)?.checked_add(FIXED_BYTES)?)?;
        if offset == NO_FUNCDATA {
            return None;
        }
        self.tables.funcdata.get(offset as usize..)
    }

    /// Returns each value of pcdata table `number`; none where there is no such table.
    pub fn pcdata_values(&self, number: u32) -> Parsed<impl Iterator<Item = Parsed<i32>>> {
        let table = (number < self.word(7))
            .then(|| u32_at(self.raw, FIXED_BYTES + 4 * number as usize))
            .flatten();
        let tables = self.tables;
        let runs = Runs::of(
            tables.values,
            table.unwrap_or(0),
            tables.quantum,
            &tables.patience,
        )?;
        Ok(runs.map(|run| run.map(|(value, _)| value)))
    }

    fn value(&self, table: u32, distance: u64) -> Parsed<i32> {
        let tables = self.tables;
        value_at(
            tables.values,
            table,
            distance,
            tables.quantum,
            &tables.patience,
        )
    }

    fn word(&self, index: usize) -> u32 {
        self.signed(index) as u32
    }

    // `function` saw to it that the fixed part is there.
    fn signed(&self, index: usize) -> i32 {
        i32_at(self.raw, index * 4).unwrap_or_default()
    }
}
