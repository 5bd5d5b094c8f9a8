//! Whether a room that was taken up is the one that was, and what was left of each span is left of it, whatever the date was
//! and has become.

use dais_shared::limits::{CHAIR_CLAIM_MS, INVITATION_MS, LEADERLESS_ROOM_MS, REENTRY_BLOCK_MS};
use dais_shared::room::Room;

use super::Checked;

/// `kept` is the room as it was when the server died, at `died_ms` by its clock; `room` as it is at `began_ms` by that of the
/// next. What had happened to it after the last commit the store cannot know: there may be more left than there was, and never
/// less, nor more than the whole span.
pub(super) fn check_gone_on(kept: &Room, room: &Room, died_ms: u64, began_ms: u64) -> Checked {
    let was = spans(kept);
    let goes_on = spans(room);
    for (what, until_ms, most_ms) in &goes_on {
        let left_ms = until_ms.saturating_sub(began_ms);
        let before = was.iter().find(|(other, ..)| other == what).ok_or_else(|| format!("{what} was not there before"))?;
        let was_left_ms = before.1.saturating_sub(died_ms);
        if !(was_left_ms..=*most_ms).contains(&left_ms) {
            return Err(format!("{what} has {left_ms} ms left, where {was_left_ms} were left of {most_ms}"));
        }
    }
    let lost = was.iter().find(|(what, until_ms, _)| *until_ms > died_ms && !goes_on.iter().any(|(other, ..)| other == what));
    if let Some((what, ..)) = lost {
        return Err(format!("{what} is forgotten"));
    }
    // The rest is as it was, and has been so for as long, counted from the last time that the store knows: any span tells it.
    let seen_ms = |(what, until_ms, _): &Span| {
        let (_, was_ms, _) = was.iter().find(|(other, ..)| other == what)?;
        Some(was_ms.saturating_sub(until_ms.saturating_sub(began_ms)))
    };
    let since = |room: &Room| room.seats().map(|(_, seat)| seat.joined_ms).min();
    let by_seats = since(kept).zip(since(room)).map(|(was_ms, is_ms)| (was_ms + began_ms).saturating_sub(is_ms));
    let is_same = |seen_ms: u64| {
        let mut anew = kept.clone();
        anew.begin_anew(seen_ms, began_ms);
        anew == *room
    };
    if goes_on.iter().filter_map(seen_ms).chain(by_seats).chain([died_ms]).any(is_same) {
        Ok(())
    } else {
        Err(format!("what survived is not what was: {room:?} instead of {kept:?}, which died at {died_ms}"))
    }
}

/// What runs out in a room: what it is, when it is over, and how long it can be at most.
type Span = (String, u64, u64);

fn spans(room: &Room) -> Vec<Span> {
    let blocks = room.blocks().iter().map(|block| (format!("the block of {}", block.user), block.until_ms, REENTRY_BLOCK_MS));
    let claims = room.claims().iter().map(|claim| (format!("the chair of {}", claim.user), claim.until_ms, CHAIR_CLAIM_MS));
    let invitations = room
        .invitations()
        .map(|invitation| (format!("the invitation of {}", invitation.member), invitation.expires_ms, INVITATION_MS));
    let end = room.ends_at_ms().map(|ends_at_ms| ("the end of the room".to_owned(), ends_at_ms, LEADERLESS_ROOM_MS));
    blocks.chain(claims).chain(invitations).chain(end).collect()
}
