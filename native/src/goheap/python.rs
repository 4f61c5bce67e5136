//! The Go heap as Python sees it.

use std::collections::HashMap;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};

use crate::columns::{self, Table};
use crate::image::PyImage;

use super::account::account;
use super::allocator::give_back_large_pieces;
use super::beside::resident_beside;
use super::dropped::dropped_arrays;
use super::layout::{HeapLayout, HeapPlace};
use super::maps::{MapRow, ON_STACK};
use super::measured::{Holder, SyncMap};
use super::shapes::Shape;
use super::slots::{Sample, SlotLayout, live_slots};
use super::survey::{Start, Survey};
use super::ways::Step;

/// In a column of what is not known of every row.
const NOT_KNOWN: u64 = u64::MAX;

/// What the holder is, and what leads to it.
type PyHolder = ((u64, u64, u64, &'static str, u64), (u64, &'static str, u32));
/// Address, place, what it is in a word, the type that goes with that.
type PyStep = (u64, u32, &'static str, u64);

/// A Go heap looked at once. Numbers only; what they mean is said elsewhere.
#[pyclass(module = "mapmedic._native", frozen)]
struct HeapSurvey {
    survey: Survey,
}

#[pymethods]
impl HeapSurvey {
    /// Look at the heap in ``image``. ``roots``: little-endian words, as bytes. ValueError where it is none.
    #[new]
    fn new(
        py: Python<'_>,
        image: &PyImage,
        layout: HeapLayout,
        place: HeapPlace,
        roots: &[u8],
        stacks: Vec<(u64, u64)>,
        root_types: Vec<(u32, u64)>,
    ) -> PyResult<Self> {
        let memory = image.image.clone();
        let roots: Vec<u64> = columns::read(roots)?;
        give_back_large_pieces();
        let survey = py.detach(move || {
            let start = Start {
                place,
                roots: &roots,
                stacks: &stacks,
                root_types: &root_types,
            };
            Survey::take(&memory, &layout, &start)
        });
        Ok(HeapSurvey {
            survey: survey.map_err(PyValueError::new_err)?,
        })
    }

    /// Return the figures of the whole heap by name.
    fn totals(&self) -> HashMap<&'static str, u64> {
        let Survey {
            spans,
            marked,
            allocated,
            told,
            ..
        } = &self.survey;
        HashMap::from([
            ("pages_in_use", spans.pages_in_use),
            ("torn_spans", spans.torn),
            ("allocated_objects", allocated.0),
            ("allocated_bytes", allocated.1),
            ("reached_objects", marked.objects),
            ("reached_bytes", marked.bytes),
            ("uncertain_objects", marked.objects - marked.certain_objects),
            ("uncertain_bytes", marked.bytes - marked.certain_bytes),
            ("edges", marked.edges),
            ("unread_objects", marked.unread),
            (
                "typed_objects",
                told.iter().filter(|&&shape| shape != 0).count() as u64,
            ),
        ])
    }

    /// Return what the pages of the heap in ``image`` are used for, in bytes in RAM by name; None where nothing
    /// says what was in RAM.
    fn account(&self, py: Python<'_>, image: &PyImage) -> Option<HashMap<&'static str, u64>> {
        let (survey, image) = (&self.survey, &image.image);
        let account = py.detach(|| account(image, &survey.spans, &survey.marked))?;
        Some(HashMap::from([
            ("live", account.live),
            ("dead", account.dead),
            ("room", account.room),
            ("stacks", account.stacks),
            ("work", account.work),
        ]))
    }

    /// Return the arrays of maps that nothing leads to any more: (groups or buckets in one, bytes of one, how many).
    fn dropped_arrays(&self, py: Python<'_>, image: &PyImage, swiss: bool) -> Vec<(u64, u64, u64)> {
        let (survey, image) = (&self.survey, &image.image);
        let header = survey.layout.map_header_bytes;
        let found =
            py.detach(|| dropped_arrays(image, &survey.spans, &survey.marked, swiss, header));
        let mut rows: Vec<_> = found
            .iter()
            .map(|(&(units, bytes), &n)| (units, bytes, n))
            .collect();
        rows.sort_unstable();
        rows
    }

    /// Return as little-endian words: start and end of each span that is in use or allocated by hand.
    fn spans<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        let spans = &self.survey.spans;
        let used = spans.list.iter().map(|span| (span.start, span.bytes()));
        let by_hand = spans.manual.iter().map(|span| (span.start, span.bytes));
        let words = used
            .chain(by_hand)
            .flat_map(|(start, bytes)| [start, start + bytes]);
        PyBytes::new(py, &words.flat_map(u64::to_le_bytes).collect::<Vec<u8>>())
    }

    /// Return start and bytes of what the allocator has set aside where `address` lies; None where that is no object.
    fn object_at(&self, address: u64) -> Option<(u64, u64)> {
        let (span, slot) = self.survey.spans.find(address)?;
        Some((span.address(slot), span.elemsize))
    }

    /// Return as little-endian words the numbers of the pages of 4096 bytes where the runtime describes its spans.
    fn metadata_pages<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        let pages = self.survey.spans.metadata_pages.iter();
        PyBytes::new(
            py,
            &pages
                .flat_map(|page| page.to_le_bytes())
                .collect::<Vec<u8>>(),
        )
    }

    /// Return the maps as columns of little-endian words: name -> bytes.
    fn maps<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let table = Table::new(py);
        let add = |name: &str, value: fn(&MapRow) -> u64| {
            table.column(name, self.survey.maps.iter().map(value).collect())
        };
        add("address", |map| map.address)?;
        add("is_on_stack", |map| u64::from(map.object == ON_STACK))?;
        add("map_type", |map| map.map_type)?;
        add("bucket_type", |map| map.bucket_type)?;
        add("sized_as", |map| map.sized_as)?;
        add("entries", |map| map.entries)?;
        add("slots", |map| map.slots)?;
        add("structure_bytes", |map| map.structure_bytes)?;
        add("resident_bytes", |map| map.resident_bytes)?;
        add("is_written", |map| u64::from(map.is_written))?;
        add("is_sound", |map| u64::from(map.is_sound))?;
        table.column("retained_bytes", self.survey.retained.clone())?;
        let shared = self.survey.shared.iter();
        table.column(
            "shared_bytes",
            shared.map(|each| each.unwrap_or(NOT_KNOWN)).collect(),
        )?;
        Ok(table.0)
    }

    /// Return the sync.Maps as columns of little-endian words: name -> bytes. ``holder`` is the address of the
    /// object that it lies in (0: a global variable).
    fn sync_maps<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let table = Table::new(py);
        let add = |name: &str, value: &dyn Fn(&SyncMap) -> u64| {
            table.column(name, self.survey.sync_maps.iter().map(value).collect())
        };
        add("address", &|map| map.found.address)?;
        add("holder", &|map| self.survey.holder(map.found.place))?;
        add("map_type", &|map| map.found.map_type)?;
        add("is_trie", &|map| u64::from(map.found.is_trie))?;
        add("entries", &|map| map.row.entries)?;
        add("slots", &|map| map.row.slots)?;
        add("structure_bytes", &|map| map.row.structure_bytes)?;
        add("resident_bytes", &|map| map.row.resident_bytes)?;
        add("spare_bytes", &|map| map.row.spare_bytes)?;
        add("is_sound", &|map| u64::from(map.row.is_sound))?;
        add("retained_bytes", &|map| map.retained)?;
        add("shared_bytes", &|map| map.shared.unwrap_or(NOT_KNOWN))?;
        Ok(table.0)
    }

    /// Return how many bytes of the objects that hold the keys and elements of the map at ``header``, beside its
    /// slots, were in RAM. None where a part cannot be read, it has more than ``slots`` slots, or nobody knows.
    fn resident_beside(
        &self,
        py: Python<'_>,
        image: &PyImage,
        header: u64,
        layout: SlotLayout,
        slots: u64,
    ) -> Option<u64> {
        let (memory, spans) = (image.image.clone(), &self.survey.spans);
        let is_sane = layout.is_sane();
        is_sane.then(|| py.detach(|| resident_beside(&memory, spans, header, &layout, slots)))?
    }

    /// Return the addresses of the words on the way from the root, whose own is not among them, to ``address``.
    fn way_words(&self, address: u64) -> Option<Vec<u64>> {
        self.survey.way_words(address)
    }

    /// Return what holds much and is no map: (address, bytes, retained bytes, kind, type, address of who leads to
    /// it (0: a root), its kind, place there or the root's number).
    fn holders(&self) -> Vec<PyHolder> {
        let holder = |each: &Holder| {
            let (parent, shape) = each.parent.unwrap_or((0, Shape::Unknown));
            let (kind, of) = each.shape.words();
            let own = (each.address, each.bytes, each.retained, kind, of);
            (own, (parent, shape.words().0, each.place))
        };
        self.survey.holders.iter().map(holder).collect()
    }

    /// Return (holders, how many each target has, what each retains) of the objects at ``targets``: at most ``most``
    /// holders each, as (target, address of the word, 0) or (target, 0, number of the root).
    fn referrers(
        &self,
        py: Python<'_>,
        image: &PyImage,
        targets: Vec<u64>,
        roots: &[u8],
        most: usize,
    ) -> PyResult<(Vec<PyReferrer>, Vec<u64>, Vec<u64>)> {
        let memory = image.image.clone();
        let roots: Vec<u64> = columns::read(roots)?;
        let found = py.detach(|| self.survey.referrers(&memory, &targets, &roots, most));
        let words = found.referrers.iter();
        let listed = words.map(|each| (each.target, each.address, each.root));
        Ok((listed.collect(), found.counts, found.retained))
    }

    /// Return how the object at ``address`` was first reached, root first: (address, place, kind, type). Of the
    /// root the place is its number. None where the object was not reached.
    fn way(&self, address: u64) -> Option<Vec<PyStep>> {
        Some(told(&self.survey.way(address)?))
    }

    /// Return the same for the word at ``address``, the step within its own object included.
    fn way_into(&self, address: u64) -> Option<Vec<PyStep>> {
        Some(told(&self.survey.way_into(address)?))
    }
}

/// Target, address of the word (0 for a root), number of the root.
type PyReferrer = (u32, u64, u32);

fn told(steps: &[Step]) -> Vec<PyStep> {
    let step = |s: &Step| {
        let (kind, descriptor) = s.shape.words();
        (s.address, s.place, kind, descriptor)
    };
    steps.iter().map(step).collect()
}

/// Return (live slots, addresses of keys, of elements) of the map whose header is at ``header``: of each ``every``-th
/// live slot, at most ``most``. None where a part cannot be read or it has more than ``slots`` slots.
#[pyfunction]
fn map_slots<'py>(
    py: Python<'py>,
    image: &PyImage,
    header: u64,
    layout: SlotLayout,
    slots: u64,
    every: u64,
    most: usize,
) -> PyResult<Option<(u64, Bound<'py, PyDict>)>> {
    if every == 0 || !layout.is_sane() {
        return Err(PyValueError::new_err("no such layout or sample"));
    }
    let memory = image.image.clone();
    let sample = Sample { slots, every, most };
    let Some(found) = py.detach(move || live_slots(&memory, header, &layout, sample)) else {
        return Ok(None);
    };
    let table = Table::new(py);
    table.column("keys", found.keys)?;
    table.column("elems", found.elems)?;
    Ok(Some((found.live, table.0)))
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(map_slots, module)?)?;
    module.add_class::<HeapSurvey>()
}
