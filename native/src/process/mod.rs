//! Windows on a live process: stop it for a moment, fork a frozen copy, let it run on.

mod atomic;
mod call;
mod catch;
mod failure;
mod guardian;
mod held;
mod job_control;
mod keeper;
mod message;
mod pipe;
mod python;
mod scattered;
mod snapshot;
mod stub;
mod sys;
mod watchpoint;
mod window;
mod writing;

pub use failure::Outcome;
pub use python::register;
pub use scattered::gather;
