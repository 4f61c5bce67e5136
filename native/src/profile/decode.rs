//! Everything of a profile but its samples.

use super::limits;
use super::samples::Samples;
use super::wire::{Cursor, Value};
use crate::problem::Parsed;

#[derive(Default)]
pub struct Mapping {
    pub numbers: [u64; 3], // start, limit, file offset
    pub file: i64,
    pub build_id: i64,
    pub has: [bool; 4], // functions, filenames, line numbers, inline frames
}

#[derive(Default)]
pub struct Locations {
    pub ids: Vec<(u64, usize)>,
    pub address: Vec<u64>,
    pub mapping: Vec<u64>,
    pub folded: Vec<u8>,
    pub line_start: Vec<i64>,
    pub line_function: Vec<u64>,
    pub line_number: Vec<i64>,
}

#[derive(Default)]
pub struct Functions {
    pub ids: Vec<(u64, usize)>,
    pub name: Vec<i64>,
    pub system_name: Vec<i64>,
    pub file: Vec<i64>,
    pub start_line: Vec<i64>,
}

/// Ids are kept as written until `link`, because a writer may define them after their use.
#[derive(Default)]
pub struct Raw<'a> {
    pub strings: Vec<&'a [u8]>,
    pub sample_types: Vec<[i64; 2]>,
    pub samples: Samples,
    pub mapping_ids: Vec<(u64, usize)>,
    pub mappings: Vec<Mapping>,
    pub locations: Locations,
    pub functions: Functions,
    pub drop_frames: i64,
    pub keep_frames: i64,
    pub time_nanos: i64,
    pub duration_nanos: i64,
    pub period_type: Option<[i64; 2]>,
    pub period: i64,
    pub comments: Vec<i64>,
    pub default_sample_type: i64,
    pub doc_url: i64,
}

pub fn value_type(mut cursor: Cursor) -> Parsed<[i64; 2]> {
    let mut out = [0; 2];
    while let Some((number, value)) = cursor.field()? {
        if let 1 | 2 = number {
            out[number as usize - 1] = value.signed(cursor.position)?;
        }
    }
    Ok(out)
}

impl<'a> Raw<'a> {
    /// Reads every field but the samples, which need the locations first.
    pub fn read(data: &'a [u8]) -> Parsed<Self> {
        let mut raw = Raw::default();
        raw.locations.line_start.push(0);
        let mut cursor = Cursor::new(data);
        loop {
            let at = cursor.position;
            let Some((number, value)) = cursor.field()? else {
                break;
            };
            match number {
                2 => {} // `Samples::read` comes for them
                3..=6 => raw.definition(number, value, at)?,
                _ => raw.attribute(number, value, at)?,
            }
        }
        Ok(raw)
    }

    fn definition(&mut self, number: u64, value: Value<'a>, at: usize) -> Parsed<()> {
        let cursor = value.message(at)?;
        match number {
            3 => self.mapping(cursor, at),
            4 => self.locations.read(cursor, at),
            5 => self.functions.read(cursor, at),
            _ => {
                self.strings.push(cursor.rest());
                limits::check(self.strings.len(), limits::NAMED, "strings", at)
            }
        }
    }

    fn attribute(&mut self, number: u64, value: Value<'a>, at: usize) -> Parsed<()> {
        match number {
            1 => {
                self.sample_types.push(value_type(value.message(at)?)?);
                limits::check(self.sample_types.len(), limits::TYPES, "sample types", at)?;
            }
            7 => self.drop_frames = value.signed(at)?,
            8 => self.keep_frames = value.signed(at)?,
            9 => self.time_nanos = value.signed(at)?,
            10 => self.duration_nanos = value.signed(at)?,
            11 => self.period_type = Some(value_type(value.message(at)?)?),
            12 => self.period = value.signed(at)?,
            13 => {
                return value.each(at, |text| {
                    self.comments.push(text as i64);
                    limits::check(self.comments.len(), limits::COMMENTS, "comments", at)
                });
            }
            14 => self.default_sample_type = value.signed(at)?,
            15 => self.doc_url = value.signed(at)?,
            _ => {} // a later version of the format
        }
        Ok(())
    }

    fn mapping(&mut self, mut cursor: Cursor, at: usize) -> Parsed<()> {
        let mut mapping = Mapping::default();
        let mut id = 0;
        while let Some((number, value)) = cursor.field()? {
            let here = cursor.position;
            match number {
                1 => id = value.number(here)?,
                2..=4 => mapping.numbers[number as usize - 2] = value.number(here)?,
                5 => mapping.file = value.signed(here)?,
                6 => mapping.build_id = value.signed(here)?,
                7..=10 => mapping.has[number as usize - 7] = value.number(here)? != 0,
                _ => {}
            }
        }
        self.mapping_ids.push((id, at));
        self.mappings.push(mapping);
        limits::check(self.mappings.len(), limits::MAPPINGS, "mappings", at)
    }
}

impl Locations {
    fn read(&mut self, mut cursor: Cursor, at: usize) -> Parsed<()> {
        let (mut id, mut mapping, mut address, mut folded) = (0, 0, 0, 0);
        while let Some((number, value)) = cursor.field()? {
            let here = cursor.position;
            match number {
                1 => id = value.number(here)?,
                2 => mapping = value.number(here)?,
                3 => address = value.number(here)?,
                4 => self.line(value.message(here)?)?,
                5 => folded = u8::from(value.number(here)? != 0),
                _ => {}
            }
        }
        self.ids.push((id, at));
        self.mapping.push(mapping);
        self.address.push(address);
        self.folded.push(folded);
        self.line_start.push(self.line_number.len() as i64);
        limits::check(self.line_number.len(), limits::NAMED, "lines", at)?;
        limits::check(self.ids.len(), limits::NAMED, "locations", at)
    }

    fn line(&mut self, mut cursor: Cursor) -> Parsed<()> {
        let (mut function, mut line) = (0, 0);
        while let Some((number, value)) = cursor.field()? {
            match number {
                1 => function = value.number(cursor.position)?,
                2 => line = value.signed(cursor.position)?,
                _ => {}
            }
        }
        self.line_function.push(function);
        self.line_number.push(line);
        Ok(())
    }
}

impl Functions {
    fn read(&mut self, mut cursor: Cursor, at: usize) -> Parsed<()> {
        let mut fields = [0; 4];
        let mut id = 0;
        while let Some((number, value)) = cursor.field()? {
            match number {
                1 => id = value.number(cursor.position)?,
                2..=5 => fields[number as usize - 2] = value.signed(cursor.position)?,
                _ => {}
            }
        }
        self.ids.push((id, at));
        self.name.push(fields[0]);
        self.system_name.push(fields[1]);
        self.file.push(fields[2]);
        self.start_line.push(fields[3]);
        limits::check(self.ids.len(), limits::NAMED, "functions", at)
    }
}
