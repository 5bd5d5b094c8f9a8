//! The screens, one per file. Each lays out components; none of them knows a rule.

pub(crate) mod at_room;
pub(crate) mod join;
pub(crate) mod lobby;
pub(crate) mod nowhere;
pub(crate) mod room;
