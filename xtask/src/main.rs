//! Every command of the project: `cargo xtask VERB`.
//!
//! One file per verb, each a struct with a `run` method; the rest of the files is what verbs
//! share. A verb says what it does, echoes the commands it runs, works from any directory, and
//! when it fails ends with one sentence and a non-zero exit status.

mod abi_page;
mod bench;
mod build;
mod check;
mod ci;
mod debug;
mod disk;
mod doc;
mod doctor;
mod epitaph;
mod image;
mod machine;
mod new_actor;
mod packages;
mod policy;
mod profile;
mod rehearse;
mod run;
mod shell;
mod sites;
mod sizes;
mod soak;
mod strip;
mod tally;
mod test;
mod tidy;
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
    Abi(abi_page::Abi),
    Bench(bench::Bench),
    Build(build::Build),
    Check(check::Check),
    Ci(ci::Ci),
    Debug(debug::Debug),
    Doc(doc::Doc),
    Doctor(doctor::Doctor),
    Epitaph(epitaph::Epitaph),
    Image(image::Image),
    NewActor(new_actor::NewActor),
    Profile(profile::Profile),
    Rehearse(rehearse::Rehearse),
    Run(run::Run),
    Sites(sites::Sites),
    Sizes(sizes::Sizes),
    Soak(soak::Soak),
    Test(test::Test),
    Tidy(tidy::Tidy),
}

impl Verb {
    fn run(&self) -> Result<()> {
        match self {
            Self::Abi(verb) => verb.run(),
            Self::Bench(verb) => verb.run(),
            Self::Build(verb) => verb.run(),
            Self::Check(verb) => verb.run(),
            Self::Ci(verb) => verb.run(),
            Self::Debug(verb) => verb.run(),
            Self::Doc(verb) => verb.run(),
            Self::Doctor(verb) => verb.run(),
            Self::Epitaph(verb) => verb.run(),
            Self::Image(verb) => verb.run(),
            Self::NewActor(verb) => verb.run(),
            Self::Profile(verb) => verb.run(),
            Self::Rehearse(verb) => verb.run(),
            Self::Run(verb) => verb.run(),
            Self::Sites(verb) => verb.run(),
            Self::Sizes(verb) => verb.run(),
            Self::Soak(verb) => verb.run(),
            Self::Test(verb) => verb.run(),
            Self::Tidy(verb) => verb.run(),
        }
    }
}

fn main() -> ExitCode {
    match Arguments::parse().verb.run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            if !error.is::<shell::AlreadySaid>() {
                eprintln!("xtask: error: {error:#}");
            }
            ExitCode::FAILURE
        }
    }
}
