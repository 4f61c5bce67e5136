//! What of an ELF file the rest needs: mapped pieces, named sections, relocated words, build ids.

use std::ops::Range;

use object::LittleEndian as Little;
use object::elf::{self, FileHeader64, ProgramHeader64};
use object::read::elf::{Dyn, FileHeader, ProgramHeader, SectionHeader};

use super::bytes::u64_at;
use crate::problem::{Parsed, Problem, problem};

const LE: Little = Little;
const RELA_BYTES: usize = 24;
/// src/cmd/link/internal/ld/elf.go ELF_NOTE_GOBUILDID_TAG
const GO_BUILD_ID: u32 = 4;

/// A piece of the file that is mapped to `address`.
pub struct Segment {
    pub address: u64,
    pub file: Range<usize>,
    pub writable: bool,
}

pub struct Section<'a> {
    pub name: &'a [u8],
    pub address: u64,
}

#[derive(Default)]
pub struct BuildIds<'a> {
    pub go: Option<&'a [u8]>,
    pub gnu: Option<&'a [u8]>,
}

pub struct Elf<'a> {
    pub data: &'a [u8],
    pub segments: Vec<Segment>,
    pub sections: Vec<Section<'a>>,
    pub machine: &'static str,
    pub position_independent: bool,
    pub build_ids: BuildIds<'a>,
    relocations: &'a [u8],
    /// The type of relocation that means base + addend.
    relative: u64,
}

impl<'a> Elf<'a> {
    /// Reads the headers; what is no little-endian 64-bit ELF program for amd64 or arm64 is refused by name.
    pub fn parse(data: &'a [u8]) -> Parsed<Self> {
        refuse_other_formats(data)?;
        let header = FileHeader64::<Little>::parse(data).map_err(broken)?;
        let programs = header.program_headers(LE, data).map_err(broken)?;
        let (machine, relative) = match header.e_machine.get(LE) {
            elf::EM_X86_64 => ("amd64", elf::R_X86_64_RELATIVE.0),
            elf::EM_AARCH64 => ("arm64", elf::R_AARCH64_RELATIVE.0),
            _ => return problem("an ELF file for neither amd64 nor arm64", 18),
        };
        let mut file = Elf {
            data,
            segments: programs.iter().filter_map(|p| loaded(p, data)).collect(),
            sections: sections(header, data)?,
            machine,
            position_independent: header.e_type.get(LE) == elf::ET_DYN,
            build_ids: build_ids(programs, data),
            relocations: &[],
            relative: relative.into(),
        };
        file.relocations = file.rela(programs).unwrap_or_default();
        Ok(file)
    }

    /// Returns the file's bytes from `address` to the end of the piece it is in.
    pub fn at(&self, address: u64) -> Option<(Range<usize>, &'a [u8])> {
        let segment = self.segments.iter().find(|segment| {
            let length = segment.file.len() as u64;
            address >= segment.address && address - segment.address < length
        })?;
        let start = segment.file.start + (address - segment.address) as usize;
        let range = start..segment.file.end;
        Some((range.clone(), self.data.get(range)?))
    }

    /// Returns `count` words at `address`, as a loader would leave them with a base of 0.
    pub fn words(&self, address: u64, count: usize) -> Option<Vec<u64>> {
        let raw = self.at(address)?.1;
        let mut words = (0..count)
            .map(|index| u64_at(raw, index * 8))
            .collect::<Option<Vec<_>>>()?;
        for (place, addend) in self.relative_words() {
            let distance = place.wrapping_sub(address);
            let index = (distance % 8 == 0).then_some((distance / 8) as usize);
            if let Some(word) = index.and_then(|index| words.get_mut(index)) {
                *word = addend;
            }
        }
        Some(words)
    }

    /// Walks the words that a loader fills in: where, and with what if the base is 0.
    pub fn relative_words(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.relocations
            .chunks_exact(RELA_BYTES)
            .filter(|entry| u64_at(entry, 8) == Some(self.relative))
            .filter_map(|entry| Some((u64_at(entry, 0)?, u64_at(entry, 16)?)))
    }

    fn rela(&self, programs: &[ProgramHeader64<Little>]) -> Option<&'a [u8]> {
        let dynamic = programs
            .iter()
            .find_map(|p| p.dynamic(LE, self.data).ok().flatten())?;
        let value = |tag| {
            let found = dynamic.iter().find(|entry| entry.tag(LE) == tag)?;
            Some(found.val(LE))
        };
        let bytes = self.at(value(elf::DT_RELA)?)?.1;
        bytes.get(..usize::try_from(value(elf::DT_RELASZ)?).ok()?)
    }
}

fn broken(error: object::read::Error) -> Problem {
    Problem {
        why: format!("broken ELF headers ({error})"),
        offset: 0,
    }
}

fn refuse_other_formats(data: &[u8]) -> Parsed<()> {
    const ELF: &[u8] = b"\x7fELF";
    match data {
        [b'M', b'Z', ..] => problem("a Windows program (PE); only ELF programs are read", 0),
        [0xcf | 0xce, 0xfa, 0xed, 0xfe, ..] | [0xca, 0xfe, 0xba, 0xbe, ..] => {
            problem("a macOS program (Mach-O); only ELF programs are read", 0)
        }
        _ if !data.starts_with(ELF) => problem("not an ELF program", 0),
        [_, _, _, _, 2, 1, ..] => Ok(()),
        _ => problem("an ELF file that is not 64-bit little-endian", 4),
    }
}

fn loaded(program: &ProgramHeader64<Little>, data: &[u8]) -> Option<Segment> {
    if program.p_type(LE) != elf::PT_LOAD {
        return None;
    }
    let (start, size) = program.file_range(LE);
    let start = usize::try_from(start).ok().filter(|at| *at < data.len())?;
    // A truncated file keeps what is there; whatever lies behind its end is found missing when it is read.
    let size = usize::try_from(size).ok()?.min(data.len() - start);
    Some(Segment {
        address: program.p_vaddr(LE),
        file: start..start + size,
        writable: program.p_flags(LE).0 & elf::PF_W.0 != 0,
    })
}

fn sections<'a>(header: &FileHeader64<Little>, data: &'a [u8]) -> Parsed<Vec<Section<'a>>> {
    let table = header.sections(LE, data).map_err(broken)?;
    let named = table.iter().filter_map(|section| {
        Some(Section {
            name: table.section_name(LE, section).ok()?,
            address: section.sh_addr(LE),
        })
    });
    Ok(named.collect())
}

fn build_ids<'a>(programs: &[ProgramHeader64<Little>], data: &'a [u8]) -> BuildIds<'a> {
    let mut found = BuildIds::default();
    let notes = programs
        .iter()
        .filter_map(|p| p.notes(LE, data).ok().flatten());
    // A note that does not parse ends its segment's walk: an iterator over errors might never end.
    for note in notes.flat_map(|walk| walk.map_while(Result::ok)) {
        match (note.name(), note.n_type(LE).0) {
            (b"Go", GO_BUILD_ID) => found.go = Some(note.desc()),
            (b"GNU", 3) => found.gnu = Some(note.desc()),
            _ => {}
        }
    }
    found
}
