#![doc = include_str!("FORMAT.md")]

mod tree;
