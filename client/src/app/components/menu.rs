//! A button that opens a menu. The browser puts it above everything, and closes it on Escape or on a click beside it;
//! arrow keys move inside.

use std::sync::atomic::{AtomicU32, Ordering};

use leptos::html;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement};

use super::icon::{Glyph, Icon};

/// Pixels between the menu, its button and the edges of the page.
const GAP_PX: f64 = 8.0;

/// The menu around the calling component; closes it.
#[derive(Clone, Copy)]
pub(super) struct Menu(NodeRef<html::Div>);

impl Menu {
    /// Closes it; nothing where it is closed already.
    pub(super) fn close(self) {
        if let Some(menu) = self.0.get_untracked() {
            let _ = menu.hide_popover();
        }
    }
}

/// See the module. The children are [`super::menu_item::MenuItem`]s, and what else belongs there goes into `footer`.
#[component]
pub(crate) fn MenuButton(
    /// Names button and menu.
    #[prop(into)]
    label: Signal<String>,
    /// Whether there are any items, or only a footer.
    #[prop(into, default = Signal::stored(true))]
    has_items: Signal<bool>,
    /// Below the items.
    #[prop(optional, into)]
    footer: ViewFn,
    /// The items.
    children: ChildrenFn,
) -> impl IntoView {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let id = format!("menu-{}", NEXT.fetch_add(1, Ordering::Relaxed));
    let button = NodeRef::<html::Button>::new();
    let menu = NodeRef::<html::Div>::new();
    let is_open = RwSignal::new(false);
    provide_context(Menu(menu));
    let toggled = move |_| {
        let (Some(button), Some(menu)) = (button.get_untracked(), menu.get_untracked()) else { return };
        is_open.set(menu.matches(":popover-open").unwrap_or(false));
        if is_open.get_untracked() {
            // Its content is there from the next frame on.
            request_animation_frame(move || {
                place(&button, &menu);
                focus(&menu, |_, _| 0);
            });
        } else {
            let _ = menu.remove_attribute("data-placed");
        }
    };
    let items = StoredValue::new(children);
    view! {
        <button
            class="button button--icon"
            type="button"
            node_ref=button
            popovertarget=id.clone()
            aria-haspopup=move || if has_items.get() { "menu" } else { "dialog" }
            aria-expanded=move || is_open.get().to_string()
            aria-label=move || label.get()
        >
            <Icon glyph=Glyph::Dots />
        </button>
        <div id=id class="menu" popover="auto" node_ref=menu on:toggle=toggled on:keydown=move |event| walk(menu, &event)>
            <Show when=move || is_open.get()>
                <p class="menu__title" aria-hidden="true">
                    {move || label.get()}
                </p>
                <Show when=move || has_items.get()>
                    <div class="menu__items" role="menu" aria-label=move || label.get()>
                        {items.with_value(|items| items())}
                    </div>
                </Show>
                {footer.run()}
            </Show>
        </div>
    }
}

/// Below the button, or above it where there is no room, within the page. Narrow pages have their own place for it.
fn place(button: &HtmlElement, menu: &HtmlElement) {
    let inner = |size: Result<wasm_bindgen::JsValue, _>| size.ok().and_then(|size| size.as_f64()).unwrap_or(0.0);
    let (page_width, page_height) = (inner(window().inner_width()), inner(window().inner_height()));
    let (width, height) = (f64::from(menu.offset_width()), f64::from(menu.offset_height()));
    let anchor = button.get_bounding_client_rect();
    let below = anchor.bottom() + GAP_PX;
    let y = if below + height + GAP_PX <= page_height { below } else { anchor.top() - GAP_PX - height };
    let x = (anchor.right() - width).min(page_width - width - GAP_PX);
    for (property, value) in [("--menu-x", x), ("--menu-y", y)] {
        // A custom property takes any value.
        let _ = menu.style().set_property(property, &format!("{}px", value.max(GAP_PX)));
    }
    let _ = menu.set_attribute("data-placed", "");
}

fn walk(menu: NodeRef<html::Div>, event: &leptos::ev::KeyboardEvent) {
    let is_in_items = document().active_element().is_some_and(|active| active.get_attribute("role").is_some());
    // A slider has its own use for the keys.
    let Some(menu) = menu.get_untracked().filter(|_| is_in_items) else { return };
    match event.key().as_str() {
        "ArrowDown" => focus(&menu, |at, count| (at + 1) % count),
        "ArrowUp" => focus(&menu, |at, count| (at + count - 1) % count),
        "Home" => focus(&menu, |_, _| 0),
        "End" => focus(&menu, |_, count| count - 1),
        _ => return,
    }
    event.prevent_default();
}

/// Focuses the item that `choose` names, from where the focus is and how many items there are.
fn focus(menu: &Element, choose: impl Fn(usize, usize) -> usize) {
    let Ok(found) = menu.query_selector_all("[role^=menuitem], input") else { return };
    let items: Vec<HtmlElement> = (0..found.length()).filter_map(|at| found.get(at)?.dyn_into().ok()).collect();
    let active = document().active_element();
    let at = items.iter().position(|item| Some(item.unchecked_ref::<Element>()) == active.as_ref());
    if let Some(item) = items.get(choose(at.unwrap_or(0), items.len().max(1))) {
        // Focus on something that cannot take it changes nothing.
        let _ = item.focus();
    }
}
