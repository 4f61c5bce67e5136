//! Finds the pclntab and checks its header (src/runtime/symtab.go pcHeader, src/cmd/link/internal/ld/pcln.go).

use std::ops::Range;

use memchr::memmem;

use super::bytes::{u32_at, u64_at};
use super::elf::Elf;
use crate::problem::{Parsed, problem};

/// Go 1.20 to 1.27 (src/internal/abi/symtab.go Go120PCLnTabMagic).
const MAGIC: u32 = 0xffff_fff1;
const OLDER: [(u32, &str); 3] = [
    (0xffff_fff0, "Go 1.18 or 1.19"),
    (0xffff_fffa, "Go 1.16 or 1.17"),
    (0xffff_fffb, "Go 1.2 to 1.15"),
];
const SECTIONS: [&[u8]; 2] = [b".gopclntab", b".data.rel.ro.gopclntab"];
const HEADER_BYTES: usize = 72;
const FUNCTAB_ENTRY_BYTES: usize = 8;
/// Places a scan may look at: each costs a check of its whole function table.
const MAX_CANDIDATES: usize = 16;

/// Where the tables of a pclntab lie, counted from its start.
pub struct Header {
    pub address: u64,
    pub file: Range<usize>,
    pub quantum: u8,
    pub functions: usize,
    pub names: usize,
    pub units: usize,
    pub files: usize,
    pub values: usize,
    pub records: usize,
}

/// Returns the pclntab of a section of that name, or the first that a scan of the mapped bytes finds.
pub fn find(elf: &Elf) -> Parsed<Header> {
    let mut why = None;
    let named = elf.sections.iter().filter(|s| SECTIONS.contains(&s.name));
    for address in named.map(|section| section.address).chain(scan(elf)) {
        match parse(elf, address) {
            Ok(header) => return Ok(header),
            Err(problem) => _ = why.get_or_insert(problem),
        }
    }
    match why {
        Some(first) => Err(first),
        None => problem(
            "no table of Go functions: not a Go program, or a packed one",
            0,
        ),
    }
}

/// Walks the addresses at which a little-endian header for 64 bits seems to start.
fn scan<'e>(elf: &'e Elf) -> impl Iterator<Item = u64> + 'e {
    elf.segments
        .iter()
        .flat_map(|segment| {
            let bytes = &elf.data[segment.file.clone()];
            let start = segment.address;
            memmem::find_iter(bytes, b"\xff\xff\xff\0\0")
                .filter(move |at| *at > 0 && plausible(&bytes[at - 1..]))
                .filter_map(move |at| start.checked_add(at as u64 - 1))
        })
        .filter(|address| address % 8 == 0)
        .take(MAX_CANDIDATES)
}

fn plausible(raw: &[u8]) -> bool {
    let known = |magic| magic == MAGIC || OLDER.iter().any(|(older, _)| *older == magic);
    u32_at(raw, 0).is_some_and(known) && matches!(raw.get(6..8), Some([1 | 4, 8]))
}

fn parse(elf: &Elf, address: u64) -> Parsed<Header> {
    let Some((file, raw)) = elf.at(address) else {
        return problem("its table of functions lies outside of the file", 0);
    };
    let at = file.start;
    let magic = u32_at(raw, 0).unwrap_or_default();
    if let Some((_, versions)) = OLDER.iter().find(|(older, _)| *older == magic) {
        return problem(
            format!("built with {versions}; Go 1.20 or newer is read"),
            at,
        );
    }
    let word = |index: usize| {
        let value = u64_at(raw, 8 + index * 8)?;
        usize::try_from(value).ok().filter(|v| *v <= raw.len())
    };
    // Word 2 is textStart up to Go 1.25 (relocated in a PIE) and unused since: moduledata.text is the one to use.
    let fields = [0, 3, 4, 5, 6, 7].map(word);
    let [
        Some(functions),
        Some(names),
        Some(units),
        Some(files),
        Some(values),
        Some(records),
    ] = fields
    else {
        return problem("the header of its function table points outside of it", at);
    };
    let ordered = [HEADER_BYTES, names, units, files, values, records].is_sorted();
    if magic != MAGIC || !plausible(raw) || !ordered || functions == 0 {
        return problem("the header of its function table is damaged", at);
    }
    let header = Header {
        address,
        file,
        quantum: raw[6],
        functions,
        names,
        units,
        files,
        values,
        records,
    };
    match is_sorted(raw, &header) {
        true => Ok(header),
        false => problem(
            "its function table is cut short or not in order",
            at + records,
        ),
    }
}

/// Tells whether the whole table is there and its entries ascend, as the runtime itself demands.
fn is_sorted(raw: &[u8], header: &Header) -> bool {
    let table = header
        .functions
        .checked_mul(FUNCTAB_ENTRY_BYTES)
        .and_then(|size| {
            raw.get(header.records..header.records.checked_add(size)?.checked_add(4)?)
        });
    table.is_some_and(|table| {
        let entries = table.chunks(FUNCTAB_ENTRY_BYTES);
        entries.map(|entry| u32_at(entry, 0)).is_sorted()
    })
}
