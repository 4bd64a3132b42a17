//! Every command of the project: `cargo xtask VERB`.
//!
//! One file per verb, each a struct with a `run` method; the rest of the files is what verbs
//! share. A verb says what it does, echoes the commands it runs, works from any directory, and
//! when it fails ends with one sentence and a non-zero exit status.

mod build;
mod packages;
mod policy;
mod shell;
mod strip;
mod toolchain;
mod workspace;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

/// Builds, runs and checks Refrain.
#[derive(Parser, Debug)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand, Debug)]
enum Verb {
    Build(build::Build),
}

impl Verb {
    fn run(&self) -> Result<()> {
        match self {
            Self::Build(verb) => verb.run(),
        }
    }
}

fn main() -> ExitCode {
    match Arguments::parse().verb.run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
