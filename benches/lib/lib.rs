//! Helpers the benches share.

pub mod cores;
pub mod exchange;
pub mod frames;
