//! Is the server well, and how much goes on.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;

use crate::server::{House, Status};

/// 200 while everything works, 503 with a sentence otherwise.
pub(crate) async fn healthz(State(house): State<Arc<House>>) -> (StatusCode, String) {
    match house.store.check() {
        Ok(()) => (StatusCode::OK, "ok\n".into()),
        Err(error) => (StatusCode::SERVICE_UNAVAILABLE, format!("{error}\n")),
    }
}

/// Version, uptime, rooms and members, as JSON.
pub(crate) async fn status(State(house): State<Arc<House>>) -> Json<Status> {
    Json(house.status())
}
