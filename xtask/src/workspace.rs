//! What is in the workspace: the packages, their targets and their dependencies, asked of cargo.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::Value;

use crate::shell::{Cmd, root};

/// The packages under actors/ that are libraries only: their tests run on the host.
const LIBRARIES: &[&str] = &["syscall", "durable", "posix", "posix-files"];

/// One member of the workspace.
#[derive(Clone, Debug)]
pub(crate) struct Package {
    /// Name of the package.
    pub(crate) name: String,
    /// Directory, relative to the root.
    pub(crate) directory: PathBuf,
    /// Names of its binaries.
    pub(crate) binaries: Vec<String>,
    /// Name of its library, if it has one.
    pub(crate) library: Option<String>,
    /// Names of the packages it depends on (not for tests or its build script alone).
    pub(crate) dependencies: Vec<String>,
    /// Whether it is built by a plain `cargo build`: it runs on the host.
    pub(crate) is_default: bool,
}

impl Package {
    /// Tells whether it is an actor: a package under actors/ that is not a library for them.
    pub(crate) fn is_actor(&self) -> bool {
        self.directory.starts_with("actors") && !LIBRARIES.contains(&self.name.as_str())
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
    let default = list(&metadata["workspace_default_members"]);
    list(&metadata["packages"])
        .iter()
        .map(|value| package(value, default.contains(&value["id"])))
        .collect()
}

fn package(value: &Value, is_default: bool) -> Result<Package> {
    let manifest = PathBuf::from(text(&value["manifest_path"]));
    let directory = manifest
        .parent()
        .and_then(|parent| parent.strip_prefix(root()).ok());
    let targets = |kind: &'static str| {
        // A target may be declared before its first file is written.
        let of_kind = move |target: &&Value| {
            list(&target["kind"]).iter().any(|one| one == kind)
                && Path::new(&text(&target["src_path"])).exists()
        };
        list(&value["targets"])
            .iter()
            .filter(of_kind)
            .map(|target| text(&target["name"]))
    };
    let dependencies = list(&value["dependencies"]).iter();
    Ok(Package {
        name: text(&value["name"]),
        directory: directory
            .context("a member lies outside the workspace")?
            .to_path_buf(),
        binaries: targets("bin").collect(),
        library: targets("lib").next(),
        dependencies: dependencies
            .filter(|dependency| dependency["kind"].is_null())
            .map(|dependency| text(&dependency["name"]))
            .collect(),
        is_default,
    })
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
