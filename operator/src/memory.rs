//! Keeps the operator small. What a burst of work allocates is freed when it is over, but the
//! allocator keeps it, for each thread apart, unless it is told otherwise.

/// Keeps threads from each having a heap of their own. To be called before there are any.
pub fn spare() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: changes a setting of the allocator, before other threads use it.
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, 2);
    }
}

/// Gives freed memory back to the system. To be called now and then.
pub fn give_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: concerns free memory only; the allocator takes its own locks.
    unsafe {
        libc::malloc_trim(0);
    }
}
