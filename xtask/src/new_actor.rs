//! `cargo xtask new-actor NAME`: a working actor to start from, and a site that runs it.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};

use crate::build::relative;
use crate::shell::{root, say};
use crate::{sites, workspace};

/// What is copied.
const TEMPLATE: &str = "template";

/// Makes actors/NAME from actors/template, and a site NAME that runs it.
#[derive(clap::Args, Debug)]
pub(crate) struct NewActor {
    /// Lower-case letters, digits and hyphens, beginning with a letter
    name: String,
}

impl NewActor {
    /// Runs the verb.
    pub(crate) fn run(&self) -> Result<()> {
        let name = self.name.as_str();
        check_form(name)?;
        let packages = workspace::packages()?;
        let taken = packages
            .iter()
            .any(|one| one.name == name || one.binaries.iter().any(|b| b == name));
        ensure!(!taken, "there is already a package or program \"{name}\"");
        let directory = root().join("actors").join(name);
        let site = sites::path(name);
        for path in [&directory, &site] {
            ensure!(
                !path.exists(),
                "{} exists; it is left as it is",
                relative(path).display()
            );
        }
        copy(&root().join("actors").join(TEMPLATE), &directory, name)?;
        fs::write(&site, description(name))?;
        say(format!(
            "made actors/{name} and {}.",
            relative(&site).display()
        ));
        say(format!(
            "write its code in actors/{name}/src/main.rs, then: cargo xtask run {name}"
        ));
        Ok(())
    }
}

/// Refuses names that cargo, Rust or the kernel would refuse later, with less of a reason.
fn check_form(name: &str) -> Result<()> {
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let begins_well = name.starts_with(|c: char| c.is_ascii_lowercase());
    if !begins_well || !name.chars().all(is_plain) || name.ends_with('-') || name.contains("--") {
        bail!(
            "\"{name}\" is not a name: lower-case letters, digits and single hyphens, a letter first"
        );
    }
    ensure!(
        abi::Name::new(name).is_some(),
        "\"{name}\" is too long for the kernel"
    );
    let reserved = [
        "alloc", "core", "std", "test", "kernel", "refrain", "self", "super", "crate",
    ];
    ensure!(
        !reserved.contains(&name),
        "\"{name}\" already means something else"
    );
    Ok(())
}

/// Describes the smallest site that runs it.
fn description(name: &str) -> String {
    format!(
        "# Runs the actor {name} alone. The format is explained in demo.toml.\n\n\
         [[actor]]\nname = \"{name}\"\n"
    )
}

/// Copies a file or directory, with the template's name replaced.
fn copy(from: &Path, to: &Path, name: &str) -> Result<()> {
    if from.is_dir() {
        fs::create_dir_all(to)?;
        for entry in fs::read_dir(from)? {
            let entry = entry?;
            copy(&entry.path(), &to.join(entry.file_name()), name)?;
        }
        return Ok(());
    }
    let text = fs::read_to_string(from)
        .with_context(|| format!("cannot read {}", relative(from).display()))?;
    let is_manifest = from.file_name().is_some_and(|file| file == "Cargo.toml");
    let text = if is_manifest {
        manifest(&text, name)
    } else {
        text.replace(TEMPLATE, name)
    };
    fs::write(to, text).with_context(|| format!("cannot write {}", relative(to).display()))
}

/// Gives a manifest the new name, and a description that no longer invites to copy it.
fn manifest(text: &str, name: &str) -> String {
    let mut lines: Vec<_> = text
        .lines()
        .map(|line| line.replace(TEMPLATE, name))
        .collect();
    for line in &mut lines {
        if line.starts_with("description = ") {
            *line = format!("description = \"The actor {name}\"");
        }
    }
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked() {
        for good in ["a", "disk-driver", "tty0"] {
            assert!(check_form(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "A",
            "0a",
            "a_b",
            "a-",
            "a--b",
            "../a",
            "a b",
            "core",
            &"a".repeat(99),
        ] {
            assert!(check_form(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn site_of_a_new_actor_is_valid() {
        let site = site_personality_manager::host::parse(&description("echo"), "echo.toml");
        let actors = site.unwrap().actors;
        assert_eq!(actors.len(), 1);
        assert_eq!(actors[0].image.to_string(), "echo");
    }

    #[test]
    fn manifest_is_renamed_and_described_anew() {
        let text = "name = \"template\"\ndescription = \"copy me\"\nedition = \"2024\"\n";
        let expected = "name = \"echo\"\ndescription = \"The actor echo\"\nedition = \"2024\"\n";
        assert_eq!(manifest(text, "echo"), expected);
    }
}
