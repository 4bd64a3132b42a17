//! `cargo xtask doctor`: what was found on this machine, and the fix for each thing missing.

use std::path::Path;

use anyhow::{Result, bail};
use refrain_tests::qemu;

use crate::packages;
use crate::shell::Cmd;
use crate::toolchain::{self, TARGET};

/// Says what was found and how to get what is missing. Changes nothing.
#[derive(clap::Args, Debug)]
pub(crate) struct Doctor {}

/// How much a thing is needed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Need {
    /// Without it neither `run` nor `test` works.
    Always,
    /// Only some verbs use it.
    Sometimes,
}

/// One thing looked for.
struct Finding {
    what: &'static str,
    need: Need,
    /// What was found, or how to get it.
    found: Result<String, String>,
}

impl Doctor {
    /// Runs the verb.
    pub(crate) fn run(&self) -> Result<()> {
        let findings = [
            host_compiler(),
            host_linker(),
            bare_target(),
            checker("fmt"),
            checker("clippy"),
            emulator(),
            uefi(),
            debugger(),
        ];
        for finding in &findings {
            let (mark, text) = match (&finding.found, finding.need) {
                (Ok(text), _) => ("ok     ", text),
                (Err(text), Need::Always) => ("MISSING", text),
                (Err(text), Need::Sometimes) => ("absent ", text),
            };
            println!("{mark}  {:<16} {text}", finding.what);
        }
        let missing = findings
            .iter()
            .filter(|one| one.need == Need::Always && one.found.is_err());
        match missing.count() {
            0 => Ok(()),
            _ if packages::can_install() => {
                println!("\nThe verbs that need these things install them by themselves.");
                Ok(())
            }
            _ => bail!("something is missing; the lines above say how to get it"),
        }
    }
}

fn host_compiler() -> Finding {
    let version = toolchain::version("rustc");
    let fix = || "rustup toolchain install 1.95.0".to_owned();
    Finding {
        what: "host compiler",
        need: Need::Always,
        found: version.ok_or_else(fix),
    }
}

fn host_linker() -> Finding {
    let version = Cmd::new("cc").arg("--version").answer();
    let found = version
        .map(first_line)
        .ok_or_else(|| packages::commands(packages::LINKER));
    Finding {
        what: "host linker",
        need: Need::Always,
        found,
    }
}

fn bare_target() -> Finding {
    let fix = || {
        format!(
            "rustup target add {TARGET}    or: {}",
            packages::commands(packages::TOOLCHAIN)
        )
    };
    let found =
        toolchain::find().map(|origin| format!("{TARGET} through {}", origin.description()));
    Finding {
        what: "bare target",
        need: Need::Always,
        found: found.ok_or_else(fix),
    }
}

fn checker(tool: &'static str) -> Finding {
    let found = if toolchain::has_pinned_checker(tool) {
        Ok("from the pinned toolchain".to_owned())
    } else if toolchain::has_debian_checker(tool) {
        Ok("from Debian's toolchain".to_owned())
    } else {
        let component = if tool == "fmt" { "rustfmt" } else { tool };
        let debian = packages::commands(packages::TOOLCHAIN);
        Err(format!("rustup component add {component}    or: {debian}"))
    };
    let what = if tool == "fmt" {
        "cargo fmt"
    } else {
        "cargo clippy"
    };
    Finding {
        what,
        need: Need::Sometimes,
        found,
    }
}

fn emulator() -> Finding {
    let version = Cmd::new(qemu::PROGRAM).arg("--version").answer();
    let found = version
        .map(first_line)
        .ok_or_else(|| packages::commands(packages::QEMU));
    Finding {
        what: "QEMU",
        need: Need::Always,
        found,
    }
}

fn uefi() -> Finding {
    let found = if Path::new(qemu::OVMF).exists() {
        Ok(qemu::OVMF.to_owned())
    } else {
        Err(format!(
            "only for --firmware uefi: {}",
            packages::commands(packages::OVMF)
        ))
    };
    Finding {
        what: "UEFI firmware",
        need: Need::Sometimes,
        found,
    }
}

fn debugger() -> Finding {
    let version = Cmd::new("gdb").arg("--version").answer();
    let fix = || format!("only for `debug`: {}", packages::commands(&["gdb"]));
    Finding {
        what: "gdb",
        need: Need::Sometimes,
        found: version.map(first_line).ok_or_else(fix),
    }
}

fn first_line(text: String) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}
