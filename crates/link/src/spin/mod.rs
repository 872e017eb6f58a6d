//! The second transport, for cores of their own: sockets that are looked at again and again, and frames decoded where
//! they were read.
//!
//! The simple version is the first transport: wait until the kernel says that there is something, copy 16 KiB of it to
//! the decoder, let it cut a message out. What is done differently here, and what each step buys:
//!
//! 1. Nobody waits (`spinner.rs`). Every socket is read in its turn, whether there is something or not: no wake-up by the
//!    kernel, which takes microseconds, and no system call beside the read.
//! 2. One read takes all there is, up to a large buffer (`wire.rs`): many frames for one system call.
//! 3. A message in one frame, as nearly all of them are, is handed on where it lies (`decode.rs`): not one byte of it is
//!    copied or cleared.
//! 4. TLS records are read as many at once too, and their plaintext goes into the same buffer (`tls.rs`).
//!
//! The handshake, everything that is sent, and every other frame are tungstenite's business as before: control frames,
//! fragments, frames larger than half the buffer, text that is no UTF-8, whatever breaks a rule. Their bytes are passed
//! on to it, through the same layer that holds pongs back and counts fragments, and this side decodes again after the
//! last of them. So what is refused, and with which code, is the same by construction; `agree.rs` holds it to that.
//!
//! The price: one core for each reader, whether anything comes or not.

#[cfg(any(test, feature = "fuzzing"))]
#[cfg_attr(not(feature = "fuzzing"), expect(unreachable_pub, reason = "the fuzzer's"))]
pub mod agree;
mod decode;
mod spinner;
mod tls;
mod wire;

pub(crate) use spinner::{Life, spin};
pub(crate) use tls::Tls;
pub(crate) use wire::{Line, Next, Tcp, Wire};
