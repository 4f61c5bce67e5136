//! The memory of a process as of one moment: sorted segments over mapped files. Knows nothing of Go.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::ops::{Deref, Range};
use std::sync::Arc;

use super::resident::Resident;
use super::stripes::Map;

/// What lies from `start` to `end` is what `files` number `file` hold from `offset` on.
#[derive(Debug, Clone, Copy)]
struct Segment {
    start: u64,
    end: u64,
    file: usize,
    offset: usize,
}

/// Where bytes are kept: in files, or in our own memory.
enum Bytes {
    Files(Map),
    Own(Vec<u8>),
}

impl Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Bytes::Files(map) => map,
            Bytes::Own(bytes) => bytes,
        }
    }
}

#[derive(Default)]
pub struct Image {
    files: Vec<Arc<Bytes>>,
    segments: Vec<Segment>,
    /// What was in RAM; None where nobody knows (a core).
    pub resident: Option<Resident>,
}

impl Image {
    /// Maps `files`, which share one layout (`Stripes`), and lays the `pieces` (address, bytes, offset) of it out. What
    /// is there already stays: the first to say what an address holds is believed.
    pub fn add_files(&mut self, files: &[File], pieces: &[(u64, u64, u64)]) -> io::Result<()> {
        self.add(Arc::new(Bytes::Files(Map::new(files)?)), pieces)
    }

    /// Lays out pieces of `bytes` that were read into our own memory, as `add_files` does those of files.
    pub fn add_bytes(&mut self, bytes: Vec<u8>, pieces: &[(u64, u64, u64)]) -> io::Result<()> {
        self.add(Arc::new(Bytes::Own(bytes)), pieces)
    }

    /// Returns this image with `places` (address, bytes) in the place of what lies there; of two at one address the
    /// first. What was in RAM is not told of it.
    pub fn overlaid(&self, places: &[(u64, Vec<u8>)]) -> io::Result<Image> {
        let mut image = Image::default();
        let (bytes, pieces) = laid_out(places);
        image.add_bytes(bytes, &pieces)?;
        for (number, file) in self.files.iter().enumerate() {
            let of_file = self.segments.iter().filter(|each| each.file == number);
            let pieces: Vec<_> = of_file
                .map(|each| (each.start, each.end - each.start, each.offset as u64))
                .collect();
            image.add(file.clone(), &pieces)?;
        }
        Ok(image)
    }

    fn add(&mut self, map: Arc<Bytes>, pieces: &[(u64, u64, u64)]) -> io::Result<()> {
        let number = self.files.len();
        let mut fresh = Vec::new();
        for &(start, bytes, offset) in pieces {
            let fits = offset
                .checked_add(bytes)
                .is_some_and(|end| end <= map.len() as u64);
            let Some(end) = start.checked_add(bytes).filter(|_| fits) else {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    "a segment lies outside its file",
                ));
            };
            fresh.extend(self.gaps(start..end).map(|gap| Segment {
                start: gap.start,
                end: gap.end,
                file: number,
                offset: (offset + (gap.start - start)) as usize,
            }));
        }
        self.files.push(map);
        self.segments.extend(fresh);
        self.segments.sort_unstable_by_key(|segment| segment.start);
        Ok(())
    }

    /// Returns the parts of `wanted` that no segment covers yet.
    fn gaps(&self, wanted: Range<u64>) -> impl Iterator<Item = Range<u64>> {
        let mut gaps = Vec::new();
        let mut at = wanted.start;
        let first = self
            .segments
            .partition_point(|segment| segment.end <= wanted.start);
        for segment in &self.segments[first..] {
            if segment.start >= wanted.end {
                break;
            }
            if at < segment.start {
                gaps.push(at..segment.start);
            }
            at = at.max(segment.end);
        }
        if at < wanted.end {
            gaps.push(at..wanted.end);
        }
        gaps.into_iter()
    }

    /// Returns the `bytes` bytes at `address`, where they lie within one segment.
    #[inline]
    pub fn slice(&self, address: u64, bytes: usize) -> Option<&[u8]> {
        let rest = self.rest(address)?;
        rest.get(..bytes)
    }

    /// Returns everything from `address` to the end of its segment.
    #[inline]
    pub fn rest(&self, address: u64) -> Option<&[u8]> {
        let index = self
            .segments
            .partition_point(|segment| segment.end <= address);
        let segment = self
            .segments
            .get(index)
            .filter(|segment| segment.start <= address)?;
        let from = segment.offset + (address - segment.start) as usize;
        let to = segment.offset + (segment.end - segment.start) as usize;
        self.files.get(segment.file)?.get(from..to)
    }

    /// Fills `buffer` from `address`, across segments that touch.
    pub fn read(&self, mut address: u64, mut buffer: &mut [u8]) -> bool {
        while !buffer.is_empty() {
            let Some(rest) = self.rest(address) else {
                return false;
            };
            let some = rest.len().min(buffer.len());
            let (now, later) = buffer.split_at_mut(some);
            now.copy_from_slice(&rest[..some]);
            buffer = later;
            address += some as u64;
        }
        true
    }

    /// Tells whether all of `bytes` bytes at `address` are there.
    pub fn covers(&self, address: u64, bytes: usize) -> bool {
        address
            .checked_add(bytes as u64)
            .is_some_and(|end| self.gaps(address..end).next().is_none())
    }

    #[inline]
    pub fn word(&self, address: u64) -> Option<u64> {
        let bytes = self.slice(address, 8)?;
        bytes.try_into().ok().map(u64::from_le_bytes)
    }

    /// Returns (start, end) of every segment, in order of address.
    pub fn ranges(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.segments
            .iter()
            .map(|segment| (segment.start, segment.end))
    }
}

/// Returns the bytes of all `places` in one, and the pieces of it (address, bytes, offset), no two of which overlap.
fn laid_out(places: &[(u64, Vec<u8>)]) -> (Vec<u8>, Vec<(u64, u64, u64)>) {
    let (mut all, mut pieces, mut taken) = (Vec::new(), Vec::new(), BTreeMap::new());
    for (start, bytes) in places {
        let (offset, end) = (all.len() as u64, start.saturating_add(bytes.len() as u64));
        all.extend_from_slice(bytes);
        let before = taken.range(..=start).next_back();
        let mut at = before.map_or(*start, |(_, &end): (&u64, &u64)| end.max(*start));
        let within: Vec<(u64, u64)> = taken
            .range(start + 1..end.max(start + 1))
            .map(|(&low, &high)| (low, high))
            .collect();
        for (low, high) in within.into_iter().chain([(end, end)]) {
            if at < low {
                pieces.push((at, low - at, offset + (at - start)));
                taken.insert(at, low);
            }
            at = at.max(high);
        }
    }
    (all, pieces)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    type Given<'a> = (&'a [u8], &'a [(u64, u64, u64)]);

    fn image(files: &[Given<'_>]) -> Image {
        let mut image = Image::default();
        for (bytes, pieces) in files {
            let path = std::env::temp_dir()
                .join(format!("mapmedic-image-{}-{bytes:p}", std::process::id()));
            File::create(&path).unwrap().write_all(bytes).unwrap();
            image
                .add_files(&[File::open(&path).unwrap()], pieces)
                .unwrap();
            std::fs::remove_file(&path).unwrap();
        }
        image
    }

    #[test]
    fn the_first_file_to_say_it_is_believed_and_gaps_are_gaps() {
        let image = image(&[
            (b"abcd", &[(100, 2, 0), (104, 2, 2)]),
            (b"0123456789", &[(98, 10, 0)]),
        ]);
        let mut all = [0; 10];
        assert!(image.read(98, &mut all));
        assert_eq!(&all, b"01ab45cd89");
        assert!(!image.read(97, &mut all));
        assert!(image.covers(98, 10) && !image.covers(98, 11) && !image.covers(u64::MAX, 2));
        assert_eq!(image.slice(100, 2), Some(b"ab".as_slice()));
        assert_eq!(image.slice(100, 3), None);
    }

    #[test]
    fn bytes_of_our_own_are_laid_out_as_those_of_a_file_are() {
        let mut image = image(&[(b"ab", &[(100, 2, 0)])]);
        image
            .add_bytes(b"0123456789".to_vec(), &[(99, 4, 0), (200, 2, 8)])
            .unwrap();
        let mut all = [0; 4];
        assert!(image.read(99, &mut all));
        assert_eq!((&all, image.slice(200, 2)), (b"0ab3", Some(&b"89"[..])));
        assert!(image.add_bytes(vec![0], &[(0, 2, 0)]).is_err());
    }

    #[test]
    fn what_is_laid_over_an_image_is_believed_and_the_rest_stays() {
        let below = image(&[(b"0123456789", &[(100, 4, 0), (110, 6, 4)])]);
        let above = below
            .overlaid(&[
                (102, b"xy".to_vec()),
                (103, b"z".to_vec()),
                (112, b"w".to_vec()),
            ])
            .unwrap();
        let mut all = [0; 4];
        assert!(above.read(100, &mut all));
        assert_eq!(&all, b"01xy");
        assert_eq!(
            (above.slice(112, 1), above.slice(113, 3)),
            (Some(&b"w"[..]), Some(&b"789"[..]))
        );
        assert_eq!(below.slice(100, 4), Some(&b"0123"[..]));
    }

    #[test]
    fn of_places_that_overlap_the_first_is_believed_for_each_byte() {
        let below = image(&[(&[b'.'; 64], &[(100, 64, 0)])]);
        let mut random = 7_u64;
        let mut next = |most: u64| {
            random = random
                .wrapping_mul(6364136223846793005)
                .wrapping_add(1442695040888963407);
            (random >> 33) % most
        };
        for _ in 0..200 {
            let mut expected = [b'.'; 64];
            let mut places = Vec::new();
            for letter in b'a'..=b'z' {
                let (start, bytes) = (next(56), 1 + next(8));
                places.push((100 + start, vec![letter; bytes as usize]));
                for at in start..start + bytes {
                    let at = at as usize;
                    expected[at] = if expected[at] == b'.' {
                        letter
                    } else {
                        expected[at]
                    };
                }
            }
            let mut all = [0; 64];
            assert!(below.overlaid(&places).unwrap().read(100, &mut all));
            assert_eq!(all, expected);
        }
    }

    #[test]
    fn a_piece_outside_of_its_file_is_refused() {
        let path = std::env::temp_dir().join(format!("mapmedic-short-{}", std::process::id()));
        File::create(&path).unwrap().write_all(b"abc").unwrap();
        let file = [File::open(&path).unwrap()];
        std::fs::remove_file(&path).unwrap();
        for piece in [(0, 4, 0), (0, 1, 3), (u64::MAX, 2, 0), (0, 2, u64::MAX)] {
            assert!(
                Image::default().add_files(&file, &[piece]).is_err(),
                "{piece:?}"
            );
        }
    }
}
