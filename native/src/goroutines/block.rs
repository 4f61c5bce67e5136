//! One goroutine while its lines arrive, written down as the key it is grouped by.
//!
//! A key is a line of state and then two lines a frame: a mark with the function (arguments taken
//! off, they differ between twins), and `file:line` (the offset taken off).

use memchr::{memchr_iter, memmem, memrchr};

use super::header::Header;
use crate::problem::{Parsed, problem};

pub const FRAME: u8 = b'f';
pub const CREATOR: u8 = b'c';
pub const ELIDED: u8 = b'e';
/// Go prints 100 frames at most; this much key is not Go's.
const MAX_KEY: usize = 1 << 20;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Expect {
    Function,
    File,
    /// The last line has no arguments: a function of C if its file:line follows, else somebody else's
    /// word (`exit status 2`, a line of the service's log) whose key began at this length.
    FileOrForeign(usize),
    /// Stacks of ancestors follow (GODEBUG=tracebackancestors); they are somebody else's.
    Nothing,
}

pub struct Block {
    pub key: Vec<u8>,
    pub id: u64,
    pub wait_minutes: u64,
    pub locked: bool,
    expect: Expect,
    /// A dump may say that a running goroutine's stack cannot be had.
    frames: usize,
}

impl Block {
    pub fn new() -> Self {
        Block {
            key: Vec::new(),
            id: 0,
            wait_minutes: 0,
            locked: false,
            expect: Expect::Nothing,
            frames: 0,
        }
    }

    pub fn begin(&mut self, header: &Header) {
        self.key.clear();
        self.key.extend_from_slice(header.state);
        self.key.push(b'\n');
        self.id = header.id;
        self.wait_minutes = header.wait_minutes;
        self.locked = header.locked;
        self.expect = Expect::Function;
        self.frames = 0;
    }

    /// Ends the goroutine: what waited for its file:line to be a frame is none.
    pub fn settle(&mut self) {
        if let Expect::FileOrForeign(length) = self.expect {
            self.key.truncate(length);
            self.expect = Expect::Function;
        }
    }

    /// True when no line is missing that must follow the last one.
    pub fn is_whole(&self) -> bool {
        self.frames > 0 && self.expect != Expect::File
    }

    /// True when nothing that belongs to a goroutine followed its first line.
    pub fn is_header_alone(&self) -> bool {
        self.frames == 0 && self.expect == Expect::Function
    }

    pub fn line(&mut self, line: &[u8], at: usize) -> Parsed<()> {
        if self.key.len() + line.len() > MAX_KEY {
            return problem(format!("a goroutine of more than {MAX_KEY} bytes"), at);
        }
        match self.expect {
            Expect::Function => return self.function(line, at),
            Expect::File if line.starts_with(b"\t") => self.file(&line[1..]),
            Expect::File if is_function(line) => {
                return problem("a function without its file:line", at);
            }
            Expect::FileOrForeign(_) if is_place_in_c(line) => self.file(&line[1..]),
            Expect::FileOrForeign(_) => {
                self.settle();
                if !line.starts_with(b"\t") {
                    return self.function(line, at);
                }
            }
            Expect::File | Expect::Nothing => {}
        }
        Ok(())
    }

    fn function(&mut self, line: &[u8], at: usize) -> Parsed<()> {
        if line.starts_with(b"\tgoroutine running on other thread") {
            self.frames += 1;
            return Ok(());
        }
        if line.starts_with(b"[originating from goroutine") {
            self.expect = Expect::Nothing;
            return Ok(());
        }
        if line.starts_with(b"...") {
            self.put(ELIDED, b"", b"");
            return Ok(());
        }
        if line.starts_with(b"\t") {
            return problem("a file:line without a function before it", at);
        }
        let length = self.key.len();
        match line.strip_prefix(b"created by ") {
            Some(creator) => self.put(CREATOR, without_parent(creator), b""),
            None => self.put(FRAME, without_arguments(line), b""),
        }
        self.key.pop(); // the empty second line: the next line of the dump fills it
        self.expect = if is_function(line) {
            Expect::File
        } else {
            Expect::FileOrForeign(length)
        };
        Ok(())
    }

    fn file(&mut self, place: &[u8]) {
        self.key.extend_from_slice(without_offset(place));
        self.key.push(b'\n');
        self.frames += 1;
        self.expect = Expect::Function;
    }

    fn put(&mut self, mark: u8, function: &[u8], place: &[u8]) {
        self.key.push(mark);
        self.key.extend_from_slice(function);
        self.key.push(b'\n');
        self.key.extend_from_slice(place);
        self.key.push(b'\n');
    }
}

/// Tells whether the line is a call as Go prints it, and not what another writer put between.
fn is_function(line: &[u8]) -> bool {
    line.ends_with(b")") || line.starts_with(b"created by ")
}

/// `\tx.c:7 pc=0x1`, or without the file (upstream: printOneCgoTraceback).
fn is_place_in_c(line: &[u8]) -> bool {
    line.starts_with(b"\t") && memmem::find(line, b"pc=0x").is_some()
}

/// `main.(*T).Put(0x1, {0x2, ...})` -> `main.(*T).Put`: Go prints no parenthesis inside arguments.
fn without_arguments(line: &[u8]) -> &[u8] {
    match memrchr(b'(', line) {
        Some(open) if line.ends_with(b")") => &line[..open],
        _ => line,
    }
}

fn without_parent(creator: &[u8]) -> &[u8] {
    memmem::rfind(creator, b" in goroutine ").map_or(creator, |end| &creator[..end])
}

/// `x.go:7 +0x1d`, with `fp= sp= pc=` after it in crash output, or nothing for an inlined frame.
fn without_offset(place: &[u8]) -> &[u8] {
    let marks = memchr_iter(b' ', place);
    let end = marks.into_iter().find(|blank| {
        let tail = &place[blank + 1..];
        [&b"+0x"[..], b"fp=0x", b"pc=0x"]
            .iter()
            .any(|mark| tail.starts_with(mark))
    });
    end.map_or(place, |blank| &place[..blank])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_parents_and_offsets_go() {
        assert_eq!(
            without_arguments(b"main.(*T[...]).Put(0x1, {0x2, ...})"),
            b"main.(*T[...]).Put"
        );
        assert_eq!(without_arguments(b"main.f(...)"), b"main.f");
        assert_eq!(without_parent(b"main.f in goroutine 7"), b"main.f");
        assert_eq!(without_offset(b"/a b/x.go:7 +0x1d fp=0x1"), b"/a b/x.go:7");
        assert_eq!(without_offset(b"/a b/x.go:7"), b"/a b/x.go:7");
    }
}
