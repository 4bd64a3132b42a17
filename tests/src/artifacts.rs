//! Where `cargo xtask` leaves what it built, and where tests leave what they saw.

use std::path::{Path, PathBuf};

/// Returns the directory of results: `REFRAIN_ARTIFACTS`, or target/refrain in the workspace.
#[must_use]
pub fn directory() -> PathBuf {
    std::env::var_os("REFRAIN_ARTIFACTS")
        .map_or_else(|| root().join("target/refrain"), PathBuf::from)
}

/// Returns the root of the workspace.
#[must_use]
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .map_or_else(PathBuf::new, Path::to_path_buf)
}

/// The loader for QEMU's `-kernel`.
#[must_use]
pub fn loader() -> PathBuf {
    directory().join("boot-direct.elf")
}

/// The kernel with a policy compiled in.
#[must_use]
pub fn kernel(policy: &str) -> PathBuf {
    directory().join(format!("kernel-{policy}.elf"))
}

/// The directory of actor images, named `<image>.elf`.
#[must_use]
pub fn actors() -> PathBuf {
    directory().join("actors")
}

/// The disk of a site, as built. What runs gets a copy: see [`scratch`].
#[must_use]
pub fn disk(site: &str) -> PathBuf {
    directory().join("disks").join(format!("{site}.img"))
}

/// A file for one run only.
#[must_use]
pub fn scratch(name: &str) -> PathBuf {
    directory().join("scratch").join(name)
}

/// What the kernel of one run told its debug console.
#[must_use]
pub fn recording(name: &str) -> PathBuf {
    scratch(&format!("{name}.ledger"))
}

/// The record of one run.
#[must_use]
pub fn transcript(name: &str) -> PathBuf {
    directory().join("transcripts").join(format!("{name}.log"))
}
