//! Copies the pages of another process that exist into a file with holes for those that do not.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::time::Instant;

use crate::parallel::{in_parallel, share, threads};

/// Pages of the kernel on amd64; /proc/PID/pagemap has one word for each.
pub const PAGE: u64 = 4096;
const WORD: usize = 8;
/// Bits of a pagemap word (Documentation/admin-guide/mm/pagemap.rst).
const PRESENT: u64 = 1 << 63;
const SWAPPED: u64 = 1 << 62;
/// Warm and reused: a cold buffer costs more than the copy itself.
const BUFFER_BYTES: usize = 1 << 20;
/// Runs of fewer pages are not worth a thread.
const WORTH_SHARING_PAGES: usize = 1 << 11;

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

/// A part of the memory that lies in the file in one piece.
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

/// What became of a copy: where each range lies in the file, what of it could not be read, what of it was in
/// RAM, and how many bytes were really copied.
#[derive(Default)]
pub struct Copied {
    pub pieces: Vec<Piece>,
    pub unread: Vec<Range>,
    pub resident: Vec<Range>,
    pub bytes: u64,
}

/// Copies the existing pages of `mappings` from `memory` into `to`, each range in one piece; what does not exist
/// is a hole in the file. FileTooLarge beyond `most` bytes, TimedOut beyond `until`.
pub fn copy_ranges(
    memory: &File,
    pagemap: &File,
    mappings: &[Mapping],
    to: &File,
    most: u64,
    until: Option<Instant>,
) -> io::Result<Copied> {
    let mut copied = Copied::default();
    let mut buffer = vec![0u8; BUFFER_BYTES];
    let mut base = 0;
    for &Mapping { range, anonymous } in mappings {
        let mut from = range.start;
        let pages = pages_of(pagemap, range)?;
        copied.resident.extend(pages.resident);
        let runs = if anonymous {
            pages.existing
        } else {
            vec![range]
        };
        for run in runs {
            if copied.bytes + (run.end - run.start) > most {
                return Err(io::Error::from(io::ErrorKind::FileTooLarge));
            }
            let read = copy_run(
                memory,
                run,
                to,
                base + (run.start - range.start),
                &mut buffer,
                until,
            )?;
            copied.bytes += read;
            if run.start + read < run.end {
                // Unmapped meanwhile, or a device: said, not bridged.
                copied.unread.push(Range {
                    start: run.start + read,
                    end: run.end,
                });
                copied.keep(
                    Range {
                        start: from,
                        end: run.start + read,
                    },
                    base + (from - range.start),
                );
                from = run.end;
            }
        }
        copied.keep(
            Range {
                start: from,
                end: range.end,
            },
            base + (from - range.start),
        );
        base += range.end - range.start;
    }
    to.set_len(base)?;
    Ok(copied)
}

impl Copied {
    fn keep(&mut self, range: Range, offset: u64) {
        if range.start < range.end {
            self.pieces.push(Piece {
                start: range.start,
                bytes: range.end - range.start,
                offset,
            });
        }
    }
}

/// Copies one run and returns how many bytes from its start on could be read.
fn copy_run(
    memory: &File,
    run: Range,
    to: &File,
    offset: u64,
    buffer: &mut [u8],
    until: Option<Instant>,
) -> io::Result<u64> {
    let pages = ((run.end - run.start) / PAGE) as usize;
    if pages < WORTH_SHARING_PAGES {
        return copy_part(memory, run, to, offset, buffer, until);
    }
    let parts = threads();
    let part_of = |part| {
        let pages = share(pages, part, parts);
        Range {
            start: run.start + pages.start as u64 * PAGE,
            end: run.start + pages.end as u64 * PAGE,
        }
    };
    let copied = in_parallel(parts, |part| {
        let own = part_of(part);
        let behind = own.start - run.start;
        let mut buffer = vec![0u8; BUFFER_BYTES];
        copy_part(memory, own, to, offset + behind, &mut buffer, until)
    });
    let mut done = 0;
    for (part, copied) in copied.into_iter().enumerate() {
        let own = part_of(part);
        let copied = copied?;
        done += copied;
        if copied < own.end - own.start {
            break; // what was read behind a hole lies behind what counts
        }
    }
    Ok(done)
}

fn copy_part(
    memory: &File,
    run: Range,
    to: &File,
    offset: u64,
    buffer: &mut [u8],
    until: Option<Instant>,
) -> io::Result<u64> {
    let mut done = 0;
    while run.start + done < run.end {
        if until.is_some_and(|until| Instant::now() > until) {
            return Err(io::Error::from(io::ErrorKind::TimedOut));
        }
        let wanted = buffer.len().min((run.end - run.start - done) as usize);
        let read = match memory.read_at(&mut buffer[..wanted], run.start + done) {
            Ok(read) if read > 0 => read,
            _ => break,
        };
        to.write_all_at(&buffer[..read], offset + done)?;
        done += read as u64;
    }
    Ok(done)
}
