//! Rooms as rows, and rows as rooms.

use dais_shared::ids::{AddressPrefix, InvitationId, MemberId, MessageId, Revision, RoomId, StreamId, UserId};
use dais_shared::permissions::Role;
use dais_shared::room::{
    Ban, Block, Claim, Counters, Departed, ErasedBan, Invitation, Mark, Message, MicrophoneState, Mode, RaisedHand, Record, Room,
    Seat, Settings, StageSeat,
};
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use rusqlite::{Connection, Result, Row, params};

use super::dirty::Dirty;
use super::links::forget_room;
use crate::spelling;

/// Makes the rows of a room what the room is, as far as `dirty` says that they may differ. One that has ended has none.
pub(super) fn write_room(connection: &Connection, room: &Room, dirty: &Dirty) -> Result<()> {
    let id = room.id().as_str();
    if room.ended().is_some() || dirty.everything {
        // What belongs to the room goes with it.
        connection.prepare_cached("DELETE FROM rooms WHERE id = ?1")?.execute([id])?;
    }
    if room.ended().is_some() {
        return forget_room(connection, id);
    }
    write_room_row(connection, room)?;
    if dirty.everything {
        for (member, seat) in room.seats() {
            write_seat(connection, id, member, seat)?;
        }
        for message in room.messages() {
            write_message(connection, id, message)?;
        }
    } else {
        for member in &dirty.seats {
            match room.seat(*member) {
                Some(seat) => write_seat(connection, id, *member, seat)?,
                None => delete(connection, "DELETE FROM seats WHERE room = ?1 AND member = ?2", id, member.0)?,
            }
        }
        for message in &dirty.messages {
            match room.message(*message) {
                Some(message) => write_message(connection, id, message)?,
                None => delete(connection, "DELETE FROM messages WHERE room = ?1 AND id = ?2", id, message.0)?,
            }
        }
    }
    write_lists(connection, room, dirty)
}

fn delete(connection: &Connection, sql: &str, room: &str, number: u32) -> Result<()> {
    connection.prepare_cached(sql)?.execute(params![room, number]).map(drop)
}

fn write_room_row(connection: &Connection, room: &Room) -> Result<()> {
    let (settings, counters) = (room.settings(), room.counters());
    // Not `REPLACE`, which would delete the row first, and what belongs to it.
    let sql = "INSERT INTO rooms VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20) \
               ON CONFLICT (id) DO UPDATE SET title = ?2, topic = ?3, mode = ?4, takes_hands = ?5, takes_messages = ?6, \
               is_locked = ?7, is_unlisted = ?8, passcode = ?9, founder = ?10, revision = ?11, successor = ?12, \
               next_member = ?13, next_stream = ?14, next_invitation = ?15, next_message = ?16, ends_at_ms = ?17, \
               created_ms = ?18, title_by = ?19, topic_by = ?20";
    let values = params![
        room.id().as_str(),
        settings.title,
        settings.topic,
        Code::from(settings.mode),
        settings.takes_hands,
        settings.takes_messages,
        settings.is_locked,
        settings.is_unlisted,
        room.passcode(),
        Wide(room.founder().0),
        Wide(room.revision().0),
        room.successor().map(|member| member.0),
        counters.member,
        counters.stream,
        counters.invitation,
        counters.message,
        room.ends_at_ms().map(Wide),
        room.created_ms().map(Wide),
        room.title_by().map(|user| Wide(user.0)),
        room.topic_by().map(|user| Wide(user.0)),
    ];
    connection.prepare_cached(sql)?.execute(values).map(drop)
}

fn write_seat(connection: &Connection, room: &str, member: MemberId, seat: &Seat) -> Result<()> {
    let sql = "INSERT OR REPLACE INTO seats VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)";
    let stage = seat.stage.as_ref();
    let values = params![
        room,
        member.0,
        Wide(seat.user.0),
        seat.name,
        Address(seat.address),
        Code::from(seat.role),
        Wide(seat.joined_ms),
        seat.held_until_ms.map(Wide),
        stage.map(|stage| stage.stream.0),
        stage.map(|stage| Wide(stage.since_ms)),
        stage.map(|stage| Wide(stage.role_since_ms)),
        stage.map(|stage| stage.self_muted),
        stage.map(|stage| stage.host_muted),
        stage.map(|stage| Code::from(stage.microphone)),
    ];
    connection.prepare_cached(sql)?.execute(values).map(drop)
}

fn write_message(connection: &Connection, room: &str, message: &Message) -> Result<()> {
    let Message { id, member, user, name, at_ms, text } = message;
    let sql = "INSERT OR REPLACE INTO messages VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    let values = params![room, id.0, member.0, Wide(user.0), name, Wide(*at_ms), text];
    connection.prepare_cached(sql)?.execute(values).map(drop)
}

/// Lists are short and change as wholes.
fn write_lists(connection: &Connection, room: &Room, dirty: &Dirty) -> Result<()> {
    let id = room.id().as_str();
    let is_due = |mark: bool| mark || dirty.everything;
    let anew = |sql: &str| connection.prepare_cached(sql)?.execute([id]).map(drop);
    if is_due(dirty.invitations) {
        anew("DELETE FROM invitations WHERE room = ?1")?;
        let mut insert = connection.prepare_cached("INSERT INTO invitations VALUES (?1, ?2, ?3, ?4, ?5)")?;
        for Invitation { id: invitation, member, by, expires_ms } in room.invitations() {
            insert.execute(params![id, member.0, invitation.0, by.0, Wide(*expires_ms)])?;
        }
    }
    if is_due(dirty.hands) {
        anew("DELETE FROM hands WHERE room = ?1")?;
        let mut insert = connection.prepare_cached("INSERT INTO hands VALUES (?1, ?2, ?3, ?4)")?;
        for (place, hand) in (0_u32..).zip(room.hands()) {
            insert.execute(params![id, place, hand.member.0, Wide(hand.raised_ms)])?;
        }
    }
    if is_due(dirty.claims) {
        anew("DELETE FROM claims WHERE room = ?1")?;
        let mut insert = connection.prepare_cached("INSERT INTO claims VALUES (?1, ?2, ?3, ?4)")?;
        for (place, claim) in (0_u32..).zip(room.claims()) {
            insert.execute(params![id, place, Wide(claim.user.0), Wide(claim.until_ms)])?;
        }
    }
    if is_due(dirty.muted_away) {
        anew("DELETE FROM muted_away WHERE room = ?1")?;
        let mut insert = connection.prepare_cached("INSERT INTO muted_away VALUES (?1, ?2, ?3)")?;
        for (place, user) in (0_u32..).zip(room.muted_away()) {
            insert.execute(params![id, place, Wide(user.0)])?;
        }
    }
    write_exclusions(connection, room, &is_due, &anew, dirty)
}

fn write_exclusions(
    connection: &Connection,
    room: &Room,
    is_due: &dyn Fn(bool) -> bool,
    anew: &dyn Fn(&str) -> Result<()>,
    dirty: &Dirty,
) -> Result<()> {
    let id = room.id().as_str();
    if is_due(dirty.blocks) {
        anew("DELETE FROM blocks WHERE room = ?1")?;
        let mut insert = connection.prepare_cached("INSERT INTO blocks VALUES (?1, ?2, ?3, ?4, ?5)")?;
        for (place, block) in (0_u32..).zip(room.blocks()) {
            insert.execute(params![id, place, Wide(block.user.0), block.address.map(Address), Wide(block.until_ms)])?;
        }
    }
    if is_due(dirty.bans) {
        anew("DELETE FROM bans WHERE room = ?1")?;
        let mut insert = connection.prepare_cached("INSERT INTO bans VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?;
        for (place, ban) in (0_u32..).zip(room.bans()) {
            insert.execute(params![id, place, Wide(ban.user.0), ban.name, ban.address.map(Address), Wide(ban.at_ms)])?;
        }
    }
    if is_due(dirty.bans) {
        anew("DELETE FROM erased_bans WHERE room = ?1")?;
        let mut insert = connection.prepare_cached("INSERT INTO erased_bans VALUES (?1, ?2, ?3, ?4, ?5)")?;
        for (place, ban) in (0_u32..).zip(room.erased_bans()) {
            insert.execute(params![id, place, ban.person.0, ban.address.map(|mark| mark.0), Wide(ban.at_ms)])?;
        }
    }
    if is_due(dirty.departed) {
        anew("DELETE FROM departed WHERE room = ?1")?;
        let mut insert = connection.prepare_cached("INSERT INTO departed VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?;
        for (place, gone) in (0_u32..).zip(room.departed()) {
            let Departed { user, name, address, role, at_ms, .. } = gone;
            insert.execute(params![id, place, Wide(user.0), name, Address(*address), Code::from(*role), Wide(*at_ms)])?;
        }
    }
    Ok(())
}

/// Every room that is kept.
pub(super) fn read_rooms(connection: &Connection) -> Result<Vec<Room>> {
    let mut rooms = connection.prepare("SELECT * FROM rooms ORDER BY id")?;
    let records = rooms.query_map([], |row| room_of(connection, row))?;
    records.map(|record| record.map(Room::restore)).collect()
}

fn room_of(connection: &Connection, row: &Row<'_>) -> Result<Record> {
    let id: String = row.get("id")?;
    let settings = Settings {
        title: row.get("title")?,
        topic: row.get("topic")?,
        mode: row.get::<_, Code>("mode")?.try_into()?,
        takes_hands: row.get("takes_hands")?,
        takes_messages: row.get("takes_messages")?,
        is_locked: row.get("is_locked")?,
        is_unlisted: row.get("is_unlisted")?,
        has_passcode: false, // Follows from the passcode.
    };
    let counters = Counters {
        member: row.get("next_member")?,
        stream: row.get("next_stream")?,
        invitation: row.get("next_invitation")?,
        message: row.get("next_message")?,
    };
    Ok(Record {
        settings,
        counters,
        // It may have been kept before secrets were written in one way.
        passcode: row.get::<_, Option<String>>("passcode")?.map(|passcode| spelling::secret(&passcode)),
        founder: UserId(row.get::<_, Wide>("founder")?.0),
        title_by: wide(row, "title_by")?.map(UserId),
        topic_by: wide(row, "topic_by")?.map(UserId),
        created_ms: wide(row, "created_ms")?,
        revision: Revision(row.get::<_, Wide>("revision")?.0),
        successor: row.get::<_, Option<u32>>("successor")?.map(MemberId),
        ends_at_ms: wide(row, "ends_at_ms")?,
        seats: list(connection, "SELECT * FROM seats WHERE room = ?1 ORDER BY member", &id, seat_of)?,
        invitations: list(connection, "SELECT * FROM invitations WHERE room = ?1 ORDER BY member", &id, invitation_of)?,
        messages: list(connection, "SELECT * FROM messages WHERE room = ?1 ORDER BY id", &id, message_of)?,
        hands: list(connection, "SELECT * FROM hands WHERE room = ?1 ORDER BY place", &id, |row| {
            Ok(RaisedHand { member: MemberId(row.get("member")?), raised_ms: row.get::<_, Wide>("raised_ms")?.0 })
        })?,
        claims: list(connection, "SELECT * FROM claims WHERE room = ?1 ORDER BY place", &id, |row| {
            Ok(Claim { user: user(row)?, until_ms: row.get::<_, Wide>("until_ms")?.0 })
        })?,
        muted_away: list(connection, "SELECT * FROM muted_away WHERE room = ?1 ORDER BY place", &id, user)?,
        blocks: list(connection, "SELECT * FROM blocks WHERE room = ?1 ORDER BY place", &id, |row| {
            Ok(Block { user: user(row)?, address: address(row)?, until_ms: row.get::<_, Wide>("until_ms")?.0 })
        })?,
        bans: list(connection, "SELECT * FROM bans WHERE room = ?1 ORDER BY place", &id, |row| {
            Ok(Ban { user: user(row)?, name: row.get("name")?, address: address(row)?, at_ms: row.get::<_, Wide>("at_ms")?.0 })
        })?,
        erased_bans: list(connection, "SELECT * FROM erased_bans WHERE room = ?1 ORDER BY place", &id, |row| {
            let address = row.get::<_, Option<[u8; 16]>>("address")?.map(Mark);
            Ok(ErasedBan { person: Mark(row.get("person")?), address, at_ms: row.get::<_, Wide>("at_ms")?.0 })
        })?,
        departed: list(connection, "SELECT * FROM departed WHERE room = ?1 ORDER BY place", &id, |row| {
            let name: String = row.get("name")?;
            Ok(Departed {
                user: user(row)?,
                likeness: spelling::likeness(&name),
                name,
                address: row.get::<_, Address>("address")?.0,
                role: row.get::<_, Code>("role")?.try_into()?,
                at_ms: row.get::<_, Wide>("at_ms")?.0,
            })
        })?,
        id: RoomId::parse(&id).map_err(|error| FromSqlError::Other(Box::new(error)))?,
    })
}

fn list<T>(connection: &Connection, sql: &str, room: &str, of: impl FnMut(&Row<'_>) -> Result<T>) -> Result<Vec<T>> {
    connection.prepare_cached(sql)?.query_map([room], of)?.collect()
}

fn seat_of(row: &Row<'_>) -> Result<(MemberId, Seat)> {
    let stage = match row.get::<_, Option<u32>>("stream")? {
        None => None,
        Some(stream) => Some(StageSeat {
            stream: StreamId(stream),
            since_ms: row.get::<_, Wide>("since_ms")?.0,
            role_since_ms: row.get::<_, Wide>("role_since_ms")?.0,
            self_muted: row.get("self_muted")?,
            host_muted: row.get("host_muted")?,
            microphone: row.get::<_, Code>("microphone")?.try_into()?,
        }),
    };
    let name: String = row.get("name")?;
    let seat = Seat {
        user: user(row)?,
        likeness: spelling::likeness(&name),
        name,
        address: row.get::<_, Address>("address")?.0,
        role: row.get::<_, Code>("role")?.try_into()?,
        stage,
        joined_ms: row.get::<_, Wide>("joined_ms")?.0,
        held_until_ms: wide(row, "held_until_ms")?,
    };
    Ok((MemberId(row.get("member")?), seat))
}

fn invitation_of(row: &Row<'_>) -> Result<Invitation> {
    Ok(Invitation {
        id: InvitationId(row.get("id")?),
        member: MemberId(row.get("member")?),
        by: MemberId(row.get("by_member")?),
        expires_ms: row.get::<_, Wide>("expires_ms")?.0,
    })
}

fn message_of(row: &Row<'_>) -> Result<Message> {
    Ok(Message {
        id: MessageId(row.get("id")?),
        member: MemberId(row.get("member")?),
        user: user(row)?,
        name: row.get("name")?,
        at_ms: row.get::<_, Wide>("at_ms")?.0,
        text: row.get("text")?,
    })
}

fn user(row: &Row<'_>) -> Result<UserId> {
    Ok(UserId(row.get::<_, Wide>("user")?.0))
}

fn address(row: &Row<'_>) -> Result<Option<AddressPrefix>> {
    Ok(row.get::<_, Option<Address>>("address")?.map(|address| address.0))
}

fn wide(row: &Row<'_>, column: &str) -> Result<Option<u64>> {
    Ok(row.get::<_, Option<Wide>>(column)?.map(|wide| wide.0))
}

/// A number of 64 bits as SQLite has it: signed.
pub(super) struct Wide(pub(super) u64);

impl ToSql for Wide {
    fn to_sql(&self) -> Result<ToSqlOutput<'_>> {
        Ok(self.0.cast_signed().into())
    }
}

impl FromSql for Wide {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        value.as_i64().map(|number| Self(number.cast_unsigned()))
    }
}

/// An address as its bytes: four or eight.
struct Address(AddressPrefix);

impl ToSql for Address {
    fn to_sql(&self) -> Result<ToSqlOutput<'_>> {
        Ok(match &self.0 {
            AddressPrefix::V4(bytes) => ToSqlOutput::from(&bytes[..]),
            AddressPrefix::V6(bytes) => ToSqlOutput::from(&bytes[..]),
        })
    }
}

impl FromSql for Address {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let bytes = value.as_blob()?;
        match (bytes.try_into(), bytes.try_into()) {
            (Ok(four), _) => Ok(Self(AddressPrefix::V4(four))),
            (_, Ok(eight)) => Ok(Self(AddressPrefix::V6(eight))),
            _ => Err(FromSqlError::InvalidType),
        }
    }
}

/// One of a few, as a number that stays what it is when the list grows.
#[derive(Clone, Copy)]
pub(super) struct Code(i64);

impl ToSql for Code {
    fn to_sql(&self) -> Result<ToSqlOutput<'_>> {
        Ok(self.0.into())
    }
}

impl FromSql for Code {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        value.as_i64().map(Self)
    }
}

/// Both ways from one table.
macro_rules! codes {
    ($type:ty { $($name:path = $number:literal),* $(,)? }) => {
        impl From<$type> for Code {
            fn from(value: $type) -> Self {
                match value { $($name => Self($number)),* }
            }
        }

        impl TryFrom<Code> for $type {
            type Error = FromSqlError;

            fn try_from(code: Code) -> FromSqlResult<Self> {
                match code.0 {
                    $($number => Ok($name),)*
                    other => Err(FromSqlError::OutOfRange(other)),
                }
            }
        }
    };
}

codes!(Mode { Mode::Moderated = 0, Mode::Open = 1 });
codes!(Role { Role::Listener = 0, Role::Speaker = 1, Role::CoHost = 2, Role::Host = 3 });
codes!(MicrophoneState {
    MicrophoneState::Closed = 0,
    MicrophoneState::Open = 1,
    MicrophoneState::Refused = 2,
    MicrophoneState::Missing = 3,
    MicrophoneState::Lost = 4,
});
