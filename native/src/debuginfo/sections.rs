//! The debug sections of an ELF file, decompressed.

use std::borrow::Cow;
use std::io::Read;

use flate2::read::ZlibDecoder;
use object::read::elf::ElfFile64;
use object::{Object, ObjectSection, SectionFlags};

use crate::problem::{Parsed, problem};

/// What a section with DWARF may grow to.
const MOST_BYTES: u64 = 2 << 30;
const CHDR_BYTES: usize = 24;
const ZLIB: u32 = 1;

/// Returns section `name` of `elf`, empty where there is none.
pub fn section<'d>(elf: &ElfFile64<'d, object::LittleEndian>, name: &str) -> Parsed<Cow<'d, [u8]>> {
    let Some(section) = elf.section_by_name(name) else {
        return Ok(Cow::Borrowed(&[]));
    };
    let Ok(raw) = section.data() else {
        return problem(format!("{name} lies outside the file"), 0);
    };
    match section.flags() {
        SectionFlags::Elf { sh_flags, .. } if sh_flags.0 & object::elf::SHF_COMPRESSED.0 != 0 => {
            inflate(name, raw).map(Cow::Owned)
        }
        _ => Ok(Cow::Borrowed(raw)),
    }
}

fn inflate(name: &str, raw: &[u8]) -> Parsed<Vec<u8>> {
    let Some((head, body)) = raw.split_at_checked(CHDR_BYTES) else {
        return problem(format!("{name} is too short to be compressed"), 0);
    };
    let kind = u32::from_le_bytes(head[..4].try_into().unwrap_or_default());
    let size = u64::from_le_bytes(head[8..16].try_into().unwrap_or_default());
    if kind != ZLIB || size > MOST_BYTES {
        return problem(
            format!("{name} is compressed in an unknown way, or to {size} bytes"),
            0,
        );
    }
    let mut plain = Vec::new();
    if ZlibDecoder::new(body)
        .take(size)
        .read_to_end(&mut plain)
        .is_err()
        || plain.len() as u64 != size
    {
        return problem(format!("{name} does not decompress"), 0);
    }
    Ok(plain)
}
