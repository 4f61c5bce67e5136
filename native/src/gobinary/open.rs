//! Opens a Go program: finds its tables once, lends them out again and again.

use std::ops::Range;

use super::build_info::{self, RawBuildInfo};
use super::elf::Elf;
use super::functions::Tables;
use super::header::{self, Header};
use super::module::{self, Layout, Module};
use super::pcvalue::Patience;
use crate::problem::{Parsed, problem};

/// What was found in a file; every range lies inside of it.
pub struct Program {
    pub machine: &'static str,
    pub position_independent: bool,
    pub go_build_id: String,
    pub gnu_build_id: String,
    pub build_info: RawBuildInfo,
    pub pclntab: u64,
    pub module: Module,
    functions: usize,
    quantum: u8,
    names: Range<usize>,
    units: Range<usize>,
    files: Range<usize>,
    values: Range<usize>,
    records: Range<usize>,
    funcdata: Range<usize>,
    wrapper: Option<u8>,
}

impl Program {
    pub fn open(data: &[u8]) -> Parsed<Self> {
        let elf = Elf::parse(data)?;
        let header = header::find(&elf)?;
        let module = module::find(&elf, &header)?;
        let (build_info, ids) = (build_info::find(&elf), &elf.build_ids);
        let part = |offset: usize, length: usize| inside(&header, offset, length);
        let mut program = Program {
            machine: elf.machine,
            position_independent: elf.position_independent,
            go_build_id: String::from_utf8_lossy(ids.go.unwrap_or_default()).into_owned(),
            gnu_build_id: hexadecimal(ids.gnu.unwrap_or_default()),
            build_info,
            pclntab: header.address,
            functions: header.functions,
            quantum: header.quantum,
            names: part(header.names, module.names)?,
            units: part(header.units, module.units)?,
            files: part(header.files, module.files)?,
            values: part(header.values, module.values)?,
            records: part(header.records, module.records)?,
            funcdata: elf
                .at(module.gofunc)
                .map(|(range, _)| range)
                .unwrap_or_default(),
            wrapper: None,
            module,
        };
        program.wrapper = program.tables(data).wrapper_id();
        Ok(program)
    }

    /// Lends the tables of `data`, which must be what the program was opened from.
    pub fn tables<'a>(&self, data: &'a [u8]) -> Tables<'a> {
        let part = |range: &Range<usize>| data.get(range.clone()).unwrap_or_default();
        Tables {
            names: part(&self.names),
            units: part(&self.units),
            files: part(&self.files),
            values: part(&self.values),
            records: part(&self.records),
            funcdata: part(&self.funcdata),
            functions: self.functions,
            text: self.module.text,
            quantum: self.quantum,
            wrapper: self.wrapper,
            patience: Patience::default(),
        }
    }

    pub fn layout(&self) -> &'static Layout {
        self.module.layout
    }
}

fn inside(header: &Header, offset: usize, length: usize) -> Parsed<Range<usize>> {
    let start = header.file.start + offset;
    match start.checked_add(length) {
        Some(end) if end <= header.file.end => Ok(start..end),
        _ => problem("a table of its moduledata ends behind the file", start),
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
