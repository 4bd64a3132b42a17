//! `cargo xtask sites`: checks and lists every site description, or shows one.
//!
//! The descriptions are site-personality-manager/sites/*.toml; reading and validating them is that
//! crate's work (feature `host`), so that the kernel and the host agree about what is valid.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use site_personality_manager::{Site, host};

use crate::build::{artifacts, relative, write_if_changed};
use crate::shell::{AlreadySaid, root, say};

/// Checks and lists all site descriptions, or prints the tree of one and draws it.
#[derive(clap::Args, Debug)]
pub(crate) struct Sites {
    /// The site to show: its tree is printed, and written as Graphviz and SVG
    name: Option<String>,
    /// Write Graphviz (NAME.dot), and SVG only if asked for too
    #[arg(long, requires = "name")]
    dot: bool,
    /// Write SVG (NAME.svg), and Graphviz only if asked for too
    #[arg(long, requires = "name")]
    svg: bool,
    /// Where to write them [default: target/refrain/sites]
    #[arg(long, value_name = "DIR", requires = "name")]
    out: Option<PathBuf>,
}

/// Draws a site.
type Draw = fn(&Site) -> String;

/// A site as it goes onto a disk.
#[derive(Clone, Debug)]
pub(crate) struct Compiled {
    /// The description, as the kernel reads it.
    pub(crate) bytes: Vec<u8>,
    /// The images it names, each once.
    pub(crate) images: Vec<String>,
}

impl Sites {
    /// Runs the verb.
    pub(crate) fn run(&self) -> Result<()> {
        match &self.name {
            Some(name) => self.show(name),
            None => list_all(),
        }
    }

    fn show(&self, name: &str) -> Result<()> {
        let site = read(name)?;
        print!("{}", host::tree(&site));
        let directory = match &self.out {
            Some(directory) => directory.clone(),
            None => artifacts().join("sites"),
        };
        // Neither named: both.
        let all = !self.dot && !self.svg;
        let drawings: [(&str, bool, Draw); 2] =
            [("dot", self.dot, host::dot), ("svg", self.svg, host::svg)];
        for (extension, is_wanted, draw) in drawings {
            if is_wanted || all {
                let path = directory.join(format!("{name}.{extension}"));
                write_if_changed(&path, draw(&site).as_bytes())?;
                say(format!("wrote {}", relative(&path).display()));
            }
        }
        Ok(())
    }
}

fn list_all() -> Result<()> {
    let names = names()?;
    let mut broken = 0;
    let longest = names.iter().map(String::len).max().unwrap_or(0);
    for name in &names {
        match read(name) {
            // The kernel group is in every site.
            Ok(site) => println!(
                "{name:longest$}  {:>3} actors in {:>3} groups",
                site.actors.len(),
                site.groups.len().saturating_sub(1)
            ),
            Err(error) => {
                println!("{name:longest$}  not valid");
                say(format!("error: {error:#}"));
                broken += 1;
            }
        }
    }
    say(format!(
        "{} sites: {} valid, {broken} not.",
        names.len(),
        names.len() - broken,
    ));
    if broken == 0 {
        Ok(())
    } else {
        Err(AlreadySaid.into())
    }
}

/// Lists the names of all sites.
///
/// # Errors
/// When the directory cannot be read.
pub(crate) fn names() -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(directory()).context("cannot list the sites")? {
        let path = entry?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "toml")
            && let Some(name) = path.file_stem()
        {
            names.push(name.to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}

/// Checks that there is such a site.
///
/// # Errors
/// When there is not; the message lists the known ones.
pub(crate) fn check(name: &str) -> Result<()> {
    let names = names()?;
    if names.iter().any(|known| known == name) {
        return Ok(());
    }
    bail!(
        "there is no site \"{name}\"; the known ones are: {}",
        names.join(", ")
    )
}

/// Reads, validates and compiles a site.
///
/// # Errors
/// When the description has problems: they have been printed, all of them.
pub(crate) fn compile(name: &str) -> Result<Compiled> {
    read(name).map(|site| compiled(&site))
}

/// Compiles a site.
pub(crate) fn compiled(site: &Site) -> Compiled {
    let mut images: Vec<_> = site
        .actors
        .iter()
        .map(|actor| actor.image.to_string())
        .collect();
    images.sort();
    images.dedup();
    Compiled {
        bytes: site_personality_manager::compile(site),
        images,
    }
}

/// Reads and validates a site.
///
/// # Errors
/// When the description has problems: they have been printed, all of them.
pub(crate) fn read(name: &str) -> Result<Site> {
    check(name)?;
    let path = path(name);
    let shown = relative(&path).display().to_string();
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {shown}"))?;
    parse(&text, &shown)
}

/// Validates the description of a site; `shown` is where it comes from, for messages.
///
/// # Errors
/// When it has problems: they have been printed, all of them.
pub(crate) fn parse(text: &str, shown: &str) -> Result<Site> {
    host::parse(text, shown).map_err(|problems| {
        for problem in &problems {
            eprintln!("{problem}");
        }
        anyhow::anyhow!("{shown} has {} problems", problems.len())
    })
}

/// Where the description of a site is.
pub(crate) fn path(name: &str) -> PathBuf {
    directory().join(format!("{name}.toml"))
}

fn directory() -> PathBuf {
    root().join("site-personality-manager/sites")
}
