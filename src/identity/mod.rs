//! Who is speaking: what was proved, by whom, and when.
//!
//! It decides nothing about what they may do (`policy`) and keeps no session (`http`, on `ephemeral`).

pub mod login;
