//! `cargo xtask tidy`: the project's own rules, as code.
//!
//! | rule | where |
//! |---|---|
//! | which crate may depend on which | [`edges`] |
//! | what a source file may contain, and how it begins | [`source`] |
//! | what lies at the top of the tree | here |
//!
//! Every problem is found before anything is said, and each is one line with a place.

mod code;
mod edges;
mod source;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::shell::{root, say};
use crate::workspace;

/// All that may lie at the top of the tree (target is cargo's own).
const TOP: &[&str] = &[
    ".cargo",
    ".ci",
    ".git",
    ".gitignore",
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "Cargo.lock",
    "Cargo.toml",
    "README.md",
    "actors",
    "boot",
    "clippy.toml",
    "docs",
    "kernel",
    "policies",
    "restart-manager",
    "rust-toolchain.toml",
    "rustfmt.toml",
    "site-personality-manager",
    "target",
    "tests",
    "xtask",
];

/// Checks the rules that rustc and clippy do not know.
#[derive(clap::Args, Debug)]
pub(crate) struct Tidy {}

impl Tidy {
    /// Runs the verb.
    pub(crate) fn run(&self) -> Result<()> {
        let packages = workspace::packages()?;
        let files = files()?;
        let mut problems = top(&entries(&root())?);
        problems.extend(edges::problems(&packages));
        for package in &packages {
            let manifest = root().join(&package.directory).join("Cargo.toml");
            problems.extend(edges::lints(package, &fs::read_to_string(manifest)?));
        }
        for path in &files {
            let text = fs::read_to_string(root().join(path))
                .with_context(|| format!("cannot read {}", path.display()))?;
            problems.extend(source::problems(path, &text));
        }
        for problem in &problems {
            eprintln!("tidy: {problem}");
        }
        if problems.is_empty() {
            say(format!(
                "tidy: {} packages and {} files keep the rules.",
                packages.len(),
                files.len()
            ));
            Ok(())
        } else {
            bail!("tidy found {} problems", problems.len())
        }
    }
}

fn top(entries: &[PathBuf]) -> Vec<String> {
    let allowed = |path: &Path| TOP.iter().any(|name| Path::new(name) == path);
    let strays = entries.iter().filter(|path| !allowed(path));
    strays
        .map(|path| format!("{}: does not belong at the top of the tree", path.display()))
        .collect()
}

/// Lists what lies at the top, without what git ignores by its name (logs).
fn entries(directory: &Path) -> Result<Vec<PathBuf>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(directory)? {
        let name = PathBuf::from(entry?.file_name());
        if name.extension().is_none_or(|extension| extension != "log") {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

/// Lists every source file in the workspace, relative to the root, in a stable order.
fn files() -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut directories = vec![PathBuf::new()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(root().join(&directory))? {
            let entry = entry?;
            let path = directory.join(entry.file_name());
            if entry.file_type()?.is_dir() {
                let name = entry.file_name();
                if name != "target" && name != ".git" {
                    directories.push(path);
                }
            } else if source::is_source(&path) {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_listed_names_may_lie_at_the_top() {
        let problems = top(&["kernel".into(), "README.md".into(), "notes.txt".into()]);
        assert_eq!(
            problems,
            ["notes.txt: does not belong at the top of the tree"]
        );
    }
}
