//! Bytes of another process.

use std::io;

use libc::{c_void, pid_t};

/// Reads `places` (address, bytes) of `process`, at most IOV_MAX of them, into `buffer`, one behind the other;
/// returns how many bytes were read before the first place that cannot be read.
pub fn read_scattered(
    process: pid_t,
    places: &[(u64, usize)],
    buffer: &mut [u8],
) -> io::Result<usize> {
    let theirs: Vec<libc::iovec> = places
        .iter()
        .map(|&(address, bytes)| libc::iovec {
            iov_base: address as *mut c_void,
            iov_len: bytes,
        })
        .collect();
    let ours = libc::iovec {
        iov_base: buffer.as_mut_ptr().cast::<c_void>(),
        iov_len: buffer.len(),
    };
    // SAFETY: the kernel writes into `buffer` only, and no more than its length; addresses of `process` are
    // numbers to us.
    let read = unsafe {
        libc::process_vm_readv(
            process,
            &raw const ours,
            1,
            theirs.as_ptr(),
            theirs.len() as libc::c_ulong,
            0,
        )
    };
    usize::try_from(read).map_err(|_| io::Error::last_os_error())
}

/// Writes `bytes` at `address` of `process`, where its own pages let it write; returns how many were written.
pub fn write_at(process: pid_t, address: u64, bytes: &[u8]) -> io::Result<usize> {
    let ours = libc::iovec {
        iov_base: bytes.as_ptr().cast_mut().cast::<c_void>(),
        iov_len: bytes.len(),
    };
    let theirs = libc::iovec {
        iov_base: address as *mut c_void,
        iov_len: bytes.len(),
    };
    // SAFETY: the kernel only reads `bytes`; the address of `process` is a number to us.
    let written =
        unsafe { libc::process_vm_writev(process, &raw const ours, 1, &raw const theirs, 1, 0) };
    usize::try_from(written).map_err(|_| io::Error::last_os_error())
}
