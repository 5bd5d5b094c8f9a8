//! Views for tests.

use dais_engine::shared::ids::{MemberId, Revision, RoomId, StreamId, UserId};
use dais_engine::shared::permissions::Role;
use dais_engine::shared::room::{MicrophoneState, Mode, Settings};
use dais_engine::shared::view::{Hand, Listener, Person, Private, View};

/// Somebody on stage, muted by himself.
pub(super) fn person(member: MemberId, role: Role) -> Person {
    Person {
        member,
        user: UserId(u64::from(member.0)),
        name: name(member),
        role,
        stream: StreamId(member.0),
        since_ms: 0,
        self_muted: true,
        host_muted: false,
        microphone: MicrophoneState::Open,
        held_until_ms: None,
    }
}

/// Somebody in the audience.
pub(super) fn listener(member: MemberId, name: &str) -> Listener {
    Listener { member, user: UserId(u64::from(member.0)), name: name.to_owned(), reconnecting: false }
}

/// A raised hand.
pub(super) fn hand(member: MemberId) -> Hand {
    Hand { member, name: name(member), raised_ms: 0 }
}

/// A moderated room, as `me` sees it.
pub(super) fn view(me: MemberId, stage: Vec<Person>) -> View {
    View {
        room: RoomId::parse("hall").expect("a lawful id"),
        settings: Settings::new("Hall".into(), Mode::Moderated),
        revision: Revision(1),
        ends_at_ms: None,
        me,
        my_name: name(me),
        stage,
        hands: vec![],
        audience_count: 0,
        audience: vec![],
        messages: vec![],
        private: Private::default(),
    }
}

fn name(member: MemberId) -> String {
    format!("Member {member}")
}
