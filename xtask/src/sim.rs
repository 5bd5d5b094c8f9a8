//! `cargo xtask sim`: what is run in virtual time. Without another word the server, its clients and the network between them,
//! a seed after the other; `sim sound` the sound over seeded networks, with speech from a synthesiser and the judges of the
//! tests.

use std::path::{Path, PathBuf};

use crate::process::{command, run, with_args};
use crate::{Result, process, project, setup};

/// Voices of espeak-ng, and what each of them says: sentences of the Harvard lists (IEEE, 1969), two to a clip.
const VOICES: [&str; 4] = ["en-us", "en-gb", "en-us+f3", "en-gb+m3"];
const SENTENCES: [&str; 6] = [
    "The birch canoe slid on the smooth planks. Glue the sheet to the dark blue background.",
    "It is easy to tell the depth of a well. These days a chicken leg is a rare dish.",
    "Rice is often served in round bowls. The juice of lemons makes fine punch.",
    "The box was thrown beside the parked truck. The hogs were fed chopped corn and garbage.",
    "Four hours of steady work faced us. A large size in stockings is hard to sell.",
    "The boy was there when the sun rose. A rod is used to catch pink salmon.",
];

const USAGE: &str = "cargo xtask sim [--seeds N] [--from S] | sim --seed S | sim sound [--trace FILE.csv] [--only NAME] \
                     [--battery N] [--no-judges]";

/// Runs one kind of simulation with its own options.
///
/// # Errors
/// Something is missing that cannot be set up, an option is unknown, a gate does not hold, or a seed fails.
pub(crate) fn sim(args: &[String]) -> Result<()> {
    match args.split_first() {
        Some((kind, options)) if kind == "sound" => sound(options),
        _ => run(&mut evenings(args)?),
    }
}

/// The simulation's one test, which does what its environment says.
fn evenings(options: &[String]) -> Result<std::process::Command> {
    let mut test = with_args("cargo", &["test", "--release", "--quiet", "--package", "dais-tests", "--test", "simulation"]);
    test.args(["--", "--nocapture", "--exact", "whatever_happens_the_promises_are_kept"]);
    test.env("DAIS_SIM_SEEDS", "1000");
    for pair in options.chunks(2) {
        let [option, value] = pair else { return Err(format!("{} needs a number: {USAGE}", pair[0])) };
        let variable = match option.as_str() {
            "--seeds" => "DAIS_SIM_SEEDS",
            "--from" => "DAIS_SIM_FROM",
            "--seed" => "DAIS_SIM_SEED",
            _ => return Err(format!("`sim` has no {option}: {USAGE}")),
        };
        let number: u64 = value.parse().map_err(|_| format!("{option} needs a number, which {value:?} is not"))?;
        test.env(variable, number.to_string());
    }
    Ok(test)
}

/// First lag and loss, then, unless `--no-judges` is said, PESQ and STOI.
fn sound(options: &[String]) -> Result<()> {
    let judged = !options.iter().any(|option| option == "--no-judges" || option == "--trace" || option == "--only");
    let options: Vec<&String> = options.iter().filter(|option| *option != "--no-judges").collect();
    if judged || process::which("espeak-ng").is_none() || process::which("sox").is_none() {
        setup::test_tools()?;
    }
    let speech = speech()?;
    run(&mut with_args("cargo", &["build", "--release", "--quiet", "--package", "dais-sim"]))?;
    let simulate = |kind: &str| {
        let mut simulate = command(project::release_binary("dais-sim"));
        simulate.arg(kind).arg("--speech").arg(&speech);
        simulate
    };
    // What is shown is judged below, too, even where a gate does not hold.
    let held = run(simulate("sound").args(options));
    if judged {
        let heard = project::scratch()?.join("heard");
        make_anew(&heard)?;
        run(simulate("speech").arg("--output").arg(&heard))?;
        run(command(setup::python()?).arg(project::root().join("sim/judge.py")).arg(&speech).arg(&heard))?;
    }
    held
}

/// A folder with a WAV file per clip, made once for what they are to say.
fn speech() -> Result<PathBuf> {
    let folder = project::scratch()?.join("speech");
    let complete = folder.join("complete");
    let wanted = format!("{VOICES:?} {SENTENCES:?}");
    if std::fs::read_to_string(&complete).is_ok_and(|made| made == wanted) {
        return Ok(folder);
    }
    make_anew(&folder)?;
    let raw = folder.join("raw");
    for (index, (voice, sentence)) in VOICES.iter().flat_map(|voice| SENTENCES.map(|sentence| (voice, sentence))).enumerate() {
        run(command("espeak-ng").args(["-v", voice, "-s", "150", "-w"]).arg(&raw).arg(sentence))?;
        let clip = folder.join(format!("{index:02}.wav"));
        let convert = ["-r", "48000", "-c", "1", "-b", "16"];
        run(command("sox").args(["-t", "wav"]).arg(&raw).args(convert).arg(clip).args(["gain", "-n", "-6"]))?;
    }
    std::fs::write(&complete, wanted).map_err(|error| format!("cannot write {}: {error}", complete.display()))?;
    Ok(folder)
}

fn make_anew(folder: &Path) -> Result<()> {
    let _ = std::fs::remove_dir_all(folder);
    std::fs::create_dir_all(folder).map_err(|error| format!("cannot make {}: {error}", folder.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(options: &[&str]) -> Result<Vec<(String, String)>> {
        let options: Vec<String> = options.iter().map(|option| (*option).to_owned()).collect();
        let test = evenings(&options)?;
        let text = |word: &std::ffi::OsStr| word.to_string_lossy().into_owned();
        Ok(test
            .get_envs()
            .filter_map(|(name, value)| Some((text(name), text(value?))))
            .filter(|(name, _)| name.contains("SIM"))
            .collect())
    }

    #[test]
    fn options_become_variables_of_the_test_and_wrong_ones_are_refused() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(asked(&[]), Ok(vec![pair("DAIS_SIM_SEEDS", "1000")]));
        let both = vec![pair("DAIS_SIM_FROM", "7"), pair("DAIS_SIM_SEEDS", "30")];
        assert_eq!(asked(&["--seeds", "30", "--from", "7"]), Ok(both));
        for wrong in [&["--seed"][..], &["--seed", "x"], &["--speed", "3"], &["noise"]] {
            assert!(asked(wrong).is_err(), "{wrong:?}");
        }
    }
}
