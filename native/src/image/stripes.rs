//! Several files that share one layout: what lies at an offset lies in one of them, by stripes, and all are mapped as
//! one. The kernel writes to one file at a time; several threads that copy want one each.

use std::fs::File;
use std::io;
use std::ops::{Deref, Range};
use std::os::fd::AsRawFd;
use std::ptr;

/// Of stripes of less, the border costs more than the copy.
const LEAST_WIDTH: u64 = 8 << 20;
/// A process may have 65,530 mappings (vm.max_map_count), and each stripe is one.
const MOST_STRIPES: u64 = 1 << 12;

/// Which part of a layout lies in which of `files` files.
#[derive(Debug, Clone, Copy)]
pub struct Stripes {
    files: usize,
    width: u64,
}

impl Stripes {
    /// Of a layout of `length` bytes over `files` files.
    pub fn new(files: usize, length: u64) -> Stripes {
        let width = length
            .div_ceil(MOST_STRIPES)
            .next_multiple_of(LEAST_WIDTH)
            .max(LEAST_WIDTH);
        Stripes {
            files: files.max(1),
            width: if files < 2 { length.max(1) } else { width },
        }
    }

    /// Returns the parts of `wanted`, none of which crosses a border, and the number of the file of each.
    pub fn parts(self, wanted: Range<u64>) -> impl Iterator<Item = (usize, Range<u64>)> {
        let mut at = wanted.start;
        std::iter::from_fn(move || {
            let stripe = at / self.width;
            let end = (stripe + 1).saturating_mul(self.width).min(wanted.end);
            let part = at..end;
            at = end;
            (part.start < part.end).then_some(((stripe % self.files as u64) as usize, part))
        })
    }
}

/// Files that `Stripes` are over, as one stretch of memory.
pub struct Map {
    start: *mut libc::c_void,
    length: usize,
}

// SAFETY: nobody writes through it, and it is unmapped by its one owner.
unsafe impl Send for Map {}
// SAFETY: as above.
unsafe impl Sync for Map {}

impl Map {
    /// Maps `files`, all of one length, for reading. Nobody else may shorten one of them while that lives (SIGBUS):
    /// images are unlinked files of our own; of a core or a program the caller holds the descriptor and says so.
    pub fn new(files: &[File]) -> io::Result<Map> {
        let lengths: Vec<u64> = files
            .iter()
            .map(|file| file.metadata().map(|all| all.len()))
            .collect::<io::Result<_>>()?;
        let length = lengths.first().copied().unwrap_or(0);
        let bytes = usize::try_from(length).ok();
        let Some(bytes) = bytes.filter(|_| lengths.iter().all(|each| *each == length)) else {
            return Err(io::Error::from(io::ErrorKind::InvalidData));
        };
        if bytes == 0 {
            return Ok(Map {
                start: ptr::NonNull::dangling().as_ptr(),
                length: 0,
            });
        }
        let map = Map::reserved(bytes)?;
        for (file, part) in Stripes::new(files.len(), length).parts(0..length) {
            map.lay(&files[file], part)?;
        }
        Ok(map)
    }

    /// Takes a place that nothing lies at, for the files to be laid over.
    fn reserved(length: usize) -> io::Result<Map> {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        // SAFETY: a fresh mapping at a place that the kernel chooses, which touches nothing that is there.
        let start = unsafe { libc::mmap(ptr::null_mut(), length, libc::PROT_NONE, flags, -1, 0) };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        Ok(Map { start, length })
    }

    fn lay(&self, file: &File, part: Range<u64>) -> io::Result<()> {
        let flags = libc::MAP_PRIVATE | libc::MAP_FIXED;
        let (fd, bytes) = (file.as_raw_fd(), (part.end - part.start) as usize);
        // SAFETY: `part` lies within the place that this map took and nobody else knows; it begins at a multiple of a page.
        let laid = unsafe {
            let place = self.start.byte_add(part.start as usize);
            libc::mmap(
                place,
                bytes,
                libc::PROT_READ,
                flags,
                fd,
                part.start as libc::off_t,
            )
        };
        if laid == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        Ok(())
    }
}

impl Deref for Map {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: `length` bytes from `start` on are mapped for reading for as long as we are, all of them from files
        // that nobody shortens (see `new`); for no bytes the pointer dangles, as an empty slice's may.
        unsafe { std::slice::from_raw_parts(self.start.cast(), self.length) }
    }
}

impl Drop for Map {
    fn drop(&mut self) {
        if self.length > 0 {
            // SAFETY: the whole place is ours, and whoever borrowed from it is gone.
            unsafe { libc::munmap(self.start, self.length) };
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::FileExt;

    use super::*;

    fn files(count: usize, length: u64) -> Vec<File> {
        (0..count)
            .map(|number| {
                let name = format!("mapmedic-stripes-{}-{length}-{number}", std::process::id());
                let path = std::env::temp_dir().join(name);
                let file = File::options()
                    .create(true)
                    .truncate(true)
                    .read(true)
                    .write(true)
                    .open(&path)
                    .unwrap();
                std::fs::remove_file(&path).unwrap();
                file.set_len(length).unwrap();
                file
            })
            .collect()
    }

    #[test]
    fn the_parts_are_all_of_it_and_each_lies_in_one_stripe() {
        for count in 1..5 {
            for length in [0, 1, LEAST_WIDTH, 9 * LEAST_WIDTH + 1, 1 << 47] {
                let stripes = Stripes::new(count, length);
                let from = length / 3;
                let mut at = from;
                let mut number = 0;
                for (file, part) in stripes.parts(from..length) {
                    assert_eq!(part.start, at);
                    assert_eq!(part.start / stripes.width, (part.end - 1) / stripes.width);
                    assert_eq!(file as u64, part.start / stripes.width % count as u64);
                    (at, number) = (part.end, number + 1);
                }
                assert_eq!(at, length);
                assert!(number <= MOST_STRIPES, "{number}");
            }
        }
    }

    #[test]
    fn what_is_written_by_parts_is_read_as_one() {
        let length = 3 * LEAST_WIDTH + 5;
        for count in 1..4 {
            let files = files(count, length);
            let bytes: Vec<u8> = (0..length).map(|at| (at % 251) as u8).collect();
            for (file, part) in Stripes::new(count, length).parts(0..length) {
                let some = &bytes[part.start as usize..part.end as usize];
                files[file].write_all_at(some, part.start).unwrap();
            }
            assert!(*Map::new(&files).unwrap() == *bytes, "{count}");
        }
    }

    #[test]
    fn files_of_different_lengths_are_refused_and_empty_ones_are_empty() {
        let mut two = files(1, 1 << 12);
        two.extend(files(1, 2 << 12));
        assert!(Map::new(&two).is_err());
        assert!(Map::new(&files(2, 0)).unwrap().is_empty());
        assert!(Map::new(&[]).unwrap().is_empty());
    }
}
