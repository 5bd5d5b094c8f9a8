//! What the operator asks and orders over HTTP. Every answer is compared with docs/openapi.json on its way.

mod bans;
mod described;
mod erasure;
mod identities;
mod links;
mod log;
mod refusals;
mod rooms;

use dais_server::{AdminToken, Config};

use crate::harness::TestServer;
use described::Api;

const SECRET: &str = "a secret of the operator's";

/// A server with an admin token, and somebody who knows it.
async fn start() -> (TestServer, Api) {
    start_with(Config::default()).await
}

async fn start_with(config: Config) -> (TestServer, Api) {
    let admin_token = Some(AdminToken(SECRET.into()));
    let server = TestServer::start_with(Config { admin_token, ..config }).await;
    let api = Api::of(server.address());
    (server, api)
}
