//! What of an entry has other values in it, or leads to them: structs, arrays, slices, pointers, interfaces, maps.

use std::sync::Arc;

use super::encode::{Done, Encoder, LEAST_POINTER, MOST_POINTER};
use super::text::{self, put};
use super::types::{GoType, kind};
use crate::goheap::slots::{Sample, SlotLayout, live_slots};

/// A map in an entry has so many slots at most.
const MOST_SLOTS: u64 = 1 << 22;

impl Encoder<'_, '_> {
    pub(super) fn structure(&mut self, kind: &GoType, at: u64, depth: u32) -> Done {
        if is_time(kind) {
            return self.moment(kind, at);
        }
        self.put("{");
        let mut first = true;
        for (name, offset, of) in kind.fields.iter().filter(|(name, ..)| name != "_") {
            if !std::mem::take(&mut first) {
                self.put(",");
            }
            text::quoted(&mut self.out, name);
            self.put(":");
            self.value(*of, at.wrapping_add(*offset), depth + 1)?;
        }
        self.put("}");
        Ok(())
    }

    pub(super) fn slice(&mut self, kind: &GoType, at: u64, depth: u32) -> Done {
        let words = [0, 8, 16].map(|offset| self.image.word(at.wrapping_add(offset)));
        let [Some(start), Some(length), Some(capacity)] = words else {
            return self.unreadable(at);
        };
        if length > capacity || capacity >= MOST_POINTER || (start == 0 && capacity > 0) {
            return self.unreadable(at);
        }
        if start == 0 {
            self.put("null");
            return Ok(());
        }
        self.elements(kind, start, length, depth)
    }

    pub(super) fn elements(&mut self, kind: &GoType, start: u64, length: u64, depth: u32) -> Done {
        let Some(element) = self.types.at(self.ask, kind.element)? else {
            return self.unreadable(start);
        };
        if element.kind == kind::UINT8 {
            return self.text(&kind.name, start, length, false);
        }
        let shown = length.min(self.bounds.elements);
        let cut = shown < length;
        if cut {
            self.is_cut = true;
            put(
                &mut self.out,
                format_args!("{{\"$cut\":{length},\"$first\":"),
            );
        }
        self.put("[");
        for index in 0..shown {
            self.comma(index > 0);
            let at = start.wrapping_add(index.wrapping_mul(element.size));
            self.value(kind.element, at, depth + 1)?;
        }
        self.put(if cut { "]}" } else { "]" });
        Ok(())
    }

    pub(super) fn pointer(&mut self, kind: &GoType, at: u64, depth: u32) -> Done {
        match self.image.word(at) {
            None => self.unreadable(at),
            Some(0) => {
                self.put("null");
                Ok(())
            }
            Some(to) if !(LEAST_POINTER..MOST_POINTER).contains(&to) => self.unreadable(at),
            Some(to) => self.behind(kind.element, to, depth),
        }
    }

    fn behind(&mut self, of: u64, to: u64, depth: u32) -> Done {
        let is_cycle = self.way.contains(&(to, of));
        if is_cycle || self.way.len() >= self.bounds.pointers {
            self.is_cut |= !is_cycle;
            put(&mut self.out, format_args!("{{\"$pointer\":\"{to:#x}\"}}"));
            return Ok(());
        }
        self.way.push((to, of));
        let done = self.value(of, to, depth + 1);
        self.way.pop();
        done
    }

    pub(super) fn interface(&mut self, kind: &GoType, at: u64, depth: u32) -> Done {
        let (Some(head), Some(data)) = (self.image.word(at), self.image.word(at.wrapping_add(8)))
        else {
            return self.unreadable(at);
        };
        if head == 0 {
            self.put("null");
            return Ok(());
        }
        // With methods: a table whose second word is the type (src/internal/abi/iface.go).
        let of = match kind.methods {
            0 => head,
            _ => self.image.word(head.wrapping_add(8)).unwrap_or(0),
        };
        let inner = if of == 0 {
            None
        } else {
            self.types.at(self.ask, of)?
        };
        let Some(inner) = inner else {
            return self.unreadable(at);
        };
        self.put("{\"$type\":");
        text::quoted(&mut self.out, &inner.name);
        self.put(",\"$value\":");
        let place = if inner.is_direct {
            at.wrapping_add(8)
        } else {
            data
        };
        self.value(of, place, depth + 1)?;
        self.put("}");
        Ok(())
    }

    pub(super) fn map(&mut self, kind: &Arc<GoType>, at: u64, depth: u32) -> Done {
        let Some(header) = self.image.word(at) else {
            return self.unreadable(at);
        };
        if header == 0 {
            self.put("null");
            return Ok(());
        }
        let Some((layout, key, elem)) = &kind.map else {
            return self.unreadable(header);
        };
        self.inner_entries(layout, header, (*key, *elem), depth)
    }

    fn inner_entries(
        &mut self,
        layout: &SlotLayout,
        header: u64,
        of: (u64, u64),
        depth: u32,
    ) -> Done {
        let sample = Sample {
            slots: MOST_SLOTS,
            every: 1,
            most: self.bounds.elements as usize,
        };
        let found = match layout.is_sane() {
            true => live_slots(self.image, header, layout, sample),
            false => None,
        };
        let Some(found) = found else {
            return self.unreadable(header);
        };
        let cut = (found.keys.len() as u64) < found.live;
        if cut {
            self.is_cut = true;
            put(
                &mut self.out,
                format_args!("{{\"$cut\":{},\"$first\":", found.live),
            );
        }
        self.put("{\"$map\":[");
        for (index, (&key, &elem)) in found.keys.iter().zip(&found.elems).enumerate() {
            self.comma(index > 0);
            self.put("[");
            self.value(of.0, key, depth + 1)?;
            self.put(",");
            self.value(of.1, elem, depth + 1)?;
            self.put("]");
        }
        self.put(if cut { "]}}" } else { "]}" });
        Ok(())
    }
}

/// src/time/time.go. A type of another package may be called the same.
fn is_time(kind: &GoType) -> bool {
    let names = kind.fields.iter().map(|(name, ..)| name.as_str());
    kind.name == "time.Time" && names.eq(["wall", "ext", "loc"])
}
