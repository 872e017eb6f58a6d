//! Helpers the benches share.

pub mod cells;
pub mod cores;
pub mod exchange;
pub mod forgetful;
pub mod frames;
pub mod hop;
