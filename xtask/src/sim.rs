//! `cargo xtask sim sound`: the sound over seeded networks, with speech from a synthesiser and the judges of the tests.

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

/// Runs one kind of simulation with its own options.
///
/// # Errors
/// Something is missing that cannot be set up, an option is unknown, or a gate does not hold.
pub(crate) fn sim(args: &[String]) -> Result<()> {
    match args.split_first() {
        Some((kind, options)) if kind == "sound" => sound(options),
        _ => {
            Err("say what to simulate: cargo xtask sim sound [--trace FILE.csv] [--only NAME] [--battery N] [--no-judges]"
                .to_owned())
        }
    }
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
