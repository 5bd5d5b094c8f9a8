//! What one member may know and others may not: the invitation to himself and, for moderators, what they need to moderate.

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::show::count;
use crate::ids::{InvitationId, MemberId, UserId};
use crate::permissions::{Action, may};
use crate::room::{Denied, Room};

/// See the module. The default is what most people have: nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Private {
    /// The invitation to answer.
    pub invitation: Option<MyInvitation>,
    /// For moderators only.
    pub moderation: Option<Moderation>,
}

/// An invitation, as its target sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MyInvitation {
    /// Its number, for the answer.
    pub id: InvitationId,
    /// Who asks. Empty if that person is gone meanwhile.
    pub by: String,
    /// When it is too late, in Unix milliseconds.
    pub expires_ms: u64,
}

/// What a moderator knows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moderation {
    /// Who is asked on stage at the moment, in the order of their seats.
    pub invited: Vec<Invited>,
    /// Who is to be the host if this one vanishes.
    pub successor: Option<MemberId>,
    /// How many are banned.
    pub bans: u32,
}

/// Somebody asked on stage, as moderators see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invited {
    /// Who.
    pub member: MemberId,
    /// The name shown.
    pub name: String,
    /// When it is too late, in Unix milliseconds.
    pub expires_ms: u64,
}

/// Somebody who is not here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Absent {
    /// Who.
    pub user: UserId,
    /// The name last shown. Empty for somebody who was erased since.
    pub name: String,
    /// Since when, in Unix milliseconds.
    pub since_ms: u64,
}

impl Room {
    /// Who may not come in, and who has left and could be kept out; for whoever may see that.
    ///
    /// # Errors
    /// [`Denied::NotPermitted`] for everybody else.
    pub fn absent_for(&self, me: MemberId) -> Result<(Vec<Absent>, Vec<Absent>), Denied> {
        let seat = self.seat(me).ok_or(Denied::NotInRoom)?;
        if !may(seat.role, Action::SeeBans) {
            return Err(Denied::NotPermitted);
        }
        let banned = self.bans().iter().map(|ban| Absent { user: ban.user, name: ban.name.clone(), since_ms: ban.at_ms });
        let erased = self.erased_bans().iter().map(|ban| Absent { user: ban.handle(), name: String::new(), since_ms: ban.at_ms });
        let is_banned = |user| self.bans().iter().any(|ban| ban.user == user);
        let departed = self.departed().filter(|departed| !is_banned(departed.user));
        let departed =
            departed.map(|departed| Absent { user: departed.user, name: departed.name.clone(), since_ms: departed.at_ms });
        Ok((banned.chain(erased).collect(), departed.collect()))
    }

    /// What `me` alone may know.
    #[must_use]
    pub fn private_for(&self, me: MemberId) -> Private {
        let Some(seat) = self.seat(me) else { return Private::default() };
        let name_of = |member| self.seat(member).map(|seat| seat.name.clone()).unwrap_or_default();
        let invitation = self.invitation_of(me).map(|invitation| MyInvitation {
            id: invitation.id,
            by: name_of(invitation.by),
            expires_ms: invitation.expires_ms,
        });
        let moderation = may(seat.role, Action::CancelInvite).then(|| Moderation {
            invited: self
                .invitations()
                .map(|invitation| Invited {
                    member: invitation.member,
                    name: name_of(invitation.member),
                    expires_ms: invitation.expires_ms,
                })
                .collect(),
            successor: self.successor(),
            bans: count(self.ban_count()),
        });
        Private { invitation, moderation }
    }

    /// Who has something private at all.
    pub(super) fn confidants(&self) -> impl Iterator<Item = MemberId> {
        let invited = self.invitations().map(|invitation| invitation.member);
        invited.chain(self.moderators())
    }

    pub(super) fn moderators(&self) -> impl Iterator<Item = MemberId> {
        self.on_stage().filter(|(_, seat, _)| may(seat.role, Action::CancelInvite)).map(|(member, ..)| member)
    }
}
