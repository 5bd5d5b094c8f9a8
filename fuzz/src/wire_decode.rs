//! A message off the wire, or what crosses to the audio thread: the bytes are the message.
//!
//! What must hold of each decoder: it does not panic; what it takes, written anew, is read as the same; and what a stranger
//! sends to the server costs no more memory than [`PEAK_PER_BYTE`] times its length. A client believes its server more: lists
//! are made as long as they say they are if that many bytes are there at all, and their elements take more room than bytes.

use dais_audio::packet::{PACKET_BYTES_MAX, PACKET_HEADER_BYTES, encode_packet, parse_packet};
use dais_shared::voice;
use dais_shared::wire::{
    ClientFrame, FromClient, FromServer, KIND_BUNDLE, KIND_VOICE, PROTOCOL_VERSION, decode_client, decode_server,
    encode_bundle_head, encode_client, encode_client_voice, encode_server, encode_server_voice, messages,
};

use crate::allocator::measured;

/// Bytes that reading a message of a client may take for each of its own.
const PEAK_PER_BYTE: usize = 4;
/// Likewise of the server: the largest element of a list, of which a byte can announce one.
const PEAK_PER_BYTE_OF_SERVER: usize = 256;
/// And whatever the message: a few small strings.
const PEAK_BYTES: usize = 256;
/// Bytes of a client's message, by docs/protocol.md.
const CLIENT_BYTES_MAX: usize = 4_096;
/// Samples in a voice frame and bytes of its payload, likewise.
const VOICE_SAMPLES: std::ops::RangeInclusive<u32> = 120..=2_880;
const VOICE_BYTES: std::ops::RangeInclusive<usize> = 1..=1_275;

/// What the server puts before a speaker's bytes.
const ORIGIN: voice::Origin = voice::Origin { stream: dais_shared::ids::StreamId(77), arrived_ms: 1_700_000_000_123 };

pub(crate) fn run(data: &[u8]) {
    from_client(data);
    from_server(data);
    bundled(data);
    to_the_audio_thread(data);
}

fn from_client(data: &[u8]) {
    let (decoded, usage) = measured(|| decode_client(data));
    let allowed = PEAK_PER_BYTE * data.len() + PEAK_BYTES;
    assert!(usage.peak_bytes <= allowed, "{} bytes took {} from the allocator", data.len(), usage.peak_bytes);
    match decoded {
        Ok(FromClient::Control(frame)) => {
            if let ClientFrame::Hello { version, .. } = frame {
                assert_eq!(version, PROTOCOL_VERSION, "a hello of another version means something else");
            }
            let written = encode_client(&frame);
            assert!(written.len() <= data.len(), "postcard's own form is the shortest");
            assert_eq!(decode_client(&written), Ok(FromClient::Control(frame)), "written anew it is another message");
        }
        Ok(FromClient::Voice { bytes, header }) => {
            let (_, payload) = voice::parse(bytes).expect("it was just read");
            lawful_voice(&header, payload);
            let written = encode_client_voice(&header, payload);
            let Ok(FromClient::Voice { bytes: again, header: same }) = decode_client(&written) else { panic!("not read again") };
            assert_eq!((same, voice::parse(again)), (header, Ok((header, payload))));
            passed_on(bytes, &header, payload);
        }
        Err(_) => {}
    }
    if data.len() > CLIENT_BYTES_MAX {
        assert!(decode_client(data).is_err(), "{} bytes are too many", data.len());
    }
}

/// The server passes a speaker's bytes on as they are, behind what it says itself.
fn passed_on(bytes: &[u8], header: &voice::Header, payload: &[u8]) {
    let message = encode_server_voice(&ORIGIN, bytes);
    let expected = FromServer::Voice { origin: ORIGIN, header: *header, payload };
    assert_eq!(decode_server(&message), Ok(expected), "what the server takes, listeners read");
}

fn from_server(data: &[u8]) {
    let (decoded, usage) = measured(|| decode_server(data));
    let allowed = PEAK_PER_BYTE_OF_SERVER * data.len() + PEAK_BYTES;
    assert!(usage.peak_bytes <= allowed, "{} bytes took {} from the allocator", data.len(), usage.peak_bytes);
    match decoded {
        Ok(FromServer::Control(frame)) => {
            let written = encode_server(&frame);
            assert!(written.len() <= data.len(), "postcard's own form is the shortest");
            assert_eq!(decode_server(&written), Ok(FromServer::Control(frame)), "written anew it is another message");
        }
        Ok(FromServer::Voice { origin, header, payload }) => {
            lawful_voice(&header, payload);
            let own = encode_client_voice(&header, payload);
            let written = encode_server_voice(&origin, &own[1..]);
            assert_eq!(decode_server(&written), Ok(FromServer::Voice { origin, header, payload }));
        }
        Err(_) => {}
    }
}

/// What comes in one message is all of it, once, and voice.
fn bundled(data: &[u8]) {
    let (found, usage) = measured(|| messages(data).map(Iterator::count));
    assert_eq!(usage.calls, 0, "whoever reads a bundle keeps nothing");
    let Ok(count) = found else { return assert_eq!(data[0], KIND_BUNDLE) };
    let parts: Vec<&[u8]> = messages(data).expect("it was just read").collect();
    assert_eq!(count, parts.len());
    if parts == [data] {
        return;
    }
    assert!(parts.iter().all(|part| part.first() == Some(&KIND_VOICE)), "{parts:?}");
    let mut written = Vec::new();
    encode_bundle_head(parts.iter().map(|part| part.len()), &mut written);
    written.extend(parts.concat());
    assert!(written.len() <= data.len() && data.ends_with(&parts.concat()));
    assert!(messages(&written).is_ok_and(|again| again.eq(parts)), "written anew it is another bundle");
}

fn lawful_voice(header: &voice::Header, payload: &[u8]) {
    assert!(VOICE_SAMPLES.contains(&header.duration_samples), "{header:?}");
    assert!(VOICE_BYTES.contains(&payload.len()), "{} bytes of payload", payload.len());
}

fn to_the_audio_thread(data: &[u8]) {
    let (parsed, usage) = measured(|| parse_packet(data));
    assert_eq!(usage.calls, 0, "the audio thread allocates nothing");
    if let Some((header, payload)) = parsed {
        assert!(data.len() <= PACKET_BYTES_MAX && data.len() == PACKET_HEADER_BYTES + payload.len());
        assert_eq!(encode_packet(&header, payload), data, "the layout has one form");
    }
}
