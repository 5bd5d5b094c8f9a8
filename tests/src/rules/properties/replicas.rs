//! What every member holds of the room: snapshots and deltas through the wire's own bytes, and nothing else.

use std::collections::BTreeMap;

use dais_shared::ids::MemberId;
use dais_shared::permissions::Role;
use dais_shared::room::{Event, Room};
use dais_shared::view::{Change, Private, Publication, View};
use dais_shared::wire::{FromServer, ServerFrame, decode_server, encode_server};

use super::steps::PASSCODE;

pub(super) struct Replicas {
    publication: Publication,
    views: BTreeMap<MemberId, View>,
}

impl Replicas {
    pub(super) fn new(room: &Room) -> Self {
        let views = room.seats().map(|(member, _)| (member, received(room, member))).collect();
        Self { publication: Publication::new(room), views }
    }

    pub(super) fn record(&mut self, room: &Room, event: &Event) {
        self.publication.record(room, event);
    }

    /// Sends what is due, gives newcomers a snapshot, and compares with what the room shows.
    pub(super) fn follow(&mut self, room: &Room, now_ms: u64) {
        if let Some(published) = self.publication.take(room, now_ms) {
            for (member, view) in &mut self.views {
                let bytes = encode_server(&ServerFrame::Delta(published.for_member(*member).clone()));
                keeps_secrets(room, *member, &bytes);
                let FromServer::Control(ServerFrame::Delta(delta)) = decode_server(&bytes).unwrap() else { panic!("a delta") };
                view.apply(&delta).expect("no revision is missing");
            }
        }
        self.views.retain(|member, _| room.seat(*member).is_some());
        for (member, _) in room.seats() {
            self.views.entry(member).or_insert_with(|| {
                self.publication.note_snapshot(room);
                received(room, member)
            });
        }
        if self.publication.due_ms(room).is_none() {
            self.show_the_same(room);
        }
    }

    /// Every replica is what the room shows, once all that was held back has left.
    pub(super) fn are_whole(&mut self, room: &Room) {
        while let Some(due_ms) = self.publication.due_ms(room) {
            self.follow(room, due_ms);
        }
        self.show_the_same(room);
    }

    fn show_the_same(&self, room: &Room) {
        for (member, view) in &self.views {
            assert_eq!(Some(view), room.view_for(*member).as_ref(), "what {member} sees");
        }
    }
}

/// The room as a newcomer gets it.
fn received(room: &Room, member: MemberId) -> View {
    let bytes = encode_server(&ServerFrame::Snapshot(room.view_for(member).unwrap()));
    keeps_secrets(room, member, &bytes);
    match decode_server(&bytes).unwrap() {
        FromServer::Control(ServerFrame::Snapshot(view)) => view,
        other => panic!("{other:?}"),
    }
}

/// Nothing is in anybody's bytes that he may not know: no passcode in anybody's; nothing private but one's own invitation
/// and, for moderators, what they moderate by.
fn keeps_secrets(room: &Room, member: MemberId, bytes: &[u8]) {
    assert!(!bytes.windows(PASSCODE.len()).any(|window| window == PASSCODE.as_bytes()), "the passcode is the server's");
    let role = room.seat(member).map(|seat| seat.role);
    let is_moderator = matches!(role, Some(Role::Host | Role::CoHost));
    let may_know = |private: &Private| {
        assert!(private.moderation.is_none() || is_moderator, "{member} moderates nobody");
        let id = private.invitation.as_ref().map(|invitation| invitation.id);
        assert!(id.is_none() || id == room.invitation_of(member).map(|invitation| invitation.id), "somebody else's invitation");
    };
    match decode_server(bytes).unwrap() {
        FromServer::Control(ServerFrame::Snapshot(view)) => may_know(&view.private),
        FromServer::Control(ServerFrame::Delta(delta)) => {
            for change in &delta.changes {
                match change {
                    Change::Private(private) => may_know(private),
                    Change::InvitationEnded { member: whose, .. } => {
                        assert!(*whose == member || is_moderator, "{member} learns of the invitation of {whose}");
                    }
                    _ => {}
                }
            }
        }
        other => panic!("{other:?}"),
    }
}
