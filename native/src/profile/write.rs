//! Takes a profile from Python and hands bytes back.

use std::collections::HashMap;
use std::io::Write;

use flate2::{Compression, GzBuilder};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::encode::{Columns, Message, Strings};
use crate::problem::{Parsed, problem};

type Pair = (String, String);
/// start, limit, offset; file, build id; what it has.
type Mapping = ([u64; 3], [String; 2], [bool; 4]);

/// Everything of a profile that is no column.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
struct Head {
    sample_types: Vec<Pair>,
    period_type: Option<Pair>,
    numbers: [i64; 3],
    comments: Vec<String>,
    texts: [String; 4],
    mappings: Vec<Mapping>,
    function_names: Vec<String>,
    function_system_names: Vec<String>,
    function_files: Vec<String>,
    label_strings: Vec<String>,
}

impl Head {
    fn types(&self, strings: &mut Strings, message: &mut Message) {
        for pair in &self.sample_types {
            message.bytes(1, &value_type(pair, strings).0);
        }
    }

    fn mappings(&self, strings: &mut Strings, message: &mut Message) {
        for (row, (numbers, texts, has)) in self.mappings.iter().enumerate() {
            let mut one = Message::default();
            one.number(1, row as u64 + 1);
            (2..)
                .zip(numbers)
                .for_each(|(field, number)| one.number(field, *number));
            (5..)
                .zip(texts)
                .for_each(|(field, text)| one.number(field, strings.number(text)));
            (7..)
                .zip(has)
                .for_each(|(field, has)| one.number(field, u64::from(*has)));
            message.bytes(3, &one.0);
        }
    }

    fn function_texts(&self, strings: &mut Strings) -> Parsed<Vec<[u64; 3]>> {
        let columns = [
            &self.function_names,
            &self.function_system_names,
            &self.function_files,
        ];
        let count = self.function_names.len();
        if columns.iter().any(|column| column.len() != count) {
            return problem("function names, system names and files differ in number", 0);
        }
        let texts = |row: usize| columns.map(|column| strings.number(&column[row]));
        Ok((0..count).map(texts).collect())
    }

    fn tail(&self, strings: &mut Strings, message: &mut Message) {
        let [default_sample_type, drop_frames, keep_frames, doc_url] = &self.texts;
        let [period, time_nanos, duration_nanos] = self.numbers;
        message.number(7, strings.number(drop_frames));
        message.number(8, strings.number(keep_frames));
        message.number(9, time_nanos as u64);
        message.number(10, duration_nanos as u64);
        if let Some(pair) = &self.period_type {
            message.bytes(11, &value_type(pair, strings).0);
        }
        message.number(12, period as u64);
        message.packed(13, self.comments.iter().map(|text| strings.number(text)));
        message.number(14, strings.number(default_sample_type));
        message.number(15, strings.number(doc_url));
    }
}

fn value_type((kind, unit): &Pair, strings: &mut Strings) -> Message {
    let mut message = Message::default();
    message.number(1, strings.number(kind));
    message.number(2, strings.number(unit));
    message
}

fn encode(head: &Head, columns: &Columns) -> Parsed<Vec<u8>> {
    let (mut strings, mut message) = (Strings::new(), Message::default());
    head.types(&mut strings, &mut message);
    let labels: Vec<u64> = head
        .label_strings
        .iter()
        .map(|text| strings.number(text))
        .collect();
    columns.samples(head.sample_types.len(), &labels, &mut message)?;
    head.mappings(&mut strings, &mut message);
    columns.locations(
        [head.function_names.len(), head.mappings.len()],
        &mut message,
    )?;
    let texts = head.function_texts(&mut strings)?;
    columns.functions(&texts, &mut message)?;
    head.tail(&mut strings, &mut message);
    strings.put(&mut message);
    Ok(gzip(&message.0))
}

/// No name and no time in the header: the same profile is the same bytes.
fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut writer = GzBuilder::new().write(Vec::new(), Compression::fast());
    // A Vec takes every byte it is given.
    writer
        .write_all(plain)
        .and_then(|()| writer.finish())
        .unwrap_or_default()
}

/// Return a gzipped profile.proto of a head and its columns.
#[pyfunction]
fn encode_profile<'py>(
    py: Python<'py>,
    head: Head,
    columns: HashMap<String, Vec<u8>>,
) -> PyResult<Bound<'py, PyBytes>> {
    let bytes = py.detach(|| encode(&head, &Columns(columns)))?;
    Ok(PyBytes::new(py, &bytes))
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(encode_profile, module)?)
}
