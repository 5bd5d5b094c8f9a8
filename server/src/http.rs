//! What the server answers to plain HTTP. Knows no room from the inside.

mod access;
pub(crate) mod api;
pub(crate) mod assets;
mod csp;
pub(crate) mod headers;
pub(crate) mod noted;
pub(crate) mod operator;
mod origin;
pub(crate) mod sign_in;
pub(crate) mod status;
pub(crate) mod upgrade;
