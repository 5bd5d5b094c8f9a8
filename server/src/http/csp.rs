//! The page's Content-Security-Policy: nothing but the server's own files, and those inline scripts that the page
//! itself was built with, by their hashes.

use data_encoding::BASE64;
use sha2::{Digest, Sha256};

/// The policy for a page, from its own text. Styles may stand in attributes, since some browsers treat a style set by
/// a script so; scripts may not.
pub(super) fn policy_for(page: &str) -> String {
    let hashes = hashes_of_inline(page, "script");
    format!(
        "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'{hashes}; worker-src 'self'; connect-src 'self'; \
         style-src 'self'; style-src-attr 'unsafe-inline'; img-src 'self' data:; font-src 'self'; \
         media-src 'self' blob:; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
}

/// The policy for a worker: it goes by the one that its own script comes with, not by the page's.
pub(super) const WORKER: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'";

/// What a policy says of the page's own inline scripts or styles: each behind a space.
pub(super) fn hashes_of_inline(page: &str, element: &str) -> String {
    inline(page, element).map(|content| format!(" 'sha256-{}'", BASE64.encode(&Sha256::digest(content)))).collect()
}

/// The contents of every such element without `src`.
fn inline<'a>(page: &'a str, element: &str) -> impl Iterator<Item = &'a str> {
    let (begins, ends) = (format!("<{element}"), format!("</{element}"));
    let pieces: Vec<&str> = page.split(begins.as_str()).skip(1).collect();
    pieces.into_iter().filter_map(move |rest| {
        let (attributes, rest) = rest.split_once('>')?;
        let (script, _) = rest.split_once(ends.as_str())?;
        let has_source = attributes.split_ascii_whitespace().any(|attribute| attribute.starts_with("src="));
        (!has_source && !script.is_empty()).then_some(script)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inline_scripts_are_allowed_by_hash_and_no_others() {
        let page = "<script src=\"/a.js\"></script><script type=\"module\">alert(1)</script><script>\nb\n</script>";
        assert_eq!(inline(page, "script").collect::<Vec<_>>(), ["alert(1)", "\nb\n"]);
        let policy = policy_for(page);
        // printf 'alert(1)' | openssl dgst -sha256 -binary | base64
        assert!(policy.contains("'sha256-bhHHL3z2vDgxUt0W3dWQOrprscmda2Y5pLsLg4GF+pI='"), "{policy}");
        assert_eq!(policy.matches("sha256-").count(), 2);
    }

    #[test]
    fn a_page_without_inline_scripts_gets_no_hash() {
        let policy = policy_for("<!doctype html><link rel=stylesheet href=/a.css>");
        assert!(policy.contains("script-src 'self' 'wasm-unsafe-eval';"), "{policy}");
    }
}
