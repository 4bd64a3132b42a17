//! A running QEMU: its serial port, its monitor, and the certainty that it ends.
//!
//! The serial port is QEMU's standard output. A thread collects it, so that QEMU never blocks on
//! a full pipe, and whoever waits for a line is woken when one arrives: nothing here sleeps and
//! hopes. Three things end the process: its own exit, [`Drop`], and the death of the thread that
//! started it (through `setpriv --pdeathsig`, so that even a killed test leaves no QEMU behind).

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::outcome::Ending;

/// How often a process is asked whether it has ended; there is no portable way to be told.
const POLL: Duration = Duration::from_millis(5);

/// Where the serial port of the guest is connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Console {
    /// Collected only; the test may write to it.
    Collected,
    /// Collected, and shown on our standard output.
    Shown,
    /// Collected and shown; our standard input goes to the guest.
    Interactive,
}

/// A running process whose standard output is the guest's serial port.
#[derive(Debug)]
pub struct Running {
    child: Child,
    input: Option<ChildStdin>,
    serial: Arc<Serial>,
    collector: Option<JoinHandle<()>>,
    /// Collects what QEMU itself says on standard error.
    complaints: Option<JoinHandle<String>>,
    monitor: Option<PathBuf>,
    /// Up to where [`Running::wait_for`] has looked.
    seen: usize,
}

/// A process that has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// How it ended.
    pub ending: Ending,
    /// Everything the guest printed.
    pub serial: String,
    /// What QEMU itself said, unless that went to our standard error.
    pub complaints: String,
}

/// What has arrived on the serial port so far.
#[derive(Debug, Default)]
struct Serial {
    received: Mutex<Received>,
    more: Condvar,
}

#[derive(Debug, Default)]
struct Received {
    bytes: Vec<u8>,
    closed: bool,
}

impl Serial {
    fn lock(&self) -> MutexGuard<'_, Received> {
        self.received.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Collects until the other side closes the pipe.
    fn collect(&self, mut source: impl Read, console: Console) {
        let mut buffer = [0; 4096];
        while let Ok(length @ 1..) = source.read(&mut buffer) {
            let bytes = &buffer[..length];
            if console != Console::Collected {
                let mut output = io::stdout().lock();
                // A closed standard output must not stop the run.
                let _ = output.write_all(bytes).and_then(|()| output.flush());
            }
            self.lock().bytes.extend_from_slice(bytes);
            self.more.notify_all();
        }
        self.lock().closed = true;
        self.more.notify_all();
    }
}

impl Running {
    /// Starts a process; `monitor` is the socket on which QEMU takes commands, if it does.
    ///
    /// # Errors
    /// When the program cannot be started.
    pub fn start(command: &Command, console: Console, monitor: Option<&Path>) -> io::Result<Self> {
        let mut command = dying_with_us(command);
        let (input, errors) = match console {
            Console::Collected => (Stdio::piped(), Stdio::piped()),
            Console::Shown => (Stdio::null(), Stdio::inherit()),
            Console::Interactive => (Stdio::inherit(), Stdio::inherit()),
        };
        command.stdin(input).stdout(Stdio::piped()).stderr(errors);
        let mut child = command.spawn()?;
        let serial = Arc::new(Serial::default());
        let collector = child.stdout.take().map(|output| {
            let serial = Arc::clone(&serial);
            thread::spawn(move || serial.collect(output, console))
        });
        let complaints = child.stderr.take().map(|mut output| {
            thread::spawn(move || {
                let mut text = Vec::new();
                // What could not be read is missing from a message for people, no more.
                let _ = output.read_to_end(&mut text);
                String::from_utf8_lossy(&text).into_owned()
            })
        });
        Ok(Self {
            input: child.stdin.take(),
            child,
            serial,
            collector,
            complaints,
            monitor: monitor.map(Path::to_path_buf),
            seen: 0,
        })
    }

    /// The process's id, for messages and for tests of the harness.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits until `text` arrives behind what earlier calls have matched.
    ///
    /// # Errors
    /// `TimedOut` at the deadline; `UnexpectedEof` when the process ended without it.
    pub fn wait_for(&mut self, text: &str, deadline: Instant) -> io::Result<()> {
        let mut received = self.serial.lock();
        let mut searched = self.seen;
        loop {
            let fresh = received.bytes.get(searched..).unwrap_or_default();
            if let Some(end) = end_of(fresh, text.as_bytes()) {
                self.seen = searched + end;
                return Ok(());
            }
            // Not all of it again: a run may print much. But the text may have begun to arrive.
            let begun = text.len().saturating_sub(1);
            searched = searched.max(received.bytes.len().saturating_sub(begun));
            if received.closed {
                let message = format!("the run ended before it printed \"{text}\"");
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, message));
            }
            let Some(left) = deadline.checked_duration_since(Instant::now()) else {
                let message = format!("\"{text}\" was not printed in time");
                return Err(io::Error::new(io::ErrorKind::TimedOut, message));
            };
            received = self
                .serial
                .more
                .wait_timeout(received, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }

    /// Types `text` on the guest's serial port.
    ///
    /// # Errors
    /// When the run has ended, or was started without a port of ours.
    pub fn write(&mut self, text: &str) -> io::Result<()> {
        let input = self.input.as_mut().ok_or(io::ErrorKind::Unsupported)?;
        input.write_all(text.as_bytes())?;
        input.flush()
    }

    /// Gives QEMU's monitor a command, such as `drive_del disk0`, and returns its answer.
    ///
    /// # Errors
    /// When there is no monitor, or it does not answer in time.
    pub fn monitor(&self, command: &str) -> io::Result<String> {
        let path = self.monitor.as_ref().ok_or(io::ErrorKind::Unsupported)?;
        let mut socket = UnixStream::connect(path)?;
        socket.set_read_timeout(Some(Duration::from_secs(30)))?;
        until_prompt(&mut socket)?;
        writeln!(socket, "{command}")?;
        let answer = until_prompt(&mut socket)?;
        // The monitor echoes the command as it edits its line; the answer starts behind it.
        Ok(answer
            .split_once('\n')
            .map_or("", |(_, rest)| rest)
            .trim()
            .to_owned())
    }

    /// Waits for the process to end by itself, and kills it at the deadline.
    #[must_use]
    pub fn finish(mut self, deadline: Instant) -> Ended {
        let ending = self.wait_or_kill(deadline);
        self.ended(ending)
    }

    /// Waits for the process to end by itself, however long it takes.
    #[must_use]
    pub fn finish_unhurried(mut self) -> Ended {
        let ending = self.child.wait().map_or(Ending::Exited(-1), ending);
        self.ended(ending)
    }

    /// What has been printed so far.
    #[must_use]
    pub fn printed(&self) -> String {
        String::from_utf8_lossy(&self.serial.lock().bytes).into_owned()
    }

    fn wait_or_kill(&mut self, deadline: Instant) -> Ending {
        loop {
            match self.child.try_wait() {
                Ok(Some(status)) => return ending(status),
                Ok(None) if Instant::now() < deadline => thread::sleep(POLL),
                Ok(None) | Err(_) => {
                    self.kill();
                    return Ending::OutOfTime;
                }
            }
        }
    }

    fn ended(&mut self, ending: Ending) -> Ended {
        if let Some(collector) = self.collector.take() {
            let _ = collector.join();
        }
        let complaints = self.complaints.take().and_then(|thread| thread.join().ok());
        Ended {
            ending,
            serial: self.printed(),
            complaints: complaints.unwrap_or_default(),
        }
    }

    fn kill(&mut self) {
        // Both fail only if it has ended already, which is what we want.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
        if let Some(monitor) = &self.monitor {
            let _ = std::fs::remove_file(monitor);
        }
    }
}

fn ending(status: std::process::ExitStatus) -> Ending {
    let by_signal = || status.signal().map(|signal| 128 + signal);
    Ending::Exited(status.code().or_else(by_signal).unwrap_or(-1))
}

/// Wraps a command so that it is killed when the thread that starts it dies, if setpriv (Debian:
/// util-linux, always installed) is there. Only the child itself can ask the kernel for this, and
/// from Rust that would take unsafe code between fork and exec.
fn dying_with_us(command: &Command) -> Command {
    const SETPRIV: &str = "/usr/bin/setpriv";
    let mut wrapped = if Path::new(SETPRIV).exists() {
        let mut wrapped = Command::new(SETPRIV);
        wrapped
            .args(["--pdeathsig", "KILL", "--"])
            .arg(command.get_program());
        wrapped
    } else {
        Command::new(command.get_program())
    };
    wrapped.args(command.get_args());
    wrapped
}

/// Returns the index behind the first occurrence of `needle`.
fn end_of(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    if needle.is_empty() {
        return Some(0);
    }
    haystack
        .windows(needle.len())
        .position(|window| window == needle)
        .map(|at| at + needle.len())
}

/// Reads from the monitor up to its next prompt.
fn until_prompt(socket: &mut UnixStream) -> io::Result<String> {
    const PROMPT: &[u8] = b"(qemu) ";
    let mut answer = Vec::new();
    let mut byte = [0];
    while !answer.ends_with(PROMPT) {
        socket.read_exact(&mut byte)?;
        answer.push(byte[0]);
    }
    answer.truncate(answer.len() - PROMPT.len());
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Running {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        Running::start(&command, Console::Collected, None).unwrap()
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(30)
    }

    #[test]
    fn exit_status_and_output_are_reported() {
        let ended = shell("echo one; echo oops >&2; echo two; exit 33").finish(soon());
        let expected = Ended {
            ending: Ending::Exited(33),
            serial: "one\ntwo\n".to_owned(),
            complaints: "oops\n".to_owned(),
        };
        assert_eq!(ended, expected);
    }

    #[test]
    fn signal_is_reported_as_128_and_its_number() {
        assert_eq!(
            shell("kill -TERM $$").finish(soon()).ending,
            Ending::Exited(128 + 15)
        );
    }

    #[test]
    fn hanging_process_is_killed_at_the_deadline() {
        let running = shell("echo alive; exec sleep 600");
        let id = running.id();
        let ended = running.finish(Instant::now() + Duration::from_millis(300));
        assert_eq!(
            (ended.ending, ended.serial.as_str()),
            (Ending::OutOfTime, "alive\n")
        );
        assert!(!Path::new(&format!("/proc/{id}")).exists());
    }

    #[test]
    fn dropped_process_is_killed() {
        let running = shell("exec sleep 600");
        let id = running.id();
        drop(running);
        assert!(!Path::new(&format!("/proc/{id}")).exists());
    }

    #[test]
    fn process_dies_with_the_thread_that_started_it() {
        let starter = thread::spawn(|| {
            let mut running = shell("echo ready; exec sleep 600");
            running.wait_for("ready", soon()).unwrap();
            let id = running.id();
            // Leaked: this is what remains of a test program that was killed.
            std::mem::forget(running);
            id
        });
        let id = starter.join().unwrap();
        let state = || std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
        while !(state().is_empty() || state().contains(") Z ")) {
            thread::sleep(POLL);
        }
    }

    #[test]
    fn waiting_matches_each_line_once_and_in_order() {
        let mut running = shell("printf 'tick\\ntick\\n'; read line; printf 'got %s' $line");
        running.wait_for("tick", soon()).unwrap();
        running.wait_for("tick", soon()).unwrap();
        running.write("word\n").unwrap();
        running.wait_for("got word", soon()).unwrap();
        let error = running.wait_for("tick", soon()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }

    #[test]
    fn waiting_ends_at_the_deadline() {
        let mut running = shell("exec sleep 600");
        let error = running
            .wait_for("never", Instant::now() + POLL)
            .unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }
}
