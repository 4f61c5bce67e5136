//! Images as Python sees them.

use std::fs::File;
use std::os::fd::{BorrowedFd, RawFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use memchr::memmem;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::columns;

use super::copy::{self, Mapping, Range};
use super::resident::Resident;
use super::segments::Image;

/// Address, bytes, offset in the file.
type Pieces = Vec<(u64, u64, u64)>;
/// Start, end.
type Unread = Vec<(u64, u64)>;

/// The memory of a process as of one moment; addresses are the process's own.
#[pyclass(module = "mapmedic._native", name = "Image", frozen)]
pub struct PyImage {
    pub image: Arc<Image>,
}

#[pymethods]
impl PyImage {
    /// Lay out files: for each the descriptors that share its layout (one, but for what ``copy_memory`` wrote to
    /// several) and its pieces [(address, bytes, offset)]. The first to say what an address holds is believed. ``resident``: what was in RAM, start and end of each run as
    /// little-endian words. OSError where a file cannot be mapped or a piece is outside of it.
    #[new]
    #[pyo3(signature = (files, resident=None))]
    fn new(files: Vec<(Vec<RawFd>, Pieces)>, resident: Option<&[u8]>) -> PyResult<Self> {
        let mut image = Image::default();
        for (descriptors, pieces) in files {
            image.add_files(&own(descriptors)?, &pieces)?;
        }
        image.resident = resident
            .map(columns::read::<u64>)
            .transpose()?
            .map(|words| Resident::new(words.chunks_exact(2).map(range).collect()));
        Ok(PyImage {
            image: Arc::new(image),
        })
    }

    /// Return how many of the ``bytes`` bytes at ``address`` were in RAM; None where nothing says it.
    fn resident_bytes(&self, address: u64, bytes: u64) -> Option<u64> {
        let resident = self.image.resident.as_ref()?;
        Some(resident.bytes(address, bytes))
    }

    /// Return as little-endian words start and end of each run of pages that was in RAM; None where nothing says it.
    fn resident_runs<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyBytes>> {
        let runs = self.image.resident.as_ref()?.runs().iter();
        let words = runs.flat_map(|run| [run.start, run.end]);
        let raw: Vec<u8> = words.flat_map(u64::to_le_bytes).collect();
        Some(PyBytes::new(py, &raw))
    }

    /// Return this image with ``places`` [(address, bytes)] in the place of what lies there, the first of two believed.
    fn overlaid(&self, places: Vec<(u64, Vec<u8>)>) -> PyResult<PyImage> {
        let image = Arc::new(self.image.overlaid(&places)?);
        Ok(PyImage { image })
    }

    /// Return start and end of each stretch of addresses that is there, in order of address.
    fn ranges(&self) -> Vec<(u64, u64)> {
        self.image.ranges().collect()
    }

    /// Return the ``bytes`` bytes at ``address``; None where not all of them are there.
    fn read<'py>(
        &self,
        py: Python<'py>,
        address: u64,
        bytes: usize,
    ) -> Option<Bound<'py, PyBytes>> {
        if let Some(found) = self.image.slice(address, bytes) {
            return Some(PyBytes::new(py, found));
        }
        // Across segments: absurd lengths end at the first gap, before anything is allocated.
        self.image.covers(address, bytes).then_some(())?;
        let mut buffer = vec![0; bytes];
        self.image
            .read(address, &mut buffer)
            .then(|| PyBytes::new(py, &buffer))
    }

    /// Return the little-endian word at ``address``; None where there is none.
    fn word(&self, address: u64) -> Option<u64> {
        self.image.word(address)
    }

    /// Return the first ``most`` addresses in [start, end) where ``pattern`` lies, at multiples of ``align``.
    fn find(
        &self,
        py: Python<'_>,
        pattern: &[u8],
        start: u64,
        end: u64,
        align: u64,
        most: usize,
    ) -> PyResult<Vec<u64>> {
        if pattern.is_empty() || align == 0 {
            return Err(PyValueError::new_err("an empty pattern or alignment"));
        }
        let finder = memmem::Finder::new(pattern);
        Ok(py.detach(|| {
            let mut found = Vec::new();
            for (from, to) in self.image.ranges() {
                let (from, to) = (from.max(start), to.min(end));
                let Some(bytes) = from
                    .lt(&to)
                    .then(|| self.image.slice(from, (to - from) as usize))
                    .flatten()
                else {
                    continue;
                };
                let hits = finder
                    .find_iter(bytes)
                    .map(|at| from + at as u64)
                    .filter(|at| at % align == 0);
                found.extend(hits.take(most - found.len()));
            }
            found
        }))
    }
}

/// Copy the existing pages of ``mappings`` [(start, end, private and anonymous)] of process ``pid`` into the files
/// ``descriptors``, which share one layout and have a thread each, at most ``most`` bytes and for at most ``within_ns`` (None: as long as it takes).
/// Return (pieces, unread, what of them was in RAM as the image wants it). OSError where the process or the file says no; TimeoutError where the time was up.
#[pyfunction]
fn copy_memory(
    py: Python<'_>,
    pid: i32,
    mappings: Vec<(u64, u64, bool)>,
    descriptors: Vec<RawFd>,
    most: u64,
    within_ns: Option<u64>,
) -> PyResult<(Pieces, Unread, Py<PyBytes>)> {
    let until = within_ns.map(|within| Instant::now() + Duration::from_nanos(within));
    let to = own(descriptors)?;
    let memory = File::open(format!("/proc/{pid}/mem"))?;
    let pagemap = File::open(format!("/proc/{pid}/pagemap"))?;
    let mappings: Vec<Mapping> = mappings
        .into_iter()
        .map(|(start, end, anonymous)| Mapping {
            range: Range { start, end },
            anonymous,
        })
        .collect();
    let copied = py.detach(|| copy::copy_ranges(&memory, &pagemap, &mappings, &to, most, until))?;
    let pieces = copied
        .pieces
        .iter()
        .map(|p| (p.start, p.bytes, p.offset))
        .collect();
    let unread = copied.unread.iter().map(|r| (r.start, r.end)).collect();
    let resident = copied.resident.iter().flat_map(|r| [r.start, r.end]);
    let resident: Vec<u8> = resident.flat_map(u64::to_le_bytes).collect();
    Ok((pieces, unread, PyBytes::new(py, &resident).unbind()))
}

fn range(words: &[u64]) -> Range {
    Range {
        start: words[0],
        end: words[1],
    }
}

/// Returns files of our own over the same open files as the caller's descriptors.
fn own(descriptors: Vec<RawFd>) -> PyResult<Vec<File>> {
    let own = |descriptor| {
        if descriptor < 0 {
            return Err(PyValueError::new_err("not a descriptor"));
        }
        // SAFETY: borrowed only for this duplication; a number that is no open descriptor makes it fail.
        let borrowed = unsafe { BorrowedFd::borrow_raw(descriptor) };
        Ok(File::from(borrowed.try_clone_to_owned()?))
    };
    descriptors.into_iter().map(own).collect()
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<PyImage>()?;
    module.add_function(wrap_pyfunction!(copy_memory, module)?)
}
