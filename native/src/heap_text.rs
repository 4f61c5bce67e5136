//! Go's `heap?debug=1` text as columns (upstream: src/runtime/pprof/pprof.go, writeHeapInternal).

use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::columns::Table;
use crate::intern::Interner;
use crate::problem::{Parsed, problem};
use crate::scan::{Lines, decimal, file_and_line, hexadecimal, trim_front};

const FOOTER: &[u8] = b"# runtime.MemStats";
/// Go keeps 128 frames at most (maxProfStackDepth may be raised to 1024); more is not Go's.
const MAX_STACK: usize = 1 << 16;

#[derive(Default)]
struct Heap<'a> {
    header: [i64; 5],
    counts: [Vec<i64>; 4],
    stack_start: Vec<i64>,
    stack: Vec<u64>,
    frame_start: Vec<i64>,
    frame_pc: Vec<u64>,
    frame_function: Vec<i32>,
    frame_offset: Vec<u64>,
    frame_file: Vec<i32>,
    frame_line: Vec<i32>,
    names: Interner<'a>,
    files: Interner<'a>,
    /// Byte after the footer's own heading, where there is one.
    footer: Option<usize>,
    /// A record was begun and its blank line has not been seen.
    open: bool,
}

/// Reads `a: b [c: d] @` and returns what follows.
fn four_counts(line: &[u8]) -> Option<([i64; 4], &[u8])> {
    let mut counts = [0; 4];
    let mut rest = line;
    for (count, separator) in counts.iter_mut().zip([&b":"[..], b"[", b":", b"]"]) {
        let (value, after) = decimal(trim_front(rest))?;
        *count = value;
        rest = trim_front(after).strip_prefix(separator)?;
    }
    Some((counts, trim_front(rest).strip_prefix(b"@")?))
}

fn header(line: &[u8]) -> Option<[i64; 5]> {
    let (counts, rest) = four_counts(line.strip_prefix(b"heap profile:")?)?;
    let (rate, rest) = decimal(trim_front(rest).strip_prefix(b"heap/")?)?;
    (rate >= 0 && trim_front(rest).is_empty()).then_some(())?;
    Some([counts[0], counts[1], counts[2], counts[3], rate])
}

/// Splits `func+0x1f<blanks>file:line`; the name may hold blanks and plus signs itself.
///
/// The first offset with a blank behind it decides. Trying the next one whenever no file:line follows
/// would be quadratic in the line.
fn named_frame(text: &[u8]) -> Option<(&[u8], u64, &[u8], i32)> {
    let (plus, offset, rest) = memchr::memmem::find_iter(text, b"+0x").find_map(|plus| {
        let (offset, rest) = hexadecimal(&text[plus + 1..])?;
        matches!(rest.first(), Some(b' ' | b'\t')).then_some((plus, offset, rest))
    })?;
    let (file, line) = file_and_line(trim_front(rest))?;
    Some((&text[..plus], offset, file, line))
}

impl<'a> Heap<'a> {
    fn record(&mut self, line: &'a [u8], at: usize) -> Parsed<()> {
        let Some((counts, mut rest)) = four_counts(line) else {
            return problem(
                "neither a record, nor a frame, nor the memstats heading",
                at,
            );
        };
        self.close(); // a record before this one that no blank line ended
        let first = self.stack.len();
        rest = trim_front(rest);
        while !rest.is_empty() {
            let Some((pc, after)) = hexadecimal(rest) else {
                return problem("a program counter of a record does not parse", at);
            };
            self.stack.push(pc);
            rest = trim_front(after);
        }
        if self.stack.len() - first > MAX_STACK {
            return problem(format!("a stack deeper than {MAX_STACK}"), at);
        }
        for (column, count) in self.counts.iter_mut().zip(counts) {
            column.push(count);
        }
        self.open = true;
        Ok(())
    }

    /// Ends the record that is open: where it ends the next one starts.
    fn close(&mut self) {
        if self.open {
            self.frame_start.push(self.frame_pc.len() as i64);
            self.stack_start.push(self.stack.len() as i64);
        }
        self.open = false;
    }

    fn frame(&mut self, line: &'a [u8], at: usize) -> Parsed<()> {
        let Some((pc, rest)) = hexadecimal(trim_front(line)) else {
            return problem("a `#` line without a program counter", at);
        };
        let rest = trim_front(rest);
        let (name, offset, file, number) = match rest {
            b"" => (&b""[..], 0, &b""[..], 0), // Go prints the bare PC where it knows no name
            _ => match named_frame(rest) {
                Some(named) => named,
                None => return problem("a `#` line without function and file:line", at),
            },
        };
        let (Some(function), Some(file)) = (self.names.number(name), self.files.number(file))
        else {
            return problem("too many names", at);
        };
        self.frame_pc.push(pc);
        self.frame_function.push(function);
        self.frame_offset.push(offset);
        self.frame_file.push(file);
        self.frame_line.push(number);
        Ok(())
    }

    /// Forgets the record that a cut went through.
    fn drop_open_record(&mut self) {
        if !self.open {
            return;
        }
        self.counts.iter_mut().for_each(|column| {
            column.pop();
        });
        self.stack
            .truncate(self.stack_start.last().map_or(0, |end| *end as usize));
        let frames = self.frame_start.last().map_or(0, |end| *end as usize);
        self.frame_pc.truncate(frames);
        self.frame_function.truncate(frames);
        self.frame_offset.truncate(frames);
        self.frame_file.truncate(frames);
        self.frame_line.truncate(frames);
        self.open = false;
    }
}

/// Reads everything up to the footer; None for the footer means that the text ends before it.
fn read_records<'a>(data: &'a [u8]) -> Parsed<(Heap<'a>, usize)> {
    let mut heap = Heap {
        stack_start: vec![0],
        frame_start: vec![0],
        ..Heap::default()
    };
    let mut lines = Lines::new(data);
    let Some(found) = lines.next().and_then(|(_, line)| header(line)) else {
        return problem("does not start with Go's `heap profile:` line", 0);
    };
    heap.header = found;
    while let Some((at, line)) = lines.next() {
        match line {
            [] => heap.close(),
            _ if line == FOOTER => {
                heap.close();
                heap.footer = Some(lines.offset);
                break;
            }
            [b'#', frame @ ..] => heap.frame(frame, at)?,
            _ => heap.record(line, at)?,
        }
    }
    Ok((heap, lines.offset))
}

fn parse(data: &[u8], allow_truncated: bool) -> Parsed<Heap<'_>> {
    let (mut heap, offset) = read_records(data)?;
    if heap.footer.is_none() && !allow_truncated {
        return problem(
            "ends before the memstats that Go always prints last",
            offset,
        );
    }
    heap.drop_open_record();
    Ok(heap)
}

/// Return the columns of a `heap?debug=1` text; the footer is left to the caller.
#[pyfunction]
fn parse_heap_text<'py>(
    py: Python<'py>,
    data: &[u8],
    allow_truncated: bool,
) -> PyResult<Bound<'py, PyDict>> {
    let heap = py.detach(|| parse(data, allow_truncated))?;
    let table = Table::new(py);
    table.set("header", heap.header)?;
    table.set("footer", heap.footer)?;
    let names = [
        "inuse_objects",
        "inuse_bytes",
        "alloc_objects",
        "alloc_bytes",
    ];
    for (name, column) in names.into_iter().zip(heap.counts) {
        table.column(name, column)?;
    }
    table.column("stack_start", heap.stack_start)?;
    table.column("stack", heap.stack)?;
    table.column("frame_start", heap.frame_start)?;
    table.column("frame_pc", heap.frame_pc)?;
    table.column("frame_function", heap.frame_function)?;
    table.column("frame_offset", heap.frame_offset)?;
    table.column("frame_file", heap.frame_file)?;
    table.column("frame_line", heap.frame_line)?;
    table.strings("names", &heap.names.names)?;
    table.strings("files", &heap.files.names)?;
    Ok(table.0)
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(parse_heap_text, module)?)
}
