//! The record of one run: the command, what the guest printed, and how it ended.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{fs, io};

/// The record of one run, as saved under target/refrain/transcripts.
#[derive(Clone, Debug)]
pub struct Transcript {
    /// The command that repeats the run.
    pub command: String,
    /// Everything the guest printed.
    pub serial: String,
    /// What QEMU itself said.
    pub complaints: String,
    /// How the run ended, in words.
    pub verdict: String,
}

impl Transcript {
    /// Returns the last `count` lines of what the guest printed, and what QEMU said.
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
        for line in self.complaints.lines() {
            let _ = writeln!(tail, "  ! {line}");
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
        let text = format!(
            "$ {}\n{}{}outcome: {}\n",
            self.command,
            whole_lines(&self.serial),
            whole_lines(&self.complaints),
            self.verdict
        );
        fs::write(path, text)?;
        Ok(path.to_path_buf())
    }
}

/// Ends the last line, if there is one that has no end.
fn whole_lines(text: &str) -> String {
    let end = if text.ends_with('\n') || text.is_empty() {
        ""
    } else {
        "\n"
    };
    format!("{text}{end}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn transcript(serial: &str, complaints: &str) -> Transcript {
        Transcript {
            command: "qemu -x".to_owned(),
            serial: serial.to_owned(),
            complaints: complaints.to_owned(),
            verdict: "the kernel panicked".to_owned(),
        }
    }

    #[test]
    fn tail_says_how_much_it_leaves_out() {
        let transcript = transcript("one\ntwo\nthree\n", "");
        assert_eq!(
            transcript.tail(2),
            "  ... 1 lines before\n  | two\n  | three\n"
        );
        assert_eq!(transcript.tail(3), "  | one\n  | two\n  | three\n");
    }

    #[test]
    fn saved_record_holds_command_output_and_outcome() {
        let path = std::env::temp_dir().join(format!("refrain-transcript-{}", std::process::id()));
        let transcript = transcript("hello", "no disk\n");
        transcript.save(&path).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        fs::remove_file(&path).unwrap();
        assert_eq!(
            text,
            "$ qemu -x\nhello\nno disk\noutcome: the kernel panicked\n"
        );
        assert_eq!(transcript.tail(9), "  | hello\n  ! no disk\n");
    }
}
