//! The words of a stack that the garbage collector begins with (src/runtime/mgcmark.go scanstack, scanframeworker).
//!
//! Where the program says which words are pointers and alive, these are certain. Where it does not (the innermost
//! frame of a goroutine that runs or was preempted anywhere), every word is doubtful: it may be a pointer.

use super::code::{Code, Role};
use super::maps::{FrameMaps, StackObject};
use super::start::{Found, Goroutine, StackLayout};
use super::unwind::Frame;
use crate::image::Image;
use crate::problem::Parsed;

const WORD: u64 = 8;
/// Whatever is smaller points nowhere.
const LEAST_POINTER: u64 = 1 << 16;
const MOST_DEFERRED: usize = 1 << 16;
const MOST_ARGUMENT_BYTES: u64 = 1 << 20;

/// Where a word lies, and what it is; the word before it says of what type the value of an interface is.
#[derive(Debug, Clone, Copy)]
pub struct Root {
    pub address: u64,
    pub word: u64,
    pub before: u64,
}

/// The roots of one stack.
#[derive(Default)]
pub struct Roots {
    pub certain: Vec<Root>,
    pub doubtful: Vec<Root>,
}

struct Placed {
    address: u64,
    object: StackObject,
    is_alive: bool,
}

pub struct Scan<'a, 'b> {
    pub image: &'a Image,
    pub layout: &'a StackLayout,
    pub maps: &'a mut FrameMaps<'b>,
    roots: Roots,
    objects: Vec<Placed>,
}

impl<'a, 'b> Scan<'a, 'b> {
    pub fn new(image: &'a Image, layout: &'a StackLayout, maps: &'a mut FrameMaps<'b>) -> Self {
        Scan {
            image,
            layout,
            maps,
            roots: Roots::default(),
            objects: Vec::new(),
        }
    }

    /// Returns the roots of a stack that was unwound to its end.
    pub fn frames(
        mut self,
        g: u64,
        goroutine: &Goroutine,
        frames: &[Frame],
        code: &Code<'_>,
    ) -> Parsed<Roots> {
        let runs = matches!(goroutine.found, Found::Running | Found::Interrupted);
        // The frame below: what it is, and whether the registers of this one are in it.
        let (mut callee, mut unsaved) = (Role::Ordinary, runs);
        for (number, frame) in frames.iter().enumerate() {
            let injected = frame.role == Role::Injected;
            let is_clear = number == 0 && frame.role == Role::Switch;
            if unsaved && !is_clear || injected || frame.role == Role::Reflection {
                self.every_word(frame.sp, locals_end(frame));
                self.every_word(frame.fp, frame.fp + arguments(code, frame)?);
            } else {
                self.live_words(frame, callee, code)?;
            }
            (callee, unsaved) = (frame.role, injected);
        }
        self.panics_and_defers(g);
        self.objects.sort_by_key(|placed| placed.address);
        self.follow(goroutine.stack, true);
        self.follow(goroutine.stack, false);
        Ok(self.roots)
    }

    /// Returns all words of [from, high): of a stack of which too little is known. None where they are not all there.
    pub fn whole(mut self, from: u64, high: u64) -> Roots {
        self.every_word(from, high);
        self.roots
    }

    fn live_words(&mut self, frame: &Frame, callee: Role, code: &Code<'_>) -> Parsed<()> {
        let mut pc = frame.pc;
        if callee == Role::Fault {
            // It goes on with its deferred calls, or never.
            let function = code.tables.function_at(frame.pc)?;
            match function.map_or(0, |function| function.defer_return()) {
                0 => return Ok(()),
                deferred => pc = frame.entry + deferred as u64 + 1,
            }
        }
        let end = locals_end(frame);
        let Some(map) = self.maps.at(&code.tables, pc, end > frame.sp)? else {
            self.every_word(frame.sp, end);
            self.every_word(frame.fp, frame.fp + arguments(code, frame)?);
            return Ok(());
        };
        for offset in &map.locals {
            self.certain(end.wrapping_add_signed(*offset));
        }
        for offset in &map.arguments {
            self.certain(frame.fp.wrapping_add_signed(*offset));
        }
        for object in &map.objects {
            let base = if object.offset < 0 { end } else { frame.fp };
            let address = base.wrapping_add_signed(object.offset);
            if address >= frame.sp {
                self.objects.push(Placed {
                    address,
                    object: object.clone(),
                    is_alive: false,
                });
            }
        }
        Ok(())
    }

    /// Records of deferred calls may lie on the stack, and what they lead to is alive.
    fn panics_and_defers(&mut self, g: u64) {
        self.certain(g + self.layout.g_panic);
        let mut place = g + self.layout.g_defer;
        for _ in 0..MOST_DEFERRED {
            let Some(record) = self.image.word(place).filter(|&record| record != 0) else {
                return;
            };
            self.certain(record.wrapping_add(self.layout.defer_fn));
            place = record.wrapping_add(self.layout.defer_link);
        }
    }

    /// Adds the pointers of every variable on the stack that the certain, or the doubtful, roots lead to.
    fn follow(&mut self, (low, high): (u64, u64), certain: bool) {
        let mut next = 0;
        loop {
            let roots = if certain {
                &self.roots.certain
            } else {
                &self.roots.doubtful
            };
            let Some(&Root { word, .. }) = roots.get(next) else {
                return;
            };
            next += 1;
            if word < low || word >= high {
                continue;
            }
            let index = self
                .objects
                .partition_point(|placed| placed.address <= word);
            let Some(placed) = index
                .checked_sub(1)
                .and_then(|index| self.objects.get_mut(index))
            else {
                continue;
            };
            if placed.is_alive || word - placed.address >= placed.object.bytes {
                continue;
            }
            placed.is_alive = true;
            let (address, bytes) = (placed.address, placed.object.bytes);
            match placed.object.pointers.clone() {
                Some(pointers) => {
                    for offset in pointers.iter() {
                        self.add(address + u64::from(*offset), certain);
                    }
                }
                None => self.every_word(address, address.saturating_add(bytes)),
            }
        }
    }

    fn every_word(&mut self, from: u64, to: u64) {
        if !self.image.covers(from, to.saturating_sub(from) as usize) {
            return;
        }
        let mut at = from.next_multiple_of(WORD);
        while at.saturating_add(WORD) <= to {
            self.add(at, false);
            at += WORD;
        }
    }

    fn certain(&mut self, address: u64) {
        self.add(address, true);
    }

    fn add(&mut self, address: u64, certain: bool) {
        let word = self
            .image
            .word(address)
            .filter(|&word| word >= LEAST_POINTER);
        let to = if certain {
            &mut self.roots.certain
        } else {
            &mut self.roots.doubtful
        };
        let before = || self.image.word(address.wrapping_sub(WORD)).unwrap_or(0);
        to.extend(word.map(|word| Root {
            address,
            word,
            before: before(),
        }));
    }
}

/// Where the locals of a frame end: below the return address and the caller's frame pointer.
fn locals_end(frame: &Frame) -> u64 {
    let end = frame.fp - WORD;
    if end > frame.sp { end - WORD } else { end }
}

fn arguments(code: &Code<'_>, frame: &Frame) -> Parsed<u64> {
    let function = code.tables.function_at(frame.pc)?;
    let bytes = function.map_or(0, |function| function.arguments().max(0) as u64);
    Ok(bytes.min(MOST_ARGUMENT_BYTES))
}
