//! What a function calls its parameters, locals and captured variables, and where in its frame they lie.
//!
//! Read when it is asked for, one function at a time: most functions of a program stand on no stack.

use std::borrow::Cow;

use gimli::{
    Attribute, AttributeValue, DebugInfoOffset, DwAt, EndianSlice, Expression, LittleEndian,
    Operation, Unit, UnitOffset,
};

use crate::problem::{Parsed, problem};

use super::read::{Sections, Slice};
use super::types::Die;

/// src/cmd/internal/dwarf/dwarf.go: where a captured variable lies in its closure, from Go 1.23 on.
const CLOSURE_OFFSET: DwAt = DwAt(0x2907);
/// Entries of one function; the largest have some thousands.
const MOST_ENTRIES: usize = 1 << 18;
const WORD: u64 = 8;

/// A part of a variable that lies in the frame: `bytes` at `at` from the caller's stack pointer are those at
/// `within` of the variable; 0 bytes: all of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece {
    pub at: i64,
    pub within: u64,
    pub bytes: u64,
}

#[derive(Debug, Clone)]
pub struct Local {
    /// As DWARF has it: "&name" for a variable that was moved to the heap, where a pointer to it lies here.
    pub name: String,
    pub kind: Die,
    pub pieces: Vec<Piece>,
    /// Nothing says where it is at any address.
    pub is_nowhere: bool,
    /// Where in its closure it lies; 0: not said.
    pub captured_at: u64,
    pub is_parameter: bool,
    /// Of the function itself, not of one inlined into it or of a block.
    pub is_outermost: bool,
}

/// Returns what is in scope at `pc` of the function whose entry in .debug_info is at `die`, innermost last.
pub fn locals(sections: &Sections, die: Die, pc: u64) -> Parsed<Vec<Local>> {
    let dwarf = sections.borrow(|bytes| EndianSlice::new(bytes, LittleEndian));
    let reading = Reading { dwarf: &dwarf, pc };
    let (unit, offset) = reading.unit_of(die)?;
    reading.walk(&unit, offset)
}

struct Reading<'r, 'd> {
    dwarf: &'r gimli::Dwarf<Slice<'d>>,
    pc: u64,
}

/// What an entry says, as far as it matters here.
#[derive(Default)]
struct Said<'d> {
    name: Option<Cow<'d, str>>,
    kind: Option<Die>,
    origin: Option<Die>,
    location: Option<AttributeValue<Slice<'d>>>,
    captured_at: u64,
    low: Option<u64>,
    high: Option<AttributeValue<Slice<'d>>>,
    ranges: Option<AttributeValue<Slice<'d>>>,
}

impl<'d> Reading<'_, 'd> {
    /// Returns the unit that the entry at `die` is in, and where in it.
    fn unit_of(&self, die: Die) -> Parsed<(Unit<Slice<'d>>, UnitOffset)> {
        let mut headers = self.dwarf.units();
        while let Some(header) = headers.next()? {
            if let Some(offset) = DebugInfoOffset(die).to_unit_offset(&header) {
                return Ok((self.dwarf.unit(header)?, offset));
            }
        }
        problem("an entry of the debug information is in no unit", die)
    }

    fn walk(&self, unit: &Unit<Slice<'d>>, start: UnitOffset) -> Parsed<Vec<Local>> {
        let mut entries = unit.entries_raw(Some(start))?;
        let mut found = Vec::new();
        // The depth of the scope that is left out, with everything in it.
        let mut hidden: Option<isize> = None;
        for number in 0..MOST_ENTRIES {
            if entries.is_empty() || number > 0 && entries.next_depth() <= 0 {
                break;
            }
            let depth = entries.next_depth();
            let Some(abbreviation) = entries.read_abbreviation()? else {
                continue;
            };
            hidden = hidden.filter(|&scope| depth > scope);
            let tag = abbreviation.tag();
            let mut said = Said::default();
            for &specification in abbreviation.attributes() {
                self.take(unit, &mut said, entries.read_attribute(specification)?);
            }
            if hidden.is_some() {
                continue;
            }
            match tag {
                gimli::DW_TAG_lexical_block | gimli::DW_TAG_inlined_subroutine => {
                    hidden = (!self.holds(unit, &said)?).then_some(depth);
                }
                gimli::DW_TAG_variable | gimli::DW_TAG_formal_parameter => {
                    let is_parameter = tag == gimli::DW_TAG_formal_parameter;
                    found.extend(self.local(unit, said, is_parameter, depth == 1)?);
                }
                _ => {}
            }
        }
        Ok(found)
    }

    fn take(&self, unit: &Unit<Slice<'d>>, said: &mut Said<'d>, attribute: Attribute<Slice<'d>>) {
        let value = attribute.value();
        match attribute.name() {
            gimli::DW_AT_name => {
                let name = self.dwarf.attr_string(unit, value).ok();
                said.name = name.map(|name| name.to_string_lossy());
            }
            gimli::DW_AT_type => said.kind = reference(unit, &attribute),
            gimli::DW_AT_abstract_origin => said.origin = reference(unit, &attribute),
            gimli::DW_AT_location => said.location = Some(value),
            CLOSURE_OFFSET => said.captured_at = attribute.udata_value().unwrap_or(0),
            gimli::DW_AT_low_pc => said.low = self.dwarf.attr_address(unit, value).ok().flatten(),
            gimli::DW_AT_high_pc => said.high = Some(value),
            gimli::DW_AT_ranges => said.ranges = Some(value),
            _ => {}
        }
    }

    /// Tells whether a scope covers the address that is looked at.
    fn holds(&self, unit: &Unit<Slice<'d>>, said: &Said<'d>) -> Parsed<bool> {
        if let Some(ranges) = said.ranges {
            let Some(mut ranges) = self.dwarf.attr_ranges(unit, ranges)? else {
                return Ok(false);
            };
            while let Some(range) = ranges.next()? {
                if (range.begin..range.end).contains(&self.pc) {
                    return Ok(true);
                }
            }
            return Ok(false);
        }
        let (Some(low), Some(high)) = (said.low, said.high) else {
            return Ok(true);
        };
        let high = match self.dwarf.attr_address(unit, high)? {
            Some(address) => address,
            None => low.saturating_add(high.udata_value().unwrap_or(0)),
        };
        Ok((low..high).contains(&self.pc))
    }

    fn local(
        &self,
        unit: &Unit<Slice<'d>>,
        mut said: Said<'d>,
        is_parameter: bool,
        is_outermost: bool,
    ) -> Parsed<Option<Local>> {
        if let Some(origin) = said.origin {
            let (unit, offset) = self.unit_of(origin)?;
            let mut entries = unit.entries_raw(Some(offset))?;
            if let Some(abbreviation) = entries.read_abbreviation()? {
                for &specification in abbreviation.attributes() {
                    let attribute = entries.read_attribute(specification)?;
                    if matches!(attribute.name(), gimli::DW_AT_name | gimli::DW_AT_type) {
                        self.take(&unit, &mut said, attribute);
                    }
                }
            }
        }
        let (Some(name), Some(kind)) = (said.name, said.kind) else {
            return Ok(None);
        };
        let (pieces, is_nowhere) = self.pieces(unit, said.location)?;
        Ok(Some(Local {
            name: name.into_owned(),
            kind,
            pieces,
            is_nowhere,
            captured_at: said.captured_at,
            is_parameter,
            is_outermost,
        }))
    }

    /// Returns the parts in the frame at the address that is looked at, and whether there is no part anywhere.
    fn pieces(
        &self,
        unit: &Unit<Slice<'d>>,
        location: Option<AttributeValue<Slice<'d>>>,
    ) -> Parsed<(Vec<Piece>, bool)> {
        let Some(location) = location else {
            return Ok((Vec::new(), true));
        };
        if let Some(expression) = location.exprloc_value() {
            let is_nowhere = expression.0.is_empty();
            return Ok((frame_pieces(unit, expression), is_nowhere));
        }
        let Some(mut list) = self.dwarf.attr_locations(unit, location)? else {
            return Ok((Vec::new(), true));
        };
        let mut is_nowhere = true;
        while let Some(entry) = list.next()? {
            is_nowhere = false;
            if (entry.range.begin..entry.range.end).contains(&self.pc) {
                return Ok((frame_pieces(unit, entry.data), false));
            }
        }
        Ok((Vec::new(), is_nowhere))
    }
}

/// Returns the parts of a location that lie in the frame: an offset from its base, piece by piece. Go's frame base
/// is the caller's stack pointer.
fn frame_pieces(unit: &Unit<Slice<'_>>, expression: Expression<Slice<'_>>) -> Vec<Piece> {
    let mut operations = expression.operations(unit.encoding());
    let (mut pieces, mut at, mut within) = (Vec::new(), None, 0);
    while let Ok(Some(operation)) = operations.next() {
        match operation {
            Operation::CallFrameCFA => at = Some(0),
            Operation::FrameOffset { offset } => at = Some(offset),
            Operation::Piece { size_in_bits, .. } => {
                let bytes = size_in_bits / WORD;
                pieces.extend(at.take().map(|at| Piece { at, within, bytes }));
                within += bytes;
            }
            _ => at = None,
        }
    }
    pieces.extend(at.map(|at| Piece {
        at,
        within,
        bytes: 0,
    }));
    pieces
}

fn reference(unit: &Unit<Slice<'_>>, attribute: &Attribute<Slice<'_>>) -> Option<Die> {
    match attribute.value() {
        AttributeValue::UnitRef(offset) => offset
            .to_debug_info_offset(&unit.header)
            .map(|DebugInfoOffset(offset)| offset),
        AttributeValue::DebugInfoRef(DebugInfoOffset(offset)) => Some(offset),
        _ => None,
    }
}
