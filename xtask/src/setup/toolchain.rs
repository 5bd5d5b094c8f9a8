//! Rust for wasm32, in the toolchain that plain `cargo` uses in this folder. Three ways, in this
//! order: it is there; rustup adds it; on Debian, the distribution's Rust with its source, from
//! which std is built once. The last serves machines that reach package registries and nothing
//! else, and is linked into rustup as `debian-web` for this folder.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::system::{self, System};
use crate::process::{command, run, succeeds, with_args};
use crate::{Result, process, project};

/// The name under which rustup knows Debian's Rust.
const DEBIAN_TOOLCHAIN: &str = "debian-web";

/// Debian's Rust with the parts the project needs; `lld` links for wasm32.
const DEBIAN_PACKAGES: [&str; 7] =
    ["rustc-web", "cargo-web", "rust-web-src", "rustfmt-web", "rust-web-clippy", "rust-web-llvm", "lld-22"];

/// How long rustup may try to download: it goes on for long where its host cannot be reached.
const RUSTUP_LIMIT: Duration = Duration::from_secs(300);

/// Makes `cargo build --target wasm32-unknown-unknown` work.
pub(super) fn wasm(system: &mut System) -> Result<()> {
    if compiles_for_wasm(command("rustc")) {
        return Ok(());
    }
    if rustup_may_fetch() {
        println!("Adding Rust's standard library for wasm32 (rustup downloads about 20 MB).");
        rustup(&["target", "add", project::WASM_TARGET])?;
        if compiles_for_wasm(command("rustc")) {
            return Ok(());
        }
    }
    use_debian_toolchain(system)
}

/// Makes `cargo fmt` and `cargo clippy` work.
pub(super) fn lints(system: &mut System) -> Result<()> {
    if lints_work() {
        return Ok(());
    }
    if rustup_may_fetch() {
        println!("Adding rustfmt and clippy (rustup downloads about 10 MB).");
        rustup(&["component", "add", "rustfmt", "clippy"])?;
        if lints_work() {
            return Ok(());
        }
    }
    use_debian_toolchain(system)?;
    if lints_work() { Ok(()) } else { Err("`cargo fmt` or `cargo clippy` does not work: install rustfmt and clippy".to_owned()) }
}

fn lints_work() -> bool {
    succeeds(&mut with_args("cargo", &["fmt", "--version"])) && succeeds(&mut with_args("cargo", &["clippy", "--version"]))
}

/// Whether rustup is there and allowed to download: `RUSTUP_AUTO_INSTALL=0` says no.
fn rustup_may_fetch() -> bool {
    let forbidden = std::env::var("RUSTUP_AUTO_INSTALL").is_ok_and(|value| value == "0");
    process::which("rustup").is_some() && !forbidden
}

/// Runs rustup in this folder. That it fails is no error yet: there is a third way.
fn rustup(args: &[&str]) -> Result<()> {
    let mut rustup = with_args("rustup", args);
    println!("  $ {}", process::shown(&rustup));
    let log = project::scratch()?.join("rustup.log");
    let end = process::logged(&mut rustup, &log, None, RUSTUP_LIMIT)?;
    if !end.success() {
        println!("  rustup could not ({end}); trying another way.");
    }
    Ok(())
}

/// Whether this `rustc` compiles and links a library for wasm32. A look at the files would not
/// notice a std that was built by another version, or a missing linker.
fn compiles_for_wasm(mut rustc: Command) -> bool {
    let Ok(folder) = project::scratch() else {
        return false;
    };
    rustc.args(["--target", project::WASM_TARGET, "--crate-type", "cdylib", "-", "-o"]);
    rustc.arg(folder.join("probe.wasm"));
    rustc.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let Ok(mut child) = rustc.spawn() else {
        return false;
    };
    if let Some(mut input) = child.stdin.take() {
        // A rustc that does not read its input has failed already.
        let _ = input.write_all(b"pub fn probe() -> Vec<u8> { vec![1] }\n");
    }
    child.wait().is_ok_and(|status| status.success())
}

/// The third way.
fn use_debian_toolchain(system: &mut System) -> Result<()> {
    if !System::has_apt() {
        return Err(format!(
            "Rust cannot compile for {target} here: run `rustup target add {target}` (and `rustup \
             component add rustfmt clippy`), or install your distribution's Rust for that target",
            target = project::WASM_TARGET
        ));
    }
    if !debian_toolchain_works() {
        system.install(&DEBIAN_PACKAGES, "Debian's Rust, with the source of its standard library")?;
        build_std()?;
        if process::which("rustup").is_some() {
            run(&mut with_args("rustup", &["toolchain", "link", DEBIAN_TOOLCHAIN, "/usr"]))?;
        }
    }
    if process::which("rustup").is_some() {
        println!("From now on this folder uses Debian's Rust (undo: rustup override unset):");
        let mut set = with_args("rustup", &["override", "set", DEBIAN_TOOLCHAIN, "--path"]);
        run(set.arg(project::root()))?;
    }
    if compiles_for_wasm(command("rustc")) {
        Ok(())
    } else {
        Err("Debian's Rust is installed but does not compile for wasm32".to_owned())
    }
}

fn debian_toolchain_works() -> bool {
    let mut rustc = command("rustc");
    if process::which("rustup").is_some() {
        rustc.arg(format!("+{DEBIAN_TOOLCHAIN}"));
    }
    compiles_for_wasm(rustc)
}

/// Builds std for wasm32 from Debian's source package and puts it where Debian's rustc looks.
/// `RUSTC_BOOTSTRAP` allows `-Zbuild-std` in a stable compiler; nothing else is built with it.
fn build_std() -> Result<()> {
    println!("Building Rust's standard library for wasm32 (once, one to two minutes).");
    let folder = std::env::temp_dir().join(format!("dais-std-{}", std::process::id()));
    let built = build_std_in(&folder);
    // Only a temporary folder: left behind it does no harm.
    let _ = std::fs::remove_dir_all(&folder);
    built
}

fn build_std_in(folder: &std::path::Path) -> Result<()> {
    let write = |name: &str, text: &str| {
        std::fs::create_dir_all(folder.join("src"))
            .and_then(|()| std::fs::write(folder.join(name), text))
            .map_err(|error| format!("cannot write {}: {error}", folder.join(name).display()))
    };
    write("Cargo.toml", "[package]\nname = \"empty\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n")?;
    write("src/lib.rs", "")?;
    let mut build = command("/usr/bin/cargo");
    build.current_dir(folder);
    build.env("PATH", "/usr/bin:/bin");
    build.env("RUSTC", "/usr/bin/rustc");
    build.env("RUSTC_BOOTSTRAP", "1");
    build.env("RUSTFLAGS", "-Cembed-bitcode=yes");
    build.env("CARGO_TARGET_DIR", folder.join("target"));
    build.args(["build", "--release", "--target", project::WASM_TARGET]);
    // Macros' helpers are compiled for the page, too. Without what reads debug information: nothing prints a backtrace there.
    build.args(["-Zbuild-std=std,panic_abort,proc_macro", "-Zbuild-std-features="]);
    run(&mut build)?;

    let mut print = command("/usr/bin/rustc");
    print.args(["--print", "target-libdir", "--target", project::WASM_TARGET]);
    let libraries = process::output(&mut print).ok_or("Debian's rustc does not name its library folder")?;
    let built = folder.join("target").join(project::WASM_TARGET).join("release/deps");
    let rlibs = rlibs_in(&built)?;
    // Those of an earlier compiler version go first: two candidates for one crate are an error.
    run(system::as_root("rm")?.args(["-rf", &libraries]))?;
    run(system::as_root("mkdir")?.args(["-p", &libraries]))?;
    println!("  $ cp {}/*.rlib {libraries}", built.display());
    let copied = system::as_root("cp")?.args(rlibs).arg(&libraries).status();
    match copied {
        Ok(status) if status.success() => Ok(()),
        _ => Err(format!("cannot copy the standard library to {libraries}")),
    }
}

/// The built libraries, without the empty crate's own.
fn rlibs_in(folder: &std::path::Path) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder).map_err(|error| format!("cannot read {}: {error}", folder.display()))?;
    Ok(entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "rlib"))
        .filter(|path| !path.to_string_lossy().contains("/libempty-"))
        .collect())
}
