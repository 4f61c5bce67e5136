//! What the pages of a heap are used for, as far as they are in RAM.

use crate::image::{Image, Resident};

use super::mark::Marked;
use super::spans::{Slot, Span, Spans};

/// Bytes in RAM. `live`: reached objects; `dead`: allocated and not reached, so not swept yet or held by what was not
/// looked at; `room`: slots without an object, heap bits, ends of spans; `stacks`: of goroutines, in use or kept;
/// `work`: what the collector works with.
#[derive(Default)]
pub struct Account {
    pub live: u64,
    pub dead: u64,
    pub room: u64,
    pub stacks: u64,
    pub work: u64,
}

/// Returns the account of the heap in `image`; None where nothing says what was in RAM.
pub fn account(image: &Image, spans: &Spans, marked: &Marked) -> Option<Account> {
    let resident = image.resident.as_ref()?;
    let mut account = Account::default();
    for span in &spans.list {
        let all = resident.bytes(span.start, span.bytes());
        let (mut live, mut dead) = (0, 0);
        for slot in span
            .slots()
            .filter(|&slot| spans.is_allocated(span, slot - span.first_slot))
        {
            let bytes = in_ram(resident, span, slot, all == span.bytes());
            if !marked.is_reached(slot) {
                dead += bytes;
            } else {
                live += bytes;
            }
        }
        account.live += live;
        account.dead += dead;
        account.room += all - live - dead;
    }
    for manual in &spans.manual {
        let bytes = resident.bytes(manual.start, manual.bytes);
        // Stacks have a size (stackalloc, stackpoolalloc in src/runtime/stack.go), work buffers have none.
        if manual.elemsize > 0 {
            account.stacks += bytes;
        } else {
            account.work += bytes;
        }
    }
    Some(account)
}

fn in_ram(resident: &Resident, span: &Span, slot: Slot, whole: bool) -> u64 {
    if whole {
        span.elemsize
    } else {
        resident.bytes(span.address(slot), span.elemsize)
    }
}
