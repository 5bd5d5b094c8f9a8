//! Which path leads where.

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn_with_state, map_response};
use axum::routing::{MethodRouter, delete, get};
use dais_shared::limits::API_BODY_BYTES_MAX;

use crate::http::api::{self, bans, identities, links, person, rooms};
use crate::http::{assets, headers, noted, operator, sign_in, status, upgrade};
use crate::server::House;
use crate::tls;

type Table<const N: usize> = [(&'static str, MethodRouter<Arc<House>>); N];

/// What there is beside the API.
fn outside() -> Table<6> {
    [
        ("/", get(assets::page)),
        ("/r/{room}", get(assets::page)),
        ("/sign-in", get(sign_in::page).post(sign_in::enter)),
        ("/ws", get(upgrade::websocket).post(upgrade::why_not)),
        ("/healthz", get(status::healthz)),
        ("/metrics", get(operator::metrics)),
    ]
}

/// What there is below `/api`.
fn inside() -> Table<11> {
    [
        ("/status", get(status::status)),
        ("/openapi.json", get(api::description)),
        ("/rooms", get(rooms::list).post(rooms::create)),
        ("/rooms/{room}", get(rooms::show).delete(rooms::end)),
        ("/rooms/{room}/members", get(rooms::members)),
        ("/rooms/{room}/bans", get(bans::list).post(bans::ban)),
        ("/rooms/{room}/bans/{user}", delete(bans::unban)),
        ("/rooms/{room}/links", get(links::list).post(links::create)),
        ("/rooms/{room}/links/{link}", delete(links::revoke)),
        ("/identities", get(identities::list)),
        ("/identities/{user}", get(person::show).delete(identities::erase)),
    ]
}

/// Every path of the server; anything else is a file of the page, or not found.
pub(crate) fn router(house: &Arc<House>) -> Router {
    let api = laid_out(inside())
        .fallback(api::unknown_path)
        .method_not_allowed_fallback(api::unknown_method)
        .layer(DefaultBodyLimit::max(API_BODY_BYTES_MAX));
    let all = laid_out(outside()).nest("/api", api).fallback(assets::file);
    let all = all.layer(map_response(headers::finish)).layer(from_fn_with_state(Arc::clone(house), noted::note));
    all.with_state(Arc::clone(house))
}

/// Every path that is not a file's: for the test that compares them with the API's description.
#[doc(hidden)]
#[must_use]
pub fn paths() -> Vec<String> {
    let inside = inside().map(|(path, _)| format!("/api{path}"));
    outside().into_iter().map(|(path, _)| path.to_owned()).chain(inside).collect()
}

fn laid_out<const N: usize>(table: Table<N>) -> Router<Arc<House>> {
    table.into_iter().fold(Router::new(), |router, (path, methods)| router.route(path, methods))
}

/// What plain requests are answered where HTTPS is spoken.
pub(crate) fn to_https(house: &Arc<House>) -> Router {
    let all = Router::new().fallback(tls::to_https);
    all.layer(map_response(headers::finish)).layer(from_fn_with_state(Arc::clone(house), noted::note))
}
