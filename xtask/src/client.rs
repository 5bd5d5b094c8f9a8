//! Builds the page into `dist/`: compiles its modules, puts the page of `index.html` together, takes out what only people read,
//! compresses. Also the end of Trunk's work, for those who use Trunk. Knows where things land, not what is in them.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::page::{self, Asset, Source};
use crate::process::{Group, run, with_args};
use crate::{Result, cost, fingerprint, project, run, slim, wasm};

/// Everything the client is made of, and by.
const SOURCES: [&str; 16] = [
    "client",
    "shared/Cargo.toml",
    "shared/src",
    "audio/Cargo.toml",
    "audio/src",
    "engine/Cargo.toml",
    "engine/src",
    "Cargo.toml",
    "Cargo.lock",
    "index.html",
    ".cargo",
    "xtask/src/bin",
    "xtask/src/client.rs",
    "xtask/src/page.rs",
    "xtask/src/slim.rs",
    "xtask/src/wasm.rs",
];

/// What the page is built for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Page {
    /// For browsers: as small as it gets. This one is tested, measured and shipped.
    Small,
    /// For a first look: built in a fraction of the time, several times as large to load.
    Quick,
}

impl Page {
    /// Its cargo profile.
    fn profile(self) -> &'static str {
        match self {
            Page::Small => "wasm",
            Page::Quick => "quick",
        }
    }
}

/// Of the programs that put a page together.
const TOOLS_PROFILE: &str = "quick";

/// Builds the client into `dist/`, with compressed copies, unless it is there already; who is content with the quick one
/// takes the small one, too. An unchanged `dist/` keeps its file times, so that the server that embeds it is not rebuilt.
///
/// # Errors
/// When a step fails.
pub(crate) fn build(page: Page) -> Result<()> {
    // Taken before it is built: what is changed meanwhile may not be in it.
    let sources = fingerprint::of(project::root(), &SOURCES)?;
    if suffices(&noted()?, page, sources, built()?) {
        println!("The client in dist/ is up to date.");
        return Ok(());
    }
    match page {
        Page::Small => println!("Building the client, as small as it gets (WebAssembly; the first time takes some minutes)."),
        Page::Quick => println!("Building the client, as quickly as it goes (WebAssembly; the first time takes some minutes)."),
    }
    // Much of that keeps a single core busy: meanwhile the others build what the server and the bots are made of, for the
    // build that comes next.
    let mut ahead = Group::spawn(&mut run::dependencies_build())?;
    let dist = project::root().join("dist");
    let staging = dist.join(".stage");
    empty(&staging)?;
    cost::part("the programs that put the page together", || {
        run(tools(page, "build").args(["--bin", "bindgen", "--bin", "precompress"]))
    })?;
    cost::part("the page's modules", || compile(page))?;
    cost::part("the page put together", || assemble(page, &staging))?;
    // What may have failed there fails again, and is seen, where it is asked for.
    cost::part("what server and bots are made of", || ahead.wait())?;
    replace(&dist, &staging)?;
    write(&stamp()?, note(page, sources, built()?).as_bytes())
}

/// Insists that `dist/` holds the small page and that this program carries it. Whether sources have changed since is not asked.
///
/// # Errors
/// A sentence that says how to get there.
pub(crate) fn insist_on_small_in(program: &Path) -> Result<()> {
    let read = |path: &Path| std::fs::read(path).map_err(|error| format!("cannot read {}: {error}", path.display()));
    let noted = noted()?;
    let sources = noted.split(' ').nth(1).and_then(|digits| u64::from_str_radix(digits, 16).ok());
    if let Some(sources) = sources
        && suffices(&noted, Page::Small, sources, built()?)
        && holds(&read(program)?, &read(&project::root().join("dist/index.html"))?)
    {
        return Ok(());
    }
    Err(format!("{} does not carry the page as it is shipped; `cargo xtask build` builds it", program.display()))
}

fn holds(bytes: &[u8], part: &[u8]) -> bool {
    let Some(&first) = part.first() else { return true };
    bytes.windows(part.len()).any(|window| window[0] == first && window == part)
}

/// Where is noted what is in `dist/`.
fn stamp() -> Result<PathBuf> {
    Ok(project::scratch()?.join("client"))
}

/// What is noted there; nothing at first.
fn noted() -> Result<String> {
    Ok(std::fs::read_to_string(stamp()?).unwrap_or_default())
}

fn built() -> Result<u64> {
    fingerprint::of(project::root(), &["dist"])
}

/// For what the client was built, from what, and what came of it.
fn note(page: Page, sources: u64, built: u64) -> String {
    format!("{} {sources:016x} {built:016x}", page.profile())
}

/// Whether what was noted is what is wanted: who is content with the quick page takes the small one.
fn suffices(noted: &str, page: Page, sources: u64, built: u64) -> bool {
    [Page::Small, page].iter().any(|&enough| noted == note(enough, sources, built))
}

/// What cargo does with the programs in `bin/`, always in one profile and with the same features: they are built once. Brotli,
/// which takes long to build and long to run, is left to the page that is shipped.
fn tools(page: Page, what: &str) -> Command {
    let mut cargo = with_args("cargo", &[what, "--quiet", "--profile", TOOLS_PROFILE, "--package", "xtask"]);
    let features = match page {
        Page::Small => "bindgen,brotli",
        Page::Quick => "bindgen,precompress",
    };
    cargo.args(["--features", features]);
    cargo
}

/// Compiles everything that runs in the browser.
fn compile(page: Page) -> Result<()> {
    let html = read_text(&project::root().join("index.html"))?;
    let programs: Vec<String> = Source::read(&html)?.programs().map(|name| format!("--bin={name}")).collect();
    match page {
        // In one go, since what they share is compiled once that way.
        Page::Quick => run(compiling(page.profile(), &project::BROWSER_PACKAGES).arg("--lib").args(programs)),
        // Apart: a library among what is built keeps cargo from compiling all that it uses for optimisation as a whole alone.
        Page::Small => {
            run(compiling(page.profile(), &["dais-client"]).args(programs))?;
            run(&mut compiling_plain_modules(page.profile()))
        }
    }
}

fn compiling(profile: &str, packages: &[&str]) -> Command {
    let mut build = with_args("cargo", &["build", "--target", project::WASM_TARGET, "--profile", profile]);
    build.args(packages.iter().map(|package| format!("--package={package}")));
    build
}

fn compiling_plain_modules(profile: &str) -> Command {
    let mut build = compiling(profile, &PLAIN_MODULES.map(|(package, _, _)| package));
    build.arg("--lib");
    build
}

/// Where that lands.
fn compiled(profile: &str) -> PathBuf {
    project::target().join(project::WASM_TARGET).join(if profile == "dev" { "debug" } else { profile })
}

/// Puts together the page of `index.html`, from modules that are compiled, in an empty folder.
fn assemble(page: Page, folder: &Path) -> Result<()> {
    let html = read_text(&project::root().join("index.html"))?;
    let source = Source::read(&html)?;
    let modules = compiled(page.profile());
    let mut bindgen = tools(page, "run");
    bindgen.args(["--bin", "bindgen", "--"]).arg(folder);
    run(bindgen.args(source.programs().map(|name| modules.join(format!("{name}.wasm")))))?;
    let mut names = Vec::new();
    for asset in source.assets() {
        names.push((asset, place(asset, folder)?));
    }
    let name =
        |asset: &Asset<'_>| names.iter().find(|(known, _)| *known == asset).map_or(String::new(), |(_, name)| name.clone());
    write(&folder.join("index.html"), source.page(name)?.as_bytes())?;
    add_plain_modules(page.profile(), folder)?;
    slim_down(folder)?;
    let mut compress = tools(page, "run");
    compress.args(["--bin", "precompress", "--"]).arg(folder);
    run(&mut compress)
}

/// Puts an asset into the folder, and says under what name the page finds it: one with a hash of the contents, for browsers to
/// keep for ever, wherever the name is not known to the program.
fn place(asset: &Asset<'_>, folder: &Path) -> Result<String> {
    let rename = |from: &str, to: &str| {
        let renamed = std::fs::rename(folder.join(from), folder.join(to));
        renamed.map_err(|error| format!("cannot rename {from} to {to}: {error}"))
    };
    match asset {
        Asset::Main(name) => {
            let (script, module) = (format!("{name}.js"), format!("{name}_bg.wasm"));
            let hashed = format!("{name}-{:016x}", fingerprint::of(folder, &[&script, &module])?);
            rename(&script, &format!("{hashed}.js"))?;
            rename(&module, &format!("{hashed}_bg.wasm"))?;
            Ok(hashed)
        }
        Asset::Worker(name) => {
            write(&folder.join(format!("{name}_loader.js")), page::worker_loader(name).as_bytes())?;
            Ok((*name).to_owned())
        }
        Asset::Icon(path) | Asset::Stylesheet(path) | Asset::File(path) => {
            let (stem, extension) = Path::new(path)
                .file_name()
                .and_then(|name| name.to_str()?.rsplit_once('.'))
                .ok_or_else(|| format!("index.html names a file without an extension: {path}"))?;
            let name = match asset {
                Asset::File(_) => format!("{stem}.{extension}"),
                _ => format!("{stem}-{:016x}.{extension}", fingerprint::of(project::root(), &[path])?),
            };
            copy(&project::root().join(path), &folder.join(&name))?;
            Ok(name)
        }
    }
}

/// Makes the folder, without anything in it.
fn empty(folder: &Path) -> Result<()> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(format!("cannot empty {}: {error}", folder.display()));
        }
        _ => {}
    }
    std::fs::create_dir_all(folder).map_err(|error| format!("cannot make {}: {error}", folder.display()))
}

/// Puts what `staging`, a folder in `dist`, holds in the place of everything else there.
fn replace(dist: &Path, staging: &Path) -> Result<()> {
    let entries = |folder: &Path| -> Result<Vec<PathBuf>> {
        let entries = std::fs::read_dir(folder).map_err(|error| format!("cannot read {}: {error}", folder.display()))?;
        Ok(entries.filter_map(|entry| Some(entry.ok()?.path())).collect())
    };
    let failed = |path: &Path, error: std::io::Error| format!("cannot replace {}: {error}", path.display());
    for old in entries(dist)?.iter().filter(|path| *path != staging) {
        let removed = if old.is_dir() { std::fs::remove_dir_all(old) } else { std::fs::remove_file(old) };
        removed.map_err(|error| failed(old, error))?;
    }
    for new in entries(staging)? {
        let name = new.file_name().unwrap_or_default();
        std::fs::rename(&new, dist.join(name)).map_err(|error| failed(&new, error))?;
    }
    std::fs::remove_dir(staging).map_err(|error| failed(staging, error))
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
    let profile = if release { Page::Small.profile() } else { "dev" };
    run(compiling_plain_modules(profile).arg("--quiet"))?;
    std::fs::create_dir_all(&folder).map_err(|error| format!("cannot make {}: {error}", folder.display()))?;
    add_plain_modules(profile, &folder)?;
    if release { slim_down(&folder) } else { Ok(()) }
}

fn add_plain_modules(profile: &str, folder: &Path) -> Result<()> {
    for (_, built, shipped) in PLAIN_MODULES {
        let shipped = folder.join(shipped);
        copy(&compiled(profile).join(built), &shipped)?;
        insist_on_no_imports(&shipped)?;
    }
    Ok(())
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

fn copy(from: &Path, to: &Path) -> Result<()> {
    std::fs::copy(from, to).map(drop).map_err(|error| format!("cannot copy {}: {error}", from.display()))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_small_page_suffices_for_everybody_and_the_quick_one_for_who_asks_for_it() {
        let (small, quick) = (note(Page::Small, 1, 2), note(Page::Quick, 1, 2));
        let answers = |noted: &str| [Page::Small, Page::Quick].map(|page| suffices(noted, page, 1, 2));
        assert_eq!([answers(&small), answers(&quick), answers("")], [[true, true], [false, true], [false, false]]);
        // Sources have changed since; and somebody else has written to dist/.
        assert!(!suffices(&small, Page::Small, 3, 2) && !suffices(&quick, Page::Quick, 1, 3));
    }

    #[test]
    fn a_program_that_carries_a_page_holds_its_bytes() {
        assert!(holds(b"\x7fELF<html>\0", b"<html>") && holds(b"<html>", b"<html>"));
        assert!(!holds(b"<htm", b"<html>") && !holds(b"<htm>l>", b"<html>"));
    }

    #[test]
    fn a_finished_page_takes_the_place_of_everything_there() {
        let dist = std::env::temp_dir().join(format!("xtask-client-{}", std::process::id()));
        let staging = dist.join(".stage");
        empty(&staging).expect("a folder");
        for (name, text) in [("old.js", "1"), (".stage/index.html", "2"), (".stage/new.js", "3")] {
            std::fs::write(dist.join(name), text).expect("writable");
        }
        std::fs::create_dir(dist.join("snippets")).expect("a folder");
        replace(&dist, &staging).expect("replaced");
        let mut names: Vec<_> = std::fs::read_dir(&dist).expect("there").map(|entry| entry.expect("read").file_name()).collect();
        names.sort();
        assert_eq!(names, ["index.html", "new.js"]);
        let _ = std::fs::remove_dir_all(dist);
    }

    #[test]
    fn names_carry_a_hash_unless_the_program_knows_them() {
        let folder = std::env::temp_dir().join(format!("xtask-place-{}", std::process::id()));
        empty(&folder).expect("a folder");
        for name in ["app.js", "app_bg.wasm"] {
            std::fs::write(folder.join(name), name).expect("writable");
        }
        let place = |asset| place(&asset, &folder).expect("placed");
        let main = place(Asset::Main("app"));
        let (stem, hash) = main.split_once('-').expect("a hash");
        assert!(stem == "app" && hash.len() == 16 && folder.join(format!("{main}_bg.wasm")).is_file());
        assert_eq!(place(Asset::Worker("worker")), "worker");
        assert_eq!(std::fs::read_to_string(folder.join("worker_loader.js")).expect("there"), page::worker_loader("worker"));
        assert_eq!(place(Asset::File("client/worklet/playout.js")), "playout.js");
        let style = place(Asset::Stylesheet("client/styles/tokens.css"));
        assert!(style.starts_with("tokens-") && style.len() == "tokens-.css".len() + 16 && folder.join(&style).is_file());
        let _ = std::fs::remove_dir_all(folder);
    }
}
