//! Takes out of the built page what only people read: the hashes in wasm-bindgen's names, comments, and the borders
//! between stylesheets. Knows texts and modules, no files.

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

/// A script without indentation and without the lines that are only comment. `None` where a line cannot be judged by itself,
/// since it may stand in a text or a comment of several lines.
pub(crate) fn without_comments(script: &str) -> Option<String> {
    let mut kept = String::with_capacity(script.len());
    let mut lines = script.lines().map(str::trim);
    while let Some(line) = lines.next() {
        if let Some(comment) = line.strip_prefix("/*") {
            let last = if comment.contains("*/") { comment } else { lines.find(|line| line.contains("*/"))? };
            if last.find("*/") != Some(last.len() - 2) {
                return None; // Code stands behind it.
            }
        } else if !line.is_empty() && !line.starts_with("//") {
            if line.matches('`').count() % 2 == 1 || line.contains("/*") || line.ends_with('\\') {
                return None;
            }
            kept += line;
            kept.push('\n');
        }
    }
    Some(kept)
}

/// The stylesheets of a page that Trunk made, in their order.
pub(crate) fn stylesheets(page: &str) -> Vec<&str> {
    page.lines().filter_map(stylesheet).collect()
}

/// The page with one stylesheet in place of all it has.
pub(crate) fn with_one_stylesheet(page: &str, name: &str) -> String {
    let mut is_named = false;
    let mut kept = String::with_capacity(page.len());
    for line in page.split_inclusive('\n') {
        match stylesheet(line) {
            None => kept += line,
            Some(_) if is_named => {}
            Some(first) => {
                kept += &line.replace(first, name);
                is_named = true;
            }
        }
    }
    kept
}

fn stylesheet(line: &str) -> Option<&str> {
    line.trim().strip_prefix("<link rel=\"stylesheet\" href=\"/")?.strip_suffix("\"/>")
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

    #[test]
    fn lines_of_comment_go_and_code_stays() {
        let script = "// one\n/** two\n * three\n */\nlet a = 'http://x'; // four\n\n  a *\n  2;\n/* five */\n";
        assert_eq!(without_comments(script).as_deref(), Some("let a = 'http://x'; // four\na *\n2;\n"));
    }

    #[test]
    fn a_script_whose_lines_hang_together_is_left_alone() {
        for script in [
            "let a = `\n// text\n`;",
            "let a; /* one\n// two */",
            "let a = 'b\\\n// c';",
            "/* a */ let b;",
            "/* a */ let b; /* c */",
            "/* a",
        ] {
            assert_eq!(without_comments(script), None, "{script}");
        }
        assert!(without_comments("// an odd ` in a comment\nlet a = `b`;").is_some());
    }

    #[test]
    fn a_page_names_one_stylesheet_where_it_named_several() {
        let page = "<head>\n  <link rel=\"icon\" href=\"/i.svg\"/>\n  <link rel=\"stylesheet\" href=\"/a-1.css\"/>\n  <link rel=\"stylesheet\" href=\"/b-2.css\"/>\n</head>\n";
        assert_eq!(stylesheets(page), ["a-1.css", "b-2.css"]);
        let one =
            "<head>\n  <link rel=\"icon\" href=\"/i.svg\"/>\n  <link rel=\"stylesheet\" href=\"/styles-3.css\"/>\n</head>\n";
        assert_eq!(with_one_stylesheet(page, "styles-3.css"), one);
    }
}
