//! What unwinding has met in a program's code so far: kept, so that the next one, in a stop, need not look it up.

use std::sync::{Mutex, PoisonError};

use super::code::Places;
use super::maps::KnownMaps;

/// No program has more call sites; of what is no code any number may be met.
const MOST: usize = 1 << 20;

#[derive(Default)]
pub struct Met(Mutex<(Places, KnownMaps)>);

impl Met {
    /// Returns what is known; who comes before it is put back finds nothing, and looks up anew.
    pub fn take(&self) -> (Places, KnownMaps) {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Keeps what is known now, unless it has grown too large.
    pub fn put_back(&self, places: Places, maps: KnownMaps) {
        if places.len() <= MOST && maps.len() <= MOST {
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = (places, maps);
        }
    }
}
