//! What the page and its worker have in common: the messages between them, and the edge to JavaScript.

pub mod bridge;
pub mod edge;
pub mod effort;
