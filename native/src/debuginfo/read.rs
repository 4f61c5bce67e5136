//! One pass over .debug_info: global variables, types, and where functions are. What these hold is skipped.

use std::collections::HashMap;

use gimli::{
    Attribute, AttributeValue, DebugInfoOffset, DwAt, DwTag, Dwarf, EndianSlice, EntriesRaw,
    LittleEndian, Operation, Unit, UnitHeader,
};
use object::read::elf::ElfFile64;
use object::{Object, ObjectSegment};

use crate::problem::{Parsed, Problem, problem};

use super::sections::section;
use super::types::{Die, STRUCT, Type, Types, UNSAFE_POINTER};

pub type Slice<'d> = EndianSlice<'d, LittleEndian>;

/// src/cmd/internal/dwarf/dwarf.go
const GO_KIND: DwAt = DwAt(0x2900);
const GO_ELEM: DwAt = DwAt(0x2902);
const GO_RUNTIME_TYPE: DwAt = DwAt(0x2904);
/// Below the root of a unit stand its variables and types; below a type its fields.
const TOP: isize = 1;

/// A global variable: its name as the program knows it, where it was linked to, its type.
pub struct Variable {
    pub address: u64,
    pub name: String,
    pub kind: Die,
}

/// The debug sections, decompressed.
pub type Sections = gimli::DwarfSections<Vec<u8>>;

pub struct Globals {
    /// The address that the file's first segment was linked to.
    pub base: u64,
    /// By address.
    pub variables: Vec<Variable>,
    pub types: Types,
    /// Address that a function was linked to -> its entry.
    pub functions: HashMap<u64, Die>,
}

impl From<gimli::Error> for Problem {
    fn from(error: gimli::Error) -> Problem {
        Problem {
            why: format!("the debug information does not parse: {error}"),
            offset: 0,
        }
    }
}

/// Reads the global variables of the ELF file `data`; none where it was stripped.
pub fn read(data: &[u8]) -> Parsed<(Globals, Sections)> {
    let Ok(elf) = ElfFile64::<object::LittleEndian>::parse(data) else {
        return problem("not a 64-bit little-endian ELF file", 0);
    };
    let sections = Sections::load(|id| Ok::<_, Problem>(section(&elf, id.name())?.into_owned()))?;
    let dwarf = sections.borrow(|bytes| EndianSlice::new(bytes, LittleEndian));
    let base = elf
        .segments()
        .map(|segment| segment.address())
        .min()
        .unwrap_or(0);
    let mut globals = Globals {
        base,
        variables: Vec::new(),
        types: Types(HashMap::new()),
        functions: HashMap::new(),
    };
    let mut headers = dwarf.units();
    while let Some(header) = headers.next()? {
        let unit = dwarf.unit(header)?;
        Pass {
            dwarf: &dwarf,
            unit: &unit,
            globals: &mut globals,
        }
        .run()?;
    }
    for kind in globals.types.0.values_mut() {
        kind.fields.sort_by_key(|field| field.1);
    }
    globals.variables.sort_by_key(|variable| variable.address);
    Ok((globals, sections))
}

struct Pass<'p, 'd> {
    dwarf: &'p Dwarf<Slice<'d>>,
    unit: &'p Unit<Slice<'d>>,
    globals: &'p mut Globals,
}

/// The attributes of one entry that matter here.
#[derive(Default)]
struct Entry<'d> {
    name: Option<Slice<'d>>,
    kind: Option<Die>,
    element: Option<Die>,
    address: Option<u64>,
    number: u64,
    size: u64,
    go_kind: u64,
    descriptor: u64,
}

impl<'d> Pass<'_, 'd> {
    fn run(&mut self) -> Parsed<()> {
        let mut entries = self.unit.entries_raw(None)?;
        // The type whose fields are being read.
        let mut within: Option<Die> = None;
        while !entries.is_empty() {
            let (offset, depth) = (entries.next_offset(), entries.next_depth());
            let Some(abbreviation) = entries.read_abbreviation()? else {
                continue;
            };
            let tag = abbreviation.tag();
            if depth == TOP {
                within = None;
            }
            let is_function = tag == gimli::DW_TAG_subprogram;
            let wanted = depth == TOP
                && (is_type(tag) || is_function || tag == gimli::DW_TAG_variable)
                || depth == TOP + 1 && tag == gimli::DW_TAG_member && within.is_some();
            if !wanted {
                entries.skip_attributes(abbreviation.attributes())?;
                continue;
            }
            let entry = self.entry(&mut entries, abbreviation.attributes())?;
            match (tag, within) {
                (gimli::DW_TAG_variable, _) => self.keep_variable(&entry),
                (gimli::DW_TAG_subprogram, _) => {
                    let die = self.whole(offset.0);
                    self.globals
                        .functions
                        .extend(entry.address.map(|address| (address, die)));
                }
                (gimli::DW_TAG_member, Some(owner)) => self.keep_field(owner, &entry),
                _ => within = self.keep_type(self.whole(offset.0), tag, &entry),
            }
        }
        Ok(())
    }

    fn entry(
        &self,
        entries: &mut EntriesRaw<'_, '_, Slice<'d>>,
        wanted: &[gimli::AttributeSpecification],
    ) -> Parsed<Entry<'d>> {
        let mut entry = Entry::default();
        for &specification in wanted {
            let attribute = entries.read_attribute(specification)?;
            match attribute.name() {
                gimli::DW_AT_name => {
                    entry.name = self.dwarf.attr_string(self.unit, attribute.value()).ok()
                }
                gimli::DW_AT_type => entry.kind = self.reference(&attribute),
                GO_ELEM => entry.element = self.reference(&attribute),
                gimli::DW_AT_location => entry.address = self.location(&attribute),
                gimli::DW_AT_low_pc => {
                    entry.address = self
                        .dwarf
                        .attr_address(self.unit, attribute.value())
                        .ok()
                        .flatten()
                }
                gimli::DW_AT_data_member_location => {
                    entry.number = attribute.udata_value().unwrap_or(0)
                }
                gimli::DW_AT_byte_size => entry.size = attribute.udata_value().unwrap_or(0),
                // The form says address; the linker writes an offset (src/cmd/internal/dwarf, DW_CLS_GO_TYPEREF).
                GO_RUNTIME_TYPE => {
                    entry.descriptor = match attribute.value() {
                        AttributeValue::Addr(offset) => offset,
                        AttributeValue::DebugAddrIndex(index) => {
                            self.dwarf.address(self.unit, index)?
                        }
                        _ => 0,
                    }
                }
                GO_KIND => entry.go_kind = attribute.udata_value().unwrap_or(0),
                _ => {}
            }
        }
        Ok(entry)
    }

    fn keep_variable(&mut self, entry: &Entry<'_>) {
        if let (Some(address), Some(name), Some(kind)) = (entry.address, entry.name, entry.kind) {
            self.globals.variables.push(Variable {
                address,
                name: name.to_string_lossy().into_owned(),
                kind,
            });
        }
    }

    fn keep_type(&mut self, die: Die, tag: DwTag, entry: &Entry<'_>) -> Option<Die> {
        // Slices, strings and interfaces are described as structs: what Go calls them goes first.
        let kind = match (entry.go_kind, tag) {
            (0, gimli::DW_TAG_structure_type) => STRUCT,
            (0, gimli::DW_TAG_pointer_type) if entry.kind.is_none() => UNSAFE_POINTER,
            (known, _) => known,
        };
        let of = entry.element.or(entry.kind);
        let name = entry
            .name
            .map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        let kept = Type {
            name,
            kind,
            size: entry.size,
            descriptor: entry.descriptor,
            of,
            fields: Vec::new(),
        };
        self.globals.types.0.insert(die, kept);
        (kind == STRUCT).then_some(die)
    }

    fn keep_field(&mut self, owner: Die, entry: &Entry<'_>) {
        let (Some(name), Some(kind)) = (entry.name, entry.kind) else {
            return;
        };
        if let Some(owner) = self.globals.types.0.get_mut(&owner) {
            owner
                .fields
                .push((name.to_string_lossy().into_owned(), entry.number, kind));
        }
    }

    /// Turns an offset within the unit into one within .debug_info.
    fn whole(&self, offset: usize) -> Die {
        let header: &UnitHeader<Slice<'d>> = &self.unit.header;
        header
            .offset()
            .as_debug_info_offset()
            .map_or(0, |DebugInfoOffset(start)| start)
            + offset
    }

    fn reference(&self, attribute: &Attribute<Slice<'d>>) -> Option<Die> {
        match attribute.value() {
            AttributeValue::UnitRef(offset) => Some(self.whole(offset.0)),
            AttributeValue::DebugInfoRef(offset) => Some(offset.0),
            _ => None,
        }
    }

    fn location(&self, attribute: &Attribute<Slice<'d>>) -> Option<u64> {
        let mut operations = attribute.exprloc_value()?.operations(self.unit.encoding());
        match operations.next().ok()?? {
            Operation::Address { address } => Some(address),
            Operation::AddressIndex { index } => self.dwarf.address(self.unit, index).ok(),
            _ => None,
        }
    }
}

fn is_type(tag: DwTag) -> bool {
    matches!(
        tag,
        gimli::DW_TAG_structure_type
            | gimli::DW_TAG_pointer_type
            | gimli::DW_TAG_array_type
            | gimli::DW_TAG_typedef
            | gimli::DW_TAG_base_type
            | gimli::DW_TAG_subroutine_type
            | gimli::DW_TAG_unspecified_type
    )
}
