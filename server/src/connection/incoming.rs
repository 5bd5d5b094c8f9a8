//! What a message of the socket's is: control, or voice, into which nobody looks here.

use bytes::Bytes;
use dais_shared::voice::Header;
use dais_shared::wire::{ClientFrame, DecodeError, FromClient, Goodbye, decode_client};

use super::End;

/// A message taken out of the inbox.
pub(super) enum Incoming {
    Control(ClientFrame),
    Voice { header: Header, bytes: Bytes },
}

/// Why a message that is none ends the connection is what its [`End`] says.
pub(super) fn incoming(payload: &[u8]) -> Result<Incoming, End> {
    match decode_client(payload) {
        Ok(FromClient::Control(frame)) => Ok(Incoming::Control(frame)),
        Ok(FromClient::Voice { bytes, header }) => Ok(Incoming::Voice { header, bytes: Bytes::copy_from_slice(bytes) }),
        Err(DecodeError::TooLarge) => Err(End::Goodbye(Goodbye::TooLarge)),
        Err(DecodeError::WrongVersion(_)) => Err(End::Goodbye(Goodbye::WrongVersion)),
        Err(DecodeError::UnknownKind | DecodeError::Control | DecodeError::Voice(_)) => Err(End::Goodbye(Goodbye::Malformed)),
    }
}
