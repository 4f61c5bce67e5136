//! Groups goroutines that stand at the same place in the same state; memory follows distinct stacks.

use std::collections::HashMap;

use memchr::memchr;

use super::block::Block;
use super::header;
use crate::problem::{Parsed, problem};

const SAMPLE_IDS: usize = 16;
const MAX_LINE: usize = 1 << 20;
/// Distinct stacks may take this much; a real dump of a million goroutines has a few hundred of them.
const MAX_DISTINCT: usize = 64 << 20;

pub struct Group {
    pub count: u64,
    pub locked: u64,
    pub wait_minutes: [u64; 2],
    pub ids: Vec<u64>,
    /// Where the first goroutine of the group begins.
    pub at: usize,
}

pub struct Grouper {
    max_bytes: usize,
    numbers: HashMap<Box<[u8]>, usize>,
    pub groups: Vec<Group>,
    pub total: u64,
    pub truncated: bool,
    distinct: usize,
    block: Block,
    inside: bool,
    /// A goroutine was begun, whole or not.
    seen: bool,
    block_at: usize,
    /// The beginning of a line whose end has not arrived.
    carry: Vec<u8>,
    /// Bytes fed so far, less the carry.
    pub offset: usize,
}

impl Grouper {
    pub fn new(max_bytes: usize) -> Self {
        Grouper {
            max_bytes,
            numbers: HashMap::new(),
            groups: Vec::new(),
            total: 0,
            truncated: false,
            distinct: 0,
            block: Block::new(),
            inside: false,
            seen: false,
            block_at: 0,
            carry: Vec::new(),
            offset: 0,
        }
    }

    pub fn feed(&mut self, mut chunk: &[u8]) -> Parsed<()> {
        if chunk.len()
            > self.max_bytes
                - self
                    .offset
                    .saturating_add(self.carry.len())
                    .min(self.max_bytes)
        {
            return problem(format!("larger than {} bytes", self.max_bytes), self.offset);
        }
        if !self.carry.is_empty() {
            let Some(end) = memchr(b'\n', chunk) else {
                return self.keep(chunk);
            };
            self.keep(&chunk[..end + 1])?;
            let line = std::mem::take(&mut self.carry);
            self.line(&line)?;
            chunk = &chunk[end + 1..];
        }
        while let Some(end) = memchr(b'\n', chunk) {
            self.line(&chunk[..end + 1])?;
            chunk = &chunk[end + 1..];
        }
        self.keep(chunk)
    }

    fn keep(&mut self, part: &[u8]) -> Parsed<()> {
        if self.carry.len() + part.len() > MAX_LINE {
            return problem(format!("a line of more than {MAX_LINE} bytes"), self.offset);
        }
        self.carry.extend_from_slice(part);
        Ok(())
    }

    /// Takes one line with its newline.
    fn line(&mut self, whole: &[u8]) -> Parsed<()> {
        let at = self.offset;
        if whole.len() > MAX_LINE {
            return problem(format!("a line of more than {MAX_LINE} bytes"), at);
        }
        self.offset += whole.len();
        let line = whole.strip_suffix(b"\n").unwrap_or(whole);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() {
            return self.close(at);
        }
        if let Some(header) = header::parse(line) {
            self.close(at)?;
            self.block.begin(&header);
            (self.inside, self.seen, self.block_at) = (true, true, at);
            return Ok(());
        }
        // Outside: what a panic prints before the first goroutine, or registers after the last.
        if self.inside {
            self.block.line(line, at)
        } else {
            Ok(())
        }
    }

    fn close(&mut self, at: usize) -> Parsed<()> {
        if !self.inside {
            return Ok(());
        }
        self.inside = false;
        self.block.settle();
        if self.block.is_header_alone() {
            return Ok(()); // before Go 1.23 the words of a panic may look like one
        }
        if !self.block.is_whole() {
            return problem("a goroutine without a whole frame", at);
        }
        self.total += 1;
        let number = match self.numbers.get(self.block.key.as_slice()) {
            Some(number) => *number,
            None => self.open_group()?,
        };
        self.groups[number].add(&self.block);
        Ok(())
    }

    fn open_group(&mut self) -> Parsed<usize> {
        // A key costs itself and what a group and a table entry take.
        self.distinct += self.block.key.len() + 256;
        if self.distinct > MAX_DISTINCT {
            return problem(
                format!("more than {MAX_DISTINCT} bytes of distinct stacks"),
                self.block_at,
            );
        }
        let number = self.groups.len();
        self.numbers
            .insert(self.block.key.as_slice().into(), number);
        let (wait_minutes, ids) = ([u64::MAX, 0], Vec::new());
        self.groups.push(Group {
            count: 0,
            locked: 0,
            wait_minutes,
            ids,
            at: self.block_at,
        });
        Ok(number)
    }

    /// Ends the dump; a goroutine that a cut went through is left out.
    pub fn finish(&mut self) -> Parsed<()> {
        if !self.seen {
            return problem("no goroutine in it", self.offset);
        }
        self.truncated = !self.carry.is_empty() || (self.inside && !self.block.is_whole());
        if self.truncated {
            return Ok(());
        }
        self.close(self.offset)?;
        if self.total == 0 {
            return problem("a goroutine without a whole frame", self.block_at);
        }
        Ok(())
    }

    /// Hands the keys out in the order of their groups.
    pub fn keys(&mut self) -> Vec<Box<[u8]>> {
        let mut keys: Vec<_> = std::mem::take(&mut self.numbers).into_iter().collect();
        keys.sort_unstable_by_key(|(_, number)| *number);
        keys.into_iter().map(|(key, _)| key).collect()
    }
}

impl Group {
    fn add(&mut self, block: &Block) {
        self.count += 1;
        self.locked += u64::from(block.locked);
        self.wait_minutes[0] = self.wait_minutes[0].min(block.wait_minutes);
        self.wait_minutes[1] = self.wait_minutes[1].max(block.wait_minutes);
        if self.ids.len() < SAMPLE_IDS {
            self.ids.push(block.id);
        }
    }
}
