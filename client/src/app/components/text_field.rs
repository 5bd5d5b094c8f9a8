//! One line of text with a label, a hint, and what is wrong with it.

use leptos::prelude::*;

/// Units of UTF-16, in which browsers count, that one character may be typed in: a letter, two marks on it, or a pair. A browser
/// cuts off what is longer without a word; whoever reads the field counts characters, and says so.
const UNITS_PER_CHAR: usize = 4;

/// See the module.
#[component]
pub(crate) fn TextField(
    /// Unique on the page.
    id: &'static str,
    /// The name of the field.
    label: &'static str,
    /// What is typed.
    value: RwSignal<String>,
    /// What is wrong; the field takes the focus when that changes to something.
    error: RwSignal<Option<&'static str>>,
    /// What to type.
    #[prop(optional, into)]
    hint: Option<&'static str>,
    /// Characters at most.
    chars_max: usize,
    /// What the browser may fill in by itself.
    #[prop(default = "off")]
    autocomplete: &'static str,
    /// Whether people write prose here, or an id.
    #[prop(default = false)]
    is_id: bool,
    /// Whether a dialog starts here.
    #[prop(default = false)]
    is_first: bool,
) -> impl IntoView {
    let node = NodeRef::<leptos::html::Input>::new();
    Effect::new(move || {
        if let Some(input) = error.get().and_then(|_| node.get_untracked()) {
            // Focus on something that cannot take it changes nothing.
            let _ = input.focus();
        }
    });
    let hint_id = format!("{id}-hint");
    let error_id = format!("{id}-error");
    let described_by = format!("{error_id} {hint_id}");
    view! {
        <div class="field">
            <label class="field__label" for=id>
                {label}
            </label>
            <input
                id=id
                node_ref=node
                class="field__input"
                type="text"
                autocomplete=autocomplete
                autocapitalize=if is_id { "none" } else { "words" }
                spellcheck="false"
                data-first=is_first.then_some("")
                maxlength=(UNITS_PER_CHAR * chars_max).to_string()
                aria-describedby=described_by
                aria-invalid=move || error.get().map(|_| "true")
                prop:value=move || value.get()
                on:input:target=move |event| {
                    value.set(event.target().value());
                    error.set(None);
                }
            />
            <p class="field__error" id=error_id role="alert">
                {move || error.get()}
            </p>
            <p class="field__hint" id=hint_id>
                {hint}
            </p>
        </div>
    }
}
