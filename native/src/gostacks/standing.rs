//! Every goroutine of a process that stands still, and the used part of its stack: few reads, so that the stop is short.

use std::collections::HashMap;

use libc::pid_t;

use super::start::{NO_STACK, RUNNING, StackLayout, status_of};
use crate::image::Image;
use crate::process::{Outcome, gather};

const WORD: usize = 8;
/// A lying length is given up beyond this.
const MOST_GOROUTINES: u64 = 1 << 22;
/// What is above an m's last field that is read here.
const M_BYTES: usize = 1200;

/// The gs of a process, and an image of them, their ms and their stacks.
pub struct Standing {
    pub goroutines: Vec<u64>,
    pub image: Image,
}

/// Reads what unwinding every goroutine needs; None where that is more than `most_bytes`, or makes no sense.
/// `list` is the address of runtime.allgs, `threads`: id -> (stack pointer, instruction pointer).
pub fn read(
    process: pid_t,
    layout: &StackLayout,
    list: u64,
    threads: &HashMap<u64, (u64, u64)>,
    most_bytes: usize,
) -> Outcome<Option<Standing>> {
    let Some(goroutines) = goroutines(process, list)? else {
        return Ok(None);
    };
    let mut image = Image::default();
    let gs: Vec<_> = goroutines.iter().map(|&g| (g, g_bytes(layout))).collect();
    add(process, &mut image, &gs)?;
    let mut machines: Vec<u64> = goroutines
        .iter()
        .filter(|&&g| status_of(&image, layout, g) == Some(RUNNING))
        .filter_map(|&g| image.word(g + layout.g_m))
        .collect();
    machines.sort_unstable();
    machines.dedup();
    let ms: Vec<_> = machines.iter().map(|&m| (m, M_BYTES)).collect();
    add(process, &mut image, &ms)?;
    let handlers: Vec<_> = machines
        .iter()
        .filter_map(|&m| Some((image.word(m + layout.m_gsignal)?, 2 * WORD)))
        .filter(|&(g, _)| g != 0 && goroutines.binary_search(&g).is_err())
        .collect();
    add(process, &mut image, &handlers)?;
    let pointers: Vec<u64> = threads.values().map(|&(sp, _)| sp).collect();
    let mut stacks: Vec<_> = goroutines
        .iter()
        .filter_map(|&g| used(&image, layout, g, &pointers))
        .collect();
    stacks.extend(handlers.iter().filter_map(|&(g, _)| {
        let (low, high) = (image.word(g)?, image.word(g + WORD as u64)?);
        let sp = pointers.iter().find(|&&sp| low <= sp && sp < high)?;
        Some((*sp, (high - sp) as usize))
    }));
    let whole = stacks
        .iter()
        .try_fold(0usize, |sum, &(_, bytes)| sum.checked_add(bytes));
    if whole.is_none_or(|whole| whole > most_bytes) {
        return Ok(None);
    }
    add(process, &mut image, &stacks)?;
    Ok(Some(Standing { goroutines, image }))
}

fn goroutines(process: pid_t, list: u64) -> Outcome<Option<Vec<u64>>> {
    let words = |bytes: &[u8]| -> Vec<u64> {
        let chunks = bytes.chunks_exact(WORD);
        chunks
            .map(|word| u64::from_le_bytes(word.try_into().unwrap_or_default()))
            .collect()
    };
    let (slice, _) = gather(process, &[(list, 2 * WORD)])?;
    let &[array, length] = words(&slice).as_slice() else {
        return Ok(None);
    };
    if length == 0 || length > MOST_GOROUTINES {
        return Ok(None);
    }
    let (bytes, _) = gather(process, &[(array, length as usize * WORD)])?;
    let mut found = words(&bytes);
    let is_whole = found.len() as u64 == length;
    found.sort_unstable();
    found.dedup();
    Ok((is_whole && found[0] != 0).then_some(found))
}

/// How much of a g is read here.
fn g_bytes(layout: &StackLayout) -> usize {
    let last = layout.g_id.max(layout.g_status).max(layout.g_syscall_pc);
    last as usize + WORD
}

/// Returns the part of the stack of `g` that may be in use: from the lowest of the places where it may stand.
/// Its thread may have been interrupted by a signal: then only its handler's stack says where.
fn used(image: &Image, layout: &StackLayout, g: u64, pointers: &[u64]) -> Option<(u64, usize)> {
    let status = status_of(image, layout, g)?;
    let (low, high) = (image.word(g)?, image.word(g + WORD as u64)?);
    if NO_STACK.contains(&status) || low >= high {
        return None;
    }
    let known = [layout.g_sched_sp, layout.g_syscall_sp].map(|at| image.word(g + at));
    let own = pointers
        .iter()
        .copied()
        .filter(|&sp| low <= sp && sp < high);
    let lowest = known.into_iter().flatten().chain(own.clone());
    let lowest = lowest.filter(|&sp| low <= sp && sp < high).min();
    let from = match lowest {
        Some(sp) if status != RUNNING || own.count() > 0 => sp,
        _ => low,
    };
    Some((from, (high - from) as usize))
}

fn add(process: pid_t, image: &mut Image, places: &[(u64, usize)]) -> Outcome<()> {
    let (bytes, pieces) = gather(process, places)?;
    // Every piece lies in `bytes`: nothing to be refused.
    let _ = image.add_bytes(bytes, &pieces);
    Ok(())
}
