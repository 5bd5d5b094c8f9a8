//! WebSocket framing (RFC 6455, section 5) from the client's end, as far as this server speaks it.

/// A whole frame from the server.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Frame {
    Binary(Vec<u8>),
    /// With its code.
    Close(u16),
}

/// A message as the client sends it. Masked with nothing: the mask is against proxies, of which there is none here.
pub(super) fn masked(message: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x82];
    match u8::try_from(message.len()) {
        Ok(short @ ..=125) => frame.push(0x80 | short),
        _ => {
            frame.push(0x80 | 126);
            frame.extend_from_slice(&u16::try_from(message.len()).expect("clients' messages are short").to_be_bytes());
        }
    }
    frame.extend_from_slice(&[0; 4]);
    frame.extend_from_slice(message);
    frame
}

/// Takes the frame at the front out of `inbox`, once it is whole.
pub(super) fn take(inbox: &mut Vec<u8>) -> Option<Frame> {
    let (&[first, second], _) = inbox.split_first_chunk::<2>()?;
    let (length, header) = match second {
        126 => (usize::from(u16::from_be_bytes(inbox.get(2..4)?.try_into().ok()?)), 4),
        127 => (usize::try_from(u64::from_be_bytes(inbox.get(2..10)?.try_into().ok()?)).ok()?, 10),
        short => (usize::from(short), 2),
    };
    let payload = inbox.get(header..header + length)?.to_vec();
    inbox.drain(..header + length);
    match first {
        0x82 => Some(Frame::Binary(payload)),
        0x88 => Some(Frame::Close(u16::from_be_bytes(payload.try_into().expect("a close frame carries its code")))),
        other => panic!("the server sends no frame that begins with {other:#x}"),
    }
}
