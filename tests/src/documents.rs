//! Every command that a document shows, typed in its order by somebody who has the built programs and nothing else; and what
//! documents name besides. What is not typed here stands in a list, with its reason.

mod fences;
mod reader;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use dais_bots::wav;
use dais_server::Config;
use dais_shared::permissions::Role;
use dais_shared::room::Mode;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::token::{SECRET, lawful, seconds_from_now};
use crate::harness::{TestMember, TestServer};
use fences::{commands, fences};
use reader::{Reader, SUBSTITUTIONS, Went, output_of};

/// How commands begin that are not typed here, and why.
const NOT_TYPED: [(&str, &str); 10] = [
    ("cargo xtask test", "it runs this test"),
    ("cargo xtask build", "it makes what `cargo xtask test` makes and tests"),
    ("cargo xtask setup", "it installs programs"),
    ("cargo xtask dev", "it needs Trunk, and goes on for ever; its parts have tests of their own"),
    ("cargo xtask check", "its steps are steps of `cargo xtask test`"),
    ("cargo xtask fuzz", "it takes four minutes; its corpora are tests"),
    ("cargo xtask sim", "it takes an optimised build; forty seeds are a test"),
    ("docker build", "it needs Docker and half an hour; what the image is told is tried below"),
    ("docker run", "it needs what `docker build` makes"),
    ("docker exec", "it needs what `docker run` starts"),
];

/// What stands between fences and is nothing to type.
const NOT_COMMANDS: [(&str, &str); 3] = [
    ("text", "for people"),
    ("caddy", "no test has a Caddy; it is a proxy with its defaults"),
    ("nginx", "the browsers' tests put it before a server: e2e/harness/nginx.mjs takes it from the document"),
];

/// Whose readers have a server that runs.
const WITH_SERVER: [&str; 1] = ["docs/metrics.md"];

/// What commands that begin so have to show, besides ending well.
type Shows = fn(&Reader, &Went) -> Result<(), String>;
const SHOWS: [(&str, Shows); 4] = [
    ("ask ", answers_in_json),
    ("curl ", has_figures),
    ("dais doctor", finds_nothing_wrong),
    ("dais-bots listen", has_heard_something),
];

fn answers_in_json(_: &Reader, went: &Went) -> Result<(), String> {
    match serde_json::from_str(&went.stdout) {
        Ok(Value::Object(said)) if !said.contains_key("error") => Ok(()),
        _ if went.stdout.is_empty() => Ok(()),
        _ => Err("this is no answer in JSON, or a refusal".into()),
    }
}

fn has_figures(_: &Reader, went: &Went) -> Result<(), String> {
    if went.stdout.contains("\ndais_uptime_seconds ") { Ok(()) } else { Err("there are no figures".into()) }
}

/// But for what whoever runs the tests may open.
fn finds_nothing_wrong(_: &Reader, went: &Went) -> Result<(), String> {
    let wrong = went.stdout.lines().find(|line| line.starts_with("WRONG") && !line.contains("LimitNOFILE"));
    if !went.stdout.contains("fine ") {
        return Err("it finds nothing at all".into());
    }
    wrong.map_or(Ok(()), |line| Err(line.into()))
}

fn has_heard_something(reader: &Reader, _: &Went) -> Result<(), String> {
    let heard = wav::read(&reader.folder().join("heard.wav")).map_err(|error| format!("{error:#}"))?;
    let loud = heard.samples.iter().filter(|sample| sample.abs() > 0.01).count();
    let seconds = loud as f64 / f64::from(heard.rate_hz);
    if seconds > 0.5 { Ok(()) } else { Err(format!("{seconds} s of sound")) }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().into()
}

fn read(document: &str) -> String {
    std::fs::read_to_string(root().join(document)).unwrap()
}

/// Every document of the repository, by its path.
fn documents() -> Vec<String> {
    let mut found = Vec::new();
    for folder in ["", "docs/"] {
        for entry in std::fs::read_dir(root().join(folder)).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            if name.ends_with(".md") {
                found.push(format!("{folder}{name}"));
            }
        }
    }
    found.sort();
    assert!(found.len() >= 10, "{found:?}");
    found
}

/// Whether a command, as it is typed here, starts a server.
fn is_server(command: &str) -> bool {
    let mut words = command.split_whitespace().skip_while(|word| word.split_once('=').is_some_and(|(name, _)| is_variable(name)));
    words.next() == Some("dais") && words.next().is_none_or(|word| word.starts_with(['-', '&', '#']) || word == "serve")
}

fn is_variable(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|char| char.is_ascii_uppercase() || char == '_')
}

/// What a reader has from elsewhere: the certificate that `certbot` fetches.
fn give(reader: &Reader) {
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::new(vec!["talk.example".into()]).unwrap().self_signed(&key).unwrap();
    reader.keeps("/etc/dais/fullchain.pem", &certificate.pem());
    reader.keeps("/etc/dais/privkey.pem", &key.serialize_pem());
}

/// Types everything that a document shows, in its order; how many commands that were.
fn walk(document: &str) -> usize {
    let mut reader = Reader::new();
    give(&reader);
    if WITH_SERVER.contains(&document) {
        reader.serves("dais");
    }
    let mut typed = 0;
    for fence in fences(&read(document)) {
        let place = format!("{document}, line {}", fence.line);
        match fence.language.as_str() {
            "sh" => {
                for command in commands(&fence.text) {
                    if NOT_TYPED.iter().any(|(begins, _)| command.starts_with(begins)) {
                        continue;
                    }
                    try_out(&mut reader, &command, &place);
                    typed += 1;
                }
            }
            // Its first line says where it is kept.
            "toml" => {
                let path = fence.text.lines().next().and_then(|line| line.strip_prefix("# /"));
                let path = path.unwrap_or_else(|| panic!("{place}: the first line says in a remark where this is kept"));
                reader.keeps(&format!("/{path}"), &fence.text);
            }
            "ini" => {
                let command = fence.text.lines().find_map(|line| line.strip_prefix("ExecStart="));
                try_out(&mut reader, command.unwrap_or_else(|| panic!("{place}: it starts nothing")), &place);
                typed += 1;
            }
            "json" => drop(serde_json::from_str::<Value>(&fence.text).unwrap_or_else(|error| panic!("{place}: {error}"))),
            other => {
                let is_known = NOT_COMMANDS.iter().any(|(language, _)| *language == other);
                assert!(is_known, "{place}: say behind the fence what this is; {other:?} is nothing that is known here");
            }
        }
    }
    typed
}

fn try_out(reader: &mut Reader, command: &str, place: &str) {
    let typed = reader.in_place_of(command);
    if is_server(&typed) {
        let said = reader.serves(command);
        assert_eq!(said.contains(" is on https://"), typed.contains("--tls") || said.contains("SHA-256"), "{place}: {said}");
        return;
    }
    let went = reader.types(command);
    let shows = SHOWS.iter().find(|(begins, _)| typed.starts_with(begins)).map(|(_, shows)| shows);
    let is_well = went.code == 0 || typed.starts_with("dais doctor");
    let shown = shows.map_or(Ok(()), |shows| shows(reader, &went));
    assert!(is_well && shown.is_ok(), "{place}: `{command}`, typed as `{typed}`: {shown:?}; {went}");
}

#[test]
fn the_readme_does_what_it_says() {
    assert!(walk("README.md") >= 4);
}

#[test]
fn running_it_for_others_goes_as_it_is_described() {
    assert!(walk("docs/deploy.md") >= 10);
}

#[test]
fn the_operator_asks_and_is_answered_as_it_is_described() {
    assert!(walk("docs/api.md") >= 8);
}

#[test]
fn what_every_other_document_shows_goes_as_it_is_described() {
    let own = ["README.md", "docs/deploy.md", "docs/api.md"];
    let typed: usize =
        documents().iter().filter(|document| !own.contains(&document.as_str())).map(|document| walk(document)).sum();
    assert!(typed >= 2, "{typed}");
}

/// What nobody shows any more need not be excused.
#[test]
fn whatever_is_listed_stands_in_a_document() {
    let all: Vec<_> = documents().iter().flat_map(|document| fences(&read(document))).collect();
    let shown: Vec<_> = all.iter().filter(|fence| fence.language == "sh").flat_map(|fence| commands(&fence.text)).collect();
    for (begins, _) in NOT_TYPED {
        assert!(shown.iter().any(|command| command.starts_with(begins)), "no document shows `{begins}`");
    }
    for (language, _) in NOT_COMMANDS {
        assert!(all.iter().any(|fence| fence.language == language), "no document shows anything in {language}");
    }
    let text = documents().iter().map(|document| read(document)).collect::<String>() + &read("Dockerfile");
    for (stands, _) in SUBSTITUTIONS {
        assert!(text.contains(stands), "no document has `{stands}`");
    }
}

/// Words that begin with two hyphens, in any text.
fn options_in(text: &str) -> BTreeSet<String> {
    let is_part = |char: char| char.is_ascii_lowercase() || char.is_ascii_digit() || char == '-';
    let words = text.split(|char: char| !is_part(char));
    words.filter(|word| word.starts_with("--") && word.len() > 3).map(|word| word.trim_end_matches('-').to_owned()).collect()
}

/// In code within a sentence: `like this`.
fn inline(document: &str) -> String {
    let mut is_fenced = false;
    let mut found = String::new();
    for line in document.lines() {
        if line.trim_start().starts_with("```") {
            is_fenced = !is_fenced;
        } else if !is_fenced {
            for code in line.split('`').skip(1).step_by(2) {
                found += code;
                found += "\n";
            }
        }
    }
    found
}

#[test]
fn every_option_and_command_that_a_sentence_names_is_one() {
    // Of other programs.
    const OF_OTHERS: [&str; 5] = ["--network", "--env", "--features", "--nocapture", "--release"];
    let help = read("xtask/src/main.rs");
    let mut known = options_in(&help);
    known.extend(OF_OTHERS.map(str::to_owned));
    for arguments in [&["--help"][..], &["doctor", "--help"], &["backup", "--help"], &["health", "--help"]] {
        known.extend(options_in(&output_of("dais", arguments)));
    }
    for arguments in [&["--help"][..], &["say", "--help"], &["listen", "--help"], &["attend", "--help"]] {
        known.extend(options_in(&output_of("dais-bots", arguments)));
    }
    assert!(known.contains("--trust-proxy") && known.contains("--tone"), "{known:?}");
    for document in documents().iter().filter(|document| *document != "CHANGELOG.md") {
        let text = read(document);
        let unknown: Vec<_> = options_in(&inline(&text)).into_iter().filter(|option| !known.contains(option)).collect();
        assert!(unknown.is_empty(), "{document} names options that there are not: {unknown:?}");
        for (_, rest) in text.match_indices("cargo xtask ").map(|(at, found)| text.split_at(at + found.len())) {
            let name: String = rest.chars().take_while(|char| char.is_ascii_lowercase() || *char == '-').collect();
            let is_told = name.is_empty() || name.starts_with('-') || help.contains(&format!("cargo xtask {name}"));
            assert!(is_told, "{document} names `cargo xtask {name}`, of which its help says nothing");
        }
    }
}

/// The image's own variables start a server that its health check finds well, and options behind its name are the server's.
#[test]
fn what_the_image_is_told_makes_a_server_that_is_well() {
    let file = read("Dockerfile");
    let told = |word: &str| file.lines().filter_map(|line| line.strip_prefix(word)).map(str::trim).collect::<Vec<_>>();
    assert_eq!(told("ENTRYPOINT "), [r#"["dais"]"#], "no option stands where another would clash with it");
    assert_eq!(told("USER "), ["10001:10001"], "by number: what runs containers can see that this is not root");
    let mut reader = Reader::new();
    for variables in told("ENV ") {
        reader.types(&format!("export {variables}"));
    }
    let (_, checks) = file.split_once("HEALTHCHECK ").expect("it has a health check");
    let check = checks.split_once("CMD ").and_then(|(_, check)| check.lines().next()).unwrap();
    let words: Vec<String> = serde_json::from_str(check).unwrap();
    let said = reader.serves("dais");
    assert!(reader.folder().join("data/dais.db").is_file(), "{said}");
    assert_eq!(reader.types(&words.join(" ")).code, 0);
    reader.serves("dais --tls self-signed --log info");
    assert_eq!(reader.types(&words.join(" ")).code, 0, "over TLS too, whoever is not told of it");
    reader.stops();
    assert_eq!(reader.types(&words.join(" ")).code, 1, "nobody is there");
}

/// What a token is shown to say is understood, at a time of its own.
#[tokio::test]
async fn a_token_with_the_claims_that_are_shown_lets_its_bearer_in() {
    let shown = fences(&read("docs/deploy.md")).into_iter().find(|fence| fence.language == "json").expect("it shows claims");
    let mut claims: Value = serde_json::from_str(&shown.text).unwrap();
    for (name, seconds) in [("exp", 600), ("nbf", -600)] {
        assert!(claims[name].is_u64(), "{claims}");
        claims[name] = seconds_from_now(seconds).into();
    }
    let folder = TempDir::with_prefix("dais-documents-").unwrap();
    let path = folder.path().join("key");
    std::fs::write(&path, SECRET).unwrap();
    let server = TestServer::start_with(Config { sign_in_jwt_key: Some(path), ..Config::default() }).await;
    let comes = async |claims: &Value| {
        let token = format!("Bearer {}", lawful(claims));
        TestMember::connect_with(("authorization", &token), server.way().clone(), None).await
    };
    let mut host = comes(&json!({ "exp": seconds_from_now(600) })).await;
    host.logs_in("Ada").await.unwrap();
    let room = claims["room"].as_str().unwrap();
    host.creates(room, Mode::Moderated).await.unwrap();
    let mut guest = comes(&claims).await;
    assert_eq!(guest.logs_in("-").await.unwrap().name, claims["name"].as_str().unwrap());
    guest.joins(room).await.unwrap();
    assert_eq!(guest.role(), Role::Speaker, "{claims}");
}
