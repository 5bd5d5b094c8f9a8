//! Is the server well, and how much goes on.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;

use crate::server::{House, Status};

const DISPLACED: &str = "the store cannot keep changes: its files are not where they were; the log says what to do\n";

/// 200 while everything works, 503 with a sentence otherwise.
pub(crate) async fn healthz(State(house): State<Arc<House>>) -> (StatusCode, String) {
    match house.store.check() {
        Ok(()) => (StatusCode::OK, "ok\n".into()),
        // Where the files are is nobody's business but the operator's, who has the log.
        Err(_) if house.store.is_displaced() => (StatusCode::SERVICE_UNAVAILABLE, DISPLACED.into()),
        Err(error) => (StatusCode::SERVICE_UNAVAILABLE, format!("{error}\n")),
    }
}

/// Version, uptime, rooms and members, as JSON.
pub(crate) async fn status(State(house): State<Arc<House>>) -> Json<Status> {
    Json(house.status())
}
