//! Hands the columns to Python.

use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::decode::Raw;
use super::ids::Ids;
use super::kinds;
use crate::columns::Table;
use crate::inflate;
use crate::problem::{Parsed, problem};

/// Rows for ids; id 0 means none (-1).
fn linked(ids: &[u64], known: &Ids, what: &str) -> Parsed<Vec<i32>> {
    let link = |id: &u64| match (*id, known.row(*id)) {
        (0, _) => Ok(-1),
        (_, Some(row)) => Ok(row),
        (id, None) => problem(format!("{what} {id} is not defined"), 0),
    };
    ids.iter().map(link).collect()
}

/// Everything that Python gets, ids already turned into rows.
struct Linked<'a> {
    raw: Raw<'a>,
    location_mapping: Vec<i32>,
    line_function: Vec<i32>,
}

fn link(data: &[u8]) -> Parsed<Linked<'_>> {
    let mut raw = Raw::read(data)?;
    if raw.strings.first().is_some_and(|first| !first.is_empty()) {
        return problem("the string table does not begin with the empty string", 0);
    }
    let locations = Ids::new(&raw.locations.ids)?;
    let functions = Ids::new(&raw.functions.ids)?;
    let mappings = Ids::new(&raw.mapping_ids)?;
    let location_mapping = linked(&raw.locations.mapping, &mappings, "mapping")?;
    let line_function = linked(&raw.locations.line_function, &functions, "function")?;
    let types = raw.sample_types.len();
    raw.samples.read(data, types, &locations)?;
    Ok(Linked {
        raw,
        location_mapping,
        line_function,
    })
}

/// Checks that every index points into a string table of `count`, and narrows the column.
fn strings(column: &[i64], count: usize) -> Parsed<Vec<i32>> {
    let count = count.max(1); // 0 is the empty string even where no table was written
    let narrow = |index: &i64| match i32::try_from(*index) {
        Ok(narrow) if narrow >= 0 && (narrow as usize) < count => Ok(narrow),
        _ => problem(format!("string {index} is not in the table of {count}"), 0),
    };
    column.iter().map(narrow).collect()
}

fn put_samples(table: &Table, raw: &mut Raw) -> PyResult<()> {
    let samples = std::mem::take(&mut raw.samples);
    let count = raw.strings.len();
    table.column("values", samples.values)?;
    table.column("stack_start", samples.stack_start)?;
    table.column("stack", samples.stack)?;
    table.column("label_sample", samples.label_sample)?;
    for (name, column) in ["label_key", "label_text", "label_unit"]
        .into_iter()
        .zip(samples.label_strings)
    {
        table.column(name, strings(&column, count)?)?;
    }
    table.column("label_number", samples.label_number)
}

fn put_places(table: &Table, linked: Linked) -> PyResult<()> {
    let Linked {
        raw,
        location_mapping,
        line_function,
    } = linked;
    let count = raw.strings.len();
    table.column("location_address", raw.locations.address)?;
    table.column("location_mapping", location_mapping)?;
    table.column("location_folded", raw.locations.folded)?;
    table.column("line_start", raw.locations.line_start)?;
    table.column("line_function", line_function)?;
    table.column("line_number", raw.locations.line_number)?;
    table.column("function_name", strings(&raw.functions.name, count)?)?;
    table.column(
        "function_system_name",
        strings(&raw.functions.system_name, count)?,
    )?;
    table.column("function_file", strings(&raw.functions.file, count)?)?;
    table.column("function_start_line", raw.functions.start_line)?;
    table.strings("strings", &raw.strings)
}

fn put_head(table: &Table, raw: &Raw) -> PyResult<()> {
    let count = raw.strings.len();
    table.set("sample_types", pairs(&raw.sample_types, count)?)?;
    table.set(
        "period_type",
        pairs(raw.period_type.as_slice(), count)?.first().copied(),
    )?;
    table.set("numbers", (raw.period, raw.time_nanos, raw.duration_nanos))?;
    table.set("comments", strings(&raw.comments, count)?)?;
    let texts = [
        raw.default_sample_type,
        raw.drop_frames,
        raw.keep_frames,
        raw.doc_url,
    ];
    table.set("texts", strings(&texts, count)?)?;
    let mut mappings = Vec::with_capacity(raw.mappings.len());
    for mapping in &raw.mappings {
        let texts = strings(&[mapping.file, mapping.build_id], count)?;
        mappings.push((mapping.numbers, texts, mapping.has));
    }
    table.set("mappings", mappings)
}

fn pairs(types: &[[i64; 2]], count: usize) -> Parsed<Vec<(i32, i32)>> {
    let pair = |both: &[i64; 2]| strings(both, count).map(|both| (both[0], both[1]));
    types.iter().map(pair).collect()
}

/// Return the columns of a profile.proto, gzipped or not.
#[pyfunction]
fn parse_profile<'py>(
    py: Python<'py>,
    data: &[u8],
    max_bytes: usize,
) -> PyResult<Bound<'py, PyDict>> {
    let plain = py.detach(|| inflate::plain(data, max_bytes))?;
    let mut linked = py.detach(|| link(&plain))?;
    let table = Table::new(py);
    put_head(&table, &linked.raw)?;
    put_samples(&table, &mut linked.raw)?;
    put_places(&table, linked)?;
    Ok(table.0)
}

/// Return what the values of a profile count (`inuse_space`), reading no sample.
#[pyfunction]
fn sample_kinds(py: Python<'_>, data: &[u8], max_bytes: usize) -> PyResult<Vec<String>> {
    let plain = py.detach(|| inflate::plain(data, max_bytes))?;
    let kinds = py.detach(|| kinds::sample_kinds(&plain))?;
    let decoded = kinds
        .into_iter()
        .map(|kind| String::from_utf8_lossy(kind).into_owned());
    Ok(decoded.collect())
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(sample_kinds, module)?)?;
    module.add_function(wrap_pyfunction!(parse_profile, module)?)
}
