//! From the ids of a file to rows of a column.

use std::collections::HashMap;

use crate::problem::{Parsed, problem};

/// Ids to rows. Nearly every writer numbers from 1 on, so a plain table answers; else a hash does.
#[derive(Default)]
pub struct Ids {
    dense: Vec<u32>,
    sparse: HashMap<u64, u32>,
}

const NO_ROW: u32 = u32::MAX;

impl Ids {
    pub fn new(ids: &[(u64, usize)]) -> Parsed<Self> {
        let highest = ids.iter().map(|(id, _)| *id).max().unwrap_or(0);
        let mut known = Ids::default();
        // The table is at most four times what the input really listed.
        if highest < 4 * ids.len() as u64 + 64 {
            known.dense = vec![NO_ROW; highest as usize + 1];
        }
        for (row, (id, at)) in ids.iter().enumerate() {
            if row >= i32::MAX as usize {
                return problem("more rows than a column can number", *at);
            }
            if *id == 0 {
                return problem("an id that is 0", *at);
            }
            if !known.insert(*id, row as u32) {
                return problem(format!("id {id} given twice"), *at);
            }
        }
        Ok(known)
    }

    fn insert(&mut self, id: u64, row: u32) -> bool {
        if self.dense.is_empty() {
            return self.sparse.insert(id, row).is_none();
        }
        let place = &mut self.dense[id as usize];
        std::mem::replace(place, row) == NO_ROW
    }

    #[inline]
    pub fn row(&self, id: u64) -> Option<i32> {
        let row = if self.dense.is_empty() {
            self.sparse.get(&id).copied()
        } else {
            usize::try_from(id)
                .ok()
                .and_then(|id| self.dense.get(id).copied())
        };
        row.filter(|row| *row != NO_ROW).map(|row| row as i32)
    }
}
