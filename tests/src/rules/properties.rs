//! Whatever happens, in whatever order: what must always be true of a room, and of what its members are told.

mod replicas;
mod steps;

use dais_shared::ids::MemberId;
use dais_shared::limits::{
    BANS_MAX, BLOCKS_MAX, CLAIMS_MAX, DEPARTED_KEPT_MAX, INVITATIONS_MAX, MESSAGES_KEPT_MAX, STAGE_SEATS_MAX,
};
use dais_shared::permissions::Role;
use dais_shared::room::Room;
use proptest::prelude::*;

use replicas::Replicas;
use steps::{Step, World};

/// Few in a normal run, many in a long one.
fn cases() -> u32 {
    if std::env::var_os("DAIS_LONG").is_some() { 10_000 } else { 400 }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: cases(),
        // Regressions are committed as tests of their own, below.
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn any_sequence_of_inputs_keeps_the_invariants(steps in proptest::collection::vec(steps::step(), 1..80)) {
        run(&steps);
    }
}

/// Carries the steps out, and looks at everything after every event.
fn run(steps: &[Step]) {
    let mut world = World::new();
    let mut replicas = Replicas::new(&world.room);
    for step in steps {
        world.carry_out(step, |room, event| {
            check(room);
            replicas.record(room, event);
        });
        replicas.follow(&world.room, world.now_ms);
        check_deadlines(&world);
    }
    world.pass(1_000, |_, _| {});
    replicas.follow(&world.room, world.now_ms);
    replicas.are_whole(&world.room);
}

fn check(room: &Room) {
    check_seats(room);
    check_chair(room);
    let hands: Vec<_> = room.hands().to_vec();
    assert!(hands.is_sorted_by_key(|hand| hand.raised_ms), "the queue is in order");
    for (place, hand) in hands.iter().enumerate() {
        assert_eq!(room.seat(hand.member).map(|seat| seat.role), Some(Role::Listener), "only listeners raise hands");
        assert!(hands[place + 1..].iter().all(|other| other.member != hand.member), "one hand each");
    }
    for invitation in room.invitations() {
        assert_eq!(room.seat(invitation.member).map(|seat| seat.role), Some(Role::Listener), "only listeners are invited");
    }
    assert!(room.invitations().count() <= INVITATIONS_MAX);
    assert!(room.messages().len() <= MESSAGES_KEPT_MAX);
    assert!(room.bans().len() <= BANS_MAX && room.blocks().len() <= BLOCKS_MAX);
    assert!(room.departed().count() <= DEPARTED_KEPT_MAX + CLAIMS_MAX);
}

fn check_seats(room: &Room) {
    for (member, seat) in room.seats() {
        assert_eq!(seat.stage.is_some(), seat.role.is_on_stage(), "{member}: a role on stage is a place there");
        let may_be_heard = seat.stage.as_ref().is_some_and(|stage| !stage.self_muted && !stage.host_muted);
        assert_eq!(room.may_speak(member).is_ok(), may_be_heard, "{member}: heard exactly while both bits are clear");
        let namesakes = room.seats().filter(|(_, other)| other.name == seat.name).count();
        assert_eq!(namesakes, 1, "everybody has a name of his own");
        assert_eq!(room.seat_of(seat.user), Some(member));
    }
    // One more than the limit: a host who comes back finds a place.
    assert!(room.stage_count() <= STAGE_SEATS_MAX + 1);
    assert!(room.may_speak(MemberId(u32::MAX)).is_err());
}

fn check_chair(room: &Room) {
    let hosts = room.seats().filter(|(_, seat)| seat.role == Role::Host).count();
    assert!(hosts <= 1, "never two hosts");
    assert!(room.successor().is_none_or(|successor| room.seat(successor).is_some_and(|seat| seat.stage.is_some())));
}

/// What holds between inputs, when every deadline that was due has been judged.
fn check_deadlines(world: &World) {
    let room = &world.room;
    if room.ended().is_some() {
        return;
    }
    assert!(room.next_deadline_ms().is_none_or(|deadline_ms| deadline_ms > world.now_ms), "nothing is overdue");
    let has_host = room.host().is_some();
    assert!(has_host != room.ends_at_ms().is_some(), "a host, or a countdown that everybody sees");
    assert!(room.invitations().all(|invitation| invitation.expires_ms > world.now_ms));
}

/// Sequences that once went wrong.
#[test]
fn what_failed_before_holds() {
    use steps::Act;
    let someone = |who, act| Step::Act { who, whom: 0, act };
    run(&[Step::Join(0), Step::Join(1), Step::Lose(0), Step::Pass(40), Step::Join(0)]);
    run(&[Step::Join(0), Step::Leave(0)]);
    // Away and back within one batch: a newcomer's snapshot from in between has to be put right.
    run(&[Step::Join(1), Step::Pass(1), Step::Lose(1), Step::Join(2), Step::Join(1)]);
    run(&[Step::Join(0), Step::Join(1), someone(1, Act::RaiseHand), someone(0, Act::Admit), Step::Leave(0), Step::Leave(1)]);
}
