//! Records: what a run measured, kept in the repository, and the comparison of two of them.
//!
//! A record is a CSV file whose lines begin with `#` where they are remarks. Ratios are our figure over the other's, so
//! that less is better in every line. What two runs have in common is the ratio to the same peer or floor: single times
//! move with the machine's mood, by half and more on a shared one. Counts (instructions, heap calls, bytes) stand alone.

mod compare;
mod file;

pub use compare::compare;
pub use file::{append, read};
