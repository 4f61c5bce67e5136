//! The same tables as they lie in a process's memory: relocated, and there also where the file is gone or stripped.

use std::ops::Range;
use std::sync::Arc;

use super::functions::Tables;
use super::module::{
    END_OF_TEXT, FILES, FUNCTAB, LAYOUTS, Layout, NAMES, RECORDS, TEXT, UNITS, VALUES, WORDS,
};
use super::pcvalue::Patience;
use crate::image::Image;
use crate::problem::{Parsed, problem};

const HEADER_FUNCTIONS: u64 = 8;
const HEADER_QUANTUM: u64 = 6;
const FUNCTAB_ENTRY_BYTES: u64 = 8;
/// No program's tables are larger.
const MOST_BYTES: u64 = 1 << 31;

/// One table: where it lies in the image, or a copy where it lies there in several pieces.
enum Part {
    There(u64, usize),
    Copied(Vec<u8>),
}

/// A program's function tables in the memory of its process. Addresses are the process's own.
pub struct Loaded {
    pub image: Arc<Image>,
    pub text: Range<u64>,
    /// What offsets of type data in go:func.* count from.
    pub rodata: u64,
    pub layout: &'static Layout,
    gofunc: u64,
    functions: usize,
    quantum: u8,
    names: Part,
    units: Part,
    files: Part,
    values: Part,
    records: Part,
    wrapper: Option<u8>,
}

impl Loaded {
    /// Reads the tables that the moduledata at `module` points to.
    pub fn read(image: Arc<Image>, module: u64) -> Parsed<Loaded> {
        let words: Option<Vec<u64>> = (0..WORDS as u64)
            .map(|index| image.word(module.checked_add(index * 8)?))
            .collect();
        let Some(words) = words else {
            return problem("the module's own description cannot be read", 0);
        };
        let Some(layout) = LAYOUTS.iter().find(|layout| fits(&image, &words, layout)) else {
            return problem("its moduledata is laid out as in no Go version known", 0);
        };
        let (Some(functions), Some(quantum)) = (
            image.word(words[0].wrapping_add(HEADER_FUNCTIONS)),
            image.slice(words[0].wrapping_add(HEADER_QUANTUM), 1),
        ) else {
            return problem("the header of its function table cannot be read", 0);
        };
        if functions.checked_add(1) != Some(words[FUNCTAB + 1]) {
            return problem("its function table and its moduledata disagree", 0);
        }
        let room = words[RECORDS + 1] / FUNCTAB_ENTRY_BYTES;
        if functions >= room {
            return problem("its function table is larger than its records", 0);
        }
        let mut loaded = Loaded {
            text: words[TEXT]..words[END_OF_TEXT],
            rodata: words[layout.gofunc - 1],
            layout,
            gofunc: words[layout.gofunc],
            functions: functions as usize,
            quantum: quantum[0],
            names: part(&image, &words, NAMES, 1)?,
            units: part(&image, &words, UNITS, 4)?,
            files: part(&image, &words, FILES, 1)?,
            values: part(&image, &words, VALUES, 1)?,
            records: part(&image, &words, RECORDS, 1)?,
            wrapper: None,
            image,
        };
        loaded.wrapper = loaded.tables().wrapper_id();
        Ok(loaded)
    }

    /// Lends the tables.
    pub fn tables(&self) -> Tables<'_> {
        Tables {
            names: self.bytes(&self.names),
            units: self.bytes(&self.units),
            files: self.bytes(&self.files),
            values: self.bytes(&self.values),
            records: self.bytes(&self.records),
            funcdata: self.image.rest(self.gofunc).unwrap_or_default(),
            functions: self.functions,
            text: self.text.start,
            quantum: self.quantum,
            wrapper: self.wrapper,
            patience: Patience::default(),
        }
    }

    fn bytes<'a>(&'a self, part: &'a Part) -> &'a [u8] {
        match part {
            Part::There(address, bytes) => self.image.slice(*address, *bytes).unwrap_or_default(),
            Part::Copied(bytes) => bytes,
        }
    }
}

fn part(image: &Image, words: &[u64], slice: usize, size: u64) -> Parsed<Part> {
    let bytes = words[slice + 1]
        .checked_mul(size)
        .filter(|&n| n <= MOST_BYTES);
    let Some(bytes) = bytes else {
        return problem("its moduledata has a table without end", 0);
    };
    let address = words[slice];
    if image.slice(address, bytes as usize).is_some() {
        return Ok(Part::There(address, bytes as usize));
    }
    if !image.covers(address, bytes as usize) {
        return problem("a table of its functions cannot be read", 0);
    }
    let mut copy = vec![0; bytes as usize];
    match image.read(address, &mut copy) {
        true => Ok(Part::Copied(copy)),
        false => problem("a table of its functions cannot be read", 0),
    }
}

/// Tells whether the list of text sections lies where `layout` says: its one entry begins at the text.
fn fits(image: &Image, words: &[u64], layout: &Layout) -> bool {
    let [sections, count, capacity] = [0, 1, 2].map(|index| words[layout.text_sections + index]);
    let first = [0, 16].map(|offset| image.word(sections.wrapping_add(offset)));
    count == 1 && capacity >= 1 && first == [Some(0), Some(words[TEXT])]
}
