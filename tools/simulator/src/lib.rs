//! An exchange on loopback.
#![forbid(unsafe_code)]
