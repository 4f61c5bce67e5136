//! What is no longer needed goes back to the system at once: we look into processes that run out of memory.

/// Pieces of this many bytes and more are mappings of their own, which end when they are freed.
#[cfg(target_env = "gnu")]
const LARGE_BYTES: libc::c_int = 1 << 20;

/// Keeps the allocator from holding on to large pieces. Left alone it takes the first one that is freed for a sign
/// that more of that size come and go, and keeps up to 64 MiB of each (mallopt(3), M_MMAP_THRESHOLD).
pub fn give_back_large_pieces() {
    #[cfg(target_env = "gnu")]
    // SAFETY: takes two numbers, and locks what it changes.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, LARGE_BYTES);
    }
}
