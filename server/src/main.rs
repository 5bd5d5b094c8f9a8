//! The `dais` binary. Everything is in the library, so that tests start the same thing.

fn main() -> std::process::ExitCode {
    dais_server::run(std::env::args_os())
}
