//! The worker: the engine's shell in the browser. It owns the WebSocket and has the encoder, so that a busy page never
//! breaks a voice. Sound reaches it over a port straight from the audio thread, and leaves it through memory shared with that.

mod clock;
mod encoder;
mod playout;
mod ports;
mod ring;
mod shell;
mod socket;

fn main() {
    console_error_panic_hook::set_once();
    shell::start();
}
