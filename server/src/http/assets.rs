//! The page's files: from inside the binary, or from a folder. Each may have a brotli and a gzip twin beside it, made
//! when the page was built. Knows nothing of what the files do.

mod negotiation;
mod source;

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header};
use axum::response::{Html, IntoResponse, Response};

use super::sign_in;
use crate::server::House;
use negotiation::{Coding, codings_accepted, matches_etag};

use source::File;
pub(crate) use source::{Assets, AssetsError};

const INDEX: &str = "index.html";
const IMMUTABLE: &str = "public, max-age=31536000, immutable";
const REVALIDATE: &str = "no-cache";
const SCRIPT: &str = "text/javascript; charset=utf-8";

/// `GET /` and `GET /r/<room>`: the app, which reads the room from its address, for whoever is let in.
pub(crate) async fn page(State(house): State<Arc<House>>, uri: Uri, headers: HeaderMap) -> Response {
    if let Some(page) = sign_in::instead(&house, &uri, &headers).await {
        return page;
    }
    match serve(&house.assets, INDEX, &headers).await {
        Some(response) => response,
        None => with_page_headers((StatusCode::NOT_FOUND, Html(house.assets.without_page())).into_response()),
    }
}

/// Any other path: a file of the page, or not found.
pub(crate) async fn file(State(house): State<Arc<House>>, uri: Uri, headers: HeaderMap) -> Response {
    let name = uri.path().trim_start_matches('/');
    let served = if name == INDEX { None } else { serve(&house.assets, name, &headers).await };
    served.unwrap_or_else(|| with_page_headers((StatusCode::NOT_FOUND, "Not found.\n").into_response()))
}

async fn serve(assets: &Assets, name: &str, headers: &HeaderMap) -> Option<Response> {
    let plain = assets.read(name).await?;
    let (coding, file) = best_coding(assets, name, headers).await.unwrap_or((Coding::Identity, plain.clone()));
    let etag = etag(&file.digest, coding);
    let is_known = matches_etag(headers, &etag);
    let mut response = if is_known { StatusCode::NOT_MODIFIED.into_response() } else { file.bytes.into_response() };
    let content_type = content_type(name);
    let cache = if is_hashed(name) { IMMUTABLE } else { REVALIDATE };
    let mut set = |name: HeaderName, value: &str| {
        let value = HeaderValue::from_str(value).expect("these are printable ASCII throughout");
        response.headers_mut().insert(name, value);
    };
    set(header::ETAG, &etag);
    set(header::CACHE_CONTROL, cache);
    set(header::VARY, "accept-encoding");
    if !is_known {
        set(header::CONTENT_TYPE, content_type);
        if let Some(coding) = coding.name() {
            set(header::CONTENT_ENCODING, coding);
        }
    }
    if name == INDEX {
        set(header::CONTENT_SECURITY_POLICY, &super::csp::policy_for(&String::from_utf8_lossy(&plain.bytes)));
        set(HeaderName::from_static("permissions-policy"), "microphone=(self), camera=(), geolocation=()");
        return Some(with_page_headers(response));
    }
    if content_type == SCRIPT {
        add(&mut response, &ISOLATION);
        add(&mut response, &[("content-security-policy", super::csp::WORKER)]);
    }
    Some(with_file_headers(response))
}

/// The file's first twin that the client takes.
async fn best_coding(assets: &Assets, name: &str, headers: &HeaderMap) -> Option<(Coding, File)> {
    for coding in codings_accepted(headers) {
        if let Some(file) = assets.read(&format!("{name}{}", coding.extension())).await {
            return Some((coding, file));
        }
    }
    None
}

/// Headers of a page: those of any file, cross-origin isolation, and no referrer.
pub(super) fn with_page_headers(mut response: Response) -> Response {
    add(&mut response, &ISOLATION);
    // The second says to old browsers what the policy's frame-ancestors says to the rest.
    add(&mut response, &[("cross-origin-opener-policy", "same-origin"), ("x-frame-options", "DENY")]);
    with_file_headers(response)
}

/// Headers of any file: nobody else's page may load it, and it is what it says.
fn with_file_headers(mut response: Response) -> Response {
    add(&mut response, &[("cross-origin-resource-policy", "same-origin"), ("x-content-type-options", "nosniff")]);
    response
}

/// What pages and workers, which are scripts, say of what they load. Other files load nothing, and a page loads many.
const ISOLATION: [(&str, &str); 2] = [("cross-origin-embedder-policy", "require-corp"), ("referrer-policy", "no-referrer")];

fn add(response: &mut Response, headers: &[(&'static str, &'static str)]) {
    for (name, value) in headers {
        response.headers_mut().insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
}

/// A strong tag: the same only for the same bytes.
fn etag(digest: &[u8; 32], coding: Coding) -> String {
    format!("\"{}{}\"", data_encoding::HEXLOWER.encode(&digest[..12]), coding.extension())
}

/// Whether the name says what is inside, as the bundler names its outputs: `name-0123456789abcdef.js`.
fn is_hashed(name: &str) -> bool {
    let stem = name.rsplit('/').next().unwrap_or(name).split('.').next().unwrap_or_default();
    let stem = stem.strip_suffix("_bg").unwrap_or(stem);
    let Some((_, hash)) = stem.rsplit_once('-') else { return false };
    hash.len() >= 12 && hash.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, extension)| extension) {
        Some("html") => "text/html; charset=utf-8",
        Some("js" | "mjs") => SCRIPT,
        Some("css") => "text/css; charset=utf-8",
        Some("wasm") => "application/wasm",
        Some("json" | "webmanifest") => "application/json",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("ico") => "image/x-icon",
        Some("woff2") => "font/woff2",
        Some("wav") => "audio/wav",
        Some("txt") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_carry_a_hash_may_be_kept_for_ever() {
        for hashed in ["app-7b4e0d1c9a2f3e55.js", "app-7b4e0d1c9a2f3e55_bg.wasm", "css/main-0123456789abcdef.css"] {
            assert!(is_hashed(hashed), "{hashed}");
        }
        for plain in ["index.html", "worker.js", "worker_bg.wasm", "capture.js", "room-list.css", "dais-cafe.js"] {
            assert!(!is_hashed(plain), "{plain}");
        }
    }

    #[test]
    fn tags_differ_by_content_and_coding() {
        let tags = [etag(&[1; 32], Coding::Identity), etag(&[2; 32], Coding::Identity), etag(&[1; 32], Coding::Brotli)];
        assert!(tags[0] != tags[1] && tags[0] != tags[2], "{tags:?}");
        assert_eq!(tags[0], etag(&[1; 32], Coding::Identity));
    }
}
