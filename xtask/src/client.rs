//! Builds the page: Trunk makes `dist/` from `index.html`, calls back for the sound's modules,
//! and the result is compressed. Knows where things land, not what is in them.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use crate::process::{Group, run, with_args};
use crate::{Result, fingerprint, project, run, slim, wasm};

/// Everything the client is made of.
const SOURCES: [&str; 12] = [
    "client",
    "shared/Cargo.toml",
    "shared/src",
    "audio/Cargo.toml",
    "audio/src",
    "engine/Cargo.toml",
    "engine/src",
    "Cargo.toml",
    "Cargo.lock",
    "Trunk.toml",
    "index.html",
    ".cargo",
];

/// The cargo profile of everything that is shipped to browsers.
const PROFILE: &str = "wasm";

/// Builds the client in release into `dist/`, with compressed copies, unless it is there already.
/// An unchanged `dist/` keeps its file times, so that the server that embeds it is not rebuilt.
///
/// # Errors
/// When Trunk or one of its steps fails.
pub(crate) fn build() -> Result<()> {
    let stamp = project::scratch()?.join("client");
    // Taken before it is built: what is changed meanwhile may not be in it.
    let sources = sources()?;
    if std::fs::read_to_string(&stamp).is_ok_and(|before| Ok(before) == state(sources)) {
        println!("The client in dist/ is up to date.");
        return Ok(());
    }
    println!("Building the client (WebAssembly; the first time takes some minutes).");
    // The page ends with minutes of link-time optimisation on a single core: meanwhile the others build what the
    // server and the bots are made of, for the build that comes next.
    let mut ahead = Group::spawn(run::native_build().arg("--quiet").stdout(Stdio::null()).stderr(Stdio::null()))?;
    run(&mut with_args("trunk", &["build", "--release"]))?;
    // What may have failed there fails again, and is seen, where it is asked for.
    ahead.wait()?;
    compress()?;
    let write = std::fs::write(&stamp, state(sources)?);
    write.map_err(|error| format!("cannot write {}: {error}", stamp.display()))
}

fn sources() -> Result<u64> {
    fingerprint::of(project::root(), &SOURCES)
}

/// What the client is built from and what was built, as one line.
fn state(sources: u64) -> Result<String> {
    let built = fingerprint::of(project::root(), &["dist"])?;
    Ok(format!("{sources:016x} {built:016x}"))
}

fn compress() -> Result<()> {
    // Always optimised: Brotli at its highest quality is slow enough as it is.
    let mut compress = with_args("cargo", &["run", "--quiet", "--release", "--package", "xtask"]);
    compress.args(["--features", "precompress", "--bin", "precompress", "--", "dist"]);
    run(&mut compress)
}

/// The modules of the sound, which are no Trunk assets because they do without wasm-bindgen: the package that makes each,
/// cargo's name for it, and ours.
const PLAIN_MODULES: [(&str, &str, &str); 3] = [
    ("dais-encoder", "dais_encoder.wasm", "encoder.wasm"),
    ("dais-worklet", "dais_worklet.wasm", "worklet.wasm"),
    ("dais-suppressor", "dais_suppressor.wasm", "suppressor.wasm"),
];

/// What Trunk calls at the end of its work: adds the sound's modules, and in release takes out of every
/// file what only people read. Works on Trunk's staging folder, or on `dist/` when Trunk is not the caller; the
/// variables are those Trunk gives its hooks.
///
/// # Errors
/// When a step fails, or when one of them imports anything: they are instantiated with nothing.
pub(crate) fn finish() -> Result<()> {
    let release = std::env::var("TRUNK_PROFILE").map_or(true, |profile| profile == "release");
    let folder = std::env::var_os("TRUNK_STAGING_DIR").map_or_else(|| project::root().join("dist"), PathBuf::from);
    let (profile, output) = if release { (PROFILE, PROFILE) } else { ("dev", "debug") };
    let mut build = with_args("cargo", &["build", "--lib", "--quiet", "--target", project::WASM_TARGET, "--profile", profile]);
    build.args(PLAIN_MODULES.map(|(package, _, _)| format!("--package={package}")));
    run(&mut build)?;
    std::fs::create_dir_all(&folder).map_err(|error| format!("cannot make {}: {error}", folder.display()))?;
    for (_, built, shipped) in PLAIN_MODULES {
        let built = project::target().join(project::WASM_TARGET).join(output).join(built);
        let shipped = folder.join(shipped);
        std::fs::copy(&built, &shipped).map_err(|error| format!("cannot copy {}: {error}", built.display()))?;
        insist_on_no_imports(&shipped)?;
    }
    if release { slim_down(&folder) } else { Ok(()) }
}

/// Takes out of the folder's files what only people and debuggers read.
fn slim_down(folder: &Path) -> Result<()> {
    for path in files_in(folder, "wasm")? {
        strip_names(&path)?;
    }
    for path in files_in(folder, "js")? {
        // One that cannot be judged line by line stays as it is.
        if let Some(slim) = slim::without_comments(&read_text(&path)?) {
            write(&path, slim.as_bytes())?;
        }
    }
    join_stylesheets(folder)
}

fn files_in(folder: &Path, extension: &str) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder).map_err(|error| format!("cannot read {}: {error}", folder.display()))?;
    let files = entries.filter_map(|entry| Some(entry.ok()?.path()));
    Ok(files.filter(|path| path.extension().is_some_and(|found| found == extension)).collect())
}

/// Makes a module smaller by what only a debugger reads, a tenth to a third, and by the hashes in the names that it and its
/// script have for each other, where wasm-bindgen made it.
fn strip_names(path: &Path) -> Result<()> {
    let in_file = |error: String| format!("{}: {error}", path.display());
    let module = std::fs::read(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    let mut module = wasm::without_names(&module).map_err(in_file)?;
    let stem = path.file_stem().and_then(|stem| stem.to_str()).and_then(|stem| stem.strip_suffix("_bg"));
    if let Some(stem) = stem {
        let glue = path.with_file_name(format!("{stem}.js"));
        let (renamed, script) = slim::short_names(&module, &read_text(&glue)?).map_err(in_file)?;
        write(&glue, script.as_bytes())?;
        module = renamed;
    }
    write(path, &module)
}

/// One stylesheet compresses better than several, and comes with one response's headers.
fn join_stylesheets(folder: &Path) -> Result<()> {
    let index = folder.join("index.html");
    if !index.exists() {
        return Ok(()); // The folder has no page, only the modules that are added to one.
    }
    let page = read_text(&index)?;
    let names = slim::stylesheets(&page);
    if names.is_empty() {
        return Err("index.html has no stylesheets, or Trunk writes them in another way".to_owned());
    }
    let mut joined = String::new();
    for name in names {
        joined += &read_text(&folder.join(name))?;
        std::fs::remove_file(folder.join(name)).map_err(|error| format!("cannot remove {name}: {error}"))?;
    }
    write(&folder.join("styles.css"), joined.as_bytes())?;
    let name = format!("styles-{:016x}.css", fingerprint::of(folder, &["styles.css"])?);
    std::fs::rename(folder.join("styles.css"), folder.join(&name))
        .map_err(|error| format!("cannot rename to {name}: {error}"))?;
    write(&index, slim::with_one_stylesheet(&page, &name).as_bytes())
}

fn read_text(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).map_err(|error| format!("cannot read {}: {error}", path.display()))
}

fn write(path: &Path, contents: &[u8]) -> Result<()> {
    std::fs::write(path, contents).map_err(|error| format!("cannot write {}: {error}", path.display()))
}

fn insist_on_no_imports(path: &Path) -> Result<()> {
    let module = std::fs::read(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    let imports = wasm::imports(&module).map_err(|error| format!("{}: {error}", path.display()))?;
    if imports.is_empty() {
        Ok(())
    } else {
        Err(format!(
            "{} imports {}; there is nobody to provide that. A missing C \
             function belongs into audio/src/wasm_libc.rs",
            path.display(),
            imports.join(", ")
        ))
    }
}
