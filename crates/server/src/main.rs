//! The program; all of it is in the library beside it.

/// What is given back goes back to the system. The allocator of glibc keeps for each thread what
/// that thread once had, which after a large import was two thirds of the process.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    small_pages_only();
    facteur::main()
}

/// Has the system give memory out in pages of 4 KiB. The allocator asks for pages of 2 MiB, and
/// each that it gave back and takes again is cleared whole for the few KiB that a reply needs:
/// nearly half of what a download cost.
fn small_pages_only() {
    // Without it the work is done all the same, only slower.
    let _ = rustix::thread::disable_transparent_huge_pages(true);
}
