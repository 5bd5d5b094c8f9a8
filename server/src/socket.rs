//! The bytes under a connection: a TCP socket, and in a simulation the memory that stands for one.

use std::future::poll_fn;
use std::io::{ErrorKind, IoSlice, Read};
use std::net::Shutdown;

use socket2::SockRef;
use tokio::io::Interest;
use tokio::net::TcpStream;

/// One connection's socket. Reads and writes never wait; whoever would wait for it awaits its readiness.
#[derive(Debug)]
pub(crate) enum Socket {
    Tcp(TcpStream),
    #[cfg(feature = "simulation")]
    Simulated(crate::simulation::Socket),
}

impl Socket {
    /// Resolves when there is something to read, or the end of it. One task at a time may wait for that: it has the one place
    /// for a reader, which is cheaper to take than one in a list, and every message takes it anew.
    pub(crate) async fn readable(&self) -> std::io::Result<()> {
        match self {
            Self::Tcp(socket) => poll_fn(|context| socket.poll_read_ready(context)).await,
            #[cfg(feature = "simulation")]
            Self::Simulated(socket) => {
                socket.readable().await;
                Ok(())
            }
        }
    }

    /// Resolves when the socket takes bytes.
    pub(crate) async fn writable(&self) -> std::io::Result<()> {
        match self {
            Self::Tcp(socket) => socket.writable().await,
            #[cfg(feature = "simulation")]
            Self::Simulated(socket) => {
                socket.writable().await;
                Ok(())
            }
        }
    }

    /// Reads what there is, as [`TcpStream::try_read`] does. A read that leaves room in `buffer` has taken all there was: the
    /// socket counts as empty at once, and not only after a second read that finds nothing.
    pub(crate) fn try_read(&self, buffer: &mut [u8]) -> std::io::Result<usize> {
        match self {
            Self::Tcp(socket) => read_once(socket, buffer),
            #[cfg(feature = "simulation")]
            Self::Simulated(socket) => socket.try_read(buffer),
        }
    }

    /// Reads what waits, whatever the runtime has heard of it.
    pub(crate) fn read_waiting(&self, buffer: &mut [u8]) -> std::io::Result<usize> {
        match self {
            Self::Tcp(socket) => (&*SockRef::from(socket)).read(buffer),
            #[cfg(feature = "simulation")]
            Self::Simulated(socket) => socket.try_read(buffer),
        }
    }

    /// Writes what the socket takes, whatever the runtime has heard of it: one buffer costs the system less than a list of one.
    /// Whoever is told that it would block has to try [`Socket::try_write_vectored`], so that the runtime hears of it, too.
    pub(crate) fn write_waiting(&self, bytes: &[u8]) -> std::io::Result<usize> {
        match self {
            Self::Tcp(socket) => SockRef::from(socket).send(bytes),
            #[cfg(feature = "simulation")]
            Self::Simulated(socket) => socket.try_write_vectored(&[IoSlice::new(bytes)]),
        }
    }

    /// See [`TcpStream::try_write_vectored`].
    pub(crate) fn try_write_vectored(&self, slices: &[IoSlice<'_>]) -> std::io::Result<usize> {
        match self {
            Self::Tcp(socket) => socket.try_write_vectored(slices),
            #[cfg(feature = "simulation")]
            Self::Simulated(socket) => socket.try_write_vectored(slices),
        }
    }

    /// Says that nothing more is written, or neither written nor read.
    pub(crate) fn shutdown(&self, how: Shutdown) -> std::io::Result<()> {
        match self {
            Self::Tcp(socket) => SockRef::from(socket).shutdown(how),
            #[cfg(feature = "simulation")]
            Self::Simulated(socket) => {
                socket.shutdown();
                Ok(())
            }
        }
    }
}

/// One system call for each message, instead of two. Tokio forgets that a socket is readable when it is told that it would have
/// to wait; what comes after the read makes it readable anew (epoll is edge-triggered). The end of a stream, and a full buffer, are
/// no such reads.
fn read_once(socket: &TcpStream, buffer: &mut [u8]) -> std::io::Result<usize> {
    let mut taken = None;
    let outcome = socket.try_io(Interest::READABLE, || {
        let count = (&*SockRef::from(socket)).read(buffer)?;
        if count == 0 || count == buffer.len() {
            return Ok(count);
        }
        taken = Some(count);
        Err(ErrorKind::WouldBlock.into())
    });
    taken.map_or(outcome, Ok)
}
