//! The chat as far as this page has read it. The view holds the newest messages only: those seen before them are kept
//! here, and earlier ones are asked for.

use std::collections::BTreeMap;

use dais_engine::shared::ids::MessageId;
use dais_engine::shared::limits::{MESSAGES_IN_VIEW, MESSAGES_KEPT_MAX, MESSAGES_PAGE_MAX};
use dais_engine::shared::room::Message;
use dais_engine::shared::view::{Change, View};
use leptos::prelude::*;

/// What was read, and whether there may be more before it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Log {
    messages: BTreeMap<MessageId, Message>,
    is_from_the_start: bool,
}

impl Log {
    /// A snapshot: what happened since the last one is unknown, so that nothing of before can be relied on.
    fn restart(view: &View) -> Self {
        let messages = view.messages.iter().map(|message| (message.id, message.clone())).collect();
        Self { messages, is_from_the_start: view.messages.len() < MESSAGES_IN_VIEW }
    }

    fn apply(&mut self, change: &Change) {
        match change {
            Change::MessagePosted(message) => {
                if self.messages.len() >= MESSAGES_KEPT_MAX {
                    self.messages.pop_first();
                }
                self.messages.insert(message.id, message.clone());
            }
            Change::MessageRemoved(id) => {
                if let Some(message) = self.messages.get_mut(id) {
                    message.text = None;
                }
            }
            _ => {}
        }
    }

    fn add_earlier(&mut self, page: Vec<Message>) {
        self.is_from_the_start |= page.len() < MESSAGES_PAGE_MAX;
        for message in page {
            self.messages.entry(message.id).or_insert(message);
        }
    }
}

/// See the module.
#[derive(Clone, Copy)]
pub(crate) struct Chat {
    log: RwSignal<Log>,
    is_open: RwSignal<bool>,
    unread: RwSignal<u32>,
}

pub(super) fn provide() {
    provide_context(Chat { log: RwSignal::new(Log::default()), is_open: RwSignal::new(false), unread: RwSignal::new(0) });
}

/// The chat.
pub(crate) fn use_chat() -> Chat {
    expect_context()
}

impl Chat {
    /// The messages, oldest first.
    pub(crate) fn ids(self) -> Vec<MessageId> {
        self.log.with(|log| log.messages.keys().copied().collect())
    }

    /// One message.
    pub(crate) fn message(self, id: MessageId) -> Option<Message> {
        self.log.with(|log| log.messages.get(&id).cloned())
    }

    /// The message before which earlier ones are to be asked for; `None` where there are none.
    pub(crate) fn earliest(self) -> Option<MessageId> {
        self.log.with(|log| log.messages.keys().next().copied().filter(|_| !log.is_from_the_start))
    }

    /// Whether a narrow page shows the chat; a wide one always does.
    pub(crate) fn is_open(self) -> bool {
        self.is_open.get()
    }

    /// Messages that came while a narrow page did not show it.
    pub(crate) fn unread(self) -> u32 {
        self.unread.get()
    }

    /// Shows it on a narrow page, or not.
    pub(crate) fn set_open(self, is_open: bool) {
        self.is_open.set(is_open);
        self.unread.set(0);
    }

    /// Puts earlier messages before those that are there.
    pub(super) fn add_earlier(self, page: Vec<Message>) {
        self.log.update(|log| log.add_earlier(page));
    }

    /// The room is another one, or was told anew.
    pub(super) fn restart(self, view: &View) {
        let log = Log::restart(view);
        if self.log.with_untracked(|before| *before != log) {
            self.log.set(log);
        }
    }

    pub(super) fn take(self, changes: &[Change]) {
        let is_chat = |change: &&Change| matches!(change, Change::MessagePosted(_) | Change::MessageRemoved(_));
        let posted = changes.iter().filter(|change| matches!(change, Change::MessagePosted(_))).count();
        if changes.iter().any(|change| is_chat(&change)) {
            self.log.update(|log| changes.iter().for_each(|change| log.apply(change)));
        }
        if posted > 0 && !self.is_open.get_untracked() {
            let posted = u32::try_from(posted).unwrap_or(u32::MAX);
            self.unread.update(|unread| *unread = unread.saturating_add(posted));
        }
    }
}

#[cfg(test)]
mod tests {
    use dais_engine::shared::ids::{MemberId, UserId};

    use super::super::sample;
    use super::*;

    fn message(id: u32) -> Message {
        let text = Some(format!("message {id}"));
        Message { id: MessageId(id), member: MemberId(1), user: UserId(1), name: "Ada".into(), at_ms: 0, text }
    }

    fn ids(log: &Log) -> Vec<u64> {
        log.messages.keys().map(|MessageId(id)| u64::from(*id)).collect()
    }

    #[test]
    fn earlier_messages_go_before_and_the_first_page_that_is_not_full_is_the_start() {
        let mut view = sample::view(MemberId(1), vec![]);
        view.messages = (20..36).map(message).collect();
        let mut log = Log::restart(&view);
        assert!(!log.is_from_the_start);
        log.add_earlier((4..20).map(message).collect());
        assert!(!log.is_from_the_start, "a full page may have more before it");
        log.add_earlier((1..4).map(message).collect());
        assert!(log.is_from_the_start);
        assert_eq!(ids(&log), (1..36).collect::<Vec<_>>());
    }

    #[test]
    fn a_message_taken_out_stays_as_a_gap() {
        let mut log = Log::default();
        for id in [1, 2] {
            log.apply(&Change::MessagePosted(message(id)));
        }
        log.apply(&Change::MessageRemoved(MessageId(1)));
        assert_eq!(ids(&log), [1, 2]);
        assert_eq!(log.messages[&MessageId(1)].text, None);
    }

    #[test]
    fn a_snapshot_forgets_what_may_have_been_taken_out_meanwhile() {
        let mut view = sample::view(MemberId(1), vec![]);
        view.messages = vec![message(9)];
        assert_eq!(ids(&Log::restart(&view)), [9]);
    }
}
