//! docs/openapi.json against the server: the same paths and methods, and answers as its schemas say.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use serde_json::Value;

use super::SECRET;
use crate::harness::TestServer;
use crate::harness::http::{Answer, call};

const DOCUMENT: &str = include_str!("../../../docs/openapi.json");

/// What a browser gets and a program does not: in no description.
const FOR_PAGES: [&str; 4] = ["/", "/r/{room}", "/sign-in", "/ws"];

const METHODS: [&str; 5] = ["GET", "POST", "PUT", "PATCH", "DELETE"];

/// The operator, who knows the secret.
pub(super) struct Api {
    address: SocketAddr,
    document: Value,
}

/// What the operator is answered.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) status: u16,
    /// Null without a body.
    pub(super) body: Value,
}

impl Told {
    /// The word for programs of a refusal.
    pub(super) fn error(&self) -> (u16, &str) {
        (self.status, self.body["error"].as_str().unwrap_or_default())
    }
}

impl Api {
    pub(super) fn of(address: SocketAddr) -> Self {
        Self { address, document: serde_json::from_str(DOCUMENT).unwrap() }
    }

    pub(super) async fn get(&self, path: &str) -> Told {
        self.ask("GET", path, None).await
    }

    pub(super) async fn delete(&self, path: &str) -> Told {
        self.ask("DELETE", path, None).await
    }

    pub(super) async fn post(&self, path: &str, body: Value) -> Told {
        self.ask("POST", path, Some(&body)).await
    }

    async fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> Told {
        let secret = format!("Authorization: Bearer {SECRET}");
        let text = body.map(Value::to_string);
        let headers = [secret.as_str(), "Content-Type: application/json"];
        let told = self.ask_with(method, path, &headers, text.as_deref()).await;
        if let Some(body) = body.filter(|_| told.status < 300) {
            let wanted = &self.operation(method, path)["requestBody"]["content"]["application/json"]["schema"];
            self.validate(wanted, body, path);
        }
        told
    }

    /// With these header lines and no others.
    pub(super) async fn ask_with(&self, method: &str, path: &str, headers: &[&str], body: Option<&str>) -> Told {
        let answer = call(self.address, method, path, headers, body).await;
        self.check(method, path, &answer)
    }

    /// That an answer is one of those described.
    fn check(&self, method: &str, path: &str, answer: &Answer) -> Told {
        let what = format!("{method} {path}: {} {}", answer.status, answer.text());
        let described = self.resolve(&self.operation(method, path)["responses"][answer.status.to_string()]);
        assert!(described.is_object(), "not described: {what}");
        for name in described["headers"].as_object().into_iter().flat_map(|headers| headers.keys()) {
            assert!(answer.header(name).is_some(), "{name} is missing: {what}");
        }
        let Some(content) = described["content"].as_object() else {
            assert!(answer.body.is_empty(), "{what}");
            return Told { status: answer.status, body: Value::Null };
        };
        let (kind, described) = content.iter().next().unwrap();
        assert!(answer.header("content-type").is_some_and(|said| said.starts_with(kind.as_str())), "{what}");
        let body = if kind == "application/json" {
            assert_eq!(answer.header("cache-control"), Some("no-store"), "{what}");
            serde_json::from_slice(&answer.body).unwrap()
        } else {
            Value::String(answer.text())
        };
        self.validate(&described["schema"], &body, &what);
        Told { status: answer.status, body }
    }

    fn operation(&self, method: &str, path: &str) -> &Value {
        let path = path.split_once('?').map_or(path, |(path, _)| path);
        let is_of = |template: &str| {
            let (left, right): (Vec<_>, Vec<_>) = (template.split('/').collect(), path.split('/').collect());
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| left.starts_with('{') || *left == right)
        };
        let paths = self.document["paths"].as_object().unwrap();
        // A path by its own name goes before one with a parameter.
        let exact = paths.get(path).or_else(|| paths.iter().find(|(template, _)| is_of(template)).map(|(_, path)| path));
        &exact.unwrap_or_else(|| panic!("{path} is not described"))[method.to_lowercase()]
    }

    fn resolve<'a>(&'a self, value: &'a Value) -> &'a Value {
        match value["$ref"].as_str() {
            Some(place) => self.document.pointer(place.strip_prefix('#').unwrap()).unwrap_or_else(|| panic!("{place}")),
            None => value,
        }
    }

    /// As far as JSON Schema is used in the document; a word that is not known here fails, lest it be taken for checked.
    fn validate(&self, schema: &Value, value: &Value, place: &str) {
        let schema = self.resolve(schema).as_object().unwrap_or_else(|| panic!("{place} is not described"));
        for (word, wanted) in schema {
            match word.as_str() {
                "type" => {
                    let kinds = wanted.as_array().map_or(std::slice::from_ref(wanted), Vec::as_slice);
                    assert!(kinds.iter().any(|kind| is_a(value, kind.as_str().unwrap())), "{place}: {value} is no {wanted}");
                }
                "enum" => assert!(value.is_null() || wanted.as_array().unwrap().contains(value), "{place}: {value}"),
                "minimum" => assert!(value.is_null() || value.as_i64() >= wanted.as_i64(), "{place}: {value}"),
                "maximum" => assert!(value.is_null() || value.as_i64() <= wanted.as_i64(), "{place}: {value}"),
                "items" => {
                    for (index, item) in value.as_array().into_iter().flatten().enumerate() {
                        self.validate(wanted, item, &format!("{place}/{index}"));
                    }
                }
                "required" if value.is_null() => {} // as its type allows
                "required" => {
                    for name in wanted.as_array().unwrap() {
                        assert!(value.get(name.as_str().unwrap()).is_some(), "{place}: {name} is missing in {value}");
                    }
                }
                "properties" => {
                    for (name, item) in value.as_object().into_iter().flatten() {
                        let described = wanted.get(name).unwrap_or_else(|| panic!("{place}: {name} is not described"));
                        self.validate(described, item, &format!("{place}/{name}"));
                    }
                }
                "additionalProperties" => assert_eq!(wanted, false, "{place}: everything is described"),
                "description" => {}
                other => panic!("{place}: the word {other} is not understood here"),
            }
        }
    }

    /// Every operation that is described: its method, its path with something for each parameter, and itself.
    pub(super) fn operations(&self) -> Vec<(&'static str, String, &Value)> {
        let mut operations = Vec::new();
        for (template, path) in self.document["paths"].as_object().unwrap() {
            for method in METHODS {
                if let Some(operation) = path.get(method.to_lowercase()) {
                    operations.push((
                        method,
                        template.replace("{room}", "nowhere").replace("{user}", "1").replace("{link}", "1"),
                        operation,
                    ));
                }
            }
        }
        operations
    }
}

fn is_a(value: &Value, kind: &str) -> bool {
    match kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "null" => value.is_null(),
        other => panic!("the type {other} is not understood here"),
    }
}

#[tokio::test]
async fn the_description_has_the_servers_paths_and_methods_and_no_others() {
    let (server, api) = super::start().await;
    let described = api.document["paths"].as_object().unwrap();
    let paths: Vec<String> = dais_server::paths().into_iter().filter(|path| !FOR_PAGES.contains(&path.as_str())).collect();
    assert_eq!(described.keys().collect::<BTreeSet<_>>(), paths.iter().collect::<BTreeSet<_>>());
    for (path, described) in described {
        let mut methods: BTreeSet<&str> =
            METHODS.into_iter().filter(|method| described.get(method.to_lowercase()).is_some()).collect();
        if methods.contains("GET") {
            methods.insert("HEAD");
        }
        let answer = call(server.address(), "TRACE", &path.replace(['{', '}'], ""), &[], None).await;
        assert_eq!(answer.status, 405, "{path}");
        let allowed: BTreeSet<&str> = answer.header("allow").unwrap().split(',').map(str::trim).collect();
        assert_eq!(allowed, methods, "{path}");
    }
}

#[tokio::test]
async fn the_server_gives_its_own_description_to_everybody() {
    let server = TestServer::start().await;
    let answer = server.get_with("/api/openapi.json", &["X-Forwarded-For: 203.0.113.7"]).await;
    assert_eq!((answer.status, answer.text().as_str()), (200, DOCUMENT));
    let api = Api::of(server.address());
    assert_eq!(api.document["info"]["version"], env!("CARGO_PKG_VERSION"));
    for path in ["/api/status", "/api/openapi.json", "/healthz"] {
        assert_eq!(api.ask_with("GET", path, &[], None).await.status, 200);
    }
}
