//! The page: shows what the server says of a room, and asks it for what a person wants. It judges nothing, touches no
//! sample, and keeps nothing that a reload must not lose.

mod address;
#[expect(unreachable_pub, reason = "the component macro writes public items")]
mod app;
mod audio;
#[expect(unreachable_pub, reason = "the component macro writes public items")]
mod components;
mod link;
mod locales;
#[expect(unreachable_pub, reason = "the component macro writes public items")]
mod pages;
mod state;
mod typed;
mod wake_lock;

fn main() {
    console_error_panic_hook::set_once();
    leptos::mount::mount_to_body(app::App);
}
