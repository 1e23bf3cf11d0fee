//! Keeps the operator small. What a burst of work allocates is freed when it is over, but the
//! allocator keeps it, for each thread apart, unless it is told otherwise.

/// From this size on an allocation is a mapping of its own, which goes back to the system when it
/// is freed. Bodies of lists are larger, the objects in them smaller.
const MAPPED_FROM: i32 = 32 * 1024;

/// Keeps threads from having heaps of their own, of which each would keep what was free in it, and large bodies out
/// of the one there is. To be called before there are threads.
pub fn spare() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: changes settings of the allocator, before other threads use it.
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, 1);
        libc::mallopt(libc::M_MMAP_THRESHOLD, MAPPED_FROM);
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
