//! Chores of the house: tidy, standards, crash.

fn main() {}
