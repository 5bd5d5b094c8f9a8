//! Several voice messages in one, for frames that leave together: each message that arrives costs a browser more than what
//! is in it.
//!
//! Behind the kind stand the number of messages, the length of each, and the messages themselves, all of them voice. So no
//! bundle holds another, and whoever reads one keeps nothing.

use alloc::vec::Vec;

use super::KIND_VOICE;
use crate::limits::BUNDLE_MESSAGES_MAX;

/// First byte of a bundle.
pub const KIND_BUNDLE: u8 = 2;

/// A bundle that is not exactly what it says, or holds anything but voice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the bundle of messages cannot be read")]
pub struct InvalidBundle;

/// Appends the beginning of a bundle of messages of these lengths, which are to follow in this order: as many as
/// [`BUNDLE_MESSAGES_MAX`], each of less than 64 KiB.
pub fn encode_bundle_head(lengths: impl ExactSizeIterator<Item = usize>, head: &mut Vec<u8>) {
    head.push(KIND_BUNDLE);
    for number in core::iter::once(lengths.len()).chain(lengths) {
        let number = u16::try_from(number).expect("voice messages are short, and few");
        let mut varint = [0; 3];
        head.extend_from_slice(postcard::to_slice(&number, &mut varint).expect("three bytes hold any number of sixteen bits"));
    }
}

/// The messages in one that the server sent: those of a bundle, or itself.
///
/// # Errors
/// [`InvalidBundle`].
pub fn messages(received: &[u8]) -> Result<Messages<'_>, InvalidBundle> {
    let Some((&KIND_BUNDLE, bundle)) = received.split_first() else {
        return Ok(Messages { single: Some(received), count: 0, lengths: &[], rest: &[] });
    };
    let (count, lengths) = take_number(bundle).ok_or(InvalidBundle)?;
    if !(1..=BUNDLE_MESSAGES_MAX).contains(&count) {
        return Err(InvalidBundle);
    }
    let mut rest = lengths;
    let mut announced = 0;
    for _ in 0..count {
        let (length, behind) = take_number(rest).ok_or(InvalidBundle)?;
        announced += length;
        rest = behind;
    }
    let found = Messages { single: None, count, lengths, rest };
    let is_lawful = announced == rest.len() && found.clone().all(|message| message.first() == Some(&KIND_VOICE));
    if is_lawful { Ok(found) } else { Err(InvalidBundle) }
}

/// See [`messages`].
#[derive(Clone, Debug)]
pub struct Messages<'a> {
    single: Option<&'a [u8]>,
    /// Still to come of a bundle.
    count: usize,
    /// Of those, and then whatever.
    lengths: &'a [u8],
    rest: &'a [u8],
}

impl<'a> Iterator for Messages<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        if self.single.is_some() {
            return self.single.take();
        }
        self.count = self.count.checked_sub(1)?;
        let (length, lengths) = take_number(self.lengths)?;
        let (message, rest) = self.rest.split_at_checked(length)?;
        (self.lengths, self.rest) = (lengths, rest);
        Some(message)
    }
}

fn take_number(bytes: &[u8]) -> Option<(usize, &[u8])> {
    postcard::take_from_bytes::<u16>(bytes).ok().map(|(number, rest)| (usize::from(number), rest))
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    fn bundle(messages: &[&[u8]]) -> Vec<u8> {
        let mut bundle = Vec::new();
        encode_bundle_head(messages.iter().map(|message| message.len()), &mut bundle);
        bundle.extend(messages.concat());
        bundle
    }

    fn read(received: &[u8]) -> Result<Vec<Vec<u8>>, InvalidBundle> {
        Ok(messages(received)?.map(<[u8]>::to_vec).collect())
    }

    #[test]
    fn a_message_is_itself_and_a_bundle_is_its_messages() {
        for single in [&b""[..], b"\0abc", b"\x01abc", b"\x07"] {
            assert_eq!(read(single), Ok(vec![single.to_vec()]));
        }
        let long = [&[1][..], &[9; 400]].concat();
        let parts = [&b"\x01abc"[..], &long, b"\x01"];
        assert_eq!(read(&bundle(&parts)), Ok(parts.map(<[u8]>::to_vec).to_vec()));
        assert_eq!(bundle(&parts)[..6], [KIND_BUNDLE, 3, 4, 0x91, 3, 1], "a length of 401 takes two bytes");
    }

    #[test]
    fn what_is_not_exactly_what_it_says_is_no_bundle() {
        let lawful = bundle(&[b"\x01abc", b"\x01de"]);
        for end in 1..lawful.len() {
            assert_eq!(read(&lawful[..end]), Err(InvalidBundle), "{end} bytes");
        }
        let longer = [&lawful[..], b"x"].concat();
        let nested = bundle(&[&lawful]);
        let control = bundle(&[b"\x01abc", b"\0abc"]);
        let hollow = bundle(&[b"\x01abc", b""]);
        let none = bundle(&[]);
        let many = bundle(&vec![&b"\x01"[..]; BUNDLE_MESSAGES_MAX + 1]);
        let huge = vec![KIND_BUNDLE, 0xFF, 0xFF, 0x03, 1, 1];
        for wrong in [longer, nested, control, hollow, none, many, huge] {
            assert_eq!(read(&wrong), Err(InvalidBundle), "{wrong:?}");
        }
        assert!(read(&bundle(&vec![&b"\x01"[..]; BUNDLE_MESSAGES_MAX])).is_ok());
    }
}
