//! Columns back to profile.proto, byte for byte the same each time.

use std::collections::HashMap;

use crate::columns::{Cell, read};
use crate::problem::{Parsed, problem};

/// Grows a message; a field of value 0 is not written, as proto3 has it.
#[derive(Default)]
pub struct Message(pub Vec<u8>);

impl Message {
    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    pub fn number(&mut self, field: u64, value: u64) {
        if value != 0 {
            self.varint(field << 3);
            self.varint(value);
        }
    }

    pub fn bytes(&mut self, field: u64, bytes: &[u8]) {
        self.varint(field << 3 | 2);
        self.varint(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }

    pub fn packed(&mut self, field: u64, values: impl Iterator<Item = u64>) {
        let mut packed = Message::default();
        values.for_each(|value| packed.varint(value));
        if !packed.0.is_empty() {
            self.bytes(field, &packed.0);
        }
    }
}

/// Strings by first use; the empty one is always number 0.
pub struct Strings {
    numbers: HashMap<String, u64>,
    table: Vec<String>,
}

impl Strings {
    pub fn new() -> Self {
        let mut strings = Strings {
            numbers: HashMap::new(),
            table: Vec::new(),
        };
        strings.number("");
        strings
    }

    pub fn number(&mut self, text: &str) -> u64 {
        if let Some(known) = self.numbers.get(text) {
            return *known;
        }
        let fresh = self.table.len() as u64;
        self.numbers.insert(text.to_owned(), fresh);
        self.table.push(text.to_owned());
        fresh
    }

    pub fn put(&self, message: &mut Message) {
        self.table
            .iter()
            .for_each(|text| message.bytes(6, text.as_bytes()));
    }
}

/// Columns as Python hands them in, under their names.
pub struct Columns(pub HashMap<String, Vec<u8>>);

impl Columns {
    fn get<T: Cell>(&self, name: &str) -> Parsed<Vec<T>> {
        match self.0.get(name) {
            Some(bytes) => read(bytes),
            None => problem(format!("no column {name}"), 0),
        }
    }

    /// A column of exactly `rows` entries.
    fn rows<T: Cell>(&self, name: &str, rows: usize) -> Parsed<Vec<T>> {
        let column = self.get(name)?;
        if column.len() != rows {
            return problem(format!("{name} has {} rows for {rows}", column.len()), 0);
        }
        Ok(column)
    }

    /// Starts of runs in a column of `length`: rising from 0 to `length`.
    fn starts(&self, name: &str, length: usize) -> Parsed<Vec<usize>> {
        let raw: Vec<i64> = self.get(name)?;
        let starts: Vec<usize> = raw
            .iter()
            .filter_map(|start| usize::try_from(*start).ok())
            .collect();
        let rising =
            starts.is_sorted() && starts.first() == Some(&0) && starts.last() == Some(&length);
        if starts.len() != raw.len() || !rising {
            return problem(format!("{name} does not rise from 0 to {length}"), 0);
        }
        Ok(starts)
    }

    /// A column of rows of another table of `count`; `lowest` is -1 where a row may be none.
    fn references(&self, name: &str, lowest: i32, count: usize) -> Parsed<Vec<i32>> {
        let column: Vec<i32> = self.get(name)?;
        let points = |row: &i32| *row >= lowest && i64::from(*row) < count as i64;
        match column.iter().find(|row| !points(row)) {
            Some(row) => problem(format!("{name} names row {row} of {count}"), 0),
            None => Ok(column),
        }
    }

    pub fn samples(&self, types: usize, labels: &[u64], message: &mut Message) -> Parsed<()> {
        let locations = self.get::<u64>("location_address")?.len();
        let stack = self.references("stack", 0, locations)?;
        let starts = self.starts("stack_start", stack.len())?;
        let count = starts.len() - 1;
        let values: Vec<i64> = self.rows("values", count * types)?;
        let labels = self.labels(labels, count)?;
        let mut next_label = labels.iter().peekable();
        for sample in 0..count {
            let mut one = Message::default();
            one.packed(
                1,
                stack[starts[sample]..starts[sample + 1]]
                    .iter()
                    .map(|row| id(*row)),
            );
            let own = &values[sample * types..(sample + 1) * types];
            one.packed(2, own.iter().map(|value| *value as u64));
            while let Some((_, label)) = next_label.next_if(|(owner, _)| *owner <= sample as i64) {
                one.bytes(3, &label.0);
            }
            message.bytes(2, &one.0);
        }
        Ok(())
    }

    /// Every label with its sample; `strings` turns its three texts into numbers of the new table.
    fn labels(&self, strings: &[u64], samples: usize) -> Parsed<Vec<(i64, Message)>> {
        let owners: Vec<i64> = self.get("label_sample")?;
        let within = |owner: &i64| (0..samples as i64).contains(owner);
        if !owners.is_sorted() || !owners.iter().all(within) {
            return problem(
                format!("label_sample does not rise within {samples} samples"),
                0,
            );
        }
        let numbers: Vec<i64> = self.rows("label_number", owners.len())?;
        let mut labels: Vec<_> = owners
            .into_iter()
            .map(|owner| (owner, Message::default()))
            .collect();
        for (name, field) in [("label_key", 1), ("label_text", 2), ("label_unit", 4)] {
            let texts: Vec<i32> = self.rows(name, labels.len())?;
            for ((_, label), text) in labels.iter_mut().zip(texts) {
                match usize::try_from(text)
                    .ok()
                    .and_then(|text| strings.get(text))
                {
                    Some(number) => label.number(field, *number),
                    None => return problem(format!("{name} has no text {text}"), 0),
                }
            }
        }
        labels
            .iter_mut()
            .zip(numbers)
            .for_each(|((_, label), number)| label.number(3, number as u64));
        Ok(labels)
    }

    /// `counts` are how many functions and mappings there are.
    pub fn locations(&self, counts: [usize; 2], message: &mut Message) -> Parsed<()> {
        let functions = self.references("line_function", -1, counts[0])?;
        let lines: Vec<i64> = self.rows("line_number", functions.len())?;
        let starts = self.starts("line_start", functions.len())?;
        let count = starts.len() - 1;
        let addresses: Vec<u64> = self.rows("location_address", count)?;
        let mappings = self.references("location_mapping", -1, counts[1])?;
        if mappings.len() != count {
            return problem("location_mapping differs in length from line_start", 0);
        }
        let folded: Vec<u8> = self.rows("location_folded", count)?;
        for location in 0..count {
            let mut one = Message::default();
            one.number(1, location as u64 + 1);
            one.number(2, id(mappings[location]));
            one.number(3, addresses[location]);
            for line in starts[location]..starts[location + 1] {
                let mut inner = Message::default();
                inner.number(1, id(functions[line]));
                inner.number(2, lines[line] as u64);
                one.bytes(4, &inner.0);
            }
            one.number(5, u64::from(folded[location]));
            message.bytes(4, &one.0);
        }
        Ok(())
    }

    /// `texts` are name, system name and file of each function.
    pub fn functions(&self, texts: &[[u64; 3]], message: &mut Message) -> Parsed<()> {
        let start_lines: Vec<i64> = self.rows("function_start_line", texts.len())?;
        for (row, (texts, start_line)) in texts.iter().zip(start_lines).enumerate() {
            let mut one = Message::default();
            one.number(1, row as u64 + 1);
            for (field, text) in (2..).zip(texts) {
                one.number(field, *text);
            }
            one.number(5, start_line as u64);
            message.bytes(5, &one.0);
        }
        Ok(())
    }
}

/// Rows count from 0 and -1 is none; ids count from 1 and 0 is none.
fn id(row: i32) -> u64 {
    u64::try_from(i64::from(row) + 1).unwrap_or(0)
}
