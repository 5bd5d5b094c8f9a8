//! Which keys do what.

use leptos::prelude::*;

use crate::locales::t;

/// A list of keys and words.
#[component]
pub(crate) fn KeyList() -> impl IntoView {
    let t = t();
    let words = &t.keys;
    let keys = [("M", words.mute), ("H", words.hand), ("?", words.help), (words.escape_key, words.escape)];
    let row = |(key, what): (&'static str, &'static str)| {
        view! {
            <div class="key-list__row">
                <dt>
                    <kbd>{key}</kbd>
                </dt>
                <dd>{what}</dd>
            </div>
        }
    };
    view! {
        <div class="key-list">
            <dl>{keys.map(row).collect_view()}</dl>
            <p class="form__hint">{words.not_while_typing}</p>
        </div>
    }
}
