//! facteur: a whole mail and groupware server in one binary.

fn main() {}
