//! `cargo xtask epitaph`: what a kernel that ended was doing.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use abi::epitaph::TraceEvent;
use abi::{Epitaph as Words, Registers};
use addr2line::Loader;
use anyhow::{Context, Result, anyhow, bail};
use refrain_tests::Trace;

use crate::build;
use crate::shell::{root, say};

/// Prints the last words of each kernel that ended in a recorded run.
#[derive(clap::Args, Debug)]
pub(crate) struct Epitaph {
    /// What `cargo xtask run --record` wrote [default: the record of the last run]
    trace: Option<PathBuf>,
}

/// Where the last run is recorded.
pub(crate) fn last_run() -> PathBuf {
    build::artifacts().join("last-run.json")
}

/// Registers in a line.
const IN_A_LINE: usize = 4;

impl Epitaph {
    /// Runs the verb.
    pub(crate) fn run(&self) -> Result<()> {
        let file = self.trace.clone().unwrap_or_else(last_run);
        let shown = build::relative(&file);
        let text = fs::read_to_string(&file).with_context(|| {
            let advice = "`cargo xtask run` records one";
            format!("cannot read {}; {advice}", shown.display())
        })?;
        let trace = Trace::from_json(&text).with_context(|| shown.display().to_string())?;
        if trace.epitaphs.is_empty() {
            bail!("no kernel ended in {}", shown.display());
        }
        let kernel = build::kernel_path(trace.policy.as_str());
        if is_newer(&kernel, &file) {
            say("the kernel was built anew since: what stands at its addresses may be wrong.");
        }
        let symbols = Symbols::of(&kernel)?;
        for (epitaph, number) in trace.epitaphs.iter().zip(1..) {
            println!("kernel {number} of site {}:", trace.site);
            print!("{}", report(epitaph, |address| symbols.at(address)));
        }
        Ok(())
    }
}

fn is_newer(kernel: &Path, than: &Path) -> bool {
    let changed = |path: &Path| fs::metadata(path).and_then(|data| data.modified());
    match (changed(kernel), changed(than)) {
        (Ok(kernel), Ok(than)) => kernel > than,
        _ => false,
    }
}

/// An epitaph for people; `at` says what stands at an address, a line for each function.
fn report(epitaph: &Words, at: impl Fn(u64) -> Vec<String>) -> String {
    let Words {
        cause,
        time,
        message,
        registers,
        address,
        thread,
        actor,
        backtrace,
        events,
    } = epitaph;
    let actor = match actor.as_str() {
        "" => "none: one of the kernel's own threads",
        name => name,
    };
    let mut text = format!(
        "  cause   {cause}: {message}\n  time    {time}\n  thread  {thread}\n  actor   {actor}\n"
    );
    if *registers == Registers::default() {
        text.push_str("  registers are known of exceptions only\n");
    } else {
        for line in registers.named().chunks(IN_A_LINE) {
            for (name, value) in line {
                let _ = write!(text, "  {name:<6} {value:016x}");
            }
            text.push('\n');
        }
        let _ = writeln!(text, "  address of the last page fault {address:#x}");
    }
    let known = events
        .iter()
        .take_while(|event| **event != TraceEvent::NONE);
    for (event, lead) in known.zip(std::iter::once("before").chain(std::iter::repeat(""))) {
        let TraceEvent { time, kind, actor } = event;
        let _ = write!(text, "  {lead:<6}  {time}  {kind}");
        if !actor.is_none() {
            let _ = write!(text, "  {actor}");
        }
        text.push('\n');
    }
    text.push_str("  backtrace\n");
    for called in backtrace.iter().take_while(|called| **called != 0) {
        // A return address belongs to the instruction before it, and may be in another function.
        let is_return = *called != registers.rip;
        let _ = writeln!(text, "    {called:016x}");
        for line in at(called - u64::from(is_return)) {
            let _ = writeln!(text, "      {line}");
        }
    }
    text
}

/// The kernel's symbols.
struct Symbols(Loader);

impl Symbols {
    fn of(kernel: &Path) -> Result<Self> {
        let shown = build::relative(kernel);
        let loader = Loader::new(kernel);
        Ok(Self(loader.map_err(|error| {
            anyhow!("cannot read the symbols of {}: {error}", shown.display())
        })?))
    }

    /// The functions at an address, each inlined into the next.
    fn at(&self, address: u64) -> Vec<String> {
        let compiled = self.0.find_symbol(address);
        let compiled =
            compiled.map(|name| addr2line::demangle_auto(name.into(), None).into_owned());
        let mut lines = Vec::new();
        if let Ok(mut frames) = self.0.find_frames(address) {
            while let Ok(Some(frame)) = frames.next() {
                let name = frame.function.as_ref().and_then(|it| it.demangle().ok());
                let name = name.map(std::borrow::Cow::into_owned);
                let name = name.or_else(|| compiled.clone()).unwrap_or_default();
                let place = frame.location.as_ref().and_then(|it| it.file.zip(it.line));
                let place = place.map(|(file, line)| format!(" at {}:{line}", short(file)));
                lines.push(name + &place.unwrap_or_default());
            }
        }
        if lines.is_empty() {
            lines.extend(compiled);
        }
        lines
    }
}

/// A source file as seen from the root of the workspace, or of the toolchain's library.
fn short(file: &str) -> &str {
    let root = format!("{}/", root().display());
    let ours = file.strip_prefix(&root);
    let theirs = || file.split_once("/library/").map(|(_, rest)| rest);
    ours.or_else(theirs).unwrap_or(file)
}

#[cfg(test)]
mod tests {
    use abi::epitaph::{BACKTRACE_MAX, EVENTS_MAX, EventKind};
    use abi::{ActorId, Instant, Name, SiteCause, Text, ThreadId};

    use super::*;

    fn words() -> Words {
        let mut backtrace = [0; BACKTRACE_MAX];
        backtrace[..2].copy_from_slice(&[0x1000, 0x2000]);
        let mut events = [TraceEvent::NONE; EVENTS_MAX];
        events[0] = TraceEvent {
            time: Instant(1_400_000_000),
            kind: EventKind::FREEZE,
            actor: ActorId::NONE,
        };
        Words {
            cause: SiteCause::PANIC,
            time: Instant(1_500_000_000),
            message: Text::truncated("no more"),
            registers: Registers::default(),
            address: 0,
            thread: ThreadId::NONE,
            actor: Name::truncated("clerk"),
            backtrace,
            events,
        }
    }

    fn lines(words: &Words) -> String {
        report(words, |address| vec![format!("at {address:#x}")])
    }

    #[test]
    fn calls_are_looked_for_before_the_address_they_return_to() {
        let text = lines(&words());
        assert!(text.contains("cause   kernel panic: no more"), "{text}");
        assert!(text.contains("  freeze\n"), "{text}");
        assert!(
            text.contains("0000000000001000\n      at 0xfff\n"),
            "{text}"
        );
        assert!(
            text.ends_with("0000000000002000\n      at 0x1fff\n"),
            "{text}"
        );
    }

    #[test]
    fn exceptions_are_where_they_were_and_have_registers() {
        let mut words = words();
        words.registers.rip = 0x1000;
        let text = lines(&words);
        assert!(
            text.contains("0000000000001000\n      at 0x1000\n"),
            "{text}"
        );
        assert!(text.contains("rip    0000000000001000"), "{text}");
    }
}
