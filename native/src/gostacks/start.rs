//! Where the innermost frame of a goroutine is: in g.sched, in what it left before a system call, or in its thread.

use std::collections::HashMap;

use pyo3::prelude::*;

use super::code::{Code, Role};
use super::unwind::{End, Start, unwind};
use crate::image::Image;
use crate::problem::Parsed;

/// Offsets in a g and an m (src/runtime/runtime2.go), as Python hands them over.
#[derive(Debug, Clone, FromPyObject)]
#[pyo3(from_item_all)]
pub struct StackLayout {
    pub g_m: u64,
    pub g_sched_sp: u64,
    pub g_sched_pc: u64,
    pub g_syscall_sp: u64,
    pub g_syscall_pc: u64,
    pub g_status: u64,
    pub g_id: u64,
    pub g_panic: u64,
    pub g_defer: u64,
    pub defer_fn: u64,
    pub defer_link: u64,
    pub m_procid: u64,
    pub m_gsignal: u64,
    pub m_vdso_sp: u64,
    pub m_vdso_pc: u64,
}

/// src/runtime/runtime2.go, the states of a g.
const IDLE: u32 = 0;
pub const RUNNING: u32 = 2;
const SYSCALL: u32 = 3;
const DEAD: u32 = 6;
const BEING_COPIED: u32 = 8;
const DEAD_EXTRA: u32 = 11;
const SCANNED: u32 = 0x1000;
pub const NO_STACK: [u32; 3] = [IDLE, DEAD, DEAD_EXTRA];
/// A signal frame on amd64 (src/runtime/defs_linux_amd64.go): ucontext.uc_mcontext, and rsp and rip in it.
const MCONTEXT: u64 = 40;
const SAVED_SP: u64 = MCONTEXT + 8 * 15;
const SAVED_PC: u64 = MCONTEXT + 8 * 16;

/// Where a goroutine was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Found {
    Nowhere = 0,
    Parked = 1,
    InSystemCall = 2,
    /// Its thread runs it.
    Running = 3,
    /// Its thread runs the runtime's (or C) code on another stack meanwhile.
    OnSystemStack = 4,
    /// A signal's handler interrupted it.
    Interrupted = 5,
}

/// A goroutine: its id, its state, the bounds of its stack, and where its thread's story begins.
#[derive(Debug, Clone, Copy)]
pub struct Goroutine {
    pub id: u64,
    pub status: u32,
    pub stack: (u64, u64),
    pub thread: u64,
    pub found: Found,
    /// Where the registers lie that a signal's handler was given; 0 for none.
    pub context: u64,
}

pub struct Starts<'a> {
    pub image: &'a Image,
    pub layout: &'a StackLayout,
    /// Thread id -> (stack pointer, instruction pointer).
    pub threads: &'a HashMap<u64, (u64, u64)>,
}

type Begin = Result<(Found, Start), End>;

/// Returns the state of the goroutine at `g`, whether its stack is being scanned or not.
pub fn status_of(image: &Image, layout: &StackLayout, g: u64) -> Option<u32> {
    let status = image.slice(g.checked_add(layout.g_status)?, 4)?;
    Some(u32::from_le_bytes(status.try_into().ok()?) & !SCANNED)
}

impl Starts<'_> {
    /// Returns the goroutine at `g` and where it begins; None where it cannot be read.
    pub fn of(
        &self,
        g: u64,
        code: &mut Code<'_>,
    ) -> Parsed<Option<(Goroutine, Result<Start, End>)>> {
        let Some(mut goroutine) = self.goroutine(g) else {
            return Ok(None);
        };
        let begin = match goroutine.status {
            status if NO_STACK.contains(&status) => Err(End::NoStack),
            BEING_COPIED => Err(End::BeingCopied),
            RUNNING => self.running(g, &mut goroutine, code)?,
            SYSCALL => self.left_at(
                g,
                self.layout.g_syscall_pc,
                self.layout.g_syscall_sp,
                Found::InSystemCall,
            ),
            _ if self.field(g, self.layout.g_syscall_sp) != Some(0) => self.left_at(
                g,
                self.layout.g_syscall_pc,
                self.layout.g_syscall_sp,
                Found::Parked,
            ),
            _ => self.left_at(
                g,
                self.layout.g_sched_pc,
                self.layout.g_sched_sp,
                Found::Parked,
            ),
        };
        Ok(Some(match begin {
            Ok((found, start)) => (Goroutine { found, ..goroutine }, Ok(start)),
            Err(end) => (goroutine, Err(end)),
        }))
    }

    fn goroutine(&self, g: u64) -> Option<Goroutine> {
        Some(Goroutine {
            id: self.field(g, self.layout.g_id)?,
            status: status_of(self.image, self.layout, g)?,
            stack: (self.field(g, 0)?, self.field(g, 8)?),
            thread: 0,
            found: Found::Nowhere,
            context: 0,
        })
    }

    fn left_at(&self, g: u64, pc: u64, sp: u64, found: Found) -> Begin {
        let (Some(pc), Some(sp)) = (self.field(g, pc), self.field(g, sp)) else {
            return Err(End::Unreadable);
        };
        let start = Start {
            pc,
            sp,
            exact: false,
            parked: true,
        };
        Ok((found, start))
    }

    fn running(&self, g: u64, goroutine: &mut Goroutine, code: &mut Code<'_>) -> Parsed<Begin> {
        let thread = self.field(g, self.layout.g_m).filter(|&m| m != 0);
        let Some(m) = thread else {
            return Ok(Err(End::NoThread));
        };
        goroutine.thread = self.field(m, self.layout.m_procid).unwrap_or(0);
        let Some(&(sp, pc)) = self.threads.get(&goroutine.thread) else {
            return Ok(Err(End::NoThread));
        };
        let Some(handler) = self.handler_stack(m, sp) else {
            return self.by_registers(g, m, goroutine.stack, (sp, pc), code);
        };
        let Some(context) = self.interrupted(handler, sp, pc, code)? else {
            return Ok(Err(End::NoFunction));
        };
        goroutine.context = context + MCONTEXT;
        let saved = (self.field(context, SAVED_SP), self.field(context, SAVED_PC));
        let (Some(sp), Some(pc)) = saved else {
            return Ok(Err(End::Unreadable));
        };
        let begin = self.by_registers(g, m, goroutine.stack, (sp, pc), code)?;
        Ok(begin.map(|(_, start)| (Found::Interrupted, start)))
    }

    /// Returns the bounds of the stack that signals are handled on, where `sp` lies on it.
    fn handler_stack(&self, m: u64, sp: u64) -> Option<(u64, u64)> {
        let g = self.field(m, self.layout.m_gsignal).filter(|&g| g != 0)?;
        let (low, high) = (self.field(g, 0)?, self.field(g, 8)?);
        (low <= sp && sp < high).then_some((low, high))
    }

    /// Returns where the kernel has put the registers of what a signal interrupted; None where C handles it.
    fn interrupted(
        &self,
        bounds: (u64, u64),
        sp: u64,
        pc: u64,
        code: &mut Code<'_>,
    ) -> Parsed<Option<u64>> {
        let start = Start {
            pc,
            sp,
            exact: true,
            parked: false,
        };
        let mut context = None;
        unwind(self.image, code, start, bounds, |frame| {
            match frame.role {
                Role::SignalEntry => context = Some(frame.fp),
                // The handler has returned, to what asks the kernel to go on.
                Role::SignalReturn => context = Some(frame.sp),
                _ => {}
            }
            true
        })?;
        Ok(context)
    }

    fn by_registers(
        &self,
        g: u64,
        m: u64,
        (low, high): (u64, u64),
        (sp, pc): (u64, u64),
        code: &mut Code<'_>,
    ) -> Parsed<Begin> {
        let is_own = low <= sp && sp < high;
        let place = code.place(pc)?;
        if place.is_some_and(|place| place.role == Role::Resume) {
            return Ok(self.resumed(g, is_own.then_some(sp)));
        }
        if let Some(place) = place.filter(|_| is_own)
            && (!place.writes_sp || place.role == Role::Switch)
        {
            let start = Start {
                pc,
                sp,
                exact: true,
                parked: true,
            };
            return Ok(Ok((Found::Running, start)));
        }
        // The clock is read in the kernel's code, on the system stack; who asked for it is written down.
        let asked = self.field(m, self.layout.m_vdso_sp);
        if asked.is_some_and(|sp| low < sp && sp < high) {
            return Ok(self.left_at(
                m,
                self.layout.m_vdso_pc,
                self.layout.m_vdso_sp,
                Found::OnSystemStack,
            ));
        }
        // C that is called without a word of it in g.sched: what stands there is of an earlier call.
        let is_untold = match place {
            None => asked.unwrap_or(0) == 0,
            Some(place) => place.role == Role::Sanitizer,
        };
        Ok(match (is_own, place) {
            (true, Some(_)) => Err(End::MovedStack),
            (true, None) => Err(End::NoFunction),
            _ if is_untold => Err(End::NoFunction),
            // Whoever moves to the system stack says in g.sched where it came from.
            _ => self.left_at(
                g,
                self.layout.g_sched_pc,
                self.layout.g_sched_sp,
                Found::OnSystemStack,
            ),
        })
    }

    /// In the middle of being resumed: g.sched holds until its stack pointer has been taken over.
    fn resumed(&self, g: u64, taken_over: Option<u64>) -> Begin {
        let (found, start) = self.left_at(
            g,
            self.layout.g_sched_pc,
            self.layout.g_sched_sp,
            Found::Parked,
        )?;
        match (start.sp, taken_over) {
            (0, Some(sp)) => Ok((found, Start { sp, ..start })),
            (0, None) => Err(End::MovedStack),
            _ => Ok((found, start)),
        }
    }

    fn field(&self, at: u64, offset: u64) -> Option<u64> {
        self.image.word(at.checked_add(offset)?)
    }
}
