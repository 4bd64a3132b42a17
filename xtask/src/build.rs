//! `cargo xtask build`: the kernel, the loader and the actors, for the bare machine.
//!
//! What the other verbs use is collected under target/refrain:
//!
//! ```text
//! kernel-<policy>.elf   the kernel; the policy is chosen at compile time, so one per policy
//! boot-direct.elf       the loader for QEMU's -kernel
//! actors/<image>.elf    the actors, without symbols (those stay in target/bare)
//! disks/<site>.img      made by `disk`
//! ```

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::shell::{Cmd, root, say};
use crate::toolchain::{self, Origin, TARGET};
use crate::workspace::{self, Package};
use crate::{policy, strip};

/// Builds the kernel, the loader and every actor for the bare machine.
#[derive(clap::Args, Debug)]
pub(crate) struct Build {
    /// The restart policy compiled into the kernel
    #[arg(long, value_name = "NAME", default_value = policy::DEFAULT)]
    policy: String,
    /// Build with optimizations (the default)
    #[arg(long)]
    release: bool,
    /// Build without optimizations
    #[arg(long, conflicts_with = "release")]
    debug: bool,
}

/// Which actors are built.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Actors<'a> {
    /// Every one.
    All,
    /// Those with these images.
    Named(&'a [String]),
}

impl Actors<'_> {
    fn contains(self, image: &String) -> bool {
        match self {
            Self::All => true,
            Self::Named(images) => images.contains(image),
        }
    }
}

/// Which cargo profile is used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Profile {
    /// Optimized: what runs and is measured.
    #[default]
    Release,
    /// Not optimized: to step through with a debugger.
    Debug,
}

impl Build {
    /// Runs the verb.
    pub(crate) fn run(&self) -> Result<()> {
        let profile = if self.debug {
            Profile::Debug
        } else {
            Profile::Release
        };
        let built = programs(Actors::All, &[&self.policy], profile)?;
        for file in built {
            let size = fs::metadata(&file).map_or(0, |data| data.len());
            say(format!("{:>9} bytes  {}", size, relative(&file).display()));
        }
        Ok(())
    }
}

/// The directory in which results are collected.
pub(crate) fn artifacts() -> PathBuf {
    root().join("target/refrain")
}

/// Builds the loader, some actors, and a kernel for each of `policies`.
/// Returns the files in target/refrain.
pub(crate) fn programs(
    actors: Actors<'_>,
    policies: &[&str],
    profile: Profile,
) -> Result<Vec<PathBuf>> {
    for name in policies {
        policy::check(name)?;
    }
    let origin = toolchain::ensure()?;
    say(format!("building with {}.", origin.description()));
    let packages = workspace::packages()?;

    let mut built = build_actors(origin, &packages, actors, profile)?;
    built.extend(loader(origin, &packages, profile)?);
    for name in policies {
        built.extend(kernel(origin, &packages, name, profile)?);
    }
    Ok(built)
}

/// Builds actors, with one cargo command.
fn build_actors(
    origin: Origin,
    packages: &[Package],
    wanted: Actors<'_>,
    profile: Profile,
) -> Result<Vec<PathBuf>> {
    let mut arguments = Vec::new();
    // An image bears the name of its binary: one package may hold several.
    let mut images = Vec::new();
    for actor in packages.iter().filter(|package| package.is_actor()) {
        let binaries: Vec<_> = actor
            .binaries
            .iter()
            .filter(|one| wanted.contains(one))
            .collect();
        if !binaries.is_empty() {
            arguments.extend(["-p", actor.name.as_str()]);
            arguments.extend(
                binaries
                    .iter()
                    .flat_map(|binary| ["--bin", binary.as_str()]),
            );
            images.extend(binaries);
        }
    }
    let directory = artifacts().join("actors");
    fs::create_dir_all(&directory)?;
    if !images.is_empty() {
        say(format!("building {} actors.", images.len()));
        cargo_build(origin, profile).args(arguments).run()?;
    }
    let mut built = Vec::new();
    for image in images {
        let elf = fs::read(product(image, profile))?;
        let stripped = strip::without_symbols(&elf).with_context(|| format!("actor {image}"))?;
        let path = directory.join(format!("{image}.elf"));
        write_if_changed(&path, &stripped)?;
        built.push(path);
    }
    if matches!(wanted, Actors::All) {
        remove_others(&directory, &built)?;
    }
    Ok(built)
}

/// An actor that was renamed or removed must not go on living on disks.
fn remove_others(directory: &Path, kept: &[PathBuf]) -> Result<()> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if !kept.contains(&path) {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

/// Builds boot/direct, if it has a binary yet.
fn loader(origin: Origin, packages: &[Package], profile: Profile) -> Result<Option<PathBuf>> {
    let Some(binary) = only_binary(packages, "boot-direct") else {
        return Ok(None);
    };
    say("building the loader.");
    cargo_build(origin, profile)
        .args(["-p", "boot-direct", "--bins"])
        .run()?;
    let path = loader_path();
    write_if_changed(&path, &fs::read(product(binary, profile))?)?;
    Ok(Some(path))
}

/// Builds the kernel with one policy, if it has a binary yet.
fn kernel(
    origin: Origin,
    packages: &[Package],
    policy: &str,
    profile: Profile,
) -> Result<Option<PathBuf>> {
    let Some(binary) = only_binary(packages, "kernel") else {
        say("the kernel has no binary yet; nothing to boot.");
        return Ok(None);
    };
    say(format!("building the kernel with policy {policy}."));
    cargo_build(origin, profile)
        .env("REFRAIN_POLICY", policy)
        // As one piece: an eighth of a restart's instructions were calls between crates. The many
        // actors would take too long.
        .env("CARGO_PROFILE_RELEASE_LTO", "fat")
        .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "1")
        .args(["-p", "kernel", "--bins"])
        .run()?;
    let path = kernel_path(policy);
    write_if_changed(&path, &fs::read(product(binary, profile))?)?;
    Ok(Some(path))
}

/// Where the kernel with a policy is kept.
pub(crate) fn kernel_path(policy: &str) -> PathBuf {
    artifacts().join(format!("kernel-{policy}.elf"))
}

/// Where the loader is kept.
pub(crate) fn loader_path() -> PathBuf {
    artifacts().join("boot-direct.elf")
}

/// Where programs are that still have their symbols.
pub(crate) fn symbols_directory(profile: Profile) -> PathBuf {
    let directory = match profile {
        Profile::Release => "release",
        Profile::Debug => "debug",
    };
    root().join("target/bare").join(TARGET).join(directory)
}

fn only_binary<'a>(packages: &'a [Package], name: &str) -> Option<&'a String> {
    packages
        .iter()
        .find(|package| package.name == name)?
        .binaries
        .first()
}

fn cargo_build(origin: Origin, profile: Profile) -> Cmd {
    let command = origin.cargo("build");
    match profile {
        Profile::Release => command.arg("--release"),
        Profile::Debug => command,
    }
}

fn product(binary: &str, profile: Profile) -> PathBuf {
    symbols_directory(profile).join(binary)
}

/// Writes a file, unless it already holds just that: what is made from it stays up to date.
pub(crate) fn write_if_changed(path: &Path, content: &[u8]) -> Result<()> {
    if fs::read(path).is_ok_and(|old| old == content) {
        return Ok(());
    }
    let Some(directory) = path.parent() else {
        bail!("{} has no parent", path.display())
    };
    fs::create_dir_all(directory)?;
    fs::write(path, content).with_context(|| format!("cannot write {}", path.display()))
}

/// Returns a path as seen from the root, for messages.
pub(crate) fn relative(path: &Path) -> PathBuf {
    path.strip_prefix(root())
        .map_or_else(|_| path.to_path_buf(), Path::to_path_buf)
}
