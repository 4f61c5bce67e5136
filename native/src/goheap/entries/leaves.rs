//! What of an entry has no other values in it: numbers, text, times, and addresses that are of no use elsewhere.

use std::borrow::Cow;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;

use super::base64;
use super::encode::{Done, Encoder, MOST_POINTER};
use super::text::{self, put};
use super::types::{GoType, kind};

const MOST_GROUP_TEXT: usize = 128;

impl Encoder<'_, '_> {
    pub(super) fn number(&mut self, kind: &GoType, at: u64) -> Done {
        let Some(raw) = self.bytes(at, kind.size.min(16) as usize) else {
            return self.unreadable(at);
        };
        let mut whole = [0; 16];
        whole[..raw.len()].copy_from_slice(&raw);
        let bits = u128::from_le_bytes(whole);
        let start = self.out.len();
        let out = &mut self.out;
        match kind.kind {
            kind::BOOL => put(out, format_args!("{}", bits & 0xff != 0)),
            kind::INT | kind::INT64 => put(out, format_args!("{}", bits as i64)),
            kind::INT8 => put(out, format_args!("{}", bits as i8)),
            kind::INT16 => put(out, format_args!("{}", bits as i16)),
            kind::INT32 => put(out, format_args!("{}", bits as i32)),
            kind::UINT | kind::UINT64 | kind::UINTPTR => put(out, format_args!("{}", bits as u64)),
            kind::UINT8 => put(out, format_args!("{}", bits as u8)),
            kind::UINT16 => put(out, format_args!("{}", bits as u16)),
            kind::UINT32 => put(out, format_args!("{}", bits as u32)),
            kind::FLOAT32 => text::short_float(out, f32::from_bits(bits as u32)),
            kind::FLOAT64 => text::float(out, f64::from_bits(bits as u64)),
            kind::COMPLEX64 => {
                out.push(b'[');
                text::short_float(out, f32::from_bits(bits as u32));
                out.push(b',');
                text::short_float(out, f32::from_bits((bits >> 32) as u32));
                out.push(b']');
            }
            _ => {
                out.push(b'[');
                text::float(out, f64::from_bits(bits as u64));
                out.push(b',');
                text::float(out, f64::from_bits((bits >> 64) as u64));
                out.push(b']');
            }
        }
        self.hide(&kind.name, start);
        Ok(())
    }

    pub(super) fn string(&mut self, kind: &GoType, at: u64) -> Done {
        let (Some(start), Some(length)) =
            (self.image.word(at), self.image.word(at.wrapping_add(8)))
        else {
            return self.unreadable(at);
        };
        self.text(&kind.name, start, length, true)
    }

    /// Writes a string, or bytes that need not be text.
    pub(super) fn text(&mut self, name: &str, start: u64, length: u64, is_text: bool) -> Done {
        let shown = length.min(self.bounds.text_bytes) as usize;
        let raw = match length {
            0 => Some(Cow::Borrowed(&[][..])),
            _ if length < MOST_POINTER => self.bytes(start, shown),
            _ => None,
        };
        let Some(raw) = raw else {
            return self.unreadable(start);
        };
        if let Some(secret) = self.secret {
            return self.hidden_text(name, length, &raw, secret);
        }
        if (shown as u64) < length {
            self.is_cut = true;
            put(
                &mut self.out,
                format_args!("{{\"$cut\":{length},\"$first\":"),
            );
        }
        match std::str::from_utf8(&raw) {
            Ok(text) if is_text => text::quoted(&mut self.out, text),
            _ => {
                self.put("{\"$bytes\":\"");
                base64::append(&mut self.out, &raw);
                self.put("\"}");
            }
        }
        if (shown as u64) < length {
            self.put("}");
        }
        Ok(())
    }

    fn hidden_text(&mut self, name: &str, length: u64, raw: &[u8], secret: &RandomState) -> Done {
        self.put("{\"$redacted\":");
        text::quoted(&mut self.out, name);
        let hash = secret.hash_one((length, raw));
        put(
            &mut self.out,
            format_args!(",\"length\":{length},\"hash\":\"{hash:016x}\""),
        );
        let head = &raw[..raw.len().min(MOST_GROUP_TEXT)];
        if let Some(end) = head.iter().position(|byte| b":/|.-_#@ ".contains(byte)) {
            let group = secret.hash_one(&head[..=end]);
            put(&mut self.out, format_args!(",\"group\":\"{group:016x}\""));
        }
        self.put("}");
        Ok(())
    }

    /// Puts a hash in the place of what was written from `start` on, where nothing may be told.
    fn hide(&mut self, name: &str, start: usize) {
        let Some(secret) = self.secret else {
            return;
        };
        let hash = secret.hash_one(&self.out[start..]);
        self.out.truncate(start);
        self.put("{\"$redacted\":");
        text::quoted(&mut self.out, name);
        put(&mut self.out, format_args!(",\"hash\":\"{hash:016x}\"}}"));
    }

    pub(super) fn moment(&mut self, kind: &GoType, at: u64) -> Done {
        let (Some(wall), Some(ext)) = (self.image.word(at), self.image.word(at.wrapping_add(8)))
        else {
            return self.unreadable(at);
        };
        let start = self.out.len();
        if !text::moment(&mut self.out, wall, ext as i64) {
            return self.unreadable(at);
        }
        self.hide(&kind.name, start);
        Ok(())
    }

    /// Writes the address that something leads to which is of no use elsewhere: code, a channel, anything.
    pub(super) fn address(&mut self, at: u64) -> Done {
        match self.image.word(at) {
            None => return self.unreadable(at),
            Some(0) => self.put("null"),
            Some(to) => put(&mut self.out, format_args!("{{\"$pointer\":\"{to:#x}\"}}")),
        }
        Ok(())
    }
}
