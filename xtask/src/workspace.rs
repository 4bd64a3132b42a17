//! What is in the workspace: the packages, their targets and their dependencies, asked of cargo.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::Value;

use crate::shell::{Cmd, root};

/// One member of the workspace.
#[derive(Clone, Debug)]
pub(crate) struct Package {
    /// Name of the package.
    pub(crate) name: String,
    /// Directory, relative to the root.
    pub(crate) directory: PathBuf,
    /// Names of its binaries.
    pub(crate) binaries: Vec<String>,
    /// Normal dependencies: name and whether it is optional.
    pub(crate) dependencies: Vec<Dependency>,
}

/// A normal (not dev, not build) dependency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Dependency {
    /// Name of the package depended on.
    pub(crate) name: String,
    /// Whether only a feature brings it in.
    pub(crate) optional: bool,
}

impl Package {
    /// Tells whether it is an actor: a package under actors/ that is not the user library.
    pub(crate) fn is_actor(&self) -> bool {
        self.directory.starts_with("actors") && self.name != "syscall"
    }

    /// Tells whether it is built for the bare machine.
    pub(crate) fn is_bare(&self) -> bool {
        self.directory.starts_with("actors")
            || self.directory == Path::new("kernel")
            || self.directory == Path::new("boot/direct")
    }
}

/// Asks cargo for the members of the workspace.
///
/// # Errors
/// When a manifest cannot be read; cargo has said which on standard error.
pub(crate) fn packages() -> Result<Vec<Package>> {
    let answer = Cmd::new("cargo")
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .answer()
        .context("`cargo metadata --no-deps` fails: a Cargo.toml of the workspace is not valid")?;
    let metadata: Value = serde_json::from_str(&answer).context("cargo metadata is not JSON")?;
    list(&metadata["packages"]).iter().map(package).collect()
}

fn package(value: &Value) -> Result<Package> {
    let manifest = PathBuf::from(text(&value["manifest_path"]));
    let directory = manifest.parent().and_then(|parent| parent.strip_prefix(root()).ok());
    let is_binary = |target: &&Value| list(&target["kind"]).iter().any(|kind| kind == "bin");
    let is_normal = |dependency: &&Value| dependency["kind"].is_null();
    Ok(Package {
        name: text(&value["name"]),
        directory: directory.context("a member lies outside the workspace")?.to_path_buf(),
        binaries: list(&value["targets"])
            .iter()
            .filter(is_binary)
            .map(|target| text(&target["name"]))
            .collect(),
        dependencies: list(&value["dependencies"])
            .iter()
            .filter(is_normal)
            .map(|dependency| Dependency {
                name: text(&dependency["name"]),
                optional: dependency["optional"] == true,
            })
            .collect(),
    })
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
