//! What every answer says of itself, where it does not say otherwise.

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;

/// It is of this moment and for whoever asked, it is what it says it is, and no page to be framed or to load anything.
const USUAL: [(HeaderName, &str); 3] = [
    (header::CACHE_CONTROL, "no-store"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
];

pub(crate) async fn finish(mut answer: Response) -> Response {
    if answer.status() != StatusCode::SWITCHING_PROTOCOLS {
        for (name, value) in USUAL {
            answer.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
        }
    }
    answer
}
