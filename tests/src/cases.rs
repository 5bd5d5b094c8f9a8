//! The tricky cases of a stage, one by one, over real sockets.

mod chair;
mod coming_back;
mod doors;
mod moderators;
mod names;
