//! What makes up the trial environment, and is in no packaged build: the feature `dev`.

pub mod identity;
