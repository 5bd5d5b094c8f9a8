//! The worker: the engine's shell in the browser. It owns the WebSocket and has the encoder, so that a busy page never
//! breaks a voice. Sound reaches it, and leaves it, over ports straight from and to the audio thread.

mod encoder;
mod ports;
mod shell;
mod socket;

fn main() {
    console_error_panic_hook::set_once();
    shell::start();
}
