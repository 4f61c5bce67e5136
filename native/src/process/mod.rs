//! Windows on a live process: stop it for a moment, fork a frozen copy, let it run on.

mod failure;
mod python;
mod scattered;
mod snapshot;
mod stub;
mod sys;
mod window;
mod writing;

pub use failure::Outcome;
pub use python::register;
pub use scattered::gather;
