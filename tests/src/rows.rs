//! The checklist of the product, row by row, over real sockets: what each row promises is seen to hold.

mod beside;
mod identity;
mod invitations;
mod microphones;
mod roles;
