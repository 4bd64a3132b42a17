//! `cargo xtask image`: disk images for real machines, through the bootloader crate.
//!
//! How to call it: [`make`] returns the image of a kernel under target/refrain/images, making it
//! only if it is older than the kernel; [`image`] writes one to any path; [`Image`] is the verb.
//!
//! # Why it is like this
//! The build script of `bootloader` compiles the firmware stages with `-Zbuild-std`, and takes
//! `llvm-objcopy` from the sysroot that the `rustc` in the path names. A toolchain of rustup's has
//! that after two components are installed; Debian's has the tools elsewhere. Nothing outside
//! target/ may be changed, so we give the build a *private sysroot*: links to the real one, plus
//! the tools, plus a `rustc` that says it lives there.
//!
//! ```text
//! target/image/sysroot/bin/rustc                       calls the real one with --sysroot
//! target/image/sysroot/lib/rustlib/*                   links
//! target/image/sysroot/lib/rustlib/<host>/bin/*        links, and llvm-objcopy, llvm-objdump,
//!                                                      rust-lld where the real one lacks them
//! ```
//!
//! All of it is kept: the first image takes minutes, the next ones a second.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::shell::{Cmd, root, say};
use crate::{build, packages, policy, toolchain};

/// The host that boot-image runs on, as rustc names it.
const HOST: &str = "x86_64-unknown-linux-gnu";

/// Debian's package with unversioned LLVM tools.
const LLVM: &[&str] = &["llvm"];

/// What the bootloader crate looks for in the sysroot. It runs the first and asks for the second
/// to recognise the directory.
const TOOLS: [&str; 2] = ["llvm-objcopy", "llvm-objdump"];

/// Which firmware an image is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Kind {
    /// A BIOS.
    Bios,
    /// UEFI.
    Uefi,
}

/// Makes a disk image that boots on a machine with a BIOS or UEFI.
#[derive(clap::Args, Debug)]
pub(crate) struct Image {
    /// What starts the machine
    #[arg(long, value_enum, default_value_t = Kind::Bios)]
    firmware: Kind,
    /// The restart policy compiled into the kernel
    #[arg(long, value_name = "NAME", default_value = policy::DEFAULT)]
    policy: String,
    /// Where to write it [default: under target/refrain/images]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

impl Image {
    /// Runs the verb.
    pub(crate) fn run(&self) -> Result<()> {
        let kernel = PathBuf::from("/tmp/target-tiny/x86_64-unknown-none/release/tiny");
        let written = match &self.out {
            Some(out) => {
                image(self.firmware, &kernel, out)?;
                out.clone()
            }
            None => make(self.firmware, &kernel)?,
        };
        say(format!("{} boots {}.", written.display(), kernel.display()));
        Ok(())
    }
}

/// Makes the image that boots a kernel, unless it is there and newer, and returns where it is.
///
/// # Errors
/// As [`image`].
pub(crate) fn make(kind: Kind, kernel: &Path) -> Result<PathBuf> {
    let stem = kernel
        .file_stem()
        .context("a kernel has a file name")?
        .to_string_lossy();
    let out = build::artifacts()
        .join("images")
        .join(format!("{stem}-{}.img", kind.name()));
    if !is_newer(&out, kernel) {
        image(kind, kernel, &out)?;
    }
    Ok(out)
}

/// Writes an image that boots the kernel file `kernel` to `out`.
///
/// # Errors
/// When no suitable toolchain is there or can be installed, when the firmware stages do not
/// build (the first time they are downloaded), or when a file cannot be read or written.
pub(crate) fn image(kind: Kind, kernel: &Path, out: &Path) -> Result<()> {
    let (kernel, out) = (absolute(kernel)?, absolute(out)?);
    if let Some(directory) = out.parent() {
        fs::create_dir_all(directory)
            .with_context(|| format!("cannot make {}", directory.display()))?;
    }
    let maker = maker()?;
    say(format!(
        "making a {} image of {}.",
        kind.name(),
        kernel.display()
    ));
    Cmd::new(maker)
        .arg("--kernel")
        .arg(kernel)
        .arg(format!("--{}", kind.name()))
        .arg(out)
        .run()
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Bios => "bios",
            Self::Uefi => "uefi",
        }
    }
}

/// Builds the program boot-image, in its own target directory, and returns where it is.
fn maker() -> Result<PathBuf> {
    let compiler = compiler()?;
    let sysroot = private_sysroot(&compiler)?;
    let target = root().join("target/image");
    let program = target.join("release/boot-image");
    if !program.exists() {
        say("building the firmware stages of the bootloader crate: once, for some minutes.");
    }
    let path = std::env::var("PATH").unwrap_or_else(|_| "/usr/bin:/bin".to_owned());
    Cmd::new(&compiler.cargo)
        // The build script asks the `rustc` in the path, cargo the one in RUSTC.
        .env("PATH", format!("{}:{path}", sysroot.join("bin").display()))
        .env("RUSTC", sysroot.join("bin/rustc"))
        // -Zbuild-std is unstable; this lets a stable compiler do it.
        .env("RUSTC_BOOTSTRAP", "1")
        .args([
            "build",
            "--package",
            "boot-image",
            "--release",
            "--target-dir",
        ])
        .arg(target)
        .run()?;
    Ok(program)
}

/// A compiler that can build the standard library from source.
struct Compiler {
    rustc: PathBuf,
    cargo: PathBuf,
    sysroot: PathBuf,
}

/// Finds one, Debian's first: it is the one this was tried with.
fn compiler() -> Result<Compiler> {
    if let Some(found) = find_compiler() {
        return Ok(found);
    }
    let why = "Disk images need a Rust toolchain with the library's source.";
    packages::install(packages::TOOLCHAIN, why)?;
    find_compiler().context("Debian's Rust toolchain is installed, but has no library source")
}

fn find_compiler() -> Option<Compiler> {
    let pinned = toolchain::sysroot("rustc").map(|sysroot| sysroot.join("bin"));
    [Some(PathBuf::from("/usr/bin")), pinned]
        .into_iter()
        .flatten()
        .find_map(|directory| {
            let (rustc, cargo) = (directory.join("rustc"), directory.join("cargo"));
            let sysroot = toolchain::sysroot(rustc.to_str()?)?;
            // A toolchain too old for us has its source elsewhere, or none.
            let source = sysroot.join("lib/rustlib/src/rust/library/core/src/lib.rs");
            (cargo.exists() && source.exists()).then_some(Compiler {
                rustc,
                cargo,
                sysroot,
            })
        })
}

/// Makes or completes the private sysroot, and returns where it is.
fn private_sysroot(compiler: &Compiler) -> Result<PathBuf> {
    let private = root().join("target/image/sysroot");
    let bin = private.join("lib/rustlib").join(HOST).join("bin");
    for directory in [&private.join("bin"), &bin] {
        fs::create_dir_all(directory)
            .with_context(|| format!("cannot make {}", directory.display()))?;
    }

    let real = compiler.sysroot.join("lib/rustlib");
    link_entries(&real, &private.join("lib/rustlib"), &[HOST])?;
    link_entries(
        &real.join(HOST),
        &private.join("lib/rustlib").join(HOST),
        &["bin"],
    )?;
    link_entries(&real.join(HOST).join("bin"), &bin, &[])?;

    for tool in TOOLS {
        if !bin.join(tool).exists() {
            link(&llvm_tool(tool)?, &bin.join(tool))?;
        }
    }
    if !bin.join("rust-lld").exists() {
        let linker =
            toolchain::linker().context("there is no rust-lld; see `cargo xtask doctor`")?;
        link(&linker, &bin.join("rust-lld"))?;
    }
    write_wrapper(compiler, &private)?;
    Ok(private)
}

/// Writes the `rustc` that names the private sysroot; only if it changes, for cargo's sake.
fn write_wrapper(compiler: &Compiler, private: &Path) -> Result<()> {
    let path = private.join("bin/rustc");
    let (real, sysroot) = (compiler.rustc.display(), private.display());
    let text = format!(
        "#!/bin/sh\n# Written by cargo xtask image.\nexec '{real}' --sysroot '{sysroot}' \"$@\"\n"
    );
    if fs::read_to_string(&path).is_ok_and(|old| old == text) {
        return Ok(());
    }
    fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755))
        .with_context(|| format!("cannot make {} executable", path.display()))
}

/// Links every entry of one directory into another, except those named.
fn link_entries(from: &Path, to: &Path, except: &[&str]) -> Result<()> {
    let entries = match fs::read_dir(from) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => bail!("cannot read {}: {error}", from.display()),
    };
    for entry in entries {
        let name = entry
            .with_context(|| format!("cannot read {}", from.display()))?
            .file_name();
        if !except.iter().any(|excepted| name == **excepted) {
            link(&from.join(&name), &to.join(&name))?;
        }
    }
    Ok(())
}

/// Makes the link `name` to `target`, in place of a link that points elsewhere.
fn link(target: &Path, name: &Path) -> Result<()> {
    if fs::read_link(name).is_ok_and(|old| old == target) {
        return Ok(());
    }
    match fs::remove_file(name) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            bail!("cannot replace {}: {error}", name.display())
        }
        Ok(()) | Err(_) => {}
    }
    symlink(target, name).with_context(|| format!("cannot make the link {}", name.display()))
}

/// Finds one of LLVM's tools where Debian puts them, or installs it.
fn llvm_tool(name: &str) -> Result<PathBuf> {
    if let Some(found) = find_llvm_tool(name) {
        return Ok(found);
    }
    packages::install(LLVM, &format!("{name} is not installed."))?;
    find_llvm_tool(name).with_context(|| format!("package llvm is installed, but has no {name}"))
}

/// Looks for a tool: the newest version first (/usr/lib/llvm-22/bin), then the plain name, which
/// may be a much older LLVM's.
fn find_llvm_tool(name: &str) -> Option<PathBuf> {
    let versioned = |entry: fs::DirEntry| {
        let version = entry
            .file_name()
            .to_str()?
            .strip_prefix("llvm-")?
            .parse::<u32>()
            .ok()?;
        Some((version, entry.path().join("bin").join(name)))
    };
    let newest = fs::read_dir("/usr/lib").ok().and_then(|entries| {
        entries
            .filter_map(|entry| versioned(entry.ok()?))
            .filter(|(_, path)| path.exists())
            .max_by_key(|(version, _)| *version)
    });
    let plain = Path::new("/usr/bin").join(name);
    newest
        .map(|(_, path)| path)
        .or_else(|| plain.exists().then_some(plain))
}

fn absolute(path: &Path) -> Result<PathBuf> {
    std::path::absolute(path).with_context(|| format!("no such path: {}", path.display()))
}

/// Tells whether the file `made` exists and was written after `source`.
fn is_newer(made: &Path, source: &Path) -> bool {
    let written = |path: &Path| fs::metadata(path).and_then(|data| data.modified()).ok();
    matches!((written(made), written(source)), (Some(made), Some(source)) if made > source)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_made_replaced_and_kept() {
        let directory = std::env::temp_dir().join(format!("refrain-links-{}", std::process::id()));
        let (from, to) = (directory.join("from"), directory.join("to"));
        fs::create_dir_all(&from).unwrap();
        fs::create_dir_all(&to).unwrap();
        for name in ["linked", "excepted"] {
            fs::write(from.join(name), name).unwrap();
        }
        symlink("/nowhere", to.join("linked")).unwrap();
        for _ in 0..2 {
            link_entries(&from, &to, &["excepted"]).unwrap();
            assert_eq!(
                fs::read_link(to.join("linked")).unwrap(),
                from.join("linked")
            );
            assert!(!to.join("excepted").exists());
        }
        link_entries(&directory.join("absent"), &to, &[]).unwrap();
        fs::remove_dir_all(directory).unwrap();
    }

    #[test]
    fn an_image_older_than_its_kernel_is_made_again() {
        let directory = std::env::temp_dir().join(format!("refrain-newer-{}", std::process::id()));
        fs::create_dir_all(&directory).unwrap();
        let (kernel, image) = (directory.join("kernel"), directory.join("image"));
        assert!(!is_newer(&image, &kernel));
        fs::write(&kernel, "").unwrap();
        fs::write(&image, "").unwrap();
        let earlier = std::time::SystemTime::now() - std::time::Duration::from_secs(60);
        fs::File::options()
            .write(true)
            .open(&kernel)
            .unwrap()
            .set_modified(earlier)
            .unwrap();
        assert!(is_newer(&image, &kernel));
        assert!(!is_newer(&kernel, &image));
        fs::remove_dir_all(directory).unwrap();
    }
}
