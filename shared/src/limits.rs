//! Every bound of the system, each with its reason. Nothing here is policy that a person chooses: those are
//! options of the server, whose defaults stand here.

/// Characters of a room id: fits a link and a table column.
pub const ROOM_ID_CHARS_MAX: usize = 64;
/// Characters of a person's name: a tile shows about this many.
pub const NAME_CHARS_MAX: usize = 40;
/// Characters of a room's title: one line on a wide screen.
pub const TITLE_CHARS_MAX: usize = 80;
/// Characters of what a room says it is about: a few lines under the title.
pub const TOPIC_CHARS_MAX: usize = 200;
/// Characters of a chat message: a paragraph.
pub const MESSAGE_CHARS_MAX: usize = 500;
/// Characters of a room's passcode.
pub const PASSCODE_CHARS_MAX: usize = 64;
/// Characters of the client's own description of itself in the first message.
pub const CLIENT_NAME_CHARS_MAX: usize = 64;

/// Bytes of one WebSocket message from a client. The largest lawful one is a voice frame of
/// [`VOICE_PAYLOAD_BYTES_MAX`] and its header; the rest is room for chat.
pub const CLIENT_MESSAGE_BYTES_MAX: usize = 4096;
/// Bytes of an Opus packet of one frame (RFC 6716, section 3.4).
pub const VOICE_PAYLOAD_BYTES_MAX: usize = 1275;
/// Samples at 48 kHz of the longest voice frame: 60 ms, Opus' longest single frame.
pub const VOICE_FRAME_SAMPLES_MAX: u32 = 2880;
/// Samples at 48 kHz of the shortest voice frame: 2.5 ms, Opus' shortest.
pub const VOICE_FRAME_SAMPLES_MIN: u32 = 120;

/// People on one stage: more than this and nobody follows the talk; also the number of decoders a page holds.
pub const STAGE_SEATS_MAX: usize = 16;
/// People in one room; one core fans one speaker out to about this many twenty times over.
pub const ROOM_SEATS_MAX: usize = 2000;
/// Raised hands in one queue. A snapshot carries the whole queue, so it must stay small.
pub const HANDS_MAX: usize = 100;
/// Raised hands from one network (an IPv4 /24, an IPv6 /48): whoever commands a hundred identities there leaves half of the
/// queue to others.
pub const HANDS_PER_NETWORK_MAX: usize = HANDS_MAX / 2;
/// People of the audience whom a view names; the rest come in pages on demand, so that N joins cost O(N) bytes.
pub const AUDIENCE_IN_VIEW: usize = 50;
/// People in one page of the member list.
pub const MEMBERS_PAGE_MAX: usize = 100;
/// Rooms in one page of the room list.
pub const ROOMS_PAGE_MAX: usize = 100;
/// Messages of the chat that a view holds; earlier ones come in pages on demand. With every character of four bytes they
/// take 34 kB, so that the largest snapshot fits into [`OUTBOX_CONTROL_BYTES_MAX`].
pub const MESSAGES_IN_VIEW: usize = 16;
/// Messages in one page of the chat's past.
pub const MESSAGES_PAGE_MAX: usize = 16;
/// Messages that a room keeps; the oldest go first.
pub const MESSAGES_KEPT_MAX: usize = 500;
/// Invitations under way in one room: more listeners than a stage has seats.
pub const INVITATIONS_MAX: usize = 32;
/// Bans of one room.
pub const BANS_MAX: usize = 200;
/// Re-entry blocks of one room; those that end soonest go first.
pub const BLOCKS_MAX: usize = 200;
/// Hosts who vanished one after the other and may have the chair back; the first to vanish goes first.
pub const CLAIMS_MAX: usize = 8;
/// People whom a moderator muted, and who left the stage, as far as that is remembered; the longest gone go first.
pub const MUTED_AWAY_MAX: usize = 200;
/// People who left and can still be banned by name; the longest gone go first.
pub const DEPARTED_KEPT_MAX: usize = 50;
/// Reactions that leave together: more than these nobody can see at once, and the rest are not shown.
pub const REACTIONS_PER_BATCH_MAX: usize = 32;
/// Voices that one listener may ask not to be sent: a full stage, and those who just left it.
pub const SILENCED_STREAMS_MAX: usize = 2 * STAGE_SEATS_MAX;
/// Characters of the ids that the server draws for unlisted rooms: 130 random bits.
pub const UNLISTED_ROOM_ID_CHARS: usize = 26;
/// Rooms on one server, unless the operator says otherwise: each holds a task and its mailbox.
pub const ROOMS: usize = 1000;
/// The most that an operator may say: whoever founds a room has them all looked through.
pub const ROOMS_MAX: usize = 10_000;
/// One in so many of all rooms may be founded from one address, as long as the server runs: 200 of 1,000 are a school's.
pub const ROOMS_ADDRESS_SHARE: usize = 5;
/// One in so many of all rooms is kept for those that the operator makes.
pub const ROOMS_RESERVED_SHARE: usize = 10;
/// Rooms that gave way to others, as far as that is remembered for whoever comes back to them; the first to go go first.
pub const ROOMS_GAVE_WAY_MAX: usize = 1000;
/// Of what one address may have, a wider network that is still somebody's alone (of IPv6, a /56) may have so many halves.
pub const NETWORK_SHARE_HALVES: usize = 3;
/// And the widest, which may be many people's (of IPv4 a /24, of IPv6 a /48).
pub const NETWORK_SHARE_HALVES_WIDEST: usize = 4;
/// A wider network may have one in so many of all, however little one address may: behind it may be many addresses.
pub const NETWORK_SHARE_MIN: usize = 10;
/// And no more than so many fifths of all, unless one address may.
pub const NETWORK_SHARE_MAX_FIFTHS: usize = 3;
/// Rooms that one identity may have founded and that are there at once, unless the operator says otherwise.
pub const ROOMS_PER_USER: usize = 5;
/// Bytes of what a request to the HTTP API says: every field at its longest, written in escapes, several times over.
pub const API_BODY_BYTES_MAX: usize = 4096;
/// What a request says is there by then, in milliseconds, or nobody waits for it.
pub const API_BODY_MS_MAX: u64 = 5_000;
/// Things in one page of a list of the HTTP API.
pub const API_PAGE_MAX: usize = 100;
/// Characters of the operator's secret: as many hexadecimal digits are 64 random bits.
pub const ADMIN_TOKEN_CHARS_MIN: usize = 16;
/// Wrong admin tokens that an address may bring at once, each a line in the log, and one more every [`ADMIN_TOKEN_SECONDS`]
/// afterwards. The right one is never refused: its length keeps it from being guessed.
pub const ADMIN_TOKENS_PER_ADDRESS: u32 = 50;
/// See [`ADMIN_TOKENS_PER_ADDRESS`].
pub const ADMIN_TOKEN_SECONDS: u32 = 10;
/// Links that let people into one room with more than others have: a page of the HTTP API holds them all.
pub const LINKS_PER_ROOM_MAX: usize = API_PAGE_MAX;
/// Such a link holds so long, unless the operator says otherwise: a week.
pub const LINK_MS: u64 = 7 * 24 * 3_600_000;
/// And so long at most: a year.
pub const LINK_MS_MAX: u64 = 366 * 24 * 3_600_000;
/// The most people that one may be limited to: more than that are a crowd, for which nobody counts.
pub const LINK_USES_MAX: u32 = 100_000;
/// Characters of the password of a whole house: what many tries do not find, see [`SIGN_INS_PER_ADDRESS`].
pub const SIGN_IN_PASSWORD_CHARS_MIN: usize = 8;
/// And at most: what somebody types.
pub const SIGN_IN_PASSWORD_CHARS_MAX: usize = 128;
/// Bytes of the secret that another site signs its tokens with: as many as HMAC-SHA-256 gives (RFC 7518, section 3.2).
pub const SIGN_IN_KEY_BYTES_MIN: usize = 32;
/// Bytes of the file that such a secret, a public key or the password is in.
pub const SIGN_IN_FILE_BYTES_MAX: u64 = 16 * 1024;
/// Bytes of a token of another site: with a name and a room it takes 300, and a cookie holds 4096.
pub const SIGN_IN_TOKEN_BYTES_MAX: usize = 2048;
/// How far the clocks of two sites may be apart.
pub const SIGN_IN_TOKEN_LEEWAY_MS: u64 = 30_000;
/// Whoever knew the password is asked again after so long: a week.
pub const SIGN_IN_MS: u64 = 7 * 24 * 3_600_000;
/// Tries to sign in that fail which an address has at once, and one more every [`SIGN_IN_SECONDS`] afterwards: a class whose
/// teacher misspelt it. Eight lower-case letters last an address for centuries.
pub const SIGN_INS_PER_ADDRESS: u32 = 50;
/// See [`SIGN_INS_PER_ADDRESS`].
pub const SIGN_IN_SECONDS: u32 = 10;
/// Identities on one server (32 bytes and a name each); beyond it the expired, newcomers beyond [`IDENTITIES_NEW_SHARE`] and
/// the longest unused are forgotten, in this order, [`IDENTITIES_LOOKED_AT`] at once.
pub const IDENTITIES_MAX: usize = 100_000;
/// How many identities one step of forgetting looks at: some milliseconds of the store's thread, and where a server is full
/// of them, one login in so many has to wait for such a step.
pub const IDENTITIES_LOOKED_AT: usize = 256;
/// One in so many of these places is for whoever has not come back yet: as long as there are no more of those, they give way
/// like anybody, by when they were there last.
pub const IDENTITIES_NEW_SHARE: usize = 10;
/// An identity that nobody has used for so long is forgotten: 90 days of the store's own time.
pub const IDENTITY_UNUSED_MS_MAX: u64 = 90 * 24 * 3_600_000;
/// Its use is noted this often at most, so that coming back is seldom a write: one hour.
pub const IDENTITY_USE_NOTED_MS: u64 = 3_600_000;

/// A seat is held this long for somebody whose connection dropped.
pub const SEAT_GRACE_MS: u64 = 30_000;
/// An invitation to the stage lives this long.
pub const INVITATION_MS: u64 = 60_000;
/// Who was put out of a room may come back after this long.
pub const REENTRY_BLOCK_MS: u64 = 60_000;
/// A host who vanished and comes back within this long gets the chair back.
pub const CHAIR_CLAIM_MS: u64 = 600_000;
/// A room that the operator made waits so long for its host, unless he says otherwise: a day.
pub const HOST_AWAITED_MS: u64 = 24 * 3_600_000;
/// And so long at most: four weeks, for what is announced early.
pub const HOST_AWAITED_MS_MAX: u64 = 28 * 24 * 3_600_000;
/// A room without a moderator ends after this long, with a countdown everybody sees.
pub const LEADERLESS_ROOM_MS: u64 = 120_000;

/// The audience's comings and goings, and reactions, leave by themselves at most this often (four times a second).
pub const AUDIENCE_BATCH_MS: u64 = 250;
/// Deltas of one room that leave at once, and per second afterwards: no second has more than ten, whatever a crowd does, and
/// nobody waits for one noticeably.
pub const DELTA_BURST: u32 = 3;
/// See [`DELTA_BURST`].
pub const DELTAS_PER_SECOND: u32 = 6;
/// Bytes of names and texts in one delta, about: what else waits comes with the next ones.
pub const DELTA_BULK_BYTES_MAX: usize = 800;
/// So many of [`DELTA_BURST`] are for what a moderator does.
pub const DELTAS_RESERVED: u32 = 1;
/// Bytes of such deltas at once, and per second afterwards: a listener's whole second of news has less than 8 kB, a quarter
/// of what a speaker's voice takes.
pub const DELTA_BYTES_BURST: u32 = 1_500;
/// See [`DELTA_BYTES_BURST`].
pub const DELTA_BYTES_PER_SECOND: u32 = 4_000;

/// A connection that has not said hello by then is closed.
pub const HELLO_DEADLINE_MS: u64 = 5_000;
/// Both sides send something at least this often.
pub const HEARTBEAT_MS: u64 = 5_000;
/// A connection that has been silent for this long is gone: three missed heartbeats.
pub const SILENCE_MS_MAX: u64 = 15_000;

/// Voice that took longer to the server than the quickest of its stream by more than this is not passed on: what was said
/// before a stall is answered already, or asked again.
pub const VOICE_LATE_MS_MAX: u64 = 400;
/// The quickest is looked for among so many frames, once or twice. More than a client sends before it notices that nothing
/// is acknowledged, and no more than a second of them.
pub const TRANSIT_FRAMES: u32 = 50;
/// Voice that has waited longer than this in an outbox is dropped: late is worse than lost.
pub const OUTBOX_VOICE_AGE_MS_MAX: u64 = 200;
/// Bytes of voice that one outbox holds: 200 ms of sixteen speakers at 48 kbit/s, twice over.
pub const OUTBOX_VOICE_BYTES_MAX: usize = 48 * 1024;
/// Bytes of control that one outbox holds; beyond it the queue is replaced by one fresh snapshot.
pub const OUTBOX_CONTROL_BYTES_MAX: usize = 64 * 1024;
/// The newest voice sent may be this far ahead of the newest voice the listener reports to have, beyond his
/// smallest round trip; more than that is standing in a buffer somewhere on the way.
pub const VOICE_IN_FLIGHT_MS_MAX: u64 = 400;
/// A listener reports the newest voice he has this often while voice reaches him.
pub const VOICE_REPORT_MS: u64 = 150;
/// No more voice is sent to a listener when the oldest that he has not reported left this long ago, beyond the time that a
/// report took at the quickest of late: the time between two reports, a frame's, and 70 ms by which the second may be later than
/// others. Of what the way had taken when it stopped, no more than this is stale when it is free again.
pub const VOICE_UNSEEN_MS_MAX: u64 = 260;
/// The server acknowledges the newest voice frame of a speaker this often.
pub const VOICE_ACK_MS: u64 = 100;
/// While microphones are open and nobody speaks, listeners are told the time this often, so that they know how late the
/// next word will be.
pub const CLOCK_IN_SILENCE_MS: u64 = 200;
/// A speaker stops encoding when this much voice beyond his smallest round trip is unacknowledged, and what the server has but
/// has not had to acknowledge yet ([`VOICE_ACK_MS`]).
pub const VOICE_UNACKNOWLEDGED_MS_MAX: u64 = 200;
/// Listeners times open microphones up to which voice goes in frames of 10 ms, which are heard 10 ms sooner and
/// cost twice the packets: beyond it the server has better things to do.
pub const SHORT_FRAME_PAIRS_MAX: u32 = 200;
/// And people who talk at the same time up to which it does: a listener's browser is woken by each frame, and where three
/// talk at once, nobody notices 10 ms.
pub const SHORT_FRAME_TALKERS_MAX: usize = 2;
/// A speaker's clock mappings are passed on no more often: four times a second, as pages correct them at most.
pub const MAPPING_MS_MIN: u64 = 250;
/// Nor are those of all speakers of a room: what comes meanwhile leaves together.
pub const MAPPINGS_MS_MIN: u64 = 100;
/// While more people talk than that, their frames leave the server together, and none waits longer for the others': one
/// frame of 20 ms.
pub const GATHERING_MS_MAX: u64 = 20;
/// Samples at 48 kHz of the frames that speakers send up to that: 10 ms.
pub const VOICE_FRAME_SAMPLES_SHORT: u32 = 480;
/// And beyond it: 20 ms.
pub const VOICE_FRAME_SAMPLES_LONG: u32 = 960;
/// A speaker tells how capture time maps to server time this often, at every talkspurt's start, and when it knows better.
pub const CLOCK_MAPPING_MS: u64 = 5_000;

/// Requests that wait for one room; whoever asks then waits himself.
pub const ROOM_MAILBOX_MAX: usize = 1024;
/// Voice frames that wait for one room. At 50 a second from a full stage this is over a second.
pub const ROOM_VOICE_MAX: usize = 1024;

/// Commands a member may give at once, and per second afterwards: faster than anybody clicks.
pub const COMMAND_BURST: u32 = 40;
/// See [`COMMAND_BURST`].
pub const COMMANDS_PER_SECOND: u32 = 10;
/// Chat messages a member may send at once, and per second afterwards: a lively talk, not a flood.
pub const MESSAGE_BURST: u32 = 5;
/// See [`MESSAGE_BURST`].
pub const MESSAGES_PER_SECOND: u32 = 1;
/// Bytes of messages and their writers' names that one room's chat takes at once, and per second afterwards: more than
/// anybody reads, and less than [`DELTA_BYTES_PER_SECOND`], beside what else there is to tell.
pub const CHAT_BYTES_BURST: u32 = 3_000;
/// See [`CHAT_BYTES_BURST`].
pub const CHAT_BYTES_PER_SECOND: u32 = 2_500;
/// So many of these are for whoever has not written for [`CHAT_FRESH_MS`], of one network once in [`CHAT_NETWORK_FRESH_MS`].
pub const CHAT_BYTES_RESERVED: u32 = 800;
/// See [`CHAT_BYTES_RESERVED`].
pub const CHAT_FRESH_MS: u64 = 30_000;
/// See [`CHAT_BYTES_RESERVED`].
pub const CHAT_NETWORK_FRESH_MS: u64 = 2_000;
/// As much is kept for the room's moderators together, and per second afterwards: one message of the longest. With what the
/// chat takes otherwise it is less than [`DELTA_BYTES_PER_SECOND`], so that nothing piles up.
pub const CHAT_MODERATORS_BYTES_BURST: u32 = 2_200;
/// See [`CHAT_MODERATORS_BYTES_BURST`].
pub const CHAT_MODERATORS_BYTES_PER_SECOND: u32 = 1_000;
/// A message counts as so many bytes at least: also short ones push older ones out of what a room keeps.
pub const CHAT_MESSAGE_BYTES_MIN: u32 = 200;
/// Reactions a member may show at once, and per second afterwards: applause.
pub const REACTION_BURST: u32 = 5;
/// See [`REACTION_BURST`].
pub const REACTIONS_PER_SECOND: u32 = 2;
/// What a device does, as its page may report it at once, and per second afterwards: others see each change.
pub const REPORT_BURST: u32 = 20;
/// See [`REPORT_BURST`].
pub const REPORTS_PER_SECOND: u32 = 1;
/// Pages of lists, of the chat's past, and whole snapshots, that a person may ask for at once, and per second afterwards: a few bytes
/// that ask, and tens of thousands that answer. The whole chat of a room is as many pages.
pub const PAGE_BURST: u32 = 40;
/// See [`PAGE_BURST`].
pub const PAGES_PER_SECOND: u32 = 1;
/// An address, and the networks around it, may ask for so many at once for each connection that they may have, and for all of these
/// again within [`PAGES_REFILL_SECONDS`]: whoever hangs up and comes as somebody else is not to begin anew.
pub const PAGES_PER_CONNECTION: u32 = 4;
/// See [`PAGES_PER_CONNECTION`].
pub const PAGES_REFILL_SECONDS: u32 = 40;
/// Passcodes a connection may try at once, and one more every [`PASSCODE_SECONDS`] afterwards.
pub const PASSCODE_BURST: u32 = 5;
/// See [`PASSCODE_BURST`].
pub const PASSCODE_SECONDS: u32 = 10;
/// Voice frames a connection may send at once: a second of 10 ms frames, held up by a stall.
pub const VOICE_FRAME_BURST: u32 = 100;
/// Voice frames per second afterwards: 10 ms frames and a clock that runs fast.
pub const VOICE_FRAMES_PER_SECOND: u32 = 110;
/// Voice bytes at once and per second: 64 kbit/s with headers, twice over.
pub const VOICE_BYTES_BURST: u32 = 32 * 1024;
/// See [`VOICE_BYTES_BURST`].
pub const VOICE_BYTES_PER_SECOND: u32 = 16 * 1024;
/// Voice frames a connection may send while it may not be heard, before it is closed for abuse: four seconds
/// of 10 ms frames, beyond any honest delay between a mute and its news.
pub const UNHEARD_FRAMES_MAX: u32 = 400;

/// WebSocket connections from one address (of IPv6, one /64) at once, unless the operator says otherwise: a full room in
/// one school. Those of people behind a proxy that is trusted count for their own addresses.
pub const CONNECTIONS_PER_ADDRESS: usize = ROOM_SEATS_MAX;
/// The most that an operator may say: more than there are ports to come from.
pub const CONNECTIONS_PER_ADDRESS_MAX: usize = 100_000;
/// WebSocket connections of everybody, unless the operator says otherwise: ten full rooms. Where a system lets a process open
/// half a million files, memory is what runs out.
pub const CONNECTIONS: usize = 10 * ROOM_SEATS_MAX;
/// The most that an operator may say: about as many files as Linux lets a process open (`fs.nr_open`).
pub const CONNECTIONS_MAX: usize = 1_000_000;
/// As many connections may come anew at once, when a server is back; afterwards, all of them once in so many seconds.
pub const ADDRESS_REFILL_SECONDS: u32 = 20;
/// Arrivals (a login, a room created or joined) that an address has for each connection: a page needs two.
pub const ARRIVALS_PER_CONNECTION: u32 = 2;
/// Wrong passcodes that an address may try at once, and one more every [`PASSCODE_SECONDS`] afterwards: a school's worth,
/// since a right one counts, too, until it is known to be right; four digits keep an address busy for a day.
pub const PASSCODES_PER_ADDRESS: u32 = 500;
/// Addresses about which the server remembers how often they came; beyond it those that have nothing open are forgotten.
pub const ADDRESSES_MAX: usize = 65_536;
/// The log is told this often, in milliseconds, of those who are refused for one reason: a flood fills no disk, and an operator
/// who looks sees what is going on.
pub const REFUSALS_TOLD_MS: u64 = 5_000;
/// Files that the server keeps for itself of those the system lets it open: the store's, the page's, a backup's.
pub const FILES_RESERVED: usize = 64;
/// One in so many of the others is for sockets that are no WebSocket yet: page loads, and handshakes that never end.
pub const PENDING_SHARE: usize = 4;
/// Bytes of a request's head (line and headers): browsers send one to two kilobytes.
pub const HTTP_HEAD_BYTES_MAX: usize = 16 * 1024;
/// Time for a request's head to arrive, in milliseconds: a slow phone makes it, a dribbling attacker does not.
pub const HTTP_HEAD_MS_MAX: u64 = 10_000;
/// How long nothing of an answer is taken, in milliseconds, before its reader is given up: a phone that changes networks comes
/// back sooner, and who never reads holds a socket and what the kernel keeps for it.
pub const HTTP_UNREAD_MS_MAX: u64 = 20_000;
/// Time for a TLS handshake, in milliseconds: as long as a request's head has, behind which it stands.
pub const TLS_HANDSHAKE_MS_MAX: u64 = HTTP_HEAD_MS_MAX;
/// Bytes that are encrypted at once on a listener's connection, while nothing encrypted waits: what is encrypted has to
/// leave, so a full socket may hold up that much and no more. A quarter of a second of one speaker.
pub const TLS_RECORD_BYTES_MAX: usize = 2048;
/// Bytes of a certificate's file, or a key's: a long chain takes ten thousand.
pub const TLS_FILE_BYTES_MAX: u64 = 256 * 1024;
/// The files of the certificate are looked at this often, in milliseconds.
pub const TLS_LOOK_MS: u64 = 2_000;
/// Days that a certificate of the server's own making is valid: as long as Apple's systems believe any.
pub const SELF_SIGNED_DAYS: u32 = 825;
/// Days before its end at which it is made anew: a server that runs on has time for it.
pub const SELF_SIGNED_RENEWAL_DAYS: u32 = 30;
/// Addresses of this machine that such a certificate names.
pub const SELF_SIGNED_ADDRESSES_MAX: usize = 32;
/// Bytes that the kernel is asked to hold for one listener's socket. What it holds is voice that nobody can drop
/// any more, so it is small; a snapshot of a full room still leaves in a few writes.
pub const SOCKET_SEND_BUFFER_BYTES: usize = 16 * 1024;
/// Bytes not yet sent at which a socket counts as full: less than a second of one speaker stands behind a stall.
pub const SOCKET_NOTSENT_BYTES_MAX: u32 = 4096;
/// A connection that was told goodbye has this long to read it before its socket is torn down.
pub const CLOSE_LINGER_MS: u64 = 1_000;
/// Frames that leave in one vectored write: a second of one speaker, or sixteen speakers' frames of 60 ms.
pub const FRAMES_PER_WRITE_MAX: usize = 64;
/// Voice messages that leave as one: a frame of everybody on a full stage.
pub const BUNDLE_MESSAGES_MAX: usize = STAGE_SEATS_MAX;
/// Voice frames that a room takes in before it writes to its listeners.
pub const ROOM_BATCH_MAX: usize = 64;
/// Requests that it takes in before it looks for voice again: some tenths of a millisecond's work.
pub const ROOM_COMMANDS_BATCH_MAX: usize = 8;
/// Changes that wait for the store; beyond it commands are refused rather than remembered in memory only.
pub const STORE_QUEUE_MAX: usize = 1024;
/// Questions to the store that wait there at once, for whoever comes in and whoever only says that he may: the other places of
/// [`STORE_QUEUE_MAX`] are for changes.
pub const STORE_ASKED_MAX: usize = STORE_QUEUE_MAX / 4;
/// A store that fails is tried again this often.
pub const STORE_RETRY_MS: u64 = 500;
/// While nothing is to be written, the store looks this often whether its files are where they were.
pub const STORE_STANDING_MS: u64 = 1_000;
/// A store that is told to end has this long to put its log into the database: a second or two for what a log holds, on a slow
/// disk. Where it takes longer the log stays, and nothing is lost; whoever ends a service waits for ten seconds at least.
pub const STORE_CLOSE_MS: u64 = 5_000;
/// A disk that has not answered for so long hangs: nobody waits for it any more. A sound one syncs in some milliseconds, a
/// worn card in some hundreds.
pub const STORE_HANG_MS: u64 = 2_000;
/// Who waits for the store looks this often whether its disk hangs.
pub const STORE_LOOK_MS: u64 = 250;
/// What was removed is gone from the data folder's files after so long, and after a second more for each [`WIPED_PAGES`].
pub const WIPED_AFTER_MS: u64 = 60_000;
/// Whether something is to be wiped is looked at this often.
pub const WIPE_LOOK_MS: u64 = 1_000;
/// Pages of the file that one step looks at: four megabytes, a few milliseconds of the store's thread.
pub const WIPED_PAGES: u64 = 1024;
/// A server that is told to end wipes for so long, and leaves the rest to its next start: it has [`STORE_CLOSE_MS`] for all that is
/// to be done then.
pub const LAST_WIPE_MS: u64 = 1_000;
/// Whoever erases a person waits so long for that person's pages to go, and for whoever makes a copy of the file.
pub const ERASURE_WAITS_MS: u64 = 10_000;
/// Messages in one page of all that is kept of one person, or those of one more room: some hundred kilobytes, two megabytes at
/// worst.
pub const EXPORT_MESSAGES: usize = MESSAGES_KEPT_MAX;
/// Answers and snapshots of one room that wait for the store; beyond it whoever asks for more is sent away.
pub const OUTGOING_EFFECTS_MAX: usize = 8192;
/// And so many bytes of what waits with them: the snapshots of a thousand people who come back at once.
pub const OUTGOING_BYTES_MAX: usize = 64 << 20;
/// How many people whom a link has brought one step of forgetting them looks at, once the link is gone.
pub const LINK_GUESTS_LOOKED_AT: usize = 256;
/// The store is told the time this often where nothing else is kept: after a kill it knows to a minute how long it has lived.
pub const STORE_TOLD_MS: u64 = 60_000;
/// The machine's date is believed to say how long the server was off, once it has run by it for so long: a clock that is wrong
/// at the start is mostly set right within some minutes.
pub const DATE_PROVED_MS: u64 = 600_000;
/// And where it says no more than this: eight days, so that a server that runs once a week may have lived all of them. What is
/// more may as well be a wrong date, and is no part of its life.
pub const TIME_OFF_MS_MAX: u64 = 8 * 24 * 3_600_000;
/// And only so many times what it has run since: an hour bears out a day. Dates alone, however often they are wrong, add nothing, and
/// 90 days take three and a half of running.
pub const TIME_OFF_PER_RUN: u64 = 24;
/// Changes that one commit of the store carries at most, so that the first of them does not wait for ever.
pub const STORE_GROUP_MAX: usize = 256;
/// Heartbeats, reports and mappings a connection may send at once, and per second afterwards: lawful clients send
/// under ten a second.
pub const SIGNALS_BURST: u32 = 60;
/// See [`SIGNALS_BURST`].
pub const SIGNALS_PER_SECOND: u32 = 20;
/// Refused messages a connection may send at once before it is closed for flooding; refilled each second by
/// [`REFUSALS_PER_SECOND`].
pub const REFUSALS_BURST: u32 = 200;
/// See [`REFUSALS_BURST`].
pub const REFUSALS_PER_SECOND: u32 = 20;
/// A watched room list is sent at most this often.
pub const ROOMS_PUSH_MS: u64 = 1_000;
/// Times that one room is taken up again after a fault of ours, before it is ended instead.
pub const ROOM_RESTARTS_MAX: u32 = 3;
/// A process that has not looked at its clock for so long stood still. One that runs looks every [`PULSE_MS`].
pub const PAUSE_MS_MIN: u64 = 2_000;
/// See [`PAUSE_MS_MIN`].
pub const PULSE_MS: u64 = 500;
/// After a pause of the process nobody's time is up for so long: whoever is there says something meanwhile, and whoever lost his
/// connection comes back.
pub const PAUSE_GRACE_MS: u64 = SILENCE_MS_MAX;
/// Where no connection can be accepted, that is tried again so often.
pub const ACCEPT_RETRY_MS: u64 = 50;
/// Bytes of log lines that wait to be written: ten thousand of them, or a minute of a lively server at `debug`. What comes when
/// whoever reads the log stands still for longer is lost and counted.
pub const LOG_QUEUE_BYTES_MAX: usize = 1 << 20;
/// While lines of the log are lost that it does not tell of yet, that is tried again this often.
pub const LOG_RETRY_MS: u64 = 1_000;
/// A process that ends waits so long at most for the rest of its log to be written.
pub const LOG_FLUSH_MS: u64 = 500;
