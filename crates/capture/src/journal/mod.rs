//! Touchline's own recordings: everything that a feed saw, said and did, safe against crashes.

mod entry;

pub use entry::{Entry, EntryKind, Gap};
