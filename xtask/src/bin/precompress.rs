//! `precompress FOLDER`: writes `NAME.gz`, and with the feature `brotli` also `NAME.br`, beside every text and wasm file, so that
//! the server hands out finished bytes and never compresses. Refuses to know who serves them.

use std::ffi::OsString;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// What gains from compression; images and fonts are compressed already.
const EXTENSIONS: [&str; 8] = ["html", "js", "mjs", "wasm", "css", "svg", "json", "webmanifest"];

/// Brotli's highest quality: the client is compressed once and sent often.
#[cfg(feature = "brotli")]
const BROTLI_QUALITY: u32 = 11;

/// Brotli's window as a power of two, in bytes: 4 MiB, more than any file here.
#[cfg(feature = "brotli")]
const BROTLI_WINDOW_LOG: u32 = 22;

fn main() -> ExitCode {
    let Some(folder) = std::env::args_os().nth(1) else {
        let _ = writeln!(std::io::stderr(), "usage: precompress FOLDER"); // without anybody to tell, the exit code says it
        return ExitCode::from(2);
    };
    match below(Path::new(&folder)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "precompress: {error}"); // as above
            ExitCode::FAILURE
        }
    }
}

fn below(folder: &Path) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            below(&path)?;
        } else if path.extension().is_some_and(|extension| EXTENSIONS.iter().any(|known| extension == *known)) {
            let bytes = std::fs::read(&path)?;
            #[cfg(feature = "brotli")]
            write_if_smaller(&path, "br", &bytes, &brotli(&bytes)?)?;
            write_if_smaller(&path, "gz", &bytes, &gzip(&bytes)?)?;
        }
    }
    Ok(())
}

/// Writes the compressed form beside the original, or removes an old one where it gains nothing.
fn write_if_smaller(path: &Path, suffix: &str, original: &[u8], compressed: &[u8]) -> std::io::Result<()> {
    let mut name = OsString::from(path);
    name.push(".");
    name.push(suffix);
    let target = PathBuf::from(name);
    if compressed.len() < original.len() {
        return std::fs::write(target, compressed);
    }
    match std::fs::remove_file(target) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(feature = "brotli")]
fn brotli(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut writer = brotli::CompressorWriter::new(Vec::new(), 64 * 1024, BROTLI_QUALITY, BROTLI_WINDOW_LOG);
    writer.write_all(bytes)?;
    Ok(writer.into_inner())
}

fn gzip(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    writer.write_all(bytes)?;
    writer.finish()
}

#[cfg(all(test, feature = "brotli"))]
mod tests {
    use super::*;
    use std::io::Read as _;

    #[test]
    fn what_was_compressed_can_be_read_again_and_what_does_not_shrink_is_not_written() {
        let folder = std::env::temp_dir().join(format!("precompress-{}", std::process::id()));
        std::fs::create_dir_all(folder.join("inner")).expect("a temporary folder");
        let text = "speak and be heard ".repeat(500);
        std::fs::write(folder.join("inner/page.js"), &text).expect("writable");
        std::fs::write(folder.join("tiny.css"), "a").expect("writable");
        std::fs::write(folder.join("tiny.css.br"), "left over").expect("writable");
        std::fs::write(folder.join("voice.ogg"), &text).expect("writable");
        below(&folder).expect("compresses");

        let mut plain = String::new();
        let packed = std::fs::read(folder.join("inner/page.js.br")).expect("written");
        brotli::Decompressor::new(&packed[..], 4096).read_to_string(&mut plain).expect("brotli");
        assert_eq!(plain, text);
        plain.clear();
        let packed = std::fs::read(folder.join("inner/page.js.gz")).expect("written");
        flate2::read::GzDecoder::new(&packed[..]).read_to_string(&mut plain).expect("gzip");
        assert_eq!(plain, text);
        for absent in ["tiny.css.br", "tiny.css.gz", "voice.ogg.br"] {
            assert!(!folder.join(absent).exists(), "{absent}");
        }
        let _ = std::fs::remove_dir_all(folder);
    }
}
