//! The cost of a request does not grow with what is stored: every statement of the server's is found in its sources, as it
//! stands there, and SQLite says how it would carry it out.

use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::*;

/// Statements that may look at everything, as they begin, and why.
const MAY_SCAN: [(&str, &str); 2] = [
    ("SELECT * FROM rooms ORDER BY id", "at the start, where every room is taken up"),
    ("SELECT max(coalesce((SELECT max(used_ms)", "the doctor's, who looks at folders of versions before 5"),
];
const CHANGES_OR_ASKS: [&str; 6] = ["SELECT ", "INSERT ", "UPDATE ", "DELETE ", "REPLACE ", "WITH "];

/// The sources of the product, without their tests and what measures.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() && name != "tests" {
            found.extend(sources(&path));
        } else if name.ends_with(".rs") && !name.ends_with("tests.rs") && !["testing.rs", "bench.rs"].contains(&&*name) {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The texts in quotes, read as Rust does.
fn literals(source: &str) -> Vec<String> {
    let source = source.split("#[cfg(test)]\nmod tests {").next().unwrap();
    let mut found = Vec::new();
    for line in source.replace("\\\n", "\u{0}").lines() {
        let code = if line.trim_start().starts_with("//") { "" } else { line };
        let mut rest = code.replace("'\"'", "").replace("\\\"", "\u{1}");
        while let Some((_, behind)) = rest.split_once('"') {
            let Some((text, further)) = behind.split_once('"') else { break };
            let pieces: Vec<&str> =
                text.split('\u{0}').enumerate().map(|(at, piece)| if at == 0 { piece } else { piece.trim_start() }).collect();
            found.push(pieces.concat());
            rest = further.to_owned();
        }
    }
    found
}

fn statements() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let texts = sources(&folder).into_iter().flat_map(|path| literals(&fs::read_to_string(path).unwrap()));
    texts.filter(|text| CHANGES_OR_ASKS.iter().any(|begin| text.starts_with(begin))).collect()
}

/// What a statement would look at that grows with what is stored, in SQLite's words ("EXPLAIN QUERY PLAN",
/// <https://sqlite.org/eqp.html>).
fn grows(connection: &Connection, sql: &str) -> Vec<String> {
    let mut plan = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap_or_else(|error| panic!("{sql}: {error}"));
    let mut steps = plan.raw_query();
    let mut found = Vec::new();
    while let Some(step) = steps.next().unwrap() {
        let step: String = step.get("detail").unwrap();
        let is_bounded = sql.contains(" LIMIT ");
        let is_first = is_bounded && !sql.contains(" WHERE ");
        let is_range = step.starts_with("SEARCH ") && (step.contains(">?") || step.contains("<?"));
        // A maximum without an index is a search by nothing.
        let is_scan = (step.starts_with("SCAN ") && step != "SCAN CONSTANT ROW")
            || (step.starts_with("SEARCH ") && !step.contains(" USING "));
        if (is_range && !is_bounded) || (is_scan && !is_first) || step.contains("TEMP B-TREE") {
            found.push(step);
        }
    }
    found
}

#[test]
fn no_statement_looks_at_everything_that_is_stored() {
    let folder = folder();
    let database = open(&folder);
    let statements = statements();
    assert!(statements.len() > 50, "they are found: {statements:#?}");
    let mut unused: Vec<&str> = MAY_SCAN.iter().map(|(begin, _)| *begin).collect();
    for sql in &statements {
        assert!(!sql.contains('{'), "{sql}: write it out, so that its plan can be looked at");
        let growing = grows(database.connection(), sql);
        if growing.is_empty() {
            continue;
        }
        let begin = MAY_SCAN.iter().find(|(begin, _)| sql.starts_with(begin));
        let (begin, _) = begin.unwrap_or_else(|| panic!("{sql}\n  takes longer the more there is: {growing:?}"));
        unused.retain(|unused| unused != begin);
    }
    assert!(unused.is_empty(), "{unused:?} look at nothing that grows");
}

#[test]
fn a_statement_that_looks_at_everything_is_found() {
    let folder = folder();
    let database = open(&folder);
    for sql in [
        "SELECT count(*) FROM identities",
        "SELECT max(used_ms) FROM identities",
        "DELETE FROM identities WHERE lived_ms < ?1",
        "DELETE FROM links WHERE expires_ms <= ?1",
        "SELECT user FROM identities WHERE name = ?1",
        "SELECT user FROM identities WHERE lived_ms < ?1 ORDER BY name LIMIT 5",
        "UPDATE links SET uses = 0 WHERE room NOT IN (SELECT id FROM rooms)",
    ] {
        assert!(!grows(database.connection(), sql).is_empty(), "{sql}");
    }
    let source =
        "let a = \"SELECT 1 \\\n         FROM b\"; // \"DELETE c\"\n    // \"UPDATE d\"\nfoo('\"', \"INSERT \\\"e\\\"\")";
    assert_eq!(literals(source), ["SELECT 1 FROM b", "DELETE c", "INSERT \u{1}e\u{1}"]);
}

#[test]
fn what_goes_with_a_row_is_bounded_and_found_by_an_index() {
    let folder = folder();
    let database = open(&folder);
    let connection = database.connection();
    let texts = |sql: &str, column: &str| -> Vec<String> {
        let mut found = connection.prepare(sql).unwrap();
        found.query_map([], |row| row.get(column)).unwrap().map(Result::unwrap).collect()
    };
    for table in texts("SELECT name FROM sqlite_schema WHERE type = 'table'", "name") {
        let sql = format!("SELECT \"from\" || ' ' || \"table\" AS parent FROM pragma_foreign_key_list('{table}')");
        for key in texts(&sql, "parent") {
            // A room's own, and the one link that somebody came by: both are few.
            assert!(["room rooms", "user identities"].contains(&key.as_str()), "{table} goes with {key}");
            let column = key.split(' ').next().unwrap();
            assert_eq!(grows(connection, &format!("SELECT 1 FROM {table} WHERE {column} = ?1")), [""; 0], "{table}");
        }
    }
    let triggers = texts("SELECT sql FROM sqlite_schema WHERE type = 'trigger'", "sql");
    assert!(triggers.len() >= 4);
    for trigger in triggers {
        let body = trigger.split_once(" BEGIN").unwrap().1.rsplit_once("END").unwrap().0;
        for sql in body.split(';').map(str::trim).filter(|sql| !sql.is_empty()) {
            let words = sql.split_inclusive([' ', '(', ')', ',']);
            let is_row = |word: &&str| word.starts_with("new.") || word.starts_with("old.");
            let sql: String =
                words.map(|word| if is_row(&word) { format!("1{}", &word[word.len() - 1..]) } else { word.into() }).collect();
            assert_eq!(grows(connection, &sql), [""; 0], "{sql}");
        }
    }
}
