//! Which path leads where.

use std::sync::Arc;

use axum::Router;
use axum::routing::get;

use crate::http::{assets, operator, status, upgrade};
use crate::server::House;

/// Every path of the server; anything else is a file of the page, or not found.
pub(crate) fn router(house: &Arc<House>) -> Router {
    Router::new()
        .route("/", get(assets::page))
        .route("/r/{room}", get(assets::page))
        .route("/healthz", get(status::healthz))
        .route("/api/status", get(status::status))
        .route("/metrics", get(operator::metrics))
        .route("/ws", get(upgrade::websocket))
        .fallback(assets::file)
        .with_state(Arc::clone(house))
}
