//! `cargo xtask abi`: the page docs/abi.md, made from the one syscall table in the crate `abi`.

use std::fmt::Write as _;
use std::fs;

use abi::syscall::{Description, TABLE};
use anyhow::{Context, Result, bail};

use crate::build::write_if_changed;
use crate::shell::{root, say};

/// The page, relative to the root.
const PAGE: &str = "docs/abi.md";

/// Writes docs/abi.md from the syscall table.
#[derive(clap::Args, Debug)]
pub(crate) struct Abi {
    /// Only verify that it is up to date
    #[arg(long)]
    check: bool,
}

impl Abi {
    /// Returns the verb that only verifies.
    pub(crate) fn checking() -> Self {
        Self { check: true }
    }

    /// Runs the verb.
    pub(crate) fn run(&self) -> Result<()> {
        let page = page(TABLE);
        let path = root().join(PAGE);
        if !self.check {
            write_if_changed(&path, page.as_bytes())?;
            say(format!("{PAGE} describes {} syscalls.", TABLE.len()));
            return Ok(());
        }
        let old = fs::read_to_string(&path).with_context(|| format!("cannot read {PAGE}"))?;
        if old == page {
            Ok(())
        } else {
            bail!("{PAGE} is out of date; run `cargo xtask abi`")
        }
    }
}

/// Writes the page.
fn page(table: &[Description]) -> String {
    let mut page = String::from(
        "<!-- Made by `cargo xtask abi` from kernel/abi/src/syscall.rs. Do not edit. -->\n\
         # Syscalls\n\n\
         `SYSCALL` with the number in RAX and up to six arguments in RDI, RSI, RDX, R10, R8, R9.\n\
         The kernel returns the status in RAX and up to three results in RDX, RDI and RSI. RCX and\n\
         R11 are lost, every other register is kept.\n\n\
         Memory arguments are an address and a length in bytes; memory that is not the actor's is\n\
         not a status but a fault. Timeouts are nanoseconds from now; 0 means *do not wait*,\n\
         `u64::MAX` means *wait for ever*.\n\n\
         | number | call | results |\n|---:|---|---|\n",
    );
    for call in table {
        let arguments = call.arguments.join(", ");
        let name = format!(
            "[`{}`](#{}-{})({arguments})",
            call.name, call.number, call.name
        );
        let _ = writeln!(
            page,
            "| {} | {name} | {} |",
            call.number,
            call.results.join(", ")
        );
    }
    for call in table {
        let _ = write!(page, "\n## {} {}\n\n", call.number, call.name);
        for line in call.documentation {
            // Documentation lines begin with the blank that follows `///`.
            let _ = writeln!(
                page,
                "{}",
                line.strip_prefix(' ').unwrap_or(line).trim_end()
            );
        }
        listed(&mut page, "Arguments", call.arguments);
        listed(&mut page, "Results", call.results);
    }
    page
}

fn listed(page: &mut String, title: &str, names: &[&str]) {
    if !names.is_empty() {
        let names: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
        let _ = write!(page, "\n{title}: {}\n", names.join(", "));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn page_has_a_row_and_a_section_for_a_call() {
        let call = Description {
            number: 5,
            name: "sleep",
            arguments: &["nanoseconds"],
            results: &[],
            documentation: &[" Sleeps for at least `nanoseconds`.", " Then wakes."],
        };
        let page = page(&[call]);
        assert!(page.contains("| 5 | [`sleep`](#5-sleep)(nanoseconds) |  |\n"));
        let section = "## 5 sleep\n\nSleeps for at least `nanoseconds`.\nThen wakes.\n\n\
                       Arguments: `nanoseconds`\n";
        assert!(page.ends_with(section), "{page}");
    }
}
