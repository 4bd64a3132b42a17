//! The record of one run: the command, what the guest printed, and how it ended.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{fs, io};

use crate::outcome::Outcome;

/// The record of one run, as saved under target/refrain/transcripts.
#[derive(Clone, Debug)]
pub struct Transcript {
    command: String,
    serial: String,
    outcome: Outcome,
}

impl Transcript {
    /// Puts a record together.
    #[must_use]
    pub fn new(command: String, serial: String, outcome: Outcome) -> Self {
        Self {
            command,
            serial,
            outcome,
        }
    }

    /// The command that repeats the run.
    #[must_use]
    pub fn command(&self) -> &str {
        &self.command
    }

    /// Everything the guest printed.
    #[must_use]
    pub fn serial(&self) -> &str {
        &self.serial
    }

    /// How the run ended.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        self.outcome
    }

    /// Returns the last `count` lines of what the guest printed.
    #[must_use]
    pub fn tail(&self, count: usize) -> String {
        let lines: Vec<_> = self.serial.lines().collect();
        let skipped = lines.len().saturating_sub(count);
        let mut tail = String::new();
        if skipped > 0 {
            let _ = writeln!(tail, "  ... {skipped} lines before");
        }
        for line in lines.iter().skip(skipped) {
            let _ = writeln!(tail, "  | {line}");
        }
        tail
    }

    /// Writes the record to a file and returns where it is.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn save(&self, path: &Path) -> io::Result<PathBuf> {
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory)?;
        }
        let end = if self.serial.ends_with('\n') || self.serial.is_empty() {
            ""
        } else {
            "\n"
        };
        let text = format!(
            "$ {}\n{}{end}outcome: {}\n",
            self.command, self.serial, self.outcome
        );
        fs::write(path, text)?;
        Ok(path.to_path_buf())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tail_says_how_much_it_leaves_out() {
        let serial = "one\ntwo\nthree\n".to_owned();
        let transcript = Transcript::new(String::new(), serial, Outcome::Timeout);
        assert_eq!(
            transcript.tail(2),
            "  ... 1 lines before\n  | two\n  | three\n"
        );
        assert_eq!(transcript.tail(3), "  | one\n  | two\n  | three\n");
    }

    #[test]
    fn saved_record_holds_command_output_and_outcome() {
        let path = std::env::temp_dir().join(format!("refrain-transcript-{}", std::process::id()));
        let transcript = Transcript::new(
            "qemu -x".to_owned(),
            "hello".to_owned(),
            Outcome::KernelPanic,
        );
        transcript.save(&path).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        fs::remove_file(&path).unwrap();
        assert_eq!(
            text,
            "$ qemu -x\nhello\noutcome: the kernel panicked (exit 37)\n"
        );
    }
}
