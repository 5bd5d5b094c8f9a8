//! What the page knows. Everything here is written by [`intake`] alone, from what the worker tells, and read by the
//! components; a click changes nothing here, it asks the server through [`actions`] and waits for what comes back.
//! Knows nothing of how things look.

pub(crate) mod actions;
pub(crate) mod chat;
pub(crate) mod clock;
pub(crate) mod described;
pub(crate) mod devices;
pub(crate) mod diagnosis;
pub(crate) mod dialogs;
pub(crate) mod entry;
pub(crate) mod house;
mod intake;
mod lateness;
pub(crate) mod levels;
pub(crate) mod names;
mod narration;
pub(crate) mod notices;
pub(crate) mod offers;
pub(crate) mod preferences;
pub(crate) mod quality;
pub(crate) mod reactions;
pub(crate) mod room;
#[cfg(test)]
mod sample;
pub(crate) mod speaking;
mod storage;
pub(crate) mod trial;
pub(crate) mod volumes;

/// Makes everything known available below this component, and starts the worker that tells it.
pub(crate) fn provide_state() {
    clock::provide();
    house::provide();
    entry::provide();
    chat::provide();
    reactions::provide();
    dialogs::provide();
    room::provide();
    devices::provide();
    trial::provide();
    quality::provide();
    levels::provide();
    notices::provide();
    preferences::provide();
    volumes::provide();
    speaking::provide();
    actions::provide(intake::start());
    speaking::use_speech().tell_how(actions::use_actions());
}
