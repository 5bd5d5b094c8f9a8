#![expect(clippy::unwrap_used, reason = "a test may panic")]

use super::*;

fn with_file(text: &str, arguments: &[&str]) -> Result<Config, ConfigError> {
    static FILES: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    let number = FILES.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let path = std::env::temp_dir().join(format!("dais-config-{}-{number}.toml", std::process::id()));
    std::fs::write(&path, text).unwrap();
    let mut line: Vec<OsString> = vec!["dais".into()];
    line.extend(arguments.iter().map(OsString::from));
    line.extend(["--config".into(), path.clone().into()]);
    let config = served(line);
    std::fs::remove_file(&path).unwrap();
    config
}

fn served(line: impl IntoIterator<Item = OsString>) -> Result<Config, ConfigError> {
    match read(line)? {
        Task::Serve(config) => Ok(*config),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_backup_is_of_the_folder_that_a_server_would_use() {
    let task = read(["dais", "backup", "copy.db", "--data-dir", "here"].map(OsString::from)).unwrap();
    assert_eq!(task, Task::BackUp { data_dir: "here".into(), to: "copy.db".into() });
}

#[test]
fn without_options_everything_has_a_default() {
    assert_eq!(served(["dais".into()]).unwrap(), Config::default());
    assert_eq!(served(["dais".into(), "serve".into()]).unwrap(), Config::default());
}

#[test]
fn a_flag_wins_over_the_file_and_that_over_the_default() {
    let text = "listen = \"0.0.0.0:80\"\nweb-dir = \"from-file\"";
    for arguments in [&["--listen", "127.0.0.1:9"][..], &["serve", "--listen", "127.0.0.1:9"]] {
        let config = with_file(text, arguments).unwrap();
        assert_eq!(config.listen, "127.0.0.1:9".parse().unwrap());
        assert_eq!(config.web_dir, Some("from-file".into()));
        assert_eq!(config.data_dir, Config::default().data_dir);
    }
}

#[test]
fn words_for_the_log_are_the_same_on_the_line_and_in_the_file() {
    let text = "log-format = \"json\"\nlog-addresses = \"prefix\"";
    let config = with_file(text, &[]).unwrap();
    assert_eq!((config.log_format, config.log_addresses), (LogFormat::Json, LogAddresses::Prefix));
    let config = with_file(text, &["--log-format", "text", "--log-addresses", "full"]).unwrap();
    assert_eq!((config.log_format, config.log_addresses), (LogFormat::Text, LogAddresses::Full));
    let error = read(["dais", "--log-addresses", "some"].map(OsString::from)).unwrap_err();
    assert!(error.to_string().contains("prefix"), "{error}");
}

#[test]
fn what_would_log_nothing_is_named_and_the_levels_too() {
    for wrong in [
        "verbose",
        "Warning",
        "dais_server",
        "dais-server=debug",
        "dais_sever=debug",
        "dais_server=verbose",
        "dais_server=",
        "info;debug",
        "warn info",
        "info,verbose",
        "[span]=debug",
        "2",
        "",
        ",",
    ] {
        for said in [with_file("", &["--log", wrong]), with_file(&format!("log = {wrong:?}"), &[])] {
            let error = said.expect_err(wrong).to_string();
            assert!(
                error.starts_with(&format!("log is {wrong:?}")) && error.contains("error, warn, info, debug, trace"),
                "{error}"
            );
        }
    }
    for (said, kept) in [
        ("info", "info"),
        ("DEBUG", "DEBUG"),
        ("off", "off"),
        ("dais_server=debug", "error,dais_server=debug"),
        ("warn, dais_server::room_actor=trace , hyper=info", "warn,dais_server::room_actor=trace,hyper=info"),
    ] {
        assert_eq!(with_file("", &["--log", said]).unwrap().log.0, kept);
    }
}

#[test]
fn lists_come_from_flags_and_from_the_file() {
    let text = "allow-origin = [\"https://Talk.example\"]\ntrust-proxy = [\"10.0.0.1\"]";
    let config = with_file(text, &["--trust-proxy", "127.0.0.1,::1"]).unwrap();
    assert_eq!(config.allow_origins, ["https://talk.example"]);
    assert_eq!(config.trust_proxies, ["127.0.0.1/32".parse::<IpNet>().unwrap(), "::1/128".parse().unwrap()]);
    let config = with_file("trust-proxy = [\"172.16.0.0/12\", \"::ffff:10.0.0.1\"]", &[]).unwrap();
    assert_eq!(config.trust_proxies, ["172.16.0.0/12".parse::<IpNet>().unwrap(), "10.0.0.1/32".parse().unwrap()]);
    for wrong in ["proxy.example", "172.16.0.0/33", "172.16.0.0/", ""] {
        let error = read(["dais", "--trust-proxy", wrong].map(OsString::from)).unwrap_err().to_string();
        assert!(error.contains("trust-proxy") && error.contains("172.16.0.0/12"), "{error}");
    }
    let error = read(["dais", "--allow-origin", "talk.example/room"].map(OsString::from)).unwrap_err();
    assert!(error.to_string().contains("https://"), "{error}");
}

#[test]
fn what_nobody_can_listen_on_is_named_and_an_example_given() {
    for wrong in ["localhost:8080", "8080", "127.0.0.1", ":8080", ""] {
        for said in [with_file("", &["--listen", wrong]), with_file(&format!("listen = {wrong:?}"), &[])] {
            let error = said.unwrap_err().to_string();
            assert!(error.contains(&format!("listen is {wrong:?}")) && error.contains("127.0.0.1:8080"), "{error}");
        }
    }
}

#[test]
fn a_number_that_cannot_be_is_named() {
    assert_eq!(with_file("connections-per-address = 7", &[]).unwrap().connections_per_address, 7);
    let config = with_file("rooms = 7\nconnections = 8", &["--rooms-per-person", "9"]).unwrap();
    assert_eq!((config.rooms, config.connections, config.rooms_per_person), (7, 8, 9));
    for (option, most) in
        [("connections-per-address", 100_000), ("connections", 1_000_000), ("rooms", 10_000), ("rooms-per-person", 10_000)]
    {
        for wrong in [0, most + 1].map(|number| number.to_string()) {
            let error = read(["dais", &format!("--{option}"), &wrong].map(OsString::from)).unwrap_err().to_string();
            assert!(error.contains(option) && error.contains(&wrong), "{error}");
        }
    }
}

#[test]
fn a_certificate_is_self_signed_or_a_pair_of_files() {
    assert_eq!(with_file("tls = \"self-signed\"", &[]).unwrap().tls, Tls::SelfSigned);
    assert_eq!(with_file("", &["--tls", "self-signed"]).unwrap().tls, Tls::SelfSigned);
    let pair = Tls::Files { certificate: "chain.pem".into(), key: "key.pem".into() };
    let config = with_file("tls-certificate = \"chain.pem\"\ntls-key = \"old.pem\"", &["--tls-key", "key.pem"]);
    assert_eq!(config.unwrap().tls, pair);
    for (arguments, wanted) in [
        (&["--tls-key", "key.pem"][..], "without tls-certificate"),
        (&["--tls-certificate", "chain.pem"], "without tls-key"),
        (&["--tls", "self-signed", "--tls-key", "key.pem"], "leave one out"),
        (&["--tls", "letsencrypt"], "self-signed"),
    ] {
        let error = with_file("", arguments).unwrap_err().to_string();
        assert!(error.contains(wanted), "{error}");
    }
}

#[test]
fn an_unknown_key_is_named() {
    let error = with_file("lisen = \"0.0.0.0:80\"", &[]).unwrap_err().to_string();
    assert!(error.contains("lisen") && error.contains("listen"), "{error}");
}

#[test]
fn a_missing_file_is_named() {
    let error = read(["dais".into(), "--config".into(), "/nonexistent/dais.toml".into()]).unwrap_err();
    assert!(error.to_string().contains("/nonexistent/dais.toml"), "{error}");
}

/// docs/configuration.md and this program, option by option.
mod document {
    use std::collections::BTreeMap;

    use clap::{Arg, CommandFactory as _};

    use super::*;

    const DOCUMENT: &str = include_str!("../../../docs/configuration.md");

    /// What the table says of an option: its value's name, variable, key and default, as they stand there.
    fn documented() -> BTreeMap<String, [String; 4]> {
        let rows = DOCUMENT.lines().filter(|line| line.starts_with("| `--"));
        let rows = rows.map(|row| {
            let row = row.replace("\\|", "\0");
            let mut cells = row.trim_matches('|').split('|').map(|cell| cell.trim().trim_matches('`').replace('\0', "|"));
            let [option, variable, key, default] = std::array::from_fn(|_| cells.next().unwrap());
            assert!(cells.next().is_some_and(|meaning| meaning.len() > 5) && cells.next().is_none(), "{row}");
            let (name, value) = option.split_once(' ').unwrap();
            (name.to_owned(), [value.to_owned(), variable, key, default])
        });
        rows.collect()
    }

    fn options() -> Vec<Arg> {
        let command = CommandLine::command();
        let is_ours = |option: &&Arg| !matches!(option.get_id().as_str(), "help" | "version");
        command.get_arguments().filter(is_ours).cloned().collect()
    }

    /// Every key that a file may have, by what it says to one that it may not.
    fn keys() -> Vec<String> {
        let said = toml::from_str::<File>("nothing = 0").unwrap_err().to_string();
        let known = said.split_once("expected one of").unwrap().1;
        known.split('`').skip(1).step_by(2).map(str::to_owned).collect()
    }

    #[test]
    fn every_option_stands_in_the_table_with_its_variable_key_and_default() {
        let (mut documented, keys) = (documented(), keys());
        assert!(keys.len() > 20, "{keys:?}");
        for option in options() {
            let name = option.get_long().unwrap();
            let help = option.get_help().map(ToString::to_string).unwrap_or_default();
            let default = help.split_once("[default: ").map_or("none", |(_, rest)| rest.trim_end_matches(']'));
            let key = if keys.iter().any(|key| key == name) { name } else { "none" };
            let row = documented.remove(&format!("--{name}")).unwrap_or_else(|| panic!("--{name} is not in the table"));
            let variable = option.get_env().unwrap().to_str().unwrap();
            assert_eq!(variable, format!("DAIS_{}", name.to_uppercase().replace('-', "_")), "the rule by which they are called");
            assert_eq!(row, [option.get_value_names().unwrap()[0].as_str(), variable, key, default], "--{name}");
            assert!(key == name || name == "config", "the file takes every option: --{name}");
        }
        assert_eq!(documented.keys().collect::<Vec<_>>(), [""; 0], "there are no such options");
    }

    #[test]
    fn the_defaults_that_are_told_are_those_that_hold() {
        let default = Config::default();
        let word = |value: &dyn std::fmt::Debug| format!("{value:?}").to_lowercase();
        let holds: BTreeMap<&str, String> = BTreeMap::from([
            ("--listen", default.listen.to_string()),
            ("--data-dir", default.data_dir.display().to_string()),
            ("--block-addresses", default.block_addresses.to_string()),
            ("--room-seats", default.room_seats.to_string()),
            ("--stage-seats", default.stage_seats.to_string()),
            ("--connections-per-address", default.connections_per_address.to_string()),
            ("--connections", default.connections.to_string()),
            ("--rooms", default.rooms.to_string()),
            ("--rooms-per-person", default.rooms_per_person.to_string()),
            ("--log", default.log.0),
            ("--log-format", word(&default.log_format)),
            ("--log-addresses", word(&default.log_addresses)),
        ]);
        for (option, [_, _, _, told]) in documented() {
            let wanted = holds.get(option.as_str()).map_or("none", String::as_str);
            assert_eq!(told, wanted, "{option}");
        }
    }
}
