//! The hot loops of mapmedic. Decides nothing: bytes in, columns out.

mod columns;
mod debuginfo;
mod gobinary;
mod gocode;
mod goheap;
mod goroutines;
mod gostacks;
mod heap_text;
mod image;
mod inflate;
mod intern;
mod large_pages;
mod parallel;
mod problem;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod process;
mod profile;
mod scan;

use pyo3::prelude::*;

#[global_allocator]
static ALLOCATOR: large_pages::LargePages = large_pages::LargePages;

#[pymodule]
fn _native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("Malformed", module.py().get_type::<problem::Malformed>())?;
    inflate::register(module)?;
    image::register(module)?;
    heap_text::register(module)?;
    debuginfo::register(module)?;
    goheap::register(module)?;
    goheap::register_entries(module)?;
    gobinary::register(module)?;
    goroutines::register(module)?;
    gostacks::register(module)?;
    #[cfg(all(target_os = "linux", target_arch = "x86_64"))]
    process::register(module)?;
    profile::register(module)
}
