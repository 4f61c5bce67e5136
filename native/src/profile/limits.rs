//! How much of each thing a profile may hold: far above what Go writes, and low enough that a hostile file of
//! `max_bytes` costs a few times its size. A row of two bytes may take forty in memory.

use crate::problem::{Parsed, problem};

pub const TYPES: usize = 64;
pub const MAPPINGS: usize = 1 << 16;
pub const COMMENTS: usize = 1 << 16;
/// Locations, their lines, functions, strings.
pub const NAMED: usize = 1 << 22;
pub const SAMPLES: usize = 1 << 24;
pub const LABELS: usize = 1 << 24;
pub const VALUES: usize = 1 << 26;
pub const STACK: usize = 1 << 28;

#[inline]
pub fn check(count: usize, limit: usize, what: &str, at: usize) -> Parsed<()> {
    if count <= limit {
        return Ok(());
    }
    problem(format!("more than {limit} {what}"), at)
}
