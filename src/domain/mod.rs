//! The words of the Act, as types: what a body, a purpose, a consent, an ask is. Pure: no async, no input or output,
//! no framework, no clock of its own.
//!
//! Not here: who proved to be whom (`identity`), whether something may be done (`policy`), what was done (`ledger`).
//! INVARIANT: a stage of a consent carries the facts that are true in it, and no others.

mod acts;
mod attest;
mod basis;
mod catalogue;
mod change;
mod consent;
mod declared;
mod event;
mod ids;
mod notice;
mod register;
mod subject;
mod succession;

pub use acts::*;
pub use attest::*;
pub use basis::*;
pub use catalogue::*;
pub use change::*;
pub use consent::*;
pub use declared::*;
pub use event::*;
pub use ids::*;
pub use notice::*;
pub use register::*;
pub use subject::*;
pub use succession::*;
