//! The layout in which a received voice packet crosses from the worker to the audio thread.
//!
//! Fixed offsets, little-endian, so that the audio thread parses nothing: the wire's own,
//! variable-length encoding stays with those who own the socket. Whatever is not a valid
//! packet is `None`; the content of the Opus bytes is not looked at.
//!
//! | offset | bytes | field |
//! |---|---|---|
//! | 0 | 4 | stream |
//! | 4 | 4 | sequence |
//! | 8 | 8 | timestamp, samples at 48 kHz |
//! | 16 | 8 | arrival at the server, ms of its clock |
//! | 24 | 4 | duration, samples at 48 kHz |
//! | 28 | 1 | level, −dBov |
//! | 29 | 1 | flags |
//! | 30 | 2 | payload length in bytes |
//! | 32 | … | payload: Opus |

use crate::codec::PAYLOAD_BYTES_MAX;

/// Bytes before the payload.
pub const PACKET_HEADER_BYTES: usize = 32;

/// The largest packet: header and the largest payload.
pub const PACKET_BYTES_MAX: usize = PACKET_HEADER_BYTES + PAYLOAD_BYTES_MAX;

/// Set on the first packet of a talkspurt: its encoder starts afresh with this packet.
pub const FLAG_TALKSPURT_START: u8 = 1;

/// Set on the last packet of a talkspurt: that nothing follows is no loss.
pub const FLAG_TALKSPURT_END: u8 = 2;

/// Set on packets recorded before the talkspurt was noticed: they are late by the speaker's doing,
/// which says nothing about the network.
pub const FLAG_PRE_ROLL: u8 = 4;

/// What is known of a voice packet beside its Opus bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PacketHeader {
    /// Whose voice, as the server numbers it.
    pub stream: u32,
    /// Counts the frames that the speaker handed to his transport or dropped for backlog.
    pub sequence: u32,
    /// Counts the speaker's samples at 48 kHz, always: the packet's first sample less his
    /// encoder's look-ahead.
    pub timestamp: u64,
    /// When the server had it, in milliseconds of the server's clock.
    pub arrival_ms: u64,
    /// The length the speaker claims, in samples at 48 kHz. The Opus bytes themselves say how
    /// long they are, and they are believed.
    pub duration_samples: u32,
    /// 0 (overload) to 127 (silence), as RFC 6464.
    pub level_dbov: u8,
    /// [`FLAG_TALKSPURT_START`], [`FLAG_TALKSPURT_END`] and [`FLAG_PRE_ROLL`], added up.
    pub flags: u8,
}

/// Lays out one packet. A payload over [`PAYLOAD_BYTES_MAX`] is laid out too, and refused by
/// [`parse_packet`].
pub fn encode_packet(header: &PacketHeader, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len()).unwrap_or(u16::MAX);
    let mut bytes = Vec::with_capacity(PACKET_HEADER_BYTES + payload.len());
    bytes.extend_from_slice(&header.stream.to_le_bytes());
    bytes.extend_from_slice(&header.sequence.to_le_bytes());
    bytes.extend_from_slice(&header.timestamp.to_le_bytes());
    bytes.extend_from_slice(&header.arrival_ms.to_le_bytes());
    bytes.extend_from_slice(&header.duration_samples.to_le_bytes());
    bytes.push(header.level_dbov);
    bytes.push(header.flags);
    bytes.extend_from_slice(&length.to_le_bytes());
    bytes.extend_from_slice(payload);
    bytes
}

/// Header and payload of one packet, or `None` where `bytes` is too short, too long, or
/// disagrees with the length it states.
pub fn parse_packet(bytes: &[u8]) -> Option<(PacketHeader, &[u8])> {
    let (head, payload) = bytes.split_at_checked(PACKET_HEADER_BYTES)?;
    let (stream, rest) = head.split_first_chunk()?;
    let (sequence, rest) = rest.split_first_chunk()?;
    let (timestamp, rest) = rest.split_first_chunk()?;
    let (arrival_ms, rest) = rest.split_first_chunk()?;
    let (duration_samples, rest) = rest.split_first_chunk()?;
    let (&[level_dbov, flags], rest) = rest.split_first_chunk()?;
    let (length, _) = rest.split_first_chunk()?;
    if usize::from(u16::from_le_bytes(*length)) != payload.len() || payload.len() > PAYLOAD_BYTES_MAX {
        return None;
    }
    let header = PacketHeader {
        stream: u32::from_le_bytes(*stream),
        sequence: u32::from_le_bytes(*sequence),
        timestamp: u64::from_le_bytes(*timestamp),
        arrival_ms: u64::from_le_bytes(*arrival_ms),
        duration_samples: u32::from_le_bytes(*duration_samples),
        level_dbov,
        flags,
    };
    Some((header, payload))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;

    const HEADER: PacketHeader = PacketHeader {
        stream: 0x0102_0304,
        sequence: 7,
        timestamp: 0x1122_3344_5566_7788,
        arrival_ms: 1_700_000_000_123,
        duration_samples: 960,
        level_dbov: 42,
        flags: FLAG_TALKSPURT_START,
    };

    #[test]
    fn what_is_laid_out_is_read_back() {
        let bytes = encode_packet(&HEADER, &[9, 8, 7]);
        assert_eq!(bytes.len(), PACKET_HEADER_BYTES + 3);
        assert_eq!(bytes[..4], [4, 3, 2, 1], "little-endian, stream first");
        assert_eq!(bytes[28..32], [42, 1, 3, 0]);
        let (header, payload) = parse_packet(&bytes).unwrap();
        assert_eq!(header, HEADER);
        assert_eq!(payload, [9, 8, 7]);
    }

    #[test]
    fn every_wrong_length_is_refused() {
        let bytes = encode_packet(&HEADER, &[1; 40]);
        for length in (0..bytes.len()).filter(|&length| length != bytes.len()) {
            assert!(parse_packet(&bytes[..length]).is_none(), "cut to {length}");
        }
        let mut longer = bytes;
        longer.push(0);
        assert!(parse_packet(&longer).is_none());
        assert!(parse_packet(&encode_packet(&HEADER, &[0; PAYLOAD_BYTES_MAX])).is_some());
        assert!(parse_packet(&encode_packet(&HEADER, &[0; PAYLOAD_BYTES_MAX + 1])).is_none());
        assert!(parse_packet(&encode_packet(&HEADER, &[0; 70_000])).is_none());
    }
}
