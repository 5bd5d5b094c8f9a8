//! Takes out of the built page what only people read: the hashes in wasm-bindgen's names. Knows texts and modules,
//! no files.

use std::collections::BTreeMap;

use crate::wasm;

/// Digits left of a hash. What is built together fits together, and files of two builds do not.
const HASH_DIGITS: usize = 4;

/// A module and its script by wasm-bindgen, which call each other by hundreds of names with a hash in each. Hashes are what
/// does not compress.
///
/// # Errors
/// When this is no WebAssembly module.
pub(crate) fn short_names(module: &[u8], script: &str) -> Result<(Vec<u8>, String), String> {
    let mut by_short = BTreeMap::<String, Vec<String>>::new();
    for name in wasm::names(module)? {
        by_short.entry(shortened(&name)).or_default().push(name);
    }
    let unique = by_short.into_iter().filter(|(_, names)| names.len() == 1);
    let short: BTreeMap<String, String> =
        unique.flat_map(|(short, names)| names.into_iter().map(move |name| (name, short.clone()))).collect();
    let rename = |name: &str| short.get(name).map_or(name, String::as_str).to_owned();
    let is_in_word = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let mut renamed = String::with_capacity(script.len());
    for piece in script.split_inclusive(|letter| !is_in_word(letter)) {
        let word = piece.trim_end_matches(|letter| !is_in_word(letter));
        renamed += &rename(word);
        renamed += &piece[word.len()..];
    }
    Ok((wasm::renamed(module, rename)?, renamed))
}

/// The name with every hash cut short.
fn shortened(name: &str) -> String {
    let is_hash = |digits: &str| digits.len() == 16 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    let cut = |part| {
        let digits: &str = part;
        if is_hash(digits.strip_prefix('h').unwrap_or(digits)) { &digits[..digits.len() - 16 + HASH_DIGITS] } else { digits }
    };
    name.split('_').map(cut).collect::<Vec<_>>().join("_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_cut_in_the_module_and_in_its_script_alike() {
        let [one, other] = ["__wbg_close_294d3f727cb7a844", "__wbg_close_33e5787d793c032b"];
        // A cast's number looks like a hash. What two would share, neither gets.
        let [first, second] = ["__wbindgen_cast_0000000000000001", "__wbindgen_cast_0000000000000002"];
        let entries: Vec<u8> = [one, other, first, second]
            .iter()
            .flat_map(|name| [&[1, b'm', u8::try_from(name.len()).expect("short")], name.as_bytes(), &[0, 0]].concat())
            .collect();
        let length = u8::try_from(entries.len() + 1).expect("short");
        let module = [b"\0asm\x01\0\0\0", &[2, length | 0x80, 1, 4][..], &entries].concat();
        let script = format!("{one}: (a) => wasm.{other}(a), '{first}': 1, x: \"{one}\"");
        let (module, script) = short_names(&module, &script).expect("a module");
        assert_eq!(
            wasm::names(&module),
            Ok(vec!["__wbg_close_294d".to_owned(), "__wbg_close_33e5".to_owned(), first.to_owned(), second.to_owned()])
        );
        assert_eq!(script, format!("__wbg_close_294d: (a) => wasm.__wbg_close_33e5(a), '{first}': 1, x: \"__wbg_close_294d\""));
        assert_eq!(shortened("closures_____invoke__h0bce40b8ef2c309a_13"), "closures_____invoke__h0bce_13");
    }
}
