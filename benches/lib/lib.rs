//! Helpers the benches share.

pub mod cores;
pub mod frames;
