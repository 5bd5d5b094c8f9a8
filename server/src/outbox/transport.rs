//! What stands between frames and their socket: nothing, or TLS. Writes and reads what there is at the moment, and never
//! waits.
//!
//! What is encrypted has to leave, in its order: it can neither be dropped for its age nor be overtaken. So a record is
//! made only when the socket has taken the one before, and is small.

use std::io::{self, IoSlice, Read, Write};

use dais_shared::limits::{FRAMES_PER_WRITE_MAX, TLS_RECORD_BYTES_MAX};
use rustls::ServerConnection;

use super::queue::Queue;
use crate::socket::Socket;

/// The way over the socket.
#[derive(Debug)]
pub(crate) enum Transport {
    /// Frames leave as they are.
    Plain,
    /// Frames leave in the records of this session, whose handshake is over.
    Tls(Box<ServerConnection>),
}

impl Transport {
    /// The session that HTTP has been spoken over up to now. What it has decrypted beyond the request goes into `inbox`.
    ///
    /// # Errors
    /// The peer has sent what is no TLS.
    pub(crate) fn tls(mut session: ServerConnection, inbox: &mut Vec<u8>) -> io::Result<Self> {
        session.set_buffer_limit(Some(TLS_RECORD_BYTES_MAX));
        let mut transport = Self::Tls(Box::new(session));
        transport.open(&[], inbox)?;
        Ok(transport)
    }

    /// Writes some of what may leave now, or fails with `WouldBlock`. Returns whether there was anything.
    pub(super) fn write(&mut self, socket: &Socket, queue: &mut Queue) -> io::Result<bool> {
        match self {
            Self::Plain => {
                let mut slices = [IoSlice::new(&[]); FRAMES_PER_WRITE_MAX];
                let count = queue.gather(&mut slices);
                if count == 0 {
                    return Ok(false);
                }
                let written = socket.try_write_vectored(&slices[..count])?;
                queue.advance(written);
                Ok(true)
            }
            Self::Tls(session) => {
                if !session.wants_write() && !seal(session, queue)? {
                    return Ok(false);
                }
                session.write_tls(&mut AtOnce(socket)).map(|_| true)
            }
        }
    }

    /// Ends what the other side can tell from a connection that was cut (RFC 8446, section 6.1). Returns whether that is
    /// still to be written.
    pub(super) fn close(&mut self) -> bool {
        match self {
            Self::Plain => false,
            Self::Tls(session) => {
                session.send_close_notify();
                session.wants_write()
            }
        }
    }

    /// Puts what arrived into `inbox`, as it was before it was encrypted. Returns whether more may come.
    ///
    /// # Errors
    /// It is no lawful TLS; what there is to say about that is still to be written.
    pub(super) fn open(&mut self, mut arrived: &[u8], inbox: &mut Vec<u8>) -> io::Result<bool> {
        let Self::Tls(session) = self else {
            inbox.extend_from_slice(arrived);
            return Ok(true);
        };
        loop {
            let state = session.process_new_packets().map_err(io::Error::other)?;
            // As much as has been decrypted already.
            let (before, count) = (inbox.len(), state.plaintext_bytes_to_read());
            inbox.resize(before + count, 0);
            session.reader().read_exact(&mut inbox[before..])?;
            if state.peer_has_closed() {
                return Ok(false);
            }
            if arrived.is_empty() {
                return Ok(true);
            }
            // Nothing taken in means a record that is longer than any may be.
            if session.read_tls(&mut arrived)? == 0 {
                return Err(io::ErrorKind::InvalidData.into());
            }
        }
    }
}

/// Makes one record of what may leave now. Returns whether there was anything.
fn seal(session: &mut ServerConnection, queue: &mut Queue) -> io::Result<bool> {
    let mut slices = [IoSlice::new(&[]); FRAMES_PER_WRITE_MAX];
    let count = queue.gather(&mut slices);
    if count == 0 {
        return Ok(false);
    }
    // As much as its buffer may hold, which is empty.
    let sealed = session.writer().write_vectored(&slices[..count])?;
    queue.advance(sealed);
    // A session that takes nothing and says nothing would be asked for ever.
    if session.wants_write() { Ok(true) } else { Err(io::ErrorKind::WriteZero.into()) }
}

/// A socket as `std` writes to it: what it does not take at once would block.
struct AtOnce<'a>(&'a Socket);

impl Write for AtOnce<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.try_write_vectored(&[IoSlice::new(bytes)])
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.0.try_write_vectored(slices)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
