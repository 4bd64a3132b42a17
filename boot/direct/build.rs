//! Hands the linker script to the bare-metal build of the loader.
//!
//! The crate's pure half is also built for the host (its unit tests run there), and a host
//! program must not be linked by our script, so the argument is given for the bare target only.

fn main() {
    println!("cargo::rerun-if-changed=direct.ld");
    let bare = std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|system| system == "none");
    if bare {
        let directory = std::env::var("CARGO_MANIFEST_DIR").unwrap_or_else(|_| ".".into());
        println!("cargo::rustc-link-arg-bins=-T{directory}/direct.ld");
    }
}
