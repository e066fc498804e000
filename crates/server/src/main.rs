//! The program; all of it is in the library beside it.

/// What is given back goes back to the system. The allocator of glibc keeps for each thread what
/// that thread once had, which after a large import was two thirds of the process.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    facteur::main()
}
