//! The build info blob (src/debug/buildinfo/buildinfo.go): Go version and module text of Go 1.18 and newer.

use memchr::memmem;

use super::bytes::varint;
use super::elf::Elf;

const MAGIC: &[u8] = b"\xff Go buildinf:";
const ALIGN: u64 = 16;
const HEADER_BYTES: usize = 32;
const FLAGS: usize = 15;
const STRINGS_FOLLOW: u8 = 2;
/// Sixteen bytes before and after the module text (src/cmd/go/internal/modload/build.go).
const SENTINEL_BYTES: usize = 16;
/// A text of ten thousand dependencies has two million bytes.
const MAX_TEXT: u64 = 16 << 20;

/// Both are "" where the program holds none.
#[derive(Default)]
pub struct RawBuildInfo {
    pub go_version: String,
    pub modules: String,
}

/// Returns the first blob in the mapped bytes: the linker puts it in front of the data.
pub fn find(elf: &Elf) -> RawBuildInfo {
    let writable = elf.segments.iter().filter(|segment| segment.writable);
    let blobs = writable.flat_map(|segment| {
        let bytes = &elf.data[segment.file.clone()];
        memmem::find_iter(bytes, MAGIC)
            .filter(|at| segment.address.wrapping_add(*at as u64) % ALIGN == 0)
            .map(|at| &bytes[at..])
    });
    blobs.into_iter().find_map(parse).unwrap_or_default()
}

fn parse(blob: &[u8]) -> Option<RawBuildInfo> {
    if blob.get(FLAGS)? & STRINGS_FOLLOW == 0 {
        return None; // Go 1.17 and older point to their strings
    }
    let (version, rest) = text(blob.get(HEADER_BYTES..)?)?;
    let (modules, _) = text(rest)?;
    let inner = match modules.len() > 2 * SENTINEL_BYTES {
        true => &modules[SENTINEL_BYTES..modules.len() - SENTINEL_BYTES],
        false => &b""[..],
    };
    Some(RawBuildInfo {
        go_version: String::from_utf8_lossy(version).into_owned(),
        modules: String::from_utf8_lossy(inner).into_owned(),
    })
}

fn text(data: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = varint(data)?;
    (length <= MAX_TEXT).then_some(())?;
    rest.split_at_checked(usize::try_from(length).ok()?)
}
