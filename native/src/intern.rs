//! Names seen before get the number they got then.

use std::collections::HashMap;

/// Keys borrow from the input; SipHash, because a hostile process chooses the names.
#[derive(Default)]
pub struct Interner<'a> {
    numbers: HashMap<&'a [u8], i32>,
    pub names: Vec<&'a [u8]>,
}

impl<'a> Interner<'a> {
    /// Gives the number of `name`, or None after 2^31 - 1 names.
    pub fn number(&mut self, name: &'a [u8]) -> Option<i32> {
        if let Some(&known) = self.numbers.get(name) {
            return Some(known);
        }
        let fresh = i32::try_from(self.names.len()).ok()?;
        self.numbers.insert(name, fresh);
        self.names.push(name);
        Some(fresh)
    }
}
