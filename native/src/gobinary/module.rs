//! Finds the moduledata that goes with a pclntab: only it says where the text and go:func.* begin.
//!
//! It is recognised by what it must say about the pclntab (src/runtime/symtab.go moduledata, moduledataverify1),
//! so it is found without symbols. Three layouts are known, told apart by what must be true of each.

use memchr::memmem;

use super::bytes::u32_at;
use super::elf::Elf;
use super::header::Header;
use crate::problem::{Parsed, problem};

const MAX_CANDIDATES: usize = 64;
pub(super) const WORDS: usize = 48;
// Word numbers that are the same in all layouts; slices are (pointer, length, capacity).
pub(super) const NAMES: usize = 1;
pub(super) const UNITS: usize = 4;
pub(super) const FILES: usize = 7;
pub(super) const VALUES: usize = 10;
pub(super) const RECORDS: usize = 13;
pub(super) const FUNCTAB: usize = 16;
const MIN_PC: usize = 20;
const MAX_PC: usize = 21;
pub(super) const TEXT: usize = 22;
pub(super) const END_OF_TEXT: usize = 23;

/// Where the fields lie that moved, as word numbers.
pub struct Layout {
    pub since: &'static str,
    /// Right behind rodata.
    pub(super) gofunc: usize,
    end_of_pclntab: Option<usize>,
    pub(super) text_sections: usize,
    /// Whether a generic method of a generic type may be named: `T[...].M[...]`.
    pub generic_methods: bool,
}

pub static LAYOUTS: [Layout; 3] = [
    Layout {
        since: "1.27",
        gofunc: 43,
        end_of_pclntab: Some(44),
        text_sections: 45,
        generic_methods: true,
    },
    Layout {
        since: "1.26",
        gofunc: 40,
        end_of_pclntab: Some(41),
        text_sections: 42,
        generic_methods: false,
    },
    Layout {
        since: "1.20",
        gofunc: 40,
        end_of_pclntab: None,
        text_sections: 41,
        generic_methods: false,
    },
];

pub struct Module {
    pub address: u64,
    pub text: u64,
    pub end_of_text: u64,
    pub gofunc: u64,
    pub layout: &'static Layout,
    /// Lengths of the tables, in bytes.
    pub names: usize,
    pub units: usize,
    pub files: usize,
    pub values: usize,
    pub records: usize,
}

/// Returns the moduledata that points to `header` in every way it must.
pub fn find(elf: &Elf, header: &Header) -> Parsed<Module> {
    let mut resembling = false;
    for address in candidates(elf, header.address).take(MAX_CANDIDATES) {
        let Some(words) = elf.words(address, WORDS) else {
            continue;
        };
        if !belongs(elf, header, &words) {
            continue;
        }
        resembling = true;
        let known = LAYOUTS
            .iter()
            .find(|layout| fits(elf, header, &words, layout));
        if let Some(layout) = known {
            return module(elf, &words, address, layout);
        }
    }
    let at = header.file.start;
    if resembling {
        return problem(
            "its moduledata is laid out as in no Go version known here (1.20 to 1.27)",
            at,
        );
    }
    problem("no moduledata belongs to its function table", at)
}

/// Walks the places that hold the address of the pclntab, as bytes or as a relocation.
fn candidates<'e>(elf: &'e Elf, pclntab: u64) -> impl Iterator<Item = u64> + 'e {
    let relocated = elf
        .relative_words()
        .filter(move |(_, addend)| *addend == pclntab);
    let pattern = pclntab.to_le_bytes();
    let written = elf
        .segments
        .iter()
        .filter(|s| s.writable)
        .flat_map(move |s| {
            let found: Vec<_> = memmem::find_iter(&elf.data[s.file.clone()], &pattern)
                .filter_map(|at| s.address.checked_add(at as u64))
                .take(MAX_CANDIDATES)
                .collect();
            found
        });
    relocated
        .map(|(place, _)| place)
        .chain(written)
        .filter(|address| address % 8 == 0)
}

/// Tells whether the part that never moved says about the pclntab what the pclntab says itself.
fn belongs(elf: &Elf, header: &Header, words: &[u64]) -> bool {
    let points = |word: usize, offset: usize| words[word] == header.address + offset as u64;
    let entry = |index: usize| {
        let table = elf.data.get(header.file.start + header.records..)?;
        u32_at(table, index * 8)
    };
    let bounds = [(MIN_PC, 0), (MAX_PC, header.functions)];
    points(0, 0)
        && points(NAMES, header.names)
        && points(UNITS, header.units)
        && points(FILES, header.files)
        && points(VALUES, header.values)
        && points(RECORDS, header.records)
        && points(FUNCTAB, header.records)
        && words[FUNCTAB + 1] == header.functions as u64 + 1
        && bounds.into_iter().all(|(word, index)| {
            let address = entry(index).map(|offset| words[TEXT].wrapping_add(offset.into()));
            address == Some(words[word])
        })
}

/// Tells whether the words lie where `layout` says: go:func.* in the file, the text sections' first at the text.
fn fits(elf: &Elf, header: &Header, words: &[u64], layout: &Layout) -> bool {
    let [sections, count, capacity] = [0, 1, 2].map(|index| words[layout.text_sections + index]);
    let first = elf.words(sections, 3);
    let starts_at_text = first.is_some_and(|first| first[0] == 0 && first[2] == words[TEXT]);
    let end_is_behind = layout.end_of_pclntab.is_none_or(|word| {
        let room = header.file.len() as u64;
        let length = words[word].wrapping_sub(header.address);
        length > header.records as u64 && length <= room
    });
    starts_at_text
        && end_is_behind
        && (1..=capacity).contains(&count)
        && elf.at(words[layout.gofunc]).is_some()
}

fn module(elf: &Elf, words: &[u64], address: u64, layout: &'static Layout) -> Parsed<Module> {
    let at = elf.at(address).map_or(0, |(range, _)| range.start);
    if words[layout.text_sections + 1] > 1 {
        return problem("its text lies in several sections; only one is read", at);
    }
    let length = |slice: usize, size: u64| {
        let bytes = words[slice + 1].checked_mul(size);
        bytes.and_then(|bytes| usize::try_from(bytes).ok())
    };
    let lengths = [
        length(NAMES, 1),
        length(UNITS, 4),
        length(FILES, 1),
        length(VALUES, 1),
        length(RECORDS, 1),
    ];
    let [
        Some(names),
        Some(units),
        Some(files),
        Some(values),
        Some(records),
    ] = lengths
    else {
        return problem("its moduledata has a table without end", at);
    };
    Ok(Module {
        address,
        text: words[TEXT],
        end_of_text: words[END_OF_TEXT],
        gofunc: words[layout.gofunc],
        layout,
        names,
        units,
        files,
        values,
        records,
    })
}
