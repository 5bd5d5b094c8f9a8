//! The front of a connection's receive buffer: the first byte says in which pieces the others come, the others are what a
//! client sends after the handshake.
//!
//! What must hold: no panic, nothing allocated; what RFC 6455 and docs/protocol.md make of the bytes ([`lawful`]) is made of them,
//! as soon as the header is there; a payload is what it was masked from, and a buffer whose first frame is not whole is left as
//! it is; in pieces, the same frames are read as at once. And what the server writes has a header that says how long it is.

// The server's own file, compiled here: framing is nobody's business outside the server, and knows bytes only.
#[path = "../../server/src/websocket.rs"]
mod websocket;

use std::ops::Range;

use websocket::{Frame, FrameError, Kind};

use crate::allocator::measured;

/// Bytes of a message, by docs/protocol.md, and of a control frame, by RFC 6455, section 5.5.
const MESSAGE_BYTES_MAX: usize = 4_096;
const CONTROL_BYTES_MAX: usize = 125;

/// What was read until nothing whole was left: kinds and payloads, and what came then.
type Read = (Vec<(Kind, Vec<u8>)>, Result<(), FrameError>);

pub(crate) fn run(data: &[u8]) {
    let Some((&piece, sent)) = data.split_first() else { return };
    let at_once = read(sent, sent.len().max(1));
    let in_pieces = read(sent, usize::from(piece).max(1));
    assert_eq!(at_once, in_pieces, "how bytes come changes nothing");
    written(sent);
}

/// As the connection does: what has come is looked at after each piece.
fn read(sent: &[u8], piece: usize) -> Read {
    let mut frames = Vec::new();
    let mut buffer: Vec<u8> = Vec::new();
    for arrived in sent.chunks(piece) {
        buffer.extend_from_slice(arrived);
        loop {
            match first(&mut buffer) {
                Ok(Some(frame)) => {
                    frames.push((frame.kind, buffer[frame.payload].to_vec()));
                    buffer.drain(..frame.bytes);
                }
                Ok(None) => break,
                Err(error) => return (frames, Err(error)),
            }
        }
    }
    (frames, Ok(()))
}

/// The frame at the front, held against the standard.
fn first(buffer: &mut [u8]) -> Result<Option<Frame>, FrameError> {
    let before = buffer.to_vec();
    let (parsed, usage) = measured(|| websocket::parse(buffer));
    assert_eq!(usage.calls, 0, "reading a frame allocates nothing");
    let found = parsed.as_ref().map(|frame| frame.as_ref().map(|frame| (frame.payload.clone(), frame.bytes))).map_err(drop);
    let expected = lawful(&before).map(|frame| frame.map(|payload| (payload.clone(), payload.end)));
    assert_eq!(found, expected, "where the payload stands, in {before:02x?}");
    let Some(frame) = parsed? else {
        assert_eq!(buffer, before, "what is not whole is left alone");
        return Ok(None);
    };
    let opcode = match frame.kind {
        Kind::Binary => 2,
        Kind::Close => 8,
        Kind::Ping => 9,
        Kind::Pong => 10,
    };
    let mask: [u8; 4] = before[frame.payload.start - 4..frame.payload.start].try_into().expect("four bytes");
    assert_eq!(masked(opcode, mask, &buffer[frame.payload.clone()]), before[..frame.bytes], "it was another frame");
    assert_eq!(buffer[frame.bytes..], before[frame.bytes..], "what follows is left alone");
    Ok(Some(frame))
}

/// Where the payload of the frame at the front stands, if that is whole and lawful: binary, or control, final, masked, without
/// extensions, not too long, and its length in the fewest bytes; a close says nothing, or a code that may be sent and a reason
/// in UTF-8 (RFC 6455, sections 5.5.1 and 7.4, with the codes registered since).
fn lawful(buffer: &[u8]) -> Result<Option<Range<usize>>, ()> {
    let Some((&[first, second], rest)) = buffer.split_first_chunk() else { return Ok(None) };
    let is_control = match first {
        0x82 => false,
        0x88..=0x8A => true,
        _ => return Err(()),
    };
    let number = |bytes: &[u8]| bytes.iter().fold(0u64, |number, byte| number << 8 | u64::from(*byte));
    let (length, length_bytes, least) = match second {
        0x80..=0xFD => (u64::from(second & 0x7F), 0, 0),
        0xFE => (number(rest.get(..2).unwrap_or_default()), 2, 126),
        0xFF => (number(rest.get(..8).unwrap_or_default()), 8, 65_536),
        _ => return Err(()),
    };
    if rest.len() < length_bytes {
        return Ok(None);
    }
    let length_max = if is_control { CONTROL_BYTES_MAX } else { MESSAGE_BYTES_MAX };
    if length < least || length > length_max as u64 {
        return Err(());
    }
    let start = 2 + length_bytes + 4;
    let end = start + length as usize;
    if buffer.len() < end {
        return Ok(None);
    }
    let payload: Vec<u8> = (start..end).map(|at| buffer[at] ^ buffer[start - 4 + (at - start) % 4]).collect();
    let is_lawful = match &payload[..] {
        _ if first != 0x88 => true,
        [] => true,
        [_] => false,
        [high, low, reason @ ..] => {
            let is_code = match u16::from_be_bytes([*high, *low]) {
                1000..=1014 => ![1004, 1005, 1006].contains(&u16::from_be_bytes([*high, *low])),
                code => (3000..5000).contains(&code),
            };
            is_code && String::from_utf8(reason.to_vec()).is_ok()
        }
    };
    if is_lawful { Ok(Some(start..end)) } else { Err(()) }
}

/// A client's frame, as RFC 6455, section 5.2, has it.
fn masked(opcode: u8, mask: [u8; 4], payload: &[u8]) -> Vec<u8> {
    let mut frame = header(opcode, payload.len(), 0x80);
    frame.extend_from_slice(&mask);
    frame.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, key)| byte ^ key));
    frame
}

/// The first bytes of a whole frame, its length in the fewest bytes.
fn header(opcode: u8, length: usize, masked: u8) -> Vec<u8> {
    let mut header = vec![0x80 | opcode];
    match length {
        0..=125 => header.push(masked | length as u8),
        126..=0xFFFF => {
            header.push(masked | 126);
            header.extend_from_slice(&(length as u16).to_be_bytes());
        }
        _ => {
            header.push(masked | 127);
            header.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    header
}

fn written(message: &[u8]) {
    let (frame, usage) = measured(|| websocket::binary(message));
    assert_eq!(frame[..], [header(2, message.len(), 0), message.to_vec()].concat());
    assert!(usage.peak_bytes <= 4 * message.len() + 256, "{usage:?}");
    let mut header_alone = Vec::new();
    websocket::put_binary_header(message.len(), &mut header_alone);
    assert_eq!(header_alone, header(2, message.len(), 0));
    let short = &message[..message.len().min(CONTROL_BYTES_MAX)];
    assert_eq!(websocket::pong(short)[..], [header(10, short.len(), 0), short.to_vec()].concat());
    let code = u16::from_be_bytes([message.first().copied().unwrap_or(3), message.get(1).copied().unwrap_or(0)]);
    assert_eq!(websocket::close(code)[..], [&[0x88, 2][..], &code.to_be_bytes()].concat());
}
