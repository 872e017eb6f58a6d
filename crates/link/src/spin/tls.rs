//! TLS over a connection that never waits.
//!
//! Records are read as many at once as there are, and decrypted by rustls one after the other into the caller's buffer.

use std::future::poll_fn;
use std::io::{self, Read, Write};
use std::sync::Arc;
use std::task::Poll;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection};

use super::wire::{Line, Tcp};

/// Room for records, as many as one read may bring: four of the longest.
const RECORDS_BYTES: usize = 64 * 1024;

/// The most bytes that wait encrypted.
const WAITING_BYTES_MAX: usize = 64 * 1024;

/// A TLS connection.
pub(crate) struct Tls {
    connection: ClientConnection,
    tcp: Tcp,
    /// Records as they came: `from..to` is not yet with rustls.
    records: Box<[u8]>,
    from: usize,
    to: usize,
    /// What rustls found wrong, told once all that came before is read.
    failed: Option<rustls::Error>,
}

impl Tls {
    /// Agrees on keys, and proves that the other side is `name`. Polled without being woken.
    ///
    /// # Errors
    /// The connection failed, or rustls refused it: then that is the error's cause.
    pub(crate) async fn connect(
        config: Arc<ClientConfig>,
        name: ServerName<'static>,
        tcp: Tcp,
    ) -> io::Result<Self> {
        let mut connection = ClientConnection::new(config, name).map_err(io::Error::other)?;
        connection.set_buffer_limit(Some(WAITING_BYTES_MAX));
        let records = vec![0; RECORDS_BYTES].into_boxed_slice();
        let mut tls = Self { connection, tcp, records, from: 0, to: 0, failed: None };
        poll_fn(|_| match tls.handshake() {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Poll::Pending,
            outcome => Poll::Ready(outcome),
        })
        .await?;
        Ok(tls)
    }

    /// Goes on as far as it can without waiting.
    fn handshake(&mut self) -> io::Result<()> {
        while self.connection.is_handshaking() {
            if let Some(error) = self.failed.take() {
                return Err(io::Error::new(io::ErrorKind::InvalidData, error));
            }
            self.flush()?;
            if self.connection.is_handshaking() && self.feed()? == 0 {
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the other side hung up"));
            }
        }
        self.flush()
    }

    /// Gives rustls more of what came, after a read if nothing is left of the last. None is the other side's end.
    fn feed(&mut self) -> io::Result<usize> {
        if self.from == self.to {
            (self.from, self.to) = (0, 0);
            self.to = self.tcp.read(&mut self.records)?;
        }
        let mut bytes = self.records.get(self.from..self.to).unwrap_or_default();
        let count = self.connection.read_tls(&mut bytes)?;
        self.from += count;
        if let Err(error) = self.connection.process_new_packets() {
            self.failed = Some(error);
        }
        if self.connection.wants_write() {
            // An alert, or an answer to new keys. What cannot go now goes with what is sent next.
            let _ = self.flush();
        }
        Ok(count)
    }
}

impl Read for Tls {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        loop {
            let room = space.get_mut(filled..).unwrap_or_default();
            if room.is_empty() {
                return Ok(filled);
            }
            match self.connection.reader().read(room) {
                Ok(0) => return Ok(filled),
                Ok(count) => filled += count,
                Err(error) if error.kind() != io::ErrorKind::WouldBlock => return refused(filled, error),
                Err(_) => {}
            }
            // Rustls has given all that it has.
            if filled > 0 && (self.from == self.to || self.failed.is_some()) {
                return Ok(filled);
            }
            if let Some(error) = self.failed.take() {
                return Err(io::Error::new(io::ErrorKind::InvalidData, error));
            }
            if let Err(error) = self.feed() {
                return refused(filled, error);
            }
        }
    }
}

/// What was read before an error comes first; the error comes again.
fn refused(filled: usize, error: io::Error) -> io::Result<usize> {
    if filled > 0 { Ok(filled) } else { Err(error) }
}

impl Write for Tls {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.connection.wants_write() {
            self.flush()?;
        }
        self.connection.writer().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        while self.connection.wants_write() {
            if self.connection.write_tls(&mut self.tcp)? == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
        }
        Ok(())
    }
}

impl Line for Tls {
    fn shutdown(&mut self) -> io::Result<()> {
        self.connection.send_close_notify();
        self.flush()?;
        self.tcp.shutdown()
    }
}
