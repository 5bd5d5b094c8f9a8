//! What every member holds of the room: snapshots and deltas through the wire's own bytes, and nothing else.

use std::collections::BTreeMap;

use dais_shared::ids::MemberId;
use dais_shared::room::{Event, Room};
use dais_shared::view::{Change, Private, Publication, View};
use dais_shared::wire::{FromServer, ServerFrame, decode_server, encode_server};

use super::model::{Model, Rank};
use super::step::{ADDRESS, PASSCODE, Person};

pub(super) struct Replicas {
    publication: Publication,
    views: BTreeMap<MemberId, View>,
}

impl Replicas {
    /// Of a room that nobody has entered.
    pub(super) fn new(room: &Room) -> Self {
        Self { publication: Publication::new(room), views: BTreeMap::new() }
    }

    pub(super) fn record(&mut self, room: &Room, event: &Event) {
        self.publication.record(room, event);
    }

    /// He is given a snapshot the next time.
    pub(super) fn forget(&mut self, member: MemberId) {
        self.views.remove(&member);
    }

    /// Sends what is due, gives newcomers a snapshot, and compares with what the room shows once nothing is held back.
    pub(super) fn follow(&mut self, room: &Room, model: &Model, now_ms: u64) {
        if let Some(published) = self.publication.take(room, now_ms) {
            for (member, view) in &mut self.views {
                let delta = published.for_member(*member);
                let ServerFrame::Delta(delta) = sent(ServerFrame::Delta(delta.clone())) else { panic!("a delta is a delta") };
                let knows = Knows::of(room, model, *member);
                delta.changes.iter().for_each(|change| knows.may_learn(change));
                view.apply(&delta).expect("no revision is missing");
            }
        }
        // Whoever is put out, or lost his connection, is told no more. The room that ends keeps its seats.
        self.views.retain(|member, _| room.seat(*member).is_some_and(|seat| seat.is_connected()));
        for (member, _) in room.seats().filter(|(_, seat)| seat.is_connected()) {
            self.views.entry(member).or_insert_with(|| {
                self.publication.note_snapshot(room);
                let view = room.view_for(member).expect("he has a seat");
                let ServerFrame::Snapshot(view) = sent(ServerFrame::Snapshot(view)) else { panic!("a view is a view") };
                view
            });
        }
        if self.publication.due_ms(room).is_none() {
            self.compare(room, model);
        }
    }

    /// Every replica is what the room shows, once all that was held back has left.
    pub(super) fn are_whole(&mut self, room: &Room, model: &Model) {
        while let Some(due_ms) = self.publication.due_ms(room) {
            self.follow(room, model, due_ms);
        }
        self.compare(room, model);
    }

    fn compare(&self, room: &Room, model: &Model) {
        for (member, view) in &self.views {
            assert_eq!(Some(view), room.view_for(*member).as_ref(), "what {member} sees");
            if !model.has_ended {
                shows(view, room, model);
            }
        }
    }
}

/// Encodes and decodes a frame. Neither passcode nor address stands in anybody's bytes.
fn sent(frame: ServerFrame) -> ServerFrame {
    let bytes = encode_server(&frame);
    for secret in [PASSCODE.as_bytes(), &ADDRESS] {
        assert!(!bytes.windows(secret.len()).any(|window| window == secret), "a secret of the server's: {frame:?}");
    }
    match decode_server(&bytes) {
        Ok(FromServer::Control(same)) => same,
        other => panic!("{frame:?} is read as {other:?}"),
    }
}

/// What somebody may be told beside what everybody is.
struct Knows {
    me: MemberId,
    moderates: bool,
    is_invited: bool,
}

impl Knows {
    fn of(room: &Room, model: &Model, me: MemberId) -> Self {
        let own = Person::all().find(|who| room.seat_of(who.user()) == Some(me));
        let moderates = own.and_then(|who| model.seat(who)).is_some_and(|seat| seat.rank >= Rank::CoHost);
        // Where a room has ended, the model has stopped counting.
        Self { me, moderates, is_invited: own.is_some_and(|who| model.invitation(who).is_some()) }
    }

    fn may_learn(&self, change: &Change) {
        match change {
            Change::Private(private) => self.may_have(private),
            Change::InvitationEnded { member, .. } => {
                assert!(*member == self.me || self.moderates, "{} learns of the invitation of {member}", self.me);
            }
            _ => {}
        }
    }

    fn may_have(&self, private: &Private) {
        assert!(private.moderation.is_none() || self.moderates, "{} moderates nobody", self.me);
        assert!(private.invitation.is_none() || self.is_invited, "{} is not invited", self.me);
    }
}

/// A view says what the model says, and of what is private no more.
fn shows(view: &View, room: &Room, model: &Model) {
    let knows = Knows::of(room, model, view.me);
    knows.may_have(&view.private);
    assert_eq!(view.private.invitation.is_some(), knows.is_invited, "{} sees his invitation", view.me);
    assert_eq!(view.private.moderation.is_some(), knows.moderates, "{} sees what he moderates by", view.me);
    let stage: Vec<_> = view
        .stage
        .iter()
        .map(|person| (person.user, super::rank(person.role), person.self_muted, person.host_muted, person.held_until_ms))
        .collect();
    let expected: Vec<_> =
        model.stage().map(|seat| (seat.who.user(), seat.rank, seat.self_muted, seat.host_muted, seat.held_until_ms)).collect();
    assert_eq!(stage, expected, "the stage, as {} sees it", view.me);
    let audience: Vec<_> = view.audience.iter().map(|listener| (listener.user, listener.reconnecting)).collect();
    let listeners = model.seats.iter().filter(|seat| !seat.is_on_stage());
    let expected: Vec<_> = listeners.map(|seat| (seat.who.user(), seat.held_until_ms.is_some())).collect();
    assert_eq!((view.audience_count as usize, audience), (expected.len(), expected), "the audience, as {} sees it", view.me);
    let hands: Vec<_> = view.hands.iter().map(|hand| room.seat(hand.member).map(|seat| seat.user)).collect();
    assert_eq!(hands, model.hands.iter().map(|who| Some(who.user())).collect::<Vec<_>>(), "the hands, as {} sees them", view.me);
    if let Some(moderation) = &view.private.moderation {
        assert_eq!((moderation.invited.len(), moderation.bans as usize), (model.invitations.len(), model.banned.len()));
        assert_eq!(
            moderation.successor.and_then(|member| room.seat(member)).map(|seat| seat.user),
            model.successor.map(Person::user)
        );
    }
    let mut names: Vec<_> = view.stage.iter().map(|person| &person.name).chain(view.audience.iter().map(|l| &l.name)).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), model.seats.len(), "everybody has a name of his own");
}
