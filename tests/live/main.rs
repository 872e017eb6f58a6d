//! The live path over real sockets on loopback: every fault of a venue, judged against the venue's own book.

mod first;
mod rig;
