//! `cargo xtask sizes`: how large the kernel, the loader and the actors are.

use std::fs;
use std::path::Path;

use anyhow::Result;

use crate::build::{self, Actors, Profile};
use crate::{policy, strip};

/// Builds everything and prints what each program takes in its file and in memory.
#[derive(clap::Args, Debug)]
pub(crate) struct Sizes {
    /// The restart policy compiled into the kernel
    #[arg(long, value_name = "NAME", default_value = policy::DEFAULT)]
    policy: String,
}

impl Sizes {
    /// Runs the verb.
    pub(crate) fn run(&self) -> Result<()> {
        let built = build::programs(Actors::All, &[&self.policy], Profile::Release)?;
        println!(
            "{:>10} {:>10} {:>10} {:>10}  program",
            "file", "code", "read-only", "data"
        );
        for path in built {
            print_row(&path)?;
        }
        Ok(())
    }
}

fn print_row(path: &Path) -> Result<()> {
    let elf = fs::read(path)?;
    let (mut code, mut constant, mut data) = (0, 0, 0);
    for segment in strip::segments(&elf)?
        .iter()
        .filter(|segment| segment.is_loaded)
    {
        if segment.is_writable {
            data += segment.memory;
        } else if segment.is_executable {
            code += segment.memory;
        } else {
            constant += segment.memory;
        }
    }
    let name = build::relative(path);
    println!(
        "{:>10} {code:>10} {constant:>10} {data:>10}  {}",
        elf.len(),
        name.display()
    );
    Ok(())
}
