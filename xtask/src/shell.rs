//! Running other programs: from the workspace root, echoed, with a clean environment.
//!
//! [`Cmd`] is a thin layer over [`Command`]. Every command is printed in a form that can be pasted
//! into a shell, and every command drops the `CARGO*` and `RUST*` variables that `cargo run` and
//! rustup's proxies leave behind: they describe the build of xtask itself (its toolchain, its
//! package, its flags), and a nested cargo that inherits them builds the wrong thing.

use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// Variables that speak about the machine and the person, not about xtask's own build.
/// RUSTUP_TOOLCHAIN is one: a nested cargo is to be of the toolchain that a person chose for us.
const KEPT: &[&str] = &[
    "CARGO_BUILD_JOBS",
    "CARGO_HOME",
    "CARGO_HTTP_",
    "CARGO_NET_",
    "CARGO_REGISTRIES_",
    "CARGO_REGISTRY_",
    "CARGO_TERM_",
    "RUSTUP_AUTO_INSTALL",
    "RUSTUP_DIST_SERVER",
    "RUSTUP_HOME",
    "RUSTUP_TOOLCHAIN",
    "RUSTUP_UPDATE_ROOT",
    "RUST_BACKTRACE",
];

/// Returns the root of the workspace, whatever the current directory is.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .map_or_else(PathBuf::new, Path::to_path_buf)
}

/// Says what is about to happen, in one line.
pub(crate) fn say(text: impl AsRef<str>) {
    eprintln!("xtask: {}", text.as_ref());
}

/// An error about which everything has been said: only the exit status is left to set.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AlreadySaid;

impl std::fmt::Display for AlreadySaid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("failed, as said above")
    }
}

impl std::error::Error for AlreadySaid {}

/// A command to be run from the workspace root.
#[derive(Clone, Debug)]
pub(crate) struct Cmd {
    program: OsString,
    arguments: Vec<OsString>,
    variables: Vec<(String, OsString)>,
}

impl Cmd {
    /// Starts the description of a command.
    pub(crate) fn new(program: impl Into<OsString>) -> Self {
        Self {
            program: program.into(),
            arguments: Vec::new(),
            variables: Vec::new(),
        }
    }

    /// Adds one argument.
    pub(crate) fn arg(mut self, argument: impl Into<OsString>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Adds several arguments.
    pub(crate) fn args<I: IntoIterator<Item: Into<OsString>>>(mut self, arguments: I) -> Self {
        self.arguments.extend(arguments.into_iter().map(Into::into));
        self
    }

    /// Sets an environment variable, and shows it in the echo.
    pub(crate) fn env(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.variables.push((name.to_owned(), value.into()));
        self
    }

    /// Returns the command as a person would type it.
    pub(crate) fn shown(&self) -> String {
        let mut line = String::new();
        for (name, value) in &self.variables {
            let _ = write!(line, "{name}={} ", quoted(&value.to_string_lossy()));
        }
        line.push_str(&quoted(&self.program.to_string_lossy()));
        for argument in &self.arguments {
            let _ = write!(line, " {}", quoted(&argument.to_string_lossy()));
        }
        line
    }

    /// Echoes the command and runs it with our own input and output.
    ///
    /// # Errors
    /// When it cannot be started or does not exit with 0.
    pub(crate) fn run(&self) -> Result<()> {
        if self.succeeds()? {
            Ok(())
        } else {
            bail!("{}", self.failure())
        }
    }

    /// Echoes the command, runs it, and tells whether it exited with 0.
    pub(crate) fn succeeds(&self) -> Result<bool> {
        self.echo();
        let status = self
            .prepared()
            .status()
            .with_context(|| self.cannot_start())?;
        Ok(status.success())
    }

    /// Echoes the command and runs it, handing each line of its standard output to `each`.
    /// Returns whether it exited with 0.
    pub(crate) fn lines(&self, mut each: impl FnMut(&str)) -> Result<bool> {
        self.echo();
        let mut child = self
            .prepared()
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| self.cannot_start())?;
        if let Some(output) = child.stdout.take() {
            for line in BufReader::new(output).split(b'\n') {
                each(&String::from_utf8_lossy(&line?));
            }
        }
        Ok(child.wait()?.success())
    }

    /// Runs the command silently and returns what it printed, or nothing if it failed.
    ///
    /// For questions to the machine only; what changes something is run with [`Cmd::run`].
    pub(crate) fn answer(&self) -> Option<String> {
        let output = self.prepared().stdin(Stdio::null()).output().ok()?;
        output
            .status
            .success()
            .then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    /// The sentence that says that it failed; the command itself has been echoed.
    pub(crate) fn failure(&self) -> String {
        let program = Path::new(&self.program)
            .file_name()
            .unwrap_or(&self.program);
        let words = std::iter::once(program).chain(self.arguments.iter().map(OsString::as_os_str));
        let words: Vec<_> = words.map(OsStr::to_string_lossy).collect();
        let verb = words
            .iter()
            .take_while(|word| !word.starts_with('-'))
            .take(2);
        let verb: Vec<_> = verb.map(AsRef::as_ref).collect();
        let last = words.last().filter(|_| words.len() > verb.len());
        let last = last.map_or(String::new(), |last| format!(" ... {last}"));
        format!(
            "`{}{last}` failed (the whole command and its output are above)",
            verb.join(" ")
        )
    }

    fn echo(&self) {
        eprintln!("$ {}", self.shown());
    }

    fn cannot_start(&self) -> String {
        format!("cannot start {}", self.program.to_string_lossy())
    }

    fn prepared(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).current_dir(root());
        for (name, value) in std::env::vars_os() {
            let name = name.to_string_lossy();
            if is_build_variable(&name) {
                command.env_remove(name.as_ref());
            } else if name == "LD_LIBRARY_PATH" {
                command.env(
                    "LD_LIBRARY_PATH",
                    without_toolchains(&value.to_string_lossy()),
                );
            }
        }
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }
}

fn is_build_variable(name: &str) -> bool {
    (name.starts_with("CARGO") || name.starts_with("RUST"))
        && !KEPT.iter().any(|kept| name.starts_with(kept))
}

/// Drops what cargo and rustup put in front of the library path: it would make another
/// toolchain's compiler load the pinned one's libraries.
fn without_toolchains(path: &str) -> String {
    let root = root().to_string_lossy().into_owned();
    let ours = |entry: &&str| !entry.contains("/toolchains/") && !entry.starts_with(&root);
    path.split(':').filter(ours).collect::<Vec<_>>().join(":")
}

fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_=+./,:@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn echo_can_be_pasted() {
        let command = Cmd::new("cargo")
            .arg("a b")
            .arg("it's")
            .env("RUSTFLAGS", "-Cx -Cy");
        assert_eq!(
            command.shown(),
            r"RUSTFLAGS='-Cx -Cy' cargo 'a b' 'it'\''s'"
        );
    }

    #[test]
    fn build_variables_are_dropped_and_settings_kept() {
        for name in [
            "CARGO",
            "CARGO_PKG_NAME",
            "RUSTFLAGS",
            "RUSTC",
            "RUSTDOCFLAGS",
        ] {
            assert!(is_build_variable(name), "{name}");
        }
        for name in [
            "CARGO_HOME",
            "RUSTUP_HOME",
            "CARGO_NET_OFFLINE",
            "PATH",
            "RUST_BACKTRACE",
        ] {
            assert!(!is_build_variable(name), "{name}");
        }
    }

    #[test]
    fn library_path_loses_toolchains_only() {
        assert_eq!(
            without_toolchains("/root/.rustup/toolchains/x/lib:/opt/lib"),
            "/opt/lib"
        );
    }
}
