//! WebSocket framing (RFC 6455, section 5) as a server of short messages needs it: whole masked binary frames in,
//! unmasked frames out. Knows bytes only; fragments, extensions and text are refused.

use std::ops::Range;

use bytes::Bytes;
use dais_shared::limits::CLIENT_MESSAGE_BYTES_MAX;

const FIN: u8 = 0x80;
const RESERVED: u8 = 0x70;
const MASKED: u8 = 0x80;
const OPCODE_TEXT: u8 = 0x1;
const OPCODE_BINARY: u8 = 0x2;
const OPCODE_CLOSE: u8 = 0x8;
const OPCODE_PING: u8 = 0x9;
const OPCODE_PONG: u8 = 0xA;
/// A control frame's payload (RFC 6455, section 5.5).
const CONTROL_BYTES_MAX: usize = 125;

/// What a client's frame is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Binary,
    Ping,
    Pong,
    Close,
}

/// A whole frame at the front of a buffer, its payload already unmasked in place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) kind: Kind,
    pub(crate) payload: Range<usize>,
    /// Bytes that the frame takes up, header and all.
    pub(crate) bytes: usize,
}

/// Why the bytes cannot be the beginning of a frame that this server takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FrameError {
    #[error("the frame announces more than {CLIENT_MESSAGE_BYTES_MAX} bytes")]
    TooLarge,
    #[error("the frame is a fragment, unmasked, or otherwise against the standard")]
    Protocol,
    #[error("the frame is text")]
    Text,
    #[error("the reason of a close is no UTF-8")]
    NotUtf8,
}

/// Reads the frame at the front of `buffer`. `None` while it is not whole; a frame that would be too large is refused
/// as soon as its header is there, before anything is kept for it.
pub(crate) fn parse(buffer: &mut [u8]) -> Result<Option<Frame>, FrameError> {
    let [first, second, ..] = *buffer else { return Ok(None) };
    if first & FIN == 0 || first & RESERVED != 0 || second & MASKED == 0 {
        return Err(FrameError::Protocol);
    }
    let kind = match first & 0x0F {
        OPCODE_TEXT => return Err(FrameError::Text),
        OPCODE_BINARY => Kind::Binary,
        OPCODE_PING => Kind::Ping,
        OPCODE_PONG => Kind::Pong,
        OPCODE_CLOSE => Kind::Close,
        _ => return Err(FrameError::Protocol),
    };
    // With each form of the length, the least that needs it (RFC 6455, section 5.2).
    let (length, least, header) = match second & 0x7F {
        126 => match *buffer {
            [_, _, a, b, ..] => (u64::from(u16::from_be_bytes([a, b])), 126, 4),
            _ => return Ok(None),
        },
        127 => match *buffer {
            [_, _, a, b, c, d, e, f, g, h, ..] => (u64::from_be_bytes([a, b, c, d, e, f, g, h]), 0x1_0000, 10),
            _ => return Ok(None),
        },
        short => (u64::from(short), 0, 2),
    };
    let length = usize::try_from(length).map_err(|_| FrameError::TooLarge)?;
    if length > CLIENT_MESSAGE_BYTES_MAX {
        return Err(FrameError::TooLarge);
    }
    if length < least || (kind != Kind::Binary && length > CONTROL_BYTES_MAX) {
        return Err(FrameError::Protocol);
    }
    let payload = header + 4..header + 4 + length;
    let Some(body) = buffer.get_mut(header..payload.end) else { return Ok(None) };
    let (mask, masked) = body.split_at_mut(4);
    for (byte, key) in masked.iter_mut().zip(mask.iter().cycle()) {
        *byte ^= key;
    }
    if kind == Kind::Close {
        check_close(masked)?;
    }
    Ok(Some(Frame { kind, bytes: payload.end, payload }))
}

/// What a close frame may say (RFC 6455, sections 5.5.1 and 7.4): nothing, or a code that may be sent and a reason in UTF-8.
fn check_close(payload: &[u8]) -> Result<(), FrameError> {
    match payload {
        [] => Ok(()),
        [a, b, reason @ ..] => {
            if !matches!(u16::from_be_bytes([*a, *b]), 1000..=1003 | 1007..=1014 | 3000..=4999) {
                return Err(FrameError::Protocol);
            }
            std::str::from_utf8(reason).map_err(|_| FrameError::NotUtf8).map(drop)
        }
        [_] => Err(FrameError::Protocol),
    }
}

/// A finished binary frame: the same bytes for everybody, since a server does not mask.
pub(crate) fn binary(message: &[u8]) -> Bytes {
    finished(OPCODE_BINARY, message)
}

/// A finished pong. `payload` is a ping's, at most 125 bytes.
pub(crate) fn pong(payload: &[u8]) -> Bytes {
    finished(OPCODE_PONG, payload)
}

/// A finished close frame with its code (RFC 6455, section 7.4).
pub(crate) fn close(code: u16) -> Bytes {
    finished(OPCODE_CLOSE, &code.to_be_bytes())
}

/// Appends the header of a binary frame with so many bytes of payload, which follow it.
pub(crate) fn put_binary_header(length: usize, frame: &mut Vec<u8>) {
    put_header(OPCODE_BINARY, length, frame);
}

fn finished(opcode: u8, payload: &[u8]) -> Bytes {
    let mut frame = Vec::with_capacity(payload.len() + 10);
    put_header(opcode, payload.len(), &mut frame);
    frame.extend_from_slice(payload);
    frame.into()
}

fn put_header(opcode: u8, length: usize, frame: &mut Vec<u8>) {
    frame.push(FIN | opcode);
    match (u8::try_from(length), u16::try_from(length)) {
        (Ok(short @ ..=125), _) => frame.push(short),
        (_, Ok(medium)) => {
            frame.push(126);
            frame.extend_from_slice(&medium.to_be_bytes());
        }
        _ => {
            frame.push(127);
            frame.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use super::*;

    fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
        let mut frame = vec![first];
        match payload.len() {
            length @ ..=125 => frame.push(MASKED | u8::try_from(length).unwrap()),
            length => {
                frame.push(MASKED | 126);
                frame.extend_from_slice(&u16::try_from(length).unwrap().to_be_bytes());
            }
        }
        let mask = [1, 2, 3, 4];
        frame.extend_from_slice(&mask);
        frame.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, key)| byte ^ key));
        frame
    }

    #[test]
    fn a_frame_is_read_only_when_it_is_whole() {
        for payload in [&b""[..], b"hello", &[7; 200], &[9; CLIENT_MESSAGE_BYTES_MAX]] {
            let whole = masked(FIN | OPCODE_BINARY, payload);
            for cut in 0..whole.len() {
                assert_eq!(parse(&mut whole[..cut].to_vec()), Ok(None), "{cut} of {}", whole.len());
            }
            let mut buffer = whole.clone();
            buffer.extend_from_slice(b"next");
            let frame = parse(&mut buffer).unwrap().unwrap();
            assert_eq!((&buffer[frame.payload], frame.bytes, frame.kind), (payload, whole.len(), Kind::Binary));
        }
    }

    #[test]
    fn what_is_too_large_is_refused_at_its_header() {
        for header in
            [&[FIN | OPCODE_BINARY, MASKED | 126, 0x10, 0x01][..], &[FIN | OPCODE_BINARY, MASKED | 127, 0, 0, 0, 0, 4, 0, 0, 0]]
        {
            assert_eq!(parse(&mut header.to_vec()), Err(FrameError::TooLarge));
        }
    }

    #[test]
    fn fragments_extensions_long_lengths_and_unmasked_frames_are_refused() {
        let unmasked = vec![FIN | OPCODE_BINARY, 0];
        let long_ping = masked(FIN | OPCODE_PING, &[0; 126]);
        let longer_length = [vec![FIN | OPCODE_BINARY, MASKED | 126, 0, 1], vec![1, 2, 3, 4, 5]].concat();
        let longest_length = [vec![FIN | OPCODE_BINARY, MASKED | 127, 0, 0, 0, 0, 0, 0, 0, 200], vec![0; 204]].concat();
        let refused = [
            longer_length,
            longest_length,
            masked(OPCODE_BINARY, b"part"),
            masked(FIN, b"continued"),
            masked(FIN | 0x40 | OPCODE_BINARY, b"compressed"),
            unmasked,
            long_ping,
        ];
        for mut frame in refused {
            assert_eq!(parse(&mut frame), Err(FrameError::Protocol), "{frame:?}");
        }
        assert_eq!(parse(&mut masked(FIN | OPCODE_TEXT, b"hello")), Err(FrameError::Text));
        assert_eq!(parse(&mut masked(FIN | OPCODE_CLOSE, &[0x03, 0xE8, 0xC3, 0x28])), Err(FrameError::NotUtf8));
    }

    #[test]
    fn finished_frames_carry_their_length() {
        assert_eq!(&binary(b"hi")[..], &[0x82, 2, b'h', b'i']);
        assert_eq!(&binary(&[0; 126])[..4], &[0x82, 126, 0, 126]);
        assert_eq!(&binary(&vec![0; 70_000])[..10], &[0x82, 127, 0, 0, 0, 0, 0, 1, 0x11, 0x70]);
        assert_eq!(&close(1001)[..], &[0x88, 2, 0x03, 0xE9]);
    }
}
