//! Gives each program addresses of its own: when instructions are counted by function, an address
//! then says whose it is.

/// Programs, and where their images begin: anywhere in the window for images will do.
const BASES: &[(&str, u32)] = &[
    ("bench-meter", 0x1000_0000),
    ("bench-pages", 0x1800_0000),
    ("bench-server", 0x2000_0000),
    ("bench-member", 0x2800_0000),
    ("bench-keeper", 0x2c00_0000),
    ("bench-holder", 0x2e00_0000),
    ("bench-guest", 0x2f00_0000),
    ("bench-probe", 0x3000_0000),
    ("bench-subject-16k", 0x4000_0000),
    ("bench-subject-64k", 0x4800_0000),
    ("bench-subject-1m", 0x5000_0000),
    ("bench-subject-8m", 0x5800_0000),
    ("bench-subject-64m", 0x6000_0000),
];

fn main() {
    for (program, base) in BASES {
        println!("cargo:rustc-link-arg-bin={program}=--image-base={base:#x}");
    }
    println!("cargo:rerun-if-changed=build.rs");
}
