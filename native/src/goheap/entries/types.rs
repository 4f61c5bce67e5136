//! Types of Go as the encoder needs them. What a type is, is decided in Python; here it is kept by its address.

use std::collections::HashMap;
use std::sync::Arc;

use pyo3::prelude::*;

use crate::goheap::slots::SlotLayout;

/// reflect.Kind.
pub mod kind {
    pub const BOOL: u8 = 1;
    pub const INT: u8 = 2;
    pub const INT8: u8 = 3;
    pub const INT16: u8 = 4;
    pub const INT32: u8 = 5;
    pub const INT64: u8 = 6;
    pub const UINT: u8 = 7;
    pub const UINT8: u8 = 8;
    pub const UINT16: u8 = 9;
    pub const UINT32: u8 = 10;
    pub const UINT64: u8 = 11;
    pub const UINTPTR: u8 = 12;
    pub const FLOAT32: u8 = 13;
    pub const FLOAT64: u8 = 14;
    pub const COMPLEX64: u8 = 15;
    pub const COMPLEX128: u8 = 16;
    pub const ARRAY: u8 = 17;
    pub const INTERFACE: u8 = 20;
    pub const MAP: u8 = 21;
    pub const POINTER: u8 = 22;
    pub const SLICE: u8 = 23;
    pub const STRING: u8 = 24;
    pub const STRUCT: u8 = 25;
}

/// Name, offset, address of its type.
type Field = (String, u64, u64);

/// One type; `element` is the address of what a pointer, slice or array is of. `map`: how the slots of a map lie, and
/// the addresses of the types of its keys and elements.
#[derive(Debug, Clone, FromPyObject)]
#[pyo3(from_item_all)]
pub struct GoType {
    pub kind: u8,
    pub name: String,
    pub size: u64,
    pub is_direct: bool,
    pub element: u64,
    pub length: u64,
    pub methods: u64,
    pub fields: Vec<Field>,
    pub map: Option<(SlotLayout, u64, u64)>,
}

/// The types that were asked for so far, and whom to ask for more.
#[derive(Default)]
pub struct Types {
    known: HashMap<u64, Option<Arc<GoType>>>,
}

impl Types {
    /// Returns the type at `address`, None for what is none; `ask` is called once for each.
    pub fn at(&mut self, ask: &Bound<'_, PyAny>, address: u64) -> PyResult<Option<Arc<GoType>>> {
        if let Some(known) = self.known.get(&address) {
            return Ok(known.clone());
        }
        let answer: Option<GoType> = ask.call1((address,))?.extract()?;
        let found = answer.map(Arc::new);
        self.known.insert(address, found.clone());
        Ok(found)
    }
}
