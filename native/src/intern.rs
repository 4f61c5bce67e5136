//! Names seen before get the number they got then.

use std::collections::HashMap;

/// Distinct names one input may have: a hundred times a large service's. Each costs Python an object.
pub const MAX_NAMES: usize = 1 << 21;

/// Keys borrow from the input; SipHash, because a hostile process chooses the names.
#[derive(Default)]
pub struct Interner<'a> {
    numbers: HashMap<&'a [u8], i32>,
    pub names: Vec<&'a [u8]>,
}

impl<'a> Interner<'a> {
    /// Gives the number of `name`, or None when there are `MAX_NAMES` already.
    pub fn number(&mut self, name: &'a [u8]) -> Option<i32> {
        if let Some(&known) = self.numbers.get(name) {
            return Some(known);
        }
        let fresh = i32::try_from(self.names.len()).ok()?;
        (self.names.len() < MAX_NAMES).then_some(())?;
        self.numbers.insert(name, fresh);
        self.names.push(name);
        Some(fresh)
    }
}
