//! What a delta does to a view.

use alloc::vec::Vec;

use super::{Change, Delta, Gap, Gone, Listener, Person, View};
use crate::ids::MemberId;
use crate::limits::{AUDIENCE_IN_VIEW, MESSAGES_IN_VIEW};
use crate::permissions::Role;

impl View {
    /// Folds a delta in. One that ends before the view's revision is old news and changes nothing.
    ///
    /// # Errors
    /// [`Gap`] if the delta starts after the view's revision.
    pub fn apply(&mut self, delta: &Delta) -> Result<(), Gap> {
        if delta.from > self.revision {
            return Err(Gap);
        }
        if delta.to < self.revision {
            return Ok(());
        }
        for change in &delta.changes {
            self.apply_change(change);
        }
        self.revision = delta.to;
        Ok(())
    }

    fn apply_change(&mut self, change: &Change) {
        match change {
            Change::StageJoined { person, .. } => self.put_on_stage(person),
            Change::StreamRenewed { member, stream } => self.with_person(*member, |person| person.stream = *stream),
            Change::StageLeft { member, .. } => self.stage.retain(|person| person.member != *member),
            Change::MicrophoneSet { member, self_muted, host_muted, .. } => self.with_person(*member, |person| {
                person.self_muted = *self_muted;
                person.host_muted = *host_muted;
            }),
            Change::MicrophoneReported { member, state } => self.with_person(*member, |person| person.microphone = *state),
            Change::Presence { member, held_until_ms } => {
                self.with_person(*member, |person| person.held_until_ms = *held_until_ms);
            }
            Change::HandRaised { hand, .. } => {
                self.hands.retain(|other| other.member != hand.member);
                self.hands.push(hand.clone());
            }
            Change::HandLowered { member, .. } => self.hands.retain(|hand| hand.member != *member),
            Change::InvitationEnded { .. } | Change::Reactions(_) | Change::RoomEnded(_) => {}
            Change::CoHostSet { member, is_co_host } => {
                let role = if *is_co_host { Role::CoHost } else { Role::Speaker };
                self.with_person(*member, |person| person.role = role);
            }
            Change::HostChanged { member, .. } => self.change_host(*member),
            Change::Leaderless { ends_at_ms } => self.ends_at_ms = Some(*ends_at_ms),
            Change::SettingChanged(setting) => self.settings.set(setting),
            Change::PasscodeSet(has_passcode) => self.settings.has_passcode = *has_passcode,
            Change::MessagePosted(message) => {
                self.messages.retain(|other| other.id != message.id);
                self.messages.push(message.clone());
                if self.messages.len() > MESSAGES_IN_VIEW {
                    self.messages.remove(0);
                }
            }
            Change::MessageRemoved(id) => {
                if let Some(message) = self.messages.iter_mut().find(|message| message.id == *id) {
                    message.text = None;
                }
            }
            Change::Private(private) => self.private = private.clone(),
            Change::Audience { count, gone, here } => {
                self.audience_count = *count;
                apply_audience(&mut self.audience, gone, here);
            }
        }
    }

    fn put_on_stage(&mut self, person: &Person) {
        self.stage.retain(|other| other.member != person.member);
        let place = self.stage.partition_point(|other| other.member < person.member);
        self.stage.insert(place, person.clone());
        self.hands.retain(|hand| hand.member != person.member);
        if person.role == Role::Host {
            self.ends_at_ms = None;
        }
    }

    fn change_host(&mut self, member: MemberId) {
        if let Some(former) = self.stage.iter_mut().find(|person| person.role == Role::Host) {
            former.role = Role::CoHost;
        }
        self.with_person(member, |person| {
            person.role = Role::Host;
            person.host_muted = false;
        });
        self.ends_at_ms = None;
    }

    fn with_person(&mut self, member: MemberId, change: impl FnOnce(&mut Person)) {
        if let Some(person) = self.stage.iter_mut().find(|person| person.member == member) {
            change(person);
        }
    }
}

/// What a change of the audience does to the part of it that a view names.
pub(super) fn apply_audience(audience: &mut Vec<Listener>, gone: &[Gone], here: &[Listener]) {
    audience.retain(|listener| !gone.iter().any(|gone| gone.member == listener.member));
    for listener in here {
        audience.retain(|other| other.member != listener.member);
        let place = audience.partition_point(|other| other.member < listener.member);
        audience.insert(place, listener.clone());
    }
    audience.truncate(AUDIENCE_IN_VIEW);
}
