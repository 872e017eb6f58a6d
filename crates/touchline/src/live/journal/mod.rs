//! What a feed saw, said and did, written down so that it can be done again.
//!
//! ```text
//!  link → Taped ─┬─▶ Engine ─▶ books ─▶ hashes ─┐         journal ─▶ Rerun ─▶ Engine ─▶ books ─▶ hashes
//!                └─▶ tap ═════════════════════▶ journal             the same frames, commands and hashes, or it says
//!                                                                   which is the first that is not
//! ```

mod hashes;
mod rerun;
mod stage;
mod start;
mod story;
mod taped;
mod words;

pub(crate) use hashes::{BookHash, Hashes};
pub use rerun::{Mismatch, Rerun, RerunReport};
pub(crate) use start::start;
pub(crate) use story::FeedStory;
pub(crate) use taped::Taped;
