//! What a program's machine code says of the types of its variables: which type goes along when the runtime is
//! asked to look into a map, or to make an object.
//!
//! Go passes the type of a map in AX and the map in BX (src/cmd/compile/internal/walk, ABIInternal of amd64). Where
//! BX came from is followed through registers and the frame, one function at a time. Nothing is guessed: where two
//! ways disagree, nothing is known.

mod blocks;
mod callees;
mod evidence;
mod function;
mod state;
mod step;
#[cfg(test)]
mod tests;
mod value;

pub use evidence::{Evidence, Program, Said, Start, find};
