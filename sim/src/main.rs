//! Simulations of Dais: `dais-sim sound` prints what becomes of lag and loss, `dais-sim speech` writes what is heard, for
//! others to judge, both with the options of [`sound::Options`]; `dais-sim render` prints what playing costs.

/// As [`std::println`], see [`said`].
macro_rules! println {
    ($($what:tt)*) => { $crate::said::say(std::io::stdout(), format_args!("{}\n", format_args!($($what)*))) };
}

/// As [`std::eprintln`], see [`said`].
macro_rules! eprintln {
    ($($what:tt)*) => { $crate::said::say(std::io::stderr(), format_args!("{}\n", format_args!($($what)*))) };
}

mod render;
mod said;
mod sound;

use std::process::ExitCode;

const USAGE: &str = "\
usage: dais-sim sound --speech DIRECTORY [--trace FILE.csv] [--battery N] [--only NAME]
       dais-sim speech --speech DIRECTORY --output DIRECTORY
       dais-sim render";

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let kind = arguments.next();
    let outcome = match (kind.as_deref(), parse(arguments)) {
        (Some("render"), None) if std::env::args().len() == 2 => render::run().map(|()| true),
        (Some("sound"), Some(options)) => sound::run(&options),
        (Some("speech"), Some(options)) => sound::record(&options).map(|()| true),
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => {
            eprintln!("A gate does not hold: see the table.");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn parse(mut arguments: impl Iterator<Item = String>) -> Option<sound::Options> {
    let mut options = sound::Options::default();
    while let Some(name) = arguments.next() {
        let value = arguments.next()?;
        match name.as_str() {
            "--speech" => options.speech = value.into(),
            "--trace" => options.trace = Some(value.into()),
            "--battery" => options.battery = Some(value.parse().ok()?),
            "--only" => options.only = Some(value),
            "--output" => options.output = Some(value.into()),
            _ => return None,
        }
    }
    (!options.speech.as_os_str().is_empty()).then_some(options)
}
