//! From an address to its frames, inlined calls first (src/runtime/symtabinl.go, symtab.go Frames.Next).

use super::bytes::i32_at;
use super::functions::{Function, Tables};
use crate::problem::{Parsed, problem};

const PCDATA_INL_TREE_INDEX: u32 = 2;
const FUNCDATA_INL_TREE: u8 = 3;
/// Go's compiler stops inlining long before.
const MAX_DEPTH: usize = 1 << 10;

/// One call. `file` is "" and `line` 0 where unknown.
pub struct Frame<'a> {
    pub function: &'a [u8],
    pub file: &'a [u8],
    pub line: i32,
    pub start_line: i32,
}

/// One entry of an inline tree: a call that was replaced by the callee's body.
struct InlinedCall {
    id: u8,
    name: i32,
    /// Bytes from the entry to an instruction that has the position of the call.
    parent: i32,
    start_line: i32,
}

impl InlinedCall {
    const BYTES: usize = 16;

    fn read(tree: &[u8], index: i32) -> Option<Self> {
        let at = usize::try_from(index).ok()?.checked_mul(Self::BYTES)?;
        let raw = tree.get(at..at + Self::BYTES)?;
        Some(InlinedCall {
            id: raw[0],
            name: i32_at(raw, 4)?,
            parent: i32_at(raw, 8)?,
            start_line: i32_at(raw, 12)?,
        })
    }
}

impl<'a> Tables<'a> {
    /// Hands the frames of the call at `pc` (for a return address: less one) to `sink`, leaf first; none outside of the text.
    ///
    /// Compiler-made wrappers are left out unless they are the leaf, as in runtime.Callers.
    pub fn frames(&self, pc: u64, mut sink: impl FnMut(Frame<'a>) -> Parsed<()>) -> Parsed<()> {
        let Some(function) = self.function_at(pc)? else {
            return Ok(());
        };
        let tree = function.funcdata(FUNCDATA_INL_TREE);
        let mut distance = function.distance(pc);
        for depth in 0..MAX_DEPTH {
            let index = match tree {
                Some(_) => function.pcdata(PCDATA_INL_TREE_INDEX, distance)?,
                None => -1,
            };
            let call = match tree {
                Some(tree) if index >= 0 => Some(InlinedCall::read(tree, index)),
                _ => None,
            };
            let (id, name, start_line, parent) = match call {
                Some(Some(call)) => (
                    call.id,
                    self.name(call.name),
                    call.start_line,
                    Some(call.parent),
                ),
                Some(None) => return problem("an inline tree ends too early", 0),
                None => (function.id(), function.name(), function.start_line(), None),
            };
            if depth == 0 || Some(id) != self.wrapper {
                let (file, line) = function.place(distance)?;
                sink(Frame {
                    function: name,
                    file,
                    line,
                    start_line,
                })?;
            }
            match parent.map(u64::try_from) {
                None => return Ok(()),
                Some(Ok(parent)) => distance = parent,
                Some(Err(_)) => return problem("an inlined call before its function", 0),
            }
        }
        problem("an inline tree that goes round in circles", 0)
    }
}

impl Function<'_, '_> {
    /// Tells whether a function whose name `is_meant` was inlined into this one.
    pub fn inlines(&self, is_meant: impl Fn(&[u8]) -> bool) -> Parsed<bool> {
        let Some(tree) = self.funcdata(FUNCDATA_INL_TREE) else {
            return Ok(false);
        };
        // Each call has the position of an instruction of its own, or is the innermost one somewhere.
        let mut last = -1;
        for index in self.pcdata_values(PCDATA_INL_TREE_INDEX)? {
            last = last.max(index?);
        }
        let calls = (0..=last).map(|index| InlinedCall::read(tree, index));
        for call in calls {
            match call {
                Some(call) if is_meant(self.tables.name(call.name)) => return Ok(true),
                Some(_) => {}
                None => return problem("an inline tree ends too early", 0),
            }
        }
        Ok(false)
    }
}
