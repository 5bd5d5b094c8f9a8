//! What stands between fences in a document, and the commands in that.

use std::process::{Command, Stdio};

/// A block of a document that is set apart by fences.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fence {
    /// The line of the document on which it opens, for people.
    pub(super) line: usize,
    /// What it says it is; empty where it says nothing.
    pub(super) language: String,
    pub(super) text: String,
}

/// All of a document, in order.
pub(super) fn fences(document: &str) -> Vec<Fence> {
    let mut found = Vec::new();
    let mut open: Option<(String, Fence)> = None;
    for (line, text) in document.lines().enumerate() {
        // A list indents its fences, and what is in them.
        let bare = text.trim_start();
        match &mut open {
            Some((indent, fence)) if bare.trim_end() == "```" => {
                assert_eq!(text.len() - bare.len(), indent.len(), "line {}: a fence that closes another", line + 1);
                found.push(fence.clone());
                open = None;
            }
            Some((indent, fence)) => {
                fence.text += text.strip_prefix(indent.as_str()).unwrap_or(text);
                fence.text += "\n";
            }
            None => {
                if let Some(language) = bare.strip_prefix("```") {
                    let fence = Fence { line: line + 1, language: language.trim().into(), text: String::new() };
                    open = Some((text[..text.len() - bare.len()].into(), fence));
                }
            }
        }
    }
    assert!(open.is_none(), "a fence is not closed: {open:?}");
    found
}

/// The commands in a block for a shell, each as it is typed: with the lines that it goes on over, and without what only people
/// read. Where one ends says the shell.
pub(super) fn commands(block: &str) -> Vec<String> {
    let mut commands = Vec::new();
    let mut typed = String::new();
    for line in block.lines() {
        if typed.is_empty() && (line.trim().is_empty() || line.trim_start().starts_with('#')) {
            continue;
        }
        typed += line;
        typed += "\n";
        if is_whole(&typed) {
            commands.push(std::mem::take(&mut typed).trim_end().to_owned());
        }
    }
    assert!(typed.is_empty(), "a command has no end: {typed}");
    commands
}

fn is_whole(typed: &str) -> bool {
    if typed.ends_with("\\\n") || awaits_a_document(typed) {
        return false;
    }
    let mut shell = Command::new("sh");
    let checked = shell.args(["-n", "-c", typed]).stdin(Stdio::null()).stderr(Stdio::null()).status();
    checked.unwrap().success()
}

/// Whether a here-document has begun and not ended, which a shell overlooks at the end of what it is given.
fn awaits_a_document(typed: &str) -> bool {
    let mut lines = typed.lines();
    while let Some(line) = lines.next() {
        let Some((_, word)) = line.split_once("<<") else { continue };
        let word = word.trim_start_matches('-').split_whitespace().next().unwrap_or_default();
        let end = word.trim_matches(['\'', '"']);
        if !end.is_empty() && !lines.any(|line| line.trim_start_matches('\t') == end) {
            return true;
        }
    }
    false
}

#[test]
fn commands_are_found_as_a_shell_takes_them() {
    let block = "# a remark\nfirst --option \\\n    value   # another\n\nif true; then\n  second\nfi\nask() { third \"$@\"; }\n\
                 fourth '{\"a\":\n1}' &\ncat <<'END' > file\nfifth\n\nEND\nTOKEN=$(sixth)\n";
    let wanted = [
        "first --option \\\n    value   # another",
        "if true; then\n  second\nfi",
        "ask() { third \"$@\"; }",
        "fourth '{\"a\":\n1}' &",
        "cat <<'END' > file\nfifth\n\nEND",
        "TOKEN=$(sixth)",
    ];
    assert_eq!(commands(block), wanted);
}

#[test]
fn fences_are_found_wherever_they_stand() {
    let document = "text\n```sh\none\n```\n- item\n  ```\n  two\n    three\n  ```\n`inline`\n";
    let fence = |line, language: &str, text: &str| Fence { line, language: language.into(), text: text.into() };
    assert_eq!(fences(document), [fence(2, "sh", "one\n"), fence(6, "", "two\n  three\n")]);
}
