//! Which words of a frame hold live pointers at one address (src/runtime/stkframe.go getStackMap, for amd64).

use std::collections::HashMap;
use std::sync::Arc;

use super::program::pointer_words;
use crate::gobinary::{Function, Loaded, Tables, i32_at, u32_at, u64_at};
use crate::problem::Parsed;

const WORD: i64 = 8;
/// src/internal/abi/symtab.go.
const STACK_MAP_INDEX: u32 = 1;
const ARGUMENTS: u8 = 0;
const LOCALS: u8 = 1;
const STACK_OBJECTS: u8 = 2;
/// Its length goes before a program.
const PROGRAM_HEADER_BYTES: usize = 4;
const RECORD_BYTES: usize = 16;
/// A lying table is given up beyond these.
const MOST_OBJECTS: u64 = 1 << 16;
const MOST_WORDS: i64 = 1 << 24;

/// A variable whose address is taken: alive where a live pointer leads to it.
#[derive(Debug, Clone)]
pub struct StackObject {
    /// From the end of the locals where negative, from the arguments' start where not.
    pub offset: i64,
    pub bytes: u64,
    /// Offsets of its pointer words; None: any word may be one.
    pub pointers: Option<Arc<[u32]>>,
}

/// The live pointer words of a frame.
#[derive(Debug, Default)]
pub struct FrameMap {
    /// From the end of the locals downwards: negative.
    pub locals: Vec<i64>,
    /// From the arguments' start upwards.
    pub arguments: Vec<i64>,
    pub objects: Vec<StackObject>,
}

/// The maps met so far, by address and whether the frame has locals yet, and the masks of objects.
#[derive(Default)]
pub struct KnownMaps {
    maps: HashMap<(u64, bool), Option<Arc<FrameMap>>>,
    masks: HashMap<(u64, i32), Arc<[u32]>>,
}

impl KnownMaps {
    /// Returns how many there are.
    pub fn len(&self) -> usize {
        self.maps.len()
    }
}

pub struct FrameMaps<'a> {
    loaded: &'a Loaded,
    pub known: KnownMaps,
}

impl<'a> FrameMaps<'a> {
    pub fn new(loaded: &'a Loaded, known: KnownMaps) -> FrameMaps<'a> {
        FrameMaps { loaded, known }
    }

    /// Returns the map of a frame that goes on at `pc`; None where the program does not say what is alive there.
    pub fn at(
        &mut self,
        tables: &Tables<'_>,
        pc: u64,
        has_locals: bool,
    ) -> Parsed<Option<Arc<FrameMap>>> {
        if let Some(known) = self.known.maps.get(&(pc, has_locals)) {
            return Ok(known.clone());
        }
        let map = match tables.function_at(pc)? {
            Some(function) => self.read(&function, pc, has_locals)?.map(Arc::new),
            None => None,
        };
        self.known.maps.insert((pc, has_locals), map.clone());
        Ok(map)
    }

    fn read(
        &mut self,
        function: &Function<'_, '_>,
        pc: u64,
        has_locals: bool,
    ) -> Parsed<Option<FrameMap>> {
        // At its entry a function has the first map; else the map is that of the call.
        let distance = function.distance(pc);
        let index = match distance {
            0 => 0,
            _ => function.pcdata(STACK_MAP_INDEX, distance - 1)?.max(0),
        };
        let mut map = FrameMap::default();
        if has_locals {
            let Some((words, bits)) = function.funcdata(LOCALS).and_then(|raw| bitmap(raw, index))
            else {
                return Ok(None);
            };
            map.locals = bits.map(|bit| (bit - words) * WORD).collect();
        }
        if function.arguments() > 0 {
            let Some((_, bits)) = function
                .funcdata(ARGUMENTS)
                .and_then(|raw| bitmap(raw, index))
            else {
                return Ok(None);
            };
            map.arguments = bits.map(|bit| bit * WORD).collect();
        }
        match function.funcdata(STACK_OBJECTS) {
            None => Ok(Some(map)),
            Some(raw) => Ok(self.objects(raw).map(|objects| FrameMap { objects, ..map })),
        }
    }

    fn objects(&mut self, raw: &[u8]) -> Option<Vec<StackObject>> {
        let count = u64_at(raw, 0).filter(|&count| count <= MOST_OBJECTS)?;
        (0..count as usize)
            .map(|number| {
                let at = 8 + number * RECORD_BYTES;
                let (pointer_bytes, mask) = (i32_at(raw, at + 8)?, u32_at(raw, at + 12)?);
                Some(StackObject {
                    offset: i32_at(raw, at)?.into(),
                    bytes: u64::try_from(i32_at(raw, at + 4)?).ok()?,
                    pointers: self.pointers(mask, pointer_bytes),
                })
            })
            .collect()
    }

    /// Returns where the type data says that the pointers of an object are; up to Go 1.23 fewer than no bytes of them
    /// mean that it says so by a program.
    fn pointers(&mut self, offset: u32, pointer_bytes: i32) -> Option<Arc<[u32]>> {
        let address = self.loaded.rodata.checked_add(offset.into())?;
        if let Some(known) = self.known.masks.get(&(address, pointer_bytes)) {
            return Some(known.clone());
        }
        let count = pointer_bytes.unsigned_abs() / WORD as u32;
        let words = if pointer_bytes < 0 {
            self.run_program(address, count)?
        } else {
            self.mask(address, count)?
        };
        let pointers: Arc<[u32]> = words.iter().map(|word| word * WORD as u32).collect();
        self.known
            .masks
            .insert((address, pointer_bytes), pointers.clone());
        Some(pointers)
    }

    fn mask(&self, address: u64, count: u32) -> Option<Vec<u32>> {
        let bits = self
            .loaded
            .image
            .slice(address, count.div_ceil(8) as usize)?;
        let is_set = |word: &u32| bits[(word / 8) as usize] >> (word % 8) & 1 == 1;
        Some((0..count).filter(is_set).collect())
    }

    fn run_program(&self, address: u64, count: u32) -> Option<Vec<u32>> {
        let image = &self.loaded.image;
        let bytes = u32_at(image.slice(address, PROGRAM_HEADER_BYTES)?, 0)?;
        let program = address.checked_add(PROGRAM_HEADER_BYTES as u64)?;
        pointer_words(image.slice(program, bytes as usize)?, count)
    }
}

/// Returns how many words stack map number `index` has, and which of them are set (src/runtime/symtab.go stackmap).
fn bitmap(raw: &[u8], index: i32) -> Option<(i64, impl Iterator<Item = i64> + '_)> {
    let (count, words) = (i32_at(raw, 0)?, i64::from(i32_at(raw, 4)?));
    if index >= count || !(0..=MOST_WORDS).contains(&words) {
        return None;
    }
    let bytes = (words as usize).div_ceil(8);
    let start = 8 + usize::try_from(index).ok()? * bytes;
    let bits = raw.get(start..start + bytes)?;
    let set = move |word: &i64| bits[(*word / 8) as usize] >> (*word % 8) & 1 == 1;
    Some((words, (0..words).filter(set)))
}
