//! The samples of a profile: by far the most of it.

use super::ids::Ids;
use super::limits;
use super::wire::Cursor;
use crate::problem::{Parsed, problem};

const SAMPLE: u64 = 2;

#[derive(Default)]
pub struct Samples {
    pub values: Vec<i64>,
    pub stack_start: Vec<i64>,
    pub stack: Vec<i32>,
    pub label_sample: Vec<i64>,
    /// Key, text, unit: indices into the string table.
    pub label_strings: [Vec<i64>; 3],
    pub label_number: Vec<i64>,
}

impl Samples {
    /// Reads every sample; `types` is how many values each must have.
    pub fn read(&mut self, data: &[u8], types: usize, locations: &Ids) -> Parsed<()> {
        self.stack_start.push(0);
        let mut cursor = Cursor::new(data);
        loop {
            let at = cursor.position;
            let Some((number, value)) = cursor.field()? else {
                break;
            };
            if number == SAMPLE {
                self.sample(value.message(at)?, types, locations, at)?;
            }
        }
        Ok(())
    }

    fn sample(
        &mut self,
        mut cursor: Cursor,
        types: usize,
        locations: &Ids,
        at: usize,
    ) -> Parsed<()> {
        let first = self.values.len();
        while let Some((number, value)) = cursor.field()? {
            let here = cursor.position;
            match number {
                1 => value.each(here, |id| match locations.row(id) {
                    Some(row) => {
                        self.stack.push(row);
                        Ok(())
                    }
                    None => problem(
                        format!("a sample names location {id}, which is not defined"),
                        here,
                    ),
                })?,
                2 => value.each(here, |number| {
                    self.values.push(number as i64);
                    Ok(())
                })?,
                3 => self.label(value.message(here)?)?,
                _ => {}
            }
        }
        if self.values.len() - first != types {
            let why = format!(
                "a sample has {} values for {types} types",
                self.values.len() - first
            );
            return problem(why, at);
        }
        self.stack_start.push(self.stack.len() as i64);
        limits::check(self.stack_start.len(), limits::SAMPLES, "samples", at)?;
        limits::check(self.stack.len(), limits::STACK, "frames", at)?;
        limits::check(self.values.len(), limits::VALUES, "values", at)?;
        limits::check(self.label_number.len(), limits::LABELS, "labels", at)
    }

    fn label(&mut self, mut cursor: Cursor) -> Parsed<()> {
        let (mut strings, mut number) = ([0; 3], 0);
        while let Some((field, value)) = cursor.field()? {
            let value = value.signed(cursor.position);
            match field {
                1 => strings[0] = value?,
                2 => strings[1] = value?,
                3 => number = value?,
                4 => strings[2] = value?,
                _ => {}
            }
        }
        self.label_sample.push(self.stack_start.len() as i64 - 1);
        for (column, text) in self.label_strings.iter_mut().zip(strings) {
            column.push(text);
        }
        self.label_number.push(number);
        Ok(())
    }
}
