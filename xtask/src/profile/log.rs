//! QEMU's log of executed blocks, through a pipe: with one instruction a block it is a log of
//! instructions, and too long for a file.
//!
//! A line of it is `Trace 0: 0x7f… [flags/pc/flags/flags] …`. A block that was left before its first
//! instruction, for an interrupt, is followed by a line that says so.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;

use anyhow::{Result, anyhow};

use crate::shell::Cmd;

/// A pipe that is being read.
pub(super) struct Log {
    path: PathBuf,
    reader: JoinHandle<std::io::Result<Vec<u64>>>,
}

impl Log {
    /// Makes the pipe and begins to read.
    ///
    /// # Errors
    /// When there can be no pipe.
    pub(super) fn start() -> Result<Self> {
        let path = super::pipe();
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory)?;
        }
        let _ = fs::remove_file(&path);
        Cmd::new("mkfifo").arg(&path).run()?;
        let pipe = path.clone();
        let reader = std::thread::spawn(move || read(BufReader::new(File::open(pipe)?)));
        Ok(Self { path, reader })
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the addresses of all instructions, in the order in which they were executed. QEMU has
    /// ended.
    ///
    /// # Errors
    /// When the pipe could not be read.
    pub(super) fn finish(self) -> Result<Vec<u64>> {
        let read = self.reader.join();
        let _ = fs::remove_file(self.path);
        Ok(read.map_err(|_| anyhow!("the reader of QEMU's log failed"))??)
    }
}

fn read(mut source: impl BufRead) -> std::io::Result<Vec<u64>> {
    let mut addresses = Vec::new();
    let mut line = String::new();
    while source.read_line(&mut line)? > 0 {
        if let Some(address) = executed(&line) {
            addresses.push(address);
        } else if line.starts_with("Stopped execution") {
            addresses.pop();
        }
        line.clear();
    }
    Ok(addresses)
}

/// The address in a line about a block.
fn executed(line: &str) -> Option<u64> {
    let (_, rest) = line.strip_prefix("Trace ")?.split_once('[')?;
    u64::from_str_radix(rest.split('/').nth(1)?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_those_not_executed_are_not() {
        let log = "Trace 0: 0x7f1c34000100 [0000000000000000/00000000002001d0/0x40c2b7/ff000001] \n\
            Trace 0: 0x7f1c34000240 [0000000000000000/ffffffff80000010/0x40c2b0/ff000001] \n\
            Stopped execution of TB chain before 0x7f1c34000240 [ffffffff80000010] \n\
            something else\n\
            Trace 0: 0x7f1c34000380 [0000000000000000/ffffffff80000020/0x40c2b0/ff000001] f\n";
        let addresses = read(log.as_bytes()).unwrap();
        assert_eq!(addresses, [0x20_01d0, 0xffff_ffff_8000_0020]);
    }
}
