//! One entry after the other as JSON. Whatever lies there: every length, depth and size is bounded.

use std::borrow::Cow;
use std::collections::hash_map::RandomState;

use pyo3::prelude::*;

use crate::image::Image;

use super::text::{self, put};
use super::types::{Types, kind};

/// How far one entry is looked into; `pointers`: one behind the other, `values`: parts of it in all, `bytes`: of JSON.
#[derive(Debug, Clone, Copy, FromPyObject)]
#[pyo3(from_item_all)]
pub struct Bounds {
    pub text_bytes: u64,
    pub elements: u64,
    pub depth: u32,
    pub pointers: usize,
    pub values: u32,
    pub bytes: usize,
}

pub(super) const LEAST_POINTER: u64 = 4096;
pub(super) const MOST_POINTER: u64 = 1 << 47;

pub struct Encoder<'a, 'py> {
    pub image: &'a Image,
    pub types: &'a mut Types,
    pub ask: &'a Bound<'py, PyAny>,
    pub bounds: Bounds,
    /// Hashes stand in the place of what the entries say.
    pub secret: Option<&'a RandomState>,
    pub out: Vec<u8>,
    /// Something of the entry was left out; something of it could not be read.
    pub is_cut: bool,
    pub is_unreadable: bool,
    left: u32,
    begin: usize,
    pub(super) way: Vec<(u64, u64)>,
}

pub(super) type Done = PyResult<()>;

impl<'a, 'py> Encoder<'a, 'py> {
    pub fn new(
        image: &'a Image,
        types: &'a mut Types,
        ask: &'a Bound<'py, PyAny>,
        bounds: Bounds,
        secret: Option<&'a RandomState>,
    ) -> Self {
        Encoder {
            image,
            types,
            ask,
            bounds,
            secret,
            out: Vec::new(),
            is_cut: false,
            is_unreadable: false,
            left: 0,
            begin: 0,
            way: Vec::new(),
        }
    }

    /// Appends an entry, and returns where in `out` its key ends.
    pub fn entry(&mut self, key: (u64, u64), elem: (u64, u64)) -> PyResult<usize> {
        (self.is_cut, self.is_unreadable) = (false, false);
        (self.left, self.begin) = (self.bounds.values, self.out.len());
        self.put("{\"key\":");
        self.value(key.0, key.1, 0)?;
        let end = self.out.len();
        self.put(",\"value\":");
        self.value(elem.0, elem.1, 0)?;
        self.put("}");
        Ok(end)
    }

    pub(super) fn value(&mut self, of: u64, at: u64, depth: u32) -> Done {
        let Some(kind) = self.types.at(self.ask, of)? else {
            return self.unreadable(at);
        };
        let spent = self.out.len() - self.begin > self.bounds.bytes;
        if self.left == 0 || depth > self.bounds.depth || spent {
            self.is_cut = true;
            self.put("{\"$left_out\":");
            text::quoted(&mut self.out, &kind.name);
            self.put("}");
            return Ok(());
        }
        self.left -= 1;
        match kind.kind {
            kind::BOOL..=kind::COMPLEX128 => self.number(&kind, at),
            kind::STRING => self.string(&kind, at),
            kind::STRUCT => self.structure(&kind, at, depth),
            kind::ARRAY => self.elements(&kind, at, kind.length, depth),
            kind::SLICE => self.slice(&kind, at, depth),
            kind::POINTER => self.pointer(&kind, at, depth),
            kind::INTERFACE => self.interface(&kind, at, depth),
            kind::MAP => self.map(&kind, at, depth),
            _ => self.address(at),
        }
    }

    pub(super) fn unreadable(&mut self, at: u64) -> Done {
        self.is_unreadable = true;
        put(
            &mut self.out,
            format_args!("{{\"$unreadable\":\"{at:#x}\"}}"),
        );
        Ok(())
    }

    pub(super) fn bytes(&self, at: u64, length: usize) -> Option<Cow<'a, [u8]>> {
        if let Some(found) = self.image.slice(at, length) {
            return Some(Cow::Borrowed(found));
        }
        self.image.covers(at, length).then_some(())?;
        let mut buffer = vec![0; length];
        self.image
            .read(at, &mut buffer)
            .then_some(Cow::Owned(buffer))
    }

    pub(super) fn comma(&mut self, wanted: bool) {
        if wanted {
            self.put(",");
        }
    }

    pub(super) fn put(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }
}
