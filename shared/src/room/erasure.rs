//! What a room holds of one person, and how it forgets all of it: a ban outlives that, as marks that say of nobody who he is.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use super::{Ban, Block, Claim, Context, Departed, Invitation, Message, RaisedHand, Room, Seat};
use crate::ids::{AddressPrefix, MemberId, RoomId, UserId};
use crate::limits::BANS_MAX;

/// What is left of an identity or an address: whoever has the server's key can tell whether somebody who comes is meant,
/// and nobody can read it back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark(pub [u8; 16]);

/// How marks are made: a keyed hash, which the shell brings along.
#[derive(Clone, Copy)]
pub struct Veil {
    /// The server's secret.
    pub key: [u8; 32],
    /// A keyed hash whose values nobody can foretell who does not know the key.
    pub hash: fn(&[u8; 32], &[u8]) -> [u8; 16],
}

impl fmt::Debug for Veil {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Veil(…)")
    }
}

impl Veil {
    /// Marks of one room are no marks of another: nobody learns who was banned twice.
    fn mark(&self, room: &RoomId, kind: u8, bytes: &[u8]) -> Mark {
        Mark((self.hash)(&self.key, &[room.as_str().as_bytes(), &[0, kind], bytes].concat()))
    }

    pub(super) fn person(&self, room: &RoomId, user: UserId) -> Mark {
        self.mark(room, b'u', &user.0.to_be_bytes())
    }

    pub(super) fn address(&self, room: &RoomId, address: AddressPrefix) -> Mark {
        match address {
            AddressPrefix::V4(bytes) => self.mark(room, b'4', &bytes),
            AddressPrefix::V6(bytes) => self.mark(room, b'6', &bytes),
        }
    }
}

/// A ban of somebody whom the server knows no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ErasedBan {
    /// Of who it was.
    pub person: Mark,
    /// Of where from, if nobody else comes in from there either.
    pub address: Option<Mark>,
    /// Since when, in Unix milliseconds.
    pub at_ms: u64,
}

impl ErasedBan {
    /// What stands for the person where bans are listed and lifted. It is nobody's id: those have 48 bits.
    #[must_use]
    pub fn handle(&self) -> UserId {
        let [a, b, c, d, e, f, ..] = self.person.0;
        UserId(u64::from_be_bytes([0, 1, a, b, c, d, e, f]))
    }
}

/// All that a room holds of one person.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trace {
    /// Whether he made the room.
    pub is_founder: bool,
    /// The room's title, if it is of his wording.
    pub title: Option<String>,
    /// What it is about, likewise.
    pub topic: Option<String>,
    /// His seat.
    pub seat: Option<(MemberId, Seat)>,
    /// His hand, if it is up.
    pub hand: Option<RaisedHand>,
    /// The invitation to the stage, if there is one.
    pub invitation: Option<Invitation>,
    /// Those whom this person has invited to the stage.
    pub invited: Vec<Invitation>,
    /// Whether this person is to be the host after the present one.
    pub is_successor: bool,
    /// That he was here.
    pub departed: Option<Departed>,
    /// That he may not come in.
    pub ban: Option<Ban>,
    /// That he was kicked.
    pub block: Option<Block>,
    /// That the chair is kept for him.
    pub claim: Option<Claim>,
    /// That a moderator muted him before he left the stage.
    pub is_muted_away: bool,
    /// What he wrote, oldest first.
    pub messages: Vec<Message>,
}

impl Room {
    /// All that is held of a person; `None` where that is nothing.
    #[must_use]
    pub fn trace_of(&self, user: UserId) -> Option<Trace> {
        if user == UserId::NOBODY {
            return None; // it stands for founders who are erased
        }
        // Each field by its name: what is added to a room is told to whom it is about, or stands with those that are about nobody.
        let Self {
            founder,
            title_by,
            topic_by,
            settings,
            seats,
            seat_by_user,
            hands,
            invitations,
            successor,
            claims,
            muted_away,
            blocks,
            bans,
            departed,
            messages,
            // Of nobody, or of nobody whom they name.
            id: _,
            passcode: _,
            created_ms: _,
            revision: _,
            erased_bans: _,
            next_member: _,
            next_stream: _,
            next_invitation: _,
            next_message: _,
            ends_at_ms: _,
            ended: _,
        } = self;
        let seat = seat_by_user.get(&user).and_then(|member| Some((*member, seats.get(member)?.clone())));
        let member = seat.as_ref().map(|(member, _)| *member);
        let trace = Trace {
            is_founder: *founder == user,
            title: (*title_by == Some(user)).then(|| settings.title.clone()),
            topic: (*topic_by == Some(user)).then(|| settings.topic.clone()),
            hand: hands.iter().find(|hand| Some(hand.member) == member).copied(),
            invitation: member.and_then(|member| invitations.get(&member)).copied(),
            invited: invitations.values().filter(|invitation| Some(invitation.by) == member).copied().collect(),
            is_successor: member.is_some() && *successor == member,
            seat,
            departed: departed.iter().find(|departed| departed.user == user).cloned(),
            ban: bans.iter().find(|ban| ban.user == user).cloned(),
            block: blocks.iter().find(|block| block.user == user).copied(),
            claim: claims.iter().find(|claim| claim.user == user).copied(),
            is_muted_away: muted_away.contains(&user),
            messages: messages.iter().filter(|message| message.user == user).cloned().collect(),
        };
        (trace != Trace::default()).then_some(trace)
    }

    /// Who worded the title, if that is known.
    #[must_use]
    pub const fn title_by(&self) -> Option<UserId> {
        self.title_by
    }

    /// Who worded what the room is about.
    #[must_use]
    pub const fn topic_by(&self) -> Option<UserId> {
        self.topic_by
    }

    /// The same room, whose title is nobody's of whom the server knows.
    #[must_use]
    pub fn titled_by_nobody(self) -> Self {
        Self { title_by: None, ..self }
    }

    /// Bans of people whom the server knows no more, longest erased first.
    #[must_use]
    pub fn erased_bans(&self) -> &[ErasedBan] {
        &self.erased_bans
    }

    /// Does it. Cannot fail.
    pub(super) fn erase(&mut self, user: UserId, ban: Option<&ErasedBan>) {
        if self.founder == user {
            self.founder = UserId::NOBODY;
        }
        for author in [&mut self.title_by, &mut self.topic_by] {
            *author = author.filter(|author| *author != user);
        }
        self.messages.retain(|message| message.user != user);
        self.departed.retain(|departed| departed.user != user);
        self.bans.retain(|ban| ban.user != user);
        self.blocks.retain(|block| block.user != user);
        self.claims.retain(|claim| claim.user != user);
        self.muted_away.retain(|muted| *muted != user);
        if let Some(ban) = ban {
            self.erased_bans.push(*ban);
            if self.erased_bans.len() > BANS_MAX {
                self.erased_bans.remove(0);
            }
        }
    }

    /// How many may not come in until that is lifted.
    pub(crate) fn ban_count(&self) -> usize {
        self.bans.len() + self.erased_bans.len()
    }

    /// Whether somebody, or whoever comes from there, was banned before he was erased.
    pub(super) fn is_erased_and_banned(&self, user: UserId, address: Option<AddressPrefix>, context: &Context) -> bool {
        let Some(veil) = context.veil.filter(|_| !self.erased_bans.is_empty()) else { return false };
        let (person, address) = (veil.person(&self.id, user), address.map(|address| veil.address(&self.id, address)));
        self.erased_bans.iter().any(|ban| ban.person == person || (ban.address.is_some() && ban.address == address))
    }

    /// The ban that is meant by a handle, or by the id of before.
    pub(super) fn erased_ban_of(&self, user: UserId, context: &Context) -> Option<&ErasedBan> {
        let person = context.veil.map(|veil| veil.person(&self.id, user));
        self.erased_bans.iter().find(|ban| ban.handle() == user || Some(ban.person) == person)
    }
}
