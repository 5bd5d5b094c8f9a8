//! `bindgen FOLDER MODULE…`: makes of every module that was compiled with wasm-bindgen one that browsers run, and its
//! script, in FOLDER. What `wasm-bindgen --target web --no-typescript` does, without what else that program can do, which
//! takes most of the time it is built in. Refuses to know what the modules are.

use std::path::Path;
use std::process::ExitCode;

use wasm_bindgen_cli_support::Bindgen;

fn main() -> ExitCode {
    let mut args = std::env::args_os().skip(1);
    let Some(folder) = args.next() else {
        eprintln!("usage: bindgen FOLDER MODULE…");
        return ExitCode::from(2);
    };
    for module in args {
        let outcome = Bindgen::new()
            .input_path(Path::new(&module))
            .typescript(false)
            // Who starts a module without saying where it is finds it beside the script: a worker's loader does.
            .omit_default_module_path(false)
            .web(true)
            .and_then(|bindgen| bindgen.generate(Path::new(&folder)));
        if let Err(error) = outcome {
            eprintln!("bindgen: {}: {error:#}", Path::new(&module).display());
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}
