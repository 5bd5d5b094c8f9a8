//! Every command a developer or CI gives, as `cargo xtask COMMAND`.
//!
//! This program starts other programs and reports how they fared. It refuses to know what the
//! product does: nothing here depends on another package of the workspace, so that it compiles
//! on a machine that has a stable Rust and nothing else.

/// As [`std::println`], see [`said`].
macro_rules! println {
    ($($what:tt)*) => { $crate::said::say(std::io::stdout(), format_args!("{}\n", format_args!($($what)*))) };
}

/// As [`std::print`], see [`said`].
macro_rules! print {
    ($($what:tt)*) => { $crate::said::say(std::io::stdout(), format_args!($($what)*)) };
}

/// As [`std::eprintln`], see [`said`].
macro_rules! eprintln {
    ($($what:tt)*) => { $crate::said::say(std::io::stderr(), format_args!("{}\n", format_args!($($what)*))) };
}

mod awake;
mod bench;
mod check;
mod client;
mod cost;
mod dev;
mod fingerprint;
mod fuzz;
mod mutate;
mod page;
mod process;
mod project;
mod run;
mod said;
mod setup;
mod sim;
mod slim;
mod test;
mod wasm;

use std::process::ExitCode;

/// What went wrong, as a sentence for the person at the terminal.
type Result<T> = std::result::Result<T, String>;

const HELP: &str = "\
Dais: the commands of this project

  cargo xtask run [-- OPTIONS]    build everything and start the server; OPTIONS are those of `dais`
                                  (try: cargo xtask run -- --help). The page is built quickly, and
                                  larger, unless `build` has made the small one
  cargo xtask build               build everything as it is shipped, with the page as small as it gets
  cargo xtask test [--long] [STEP…]
                                  every test there is; the last line is the count. --long is the
                                  big size. STEP names run only those steps (see below)
  cargo xtask check               the quick loop: format, lints, pure tests, wasm check
  cargo xtask dev                 the server and `trunk serve` together; each is rebuilt as its
                                  files change

  cargo xtask mutate              flip every cell of the permissions table, one at a time: the
                                  tests have to notice each
  cargo xtask fuzz [--minutes N] [--keep] [TARGET…]
                                  look for inputs that break what must hold (fuzz/src): on all
                                  cores, for N minutes in all (default 4). What fails is made small
                                  and put into fuzz/corpus; --keep also puts in what reaches new code
  cargo xtask sim [--seeds N] [--from S]
                                  the server, its clients and the network between them, in virtual
                                  time: N seeds (1000), or with --seed S one, with a log of it
  cargo xtask sim sound [--trace FILE.csv] [--only NAME] [--battery N] [--no-judges]
                                  the sound over seeded networks, in virtual time, beside a fixed
                                  buffer and NetEq's; FILE.csv: seq,sent_ms,arrived_ms
  cargo xtask bench render        what it costs to play one, four and sixteen voices here
  cargo xtask bench fan-out [--rounds N] [--seconds N] [--listeners N] [--speakers N]
                                  what it costs the server to give voice to 200 and 1,000 listeners, beside
                                  a bare loop of sends; fails where a gate is missed
  cargo xtask bench store [--identities N] [--rooms N] [--links N] [--times N]
                                  what each request to the store costs on an empty one and on a full
                                  one (100,000, 10,000 and 100,000): no more than twice as much
  cargo xtask bench echo          how much of a voice comes back from a loudspeaker beside a microphone
  cargo xtask bench listener [--seconds N]
                                  what it costs a browser to hear three people, beside its own WebRTC,
                                  and how long its audio thread takes
  cargo xtask bench join [--times N]
                                  how long it takes from the click on Join until the room is heard
  cargo xtask bench speech [--pairs N]
                                  what is left of clean speech, beside the browser's own WebRTC
  cargo xtask bench mouth-to-ear [--pairs N] [--one-way MS --loss PERCENT]
                                  how late a voice is heard, beside the browser's own WebRTC; with a
                                  delay or loss, through an emulated network (needs root)
  cargo xtask setup [--dev] [--test]
                                  only set up what `run` needs (--dev: what `dev`, `trunk serve` and
                                  `trunk build` need, too; --test: what `test` needs)
  cargo xtask client              only build the client into dist/, as small as it gets
  cargo xtask env                 print the variables that tests read, as shell exports
  cargo xtask finish-client       the last step of building the client (Trunk calls this as a hook)

Steps of `test`: set-up format clippy clippy-wasm client release unit doc e2e, and under --long or
by its name: trunk
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let (command, rest) = match args.split_first() {
        Some((command, rest)) => (command.as_str(), rest),
        None => ("help", &[][..]),
    };
    let outcome = match command {
        "run" => run::run(rest),
        "build" => run::build(),
        "test" => return test::run(rest),
        "check" => return check::run(),
        "dev" => dev::run(),
        "mutate" => mutate::mutate(),
        "fuzz" => fuzz::fuzz(rest),
        "sim" => sim::sim(rest),
        "bench" => bench::bench(rest),
        "setup" => setup_only(rest),
        "client" => setup::build_tools().and_then(|()| client::build(client::Page::Small)),
        "env" => test::environment().map(|variables| {
            for (name, value) in variables {
                println!("export {name}='{value}'");
            }
        }),
        "finish-client" => client::finish(),
        "help" | "--help" | "-h" => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        unknown => {
            eprintln!("xtask has no command `{unknown}`.\n\n{HELP}");
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            eprintln!("xtask: {sentence}");
            ExitCode::FAILURE
        }
    }
}

/// `cargo xtask setup [--dev] [--test]`.
fn setup_only(args: &[String]) -> Result<()> {
    if args.iter().any(|arg| arg != "--dev" && arg != "--test") {
        return Err("`setup` takes nothing but --dev and --test".to_owned());
    }
    let asked = |flag: &str| args.iter().any(|arg| arg == flag);
    setup::build_tools()?;
    if asked("--dev") {
        setup::trunk()?;
    }
    if asked("--test") {
        setup::test_tools()?;
    }
    match cost::total() {
        Some(total) => println!("Everything is set up, in {total}."),
        None => println!("Everything is set up."),
    }
    Ok(())
}
