//! Protocol buffer wire format: a cursor that knows its absolute offset.

use crate::problem::{Parsed, problem};

/// Bytes `position..end` of the whole input.
#[derive(Clone, Copy)]
pub struct Cursor<'a> {
    data: &'a [u8],
    pub position: usize,
    end: usize,
}

#[derive(Clone, Copy)]
pub enum Value<'a> {
    Varint(u64),
    Bytes(Cursor<'a>),
    /// Fixed32 or fixed64: profile.proto has none, an unknown field may.
    Fixed,
}

impl<'a> Cursor<'a> {
    pub fn new(data: &'a [u8]) -> Self {
        Cursor {
            data,
            position: 0,
            end: data.len(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.position >= self.end
    }

    pub fn rest(&self) -> &'a [u8] {
        &self.data[self.position..self.end]
    }

    #[inline]
    pub fn varint(&mut self) -> Parsed<u64> {
        if self.position < self.end && self.data[self.position] < 0x80 {
            self.position += 1;
            return Ok(u64::from(self.data[self.position - 1]));
        }
        self.long_varint()
    }

    fn long_varint(&mut self) -> Parsed<u64> {
        let mut value = 0u64;
        for (index, byte) in self.rest().iter().take(10).enumerate() {
            let bits = u64::from(byte & 0x7f);
            if index == 9 && *byte > 1 {
                break;
            }
            value |= bits << (7 * index);
            if byte & 0x80 == 0 {
                self.position += index + 1;
                return Ok(value);
            }
        }
        let why = if self.end - self.position < 10 {
            "cut in a number"
        } else {
            "a number over 64 bits"
        };
        problem(why, self.position)
    }

    /// Takes `length` bytes as a cursor of their own, if there are that many.
    fn take(&mut self, length: u64) -> Parsed<Cursor<'a>> {
        let start = self.position;
        match usize::try_from(length) {
            Ok(length) if length <= self.end - start => {
                self.position = start + length;
                Ok(Cursor {
                    data: self.data,
                    position: start,
                    end: self.position,
                })
            }
            _ => problem("a field is longer than what is left", start),
        }
    }

    /// Reads one field; None at the end.
    pub fn field(&mut self) -> Parsed<Option<(u64, Value<'a>)>> {
        if self.is_empty() {
            return Ok(None);
        }
        let at = self.position;
        let tag = self.varint()?;
        let value = match tag & 7 {
            0 => Value::Varint(self.varint()?),
            1 => self.take(8).map(|_| Value::Fixed)?,
            2 => {
                let length = self.varint()?;
                Value::Bytes(self.take(length)?)
            }
            5 => self.take(4).map(|_| Value::Fixed)?,
            _ => return problem("a wire type that profile.proto does not use", at),
        };
        match tag >> 3 {
            0 => problem("field number 0", at),
            number => Ok(Some((number, value))),
        }
    }
}

impl<'a> Value<'a> {
    pub fn number(self, at: usize) -> Parsed<u64> {
        match self {
            Value::Varint(number) => Ok(number),
            _ => problem("a field that should be a number is not", at),
        }
    }

    pub fn signed(self, at: usize) -> Parsed<i64> {
        Ok(self.number(at)? as i64)
    }

    pub fn message(self, at: usize) -> Parsed<Cursor<'a>> {
        match self {
            Value::Bytes(cursor) => Ok(cursor),
            _ => problem("a field that should be a message or text is not", at),
        }
    }

    /// Hands each number of a repeated field on, packed or not.
    #[inline]
    pub fn each(self, at: usize, mut put: impl FnMut(u64) -> Parsed<()>) -> Parsed<()> {
        match self {
            Value::Varint(number) => put(number),
            Value::Bytes(mut packed) => {
                while !packed.is_empty() {
                    put(packed.varint()?)?;
                }
                Ok(())
            }
            Value::Fixed => problem("a field that should hold numbers does not", at),
        }
    }
}
