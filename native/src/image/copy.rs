//! Copies the pages of another process that exist into files with holes for those that do not.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::time::Instant;

use crate::parallel::in_parallel;

use super::stripes::Stripes;

/// Pages of the kernel on amd64; /proc/PID/pagemap has one word for each.
pub const PAGE: u64 = 4096;
const WORD: usize = 8;
/// Bits of a pagemap word (Documentation/admin-guide/mm/pagemap.rst).
const PRESENT: u64 = 1 << 63;
const SWAPPED: u64 = 1 << 62;
/// Warm and reused: a cold buffer costs more than the copy itself.
const BUFFER_BYTES: usize = 1 << 20;

/// `[start, end)` of another process's addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    pub start: u64,
    pub end: u64,
}

/// A mapping to copy. In a private anonymous one, what pagemap does not show was never written to and is zero;
/// what a file stands behind need not be in the page table to exist (a fork copies no entries for it).
#[derive(Debug, Clone, Copy)]
pub struct Mapping {
    pub range: Range,
    pub anonymous: bool,
}

/// A part of the memory that lies in the layout of the files in one piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece {
    pub start: u64,
    pub bytes: u64,
    pub offset: u64,
}

/// The pages of a mapping: runs that are in RAM or in swap (one that never was written to is in neither and reads
/// as zero), and runs that are in RAM.
#[derive(Default)]
pub struct Pages {
    pub existing: Vec<Range>,
    pub resident: Vec<Range>,
}

/// Returns what the kernel says of the pages of `range`.
pub fn pages_of(pagemap: &File, range: Range) -> io::Result<Pages> {
    let mut pages = Pages::default();
    let mut words = vec![0u8; BUFFER_BYTES.min(((range.end - range.start) / PAGE) as usize * WORD)];
    let mut page = range.start / PAGE;
    let last = range.end / PAGE;
    while page < last {
        let wanted = words.len().min((last - page) as usize * WORD);
        pagemap.read_exact_at(&mut words[..wanted], page * WORD as u64)?;
        for word in words[..wanted].chunks_exact(WORD) {
            let word = u64::from_le_bytes(word.try_into().unwrap_or_default());
            if word & (PRESENT | SWAPPED) != 0 {
                extend(&mut pages.existing, page * PAGE);
            }
            if word & PRESENT != 0 {
                extend(&mut pages.resident, page * PAGE);
            }
            page += 1;
        }
    }
    Ok(pages)
}

fn extend(runs: &mut Vec<Range>, start: u64) {
    match runs.last_mut() {
        Some(run) if run.end == start => run.end += PAGE,
        _ => runs.push(Range {
            start,
            end: start + PAGE,
        }),
    }
}

/// What became of a copy: where each range lies in the files, what of it could not be read, what of it was in
/// RAM, and how many bytes were really copied.
#[derive(Default)]
pub struct Copied {
    pub pieces: Vec<Piece>,
    pub unread: Vec<Range>,
    pub resident: Vec<Range>,
    pub bytes: u64,
}

/// Pages to copy, and where they go.
struct Run {
    range: Range,
    offset: u64,
}

impl Run {
    fn bytes(&self) -> u64 {
        self.range.end - self.range.start
    }
}

/// Copies the existing pages of `mappings` from `memory` into `to`, each range in one piece; what does not exist
/// is a hole. `to` are files of one layout (`Stripes`), each with a thread that writes it. FileTooLarge where it would
/// be more than `most` bytes, TimedOut beyond `until`.
pub fn copy_ranges(
    memory: &File,
    pagemap: &File,
    mappings: &[Mapping],
    to: &[File],
    most: u64,
    until: Option<Instant>,
) -> io::Result<Copied> {
    let mut copied = Copied::default();
    let mut runs = Vec::new();
    let mut length = 0;
    for mapping in mappings {
        let pages = pages_of(pagemap, mapping.range)?;
        copied.resident.extend(pages.resident);
        runs.push(mapping.runs(pages.existing, length));
        length += mapping.range.end - mapping.range.start;
    }
    let flat: Vec<&Run> = runs.iter().flatten().collect();
    if flat.iter().map(|run| run.bytes()).sum::<u64>() > most {
        return Err(io::Error::from(io::ErrorKind::FileTooLarge));
    }
    for file in to {
        file.set_len(length)?;
    }
    let done = copy_runs(memory, &flat, to, Stripes::new(to.len(), length), until)?;
    let (mut done, mut base) = (done.into_iter(), 0);
    for (mapping, runs) in mappings.iter().zip(&runs) {
        copied.keep_mapping(mapping.range, base, runs.iter().zip(&mut done));
        base += mapping.range.end - mapping.range.start;
    }
    Ok(copied)
}

impl Mapping {
    /// Returns what of it is to be copied, to `base` and behind, where its pages in `existing` are those that exist.
    fn runs(&self, existing: Vec<Range>, base: u64) -> Vec<Run> {
        let runs = if self.anonymous {
            existing
        } else {
            vec![self.range]
        };
        let placed = |range: Range| Run {
            range,
            offset: base + (range.start - self.range.start),
        };
        runs.into_iter().map(placed).collect()
    }
}

impl Copied {
    /// Keeps what could be read of a mapping whose bytes lie from `base` on: of each of its runs that many from its start.
    fn keep_mapping<'r>(
        &mut self,
        range: Range,
        base: u64,
        runs: impl Iterator<Item = (&'r Run, u64)>,
    ) {
        let mut from = range.start;
        for (run, read) in runs {
            self.bytes += read;
            let end = run.range.start + read;
            if end < run.range.end {
                // Unmapped meanwhile, or a device: said, not bridged.
                self.unread.push(Range {
                    start: end,
                    end: run.range.end,
                });
                self.keep(from..end, base + (from - range.start));
                from = run.range.end;
            }
        }
        self.keep(from..range.end, base + (from - range.start));
    }

    fn keep(&mut self, range: std::ops::Range<u64>, offset: u64) {
        if range.start < range.end {
            self.pieces.push(Piece {
                start: range.start,
                bytes: range.end - range.start,
                offset,
            });
        }
    }
}

/// Returns of each run how many bytes from its start on were copied.
fn copy_runs(
    memory: &File,
    runs: &[&Run],
    to: &[File],
    stripes: Stripes,
    until: Option<Instant>,
) -> io::Result<Vec<u64>> {
    let parts_of = |run: &Run| stripes.parts(run.offset..run.offset + run.bytes());
    let by_file = in_parallel(to.len(), |file| {
        let mut buffer = vec![0u8; BUFFER_BYTES];
        let mut done = Vec::new();
        for (number, run) in runs.iter().enumerate() {
            for (_, part) in parts_of(run).filter(|(of, _)| *of == file) {
                let from = run.range.start + (part.start - run.offset);
                let bytes = part.end - part.start;
                let read = copy_part(
                    memory,
                    from,
                    bytes,
                    &to[file],
                    part.start,
                    &mut buffer,
                    until,
                )?;
                if read < bytes {
                    done.push((number, part.start - run.offset + read));
                }
            }
        }
        Ok::<_, io::Error>(done)
    });
    // What was read behind a hole lies behind what counts.
    let mut done: Vec<u64> = runs.iter().map(|run| run.bytes()).collect();
    for short in by_file {
        for (number, bytes) in short? {
            done[number] = done[number].min(bytes);
        }
    }
    Ok(done)
}

/// Copies `bytes` bytes at `from` to `offset` of a file; returns how many from the first on could be read.
fn copy_part(
    memory: &File,
    from: u64,
    bytes: u64,
    to: &File,
    offset: u64,
    buffer: &mut [u8],
    until: Option<Instant>,
) -> io::Result<u64> {
    let mut done = 0;
    while done < bytes {
        if until.is_some_and(|until| Instant::now() > until) {
            return Err(io::Error::from(io::ErrorKind::TimedOut));
        }
        let wanted = buffer.len().min((bytes - done) as usize);
        let read = match memory.read_at(&mut buffer[..wanted], from + done) {
            Ok(read) if read > 0 => read,
            _ => break,
        };
        to.write_all_at(&buffer[..read], offset + done)?;
        done += read as u64;
    }
    Ok(done)
}
