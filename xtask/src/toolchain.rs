//! Finds a way to build for x86_64-unknown-none, and the tools that check the source.
//!
//! rust-toolchain.toml pins a channel and nothing else, because a target or component listed there
//! makes *every* cargo command fail on a machine whose rustup cannot download. So we look for what
//! is there, in this order: the bare target of the pinned toolchain; its rust-src (the library is
//! then built from source); Debian's toolchain with its library source. What is missing we ask
//! rustup for, unless RUSTUP_AUTO_INSTALL is 0, and then apt-get.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::packages;
use crate::shell::{Cmd, say};

/// The target of everything that does not run on the host.
pub(crate) const TARGET: &str = "x86_64-unknown-none";

/// The same flags for every bare crate, so that the library is built once for all of them.
///
/// Static relocation: nobody relocates us. The kernel code model reaches the top 2 GiB, and the
/// low 2 GiB where actors live. Frame pointers make backtraces possible without unwind tables.
pub(crate) const BARE_FLAGS: &str =
    "-Crelocation-model=static -Ccode-model=kernel -Cforce-frame-pointers=yes";

/// Debian's LLD, or a link to it.
const DEBIAN_LINKER: &str = "/usr/bin/rust-lld";

/// The oldest compiler that can build the workspace (rust-version in Cargo.toml).
const OLDEST_MINOR: u32 = 95;

/// Where the bare target comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The pinned toolchain has the target installed.
    PinnedTarget,
    /// The pinned toolchain has the library's source.
    PinnedSource,
    /// Debian's compiler, with the library's source from rust-web-src.
    Debian,
}

impl Origin {
    /// Says it in words.
    pub(crate) fn description(self) -> &'static str {
        match self {
            Self::PinnedTarget => "the pinned toolchain's installed target",
            Self::PinnedSource => "the pinned toolchain, building core and alloc from rust-src",
            Self::Debian => "Debian's toolchain, building core and alloc from rust-web-src",
        }
    }

    /// Returns a cargo command for the bare target: `build`, `clippy`, `rustdoc`...
    pub(crate) fn cargo(self, subcommand: &str) -> Cmd {
        let command = match self {
            Self::PinnedTarget | Self::PinnedSource => Cmd::new("cargo").arg(subcommand),
            Self::Debian => debian_cargo(subcommand),
        };
        let command = command.env("RUSTFLAGS", BARE_FLAGS);
        let command = match (self, linker()) {
            (Self::Debian, Some(linker)) => {
                command.env("CARGO_TARGET_X86_64_UNKNOWN_NONE_LINKER", linker)
            }
            _ => command,
        };
        let command = match self {
            Self::PinnedTarget => command,
            // build-std is unstable; RUSTC_BOOTSTRAP lets a stable compiler do it.
            Self::PinnedSource | Self::Debian => command.env("RUSTC_BOOTSTRAP", "1").args([
                "-Zbuild-std=core,alloc,compiler_builtins",
                "-Zbuild-std-features=compiler-builtins-mem",
            ]),
        };
        command.args(["--target", TARGET, "--target-dir", "target/bare"])
    }
}

/// Finds a way to build for the bare target, without changing the machine.
pub(crate) fn find() -> Option<Origin> {
    let pinned = sysroot("rustc");
    if pinned.as_deref().is_some_and(has_target) {
        Some(Origin::PinnedTarget)
    } else if pinned.as_deref().is_some_and(has_source) {
        Some(Origin::PinnedSource)
    } else if has_debian() {
        Some(Origin::Debian)
    } else {
        None
    }
}

/// Finds a way to build for the bare target, installing what is missing.
///
/// # Errors
/// When nothing is there and nothing can be installed.
pub(crate) fn ensure() -> Result<Origin> {
    if let Some(found) = find() {
        return Ok(found);
    }
    say(format!("no way to build for {TARGET} is installed."));
    if ask_rustup(&["target", "add", TARGET])?
        && sysroot("rustc").as_deref().is_some_and(has_target)
    {
        return Ok(Origin::PinnedTarget);
    }
    packages::install(
        packages::TOOLCHAIN,
        "The bare target needs Debian's Rust toolchain.",
    )?;
    if linker().is_none()
        && let Ok(package) = std::fs::read_link(DEBIAN_LINKER)
        && let Some(package) = package.to_str()
    {
        packages::install(&[package], "Debian's Rust toolchain needs its linker.")?;
    }
    find().context(
        "apt-get installed Debian's Rust toolchain, but it is not usable; see `cargo xtask doctor`",
    )
}

/// Returns the command that runs a checking tool (`fmt` or `clippy`) on host crates.
///
/// # Errors
/// When the pinned toolchain lacks it and it can be installed neither by rustup nor by apt-get.
pub(crate) fn checker(tool: &str) -> Result<Cmd> {
    let component = if tool == "fmt" { "rustfmt" } else { tool };
    if has_pinned_checker(tool) {
        return Ok(Cmd::new("cargo").arg(tool));
    }
    if !has_debian_checker(tool) {
        if ask_rustup(&["component", "add", component])? && has_pinned_checker(tool) {
            return Ok(Cmd::new("cargo").arg(tool));
        }
        packages::install(
            packages::TOOLCHAIN,
            &format!("The pinned toolchain has no {tool}."),
        )?;
    }
    if has_debian_checker(tool) {
        Ok(debian_cargo(tool))
    } else {
        bail!(
            "neither the pinned toolchain nor Debian's has cargo {tool}; see `cargo xtask doctor`"
        )
    }
}

/// Tells whether the pinned toolchain has `cargo fmt` or `cargo clippy`.
pub(crate) fn has_pinned_checker(tool: &str) -> bool {
    Cmd::new("cargo")
        .args([tool, "--version"])
        .answer()
        .is_some()
}

/// Tells whether Debian's toolchain has `cargo fmt` or `cargo clippy`.
pub(crate) fn has_debian_checker(tool: &str) -> bool {
    is_recent("/usr/bin/rustc") && Path::new("/usr/bin").join(format!("cargo-{tool}")).exists()
}

/// Returns a cargo command of Debian's toolchain.
///
/// Cargo looks for its subcommands in ~/.cargo/bin first, where rustup's proxies are, so those of
/// Debian are started by path and told which cargo and compiler to use.
fn debian_cargo(subcommand: &str) -> Cmd {
    let command = match subcommand {
        "fmt" | "clippy" => Cmd::new(format!("/usr/bin/cargo-{subcommand}")),
        _ => Cmd::new("/usr/bin/cargo"),
    };
    let command = match subcommand {
        "fmt" => command.env("RUSTFMT", "/usr/bin/rustfmt"),
        _ => command,
    };
    command
        .env("CARGO", "/usr/bin/cargo")
        .env("RUSTC", "/usr/bin/rustc")
        .arg(subcommand)
}

/// Asks rustup to install something; false if it may not, cannot or is not there.
fn ask_rustup(what: &[&str]) -> Result<bool> {
    if std::env::var("RUSTUP_AUTO_INSTALL").is_ok_and(|value| value == "0") {
        say("not asking rustup, because RUSTUP_AUTO_INSTALL is 0.");
        return Ok(false);
    }
    if Cmd::new("rustup").arg("--version").answer().is_none() {
        return Ok(false);
    }
    say("asking rustup for it.");
    let done = Cmd::new("rustup").args(what.iter().copied()).succeeds()?;
    if !done {
        say("rustup could not.");
    }
    Ok(done)
}

/// Asks a compiler for its sysroot.
pub(crate) fn sysroot(rustc: &str) -> Option<PathBuf> {
    Cmd::new(rustc)
        .args(["--print", "sysroot"])
        .answer()
        .map(PathBuf::from)
}

/// Asks a compiler for its version, as it prints it.
pub(crate) fn version(rustc: &str) -> Option<String> {
    Cmd::new(rustc).arg("--version").answer()
}

fn has_target(sysroot: &Path) -> bool {
    let library = sysroot.join("lib/rustlib").join(TARGET).join("lib");
    let has_core = |mut entries: std::fs::ReadDir| {
        entries.any(|entry| {
            entry.is_ok_and(|entry| entry.file_name().to_string_lossy().starts_with("libcore-"))
        })
    };
    std::fs::read_dir(library).is_ok_and(has_core)
}

fn has_source(sysroot: &Path) -> bool {
    sysroot
        .join("lib/rustlib/src/rust/library/core/src/lib.rs")
        .exists()
}

/// Tells whether Debian's compiler, cargo, library source and a linker are all there.
fn has_debian() -> bool {
    is_recent("/usr/bin/rustc")
        && Path::new("/usr/bin/cargo").exists()
        && linker().is_some()
        && sysroot("/usr/bin/rustc").as_deref().is_some_and(has_source)
}

/// Finds an LLD for Debian's compiler.
///
/// Debian's rust-lld is a link to a versioned LLD in a package that nothing depends on, so the link
/// may dangle; the pinned toolchain's own LLD does as well.
pub(crate) fn linker() -> Option<PathBuf> {
    let pinned = sysroot("rustc")
        .map(|sysroot| sysroot.join("lib/rustlib/x86_64-unknown-linux-gnu/bin/rust-lld"));
    [Some(PathBuf::from(DEBIAN_LINKER)), pinned]
        .into_iter()
        .flatten()
        .find(|path| path.exists())
}

/// Tells whether the compiler is new enough (Debian 12's plain rustc is 1.63).
fn is_recent(rustc: &str) -> bool {
    version(rustc)
        .as_deref()
        .and_then(minor)
        .is_some_and(|minor| minor >= OLDEST_MINOR)
}

fn minor(version: &str) -> Option<u32> {
    version
        .strip_prefix("rustc 1.")?
        .split('.')
        .next()?
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_of_the_compiler_is_understood() {
        assert_eq!(
            minor("rustc 1.96.0 (ac68faa20 2026-05-25) (built from a tarball)"),
            Some(96)
        );
        assert_eq!(minor("gcc 12"), None);
    }

    #[test]
    fn library_source_is_built_only_when_the_target_is_not_installed() {
        assert!(
            !Origin::PinnedTarget
                .cargo("build")
                .shown()
                .contains("build-std")
        );
        assert!(
            Origin::PinnedSource
                .cargo("build")
                .shown()
                .contains("-Zbuild-std=core")
        );
        assert!(
            Origin::Debian
                .cargo("build")
                .shown()
                .contains("RUSTC=/usr/bin/rustc")
        );
    }
}
