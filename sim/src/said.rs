//! What a simulation prints. Where nobody reads it, or it cannot be written, it goes on all the same: what it does is told by its exit
//! code, too. The standard macros would panic.

use std::fmt::Arguments;
use std::io::Write;

/// Writes, if it can.
pub(crate) fn say(mut to: impl Write, what: Arguments<'_>) {
    let _ = to.write_fmt(what);
    let _ = to.flush();
}
