//! Plain writes into a process that stands still: all of them, or none where it is not as the writer thinks.
//!
//! Each change is one `process_vm_writev`. Within one page the kernel copies it in one go, and looks for a deadly
//! signal only before it pins a page (mm/process_vm_access.c, process_vm_rw_pages; mm/gup.c, __get_user_pages): a
//! change within a page is made whole or not at all, whenever we are killed. So one that crosses a page is refused.

use libc::pid_t;

use super::failure::{Failure, Outcome, because};
use super::{scattered, sys};

const PAGE: u64 = 4096;

/// `old` lies at `address`, and `new`, of the same length, is to lie there.
pub struct Change {
    pub address: u64,
    pub old: Vec<u8>,
    pub new: Vec<u8>,
}

/// Makes `changes` in their order; Changed, with nothing written, where one of them does not find its `old`.
pub fn write(process: pid_t, changes: &[Change]) -> Outcome<()> {
    for change in changes {
        let length = change.new.len() as u64;
        let fits = length > 0 && change.old.len() as u64 == length;
        if !fits || change.address % PAGE + length > PAGE {
            return Err(Failure::NotWhole(change.address));
        }
    }
    let places: Vec<(u64, usize)> = changes.iter().map(|c| (c.address, c.old.len())).collect();
    let found = scattered::read(process, &places)?;
    for (change, found) in changes.iter().zip(found) {
        if found.as_ref() != Some(&change.old) {
            return Err(Failure::Changed(change.address));
        }
    }
    for change in changes {
        let written = sys::write_at(process, change.address, &change.new)
            .map_err(because("writing", process))?;
        if written != change.new.len() {
            return Err(Failure::NotWhole(change.address));
        }
    }
    Ok(())
}
