//! Which keys do what.

use leptos::prelude::*;

use crate::locales::t;
use crate::state::speaking::use_speech;

/// A list of keys and words.
#[component]
pub(crate) fn KeyList() -> impl IntoView {
    let t = t();
    let words = &t.keys;
    let keys = [("M", words.mute), ("H", words.hand), ("?", words.help), (words.escape_key, words.escape)];
    let speech = use_speech();
    let talk = move || speech.is_by_key().then(|| row(speech.key().name(t.speaking.space), t.speaking.talk));
    view! {
        <div class="key-list">
            <dl>{talk}{keys.map(|(key, what)| row(key.to_owned(), what)).collect_view()}</dl>
            <p class="form__hint">{words.not_while_typing}</p>
        </div>
    }
}

fn row(key: String, what: &'static str) -> impl IntoView {
    view! {
        <div class="key-list__row">
            <dt>
                <kbd>{key}</kbd>
            </dt>
            <dd>{what}</dd>
        </div>
    }
}
