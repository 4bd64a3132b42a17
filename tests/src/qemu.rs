//! The one place where QEMU's arguments are composed.
//!
//! Each small function below gives one group of arguments; [`Machine::arguments`] puts them
//! together, and [`Machine::command_line`] is the same as a person would type it.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use abi::trace::PORT;

use crate::process::{Console, Running};

/// The emulator, as found on the path.
pub const PROGRAM: &str = "qemu-system-x86_64";

/// Where Debian's package ovmf puts firmware and variables in one file.
pub const OVMF: &str = "/usr/share/ovmf/OVMF.fd";

/// How the machine comes to run the kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Firmware {
    /// QEMU itself loads `loader` (PVH) and puts `kernel` into memory as its module.
    Direct {
        /// boot/direct.
        loader: PathBuf,
        /// The kernel's ELF file.
        kernel: PathBuf,
    },
    /// SeaBIOS boots a disk image.
    Bios {
        /// A disk with a master boot record.
        image: PathBuf,
    },
    /// OVMF boots a disk image.
    Uefi {
        /// A disk with a GPT and an EFI system partition.
        image: PathBuf,
    },
}

/// What drives the guest's clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// The host's time.
    Host,
    /// One instruction is one nanosecond: the same run gives the same numbers on any machine.
    Instructions,
}

/// What executes the guest's instructions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accelerator {
    /// QEMU's translator: everywhere the same.
    Tcg,
    /// The host's processor; only when a person asks for it.
    Kvm,
}

/// Whether the machine has a watchdog.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Watchdog {
    /// It has none.
    Absent,
    /// It has one that raises an NMI.
    Present,
}

/// Whether the machine waits for a debugger before its first instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Debugger {
    /// It does not.
    Absent,
    /// It does, on port 1234.
    Awaited,
}

/// What a reset of the machine does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reset {
    /// It ends the run: with a status that is never a pass.
    Ends,
    /// It is one: the machine goes through its firmware.
    Reboots,
}

/// A machine to be started.
#[derive(Clone, Debug)]
pub struct Machine {
    firmware: Firmware,
    disk: Option<PathBuf>,
    memory_mib: u32,
    clock: Clock,
    accelerator: Accelerator,
    watchdog: Watchdog,
    debugger: Debugger,
    reset: Reset,
    debug_console: Option<PathBuf>,
    monitor: Option<PathBuf>,
    extra: Vec<OsString>,
}

impl Machine {
    /// Describes a machine with 512 MiB, QEMU's translator, and no disk.
    #[must_use]
    pub fn new(firmware: Firmware) -> Self {
        Self {
            firmware,
            disk: None,
            memory_mib: 512,
            clock: Clock::Host,
            accelerator: Accelerator::Tcg,
            watchdog: Watchdog::Present,
            debugger: Debugger::Absent,
            reset: Reset::Ends,
            debug_console: None,
            monitor: None,
            extra: Vec::new(),
        }
    }

    /// Attaches the site's disk, as `disk0` on virtio.
    #[must_use]
    pub fn disk(mut self, path: impl Into<PathBuf>) -> Self {
        self.disk = Some(path.into());
        self
    }

    /// Sets the size of memory.
    #[must_use]
    pub fn memory_mib(mut self, size: u32) -> Self {
        self.memory_mib = size;
        self
    }

    /// Chooses the clock.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Chooses the accelerator.
    #[must_use]
    pub fn accelerator(mut self, accelerator: Accelerator) -> Self {
        self.accelerator = accelerator;
        self
    }

    /// Chooses whether there is a watchdog.
    #[must_use]
    pub fn watchdog(mut self, watchdog: Watchdog) -> Self {
        self.watchdog = watchdog;
        self
    }

    /// Lets the machine wait for a debugger.
    #[must_use]
    pub fn debugger(mut self, debugger: Debugger) -> Self {
        self.debugger = debugger;
        self
    }

    /// Says what a reset does.
    #[must_use]
    pub fn reset(mut self, reset: Reset) -> Self {
        self.reset = reset;
        self
    }

    /// Keeps in a file what the kernel tells the debug console: its ledger; see [`crate::trace`].
    #[must_use]
    pub fn debug_console(mut self, file: impl Into<PathBuf>) -> Self {
        self.debug_console = Some(file.into());
        self
    }

    /// Makes QEMU take commands on a socket. Keep the path short: the limit is 107 bytes.
    #[must_use]
    pub fn monitor(mut self, socket: impl Into<PathBuf>) -> Self {
        self.monitor = Some(socket.into());
        self
    }

    /// Adds an argument as it is.
    #[must_use]
    pub fn arg(mut self, argument: impl Into<OsString>) -> Self {
        self.extra.push(argument.into());
        self
    }

    /// Returns all of QEMU's arguments.
    #[must_use]
    pub fn arguments(&self) -> Vec<OsString> {
        let groups = [
            accelerator_arguments(self.accelerator, self.clock),
            machine_arguments(self.memory_mib),
            reset_arguments(self.reset),
            clock_arguments(self.clock),
            serial_arguments(),
            exit_arguments(),
            watchdog_arguments(self.watchdog),
            firmware_arguments(&self.firmware),
            self.disk.as_deref().map(disk_arguments).unwrap_or_default(),
            self.debug_console
                .as_deref()
                .map(debug_console_arguments)
                .unwrap_or_default(),
            self.monitor
                .as_deref()
                .map(monitor_arguments)
                .unwrap_or_default(),
            debugger_arguments(self.debugger),
            self.extra.clone(),
        ];
        groups.into_iter().flatten().collect()
    }

    /// Returns the command as a person would type it.
    #[must_use]
    pub fn command_line(&self) -> String {
        let words = self.arguments();
        let words = words.iter().map(|word| quoted(&word.to_string_lossy()));
        std::iter::once(PROGRAM.to_owned())
            .chain(words)
            .collect::<Vec<_>>()
            .join(" ")
    }

    /// Starts the machine.
    ///
    /// # Errors
    /// When QEMU cannot be started.
    pub fn start(&self, console: Console) -> io::Result<Running> {
        let mut command = Command::new(PROGRAM);
        command.args(self.arguments());
        Running::start(&command, console, self.monitor.as_deref()).map_err(|error| {
            let advice = "is it installed? `cargo xtask doctor` tells";
            io::Error::new(
                error.kind(),
                format!("cannot start {PROGRAM}: {error}; {advice}"),
            )
        })
    }
}

/// With `-icount`, QEMU counts instructions in one thread.
fn accelerator_arguments(accelerator: Accelerator, clock: Clock) -> Vec<OsString> {
    let name = match (accelerator, clock) {
        (Accelerator::Kvm, _) => "kvm",
        (Accelerator::Tcg, Clock::Host) => "tcg",
        (Accelerator::Tcg, Clock::Instructions) => "tcg,thread=single",
    };
    words(["-accel", name])
}

/// One processor with all that QEMU can emulate, but for `rep movsb` being called fast: under the
/// translator it is eight times slower than `rep movsq`.
fn machine_arguments(memory_mib: u32) -> Vec<OsString> {
    let memory = format!("{memory_mib}M");
    words([
        "-M",
        "pc",
        "-cpu",
        "max,-erms",
        "-smp",
        "1",
        "-m",
        &memory,
        "-nodefaults",
        "-display",
        "none",
    ])
}

fn reset_arguments(reset: Reset) -> Vec<OsString> {
    match reset {
        Reset::Ends => words(["-no-reboot"]),
        Reset::Reboots => Vec::new(),
    }
}

fn clock_arguments(clock: Clock) -> Vec<OsString> {
    match clock {
        Clock::Host => Vec::new(),
        Clock::Instructions => words([
            "-icount",
            "shift=0,sleep=off",
            "-seed",
            "1",
            "-rtc",
            "base=2026-01-01,clock=vm",
        ]),
    }
}

/// COM1 is QEMU's standard input and output.
fn serial_arguments() -> Vec<OsString> {
    words([
        "-chardev",
        "stdio,id=serial0,signal=on",
        "-serial",
        "chardev:serial0",
    ])
}

/// The port through which the guest ends the run; see [`crate::outcome`].
fn exit_arguments() -> Vec<OsString> {
    words(["-device", "isa-debug-exit,iobase=0xf4,iosize=0x04"])
}

/// What the watchdog does when it runs out is not the device's, but QEMU's.
fn watchdog_arguments(watchdog: Watchdog) -> Vec<OsString> {
    match watchdog {
        Watchdog::Absent => Vec::new(),
        Watchdog::Present => words(["-device", "i6300esb", "-action", "watchdog=inject-nmi"]),
    }
}

fn firmware_arguments(firmware: &Firmware) -> Vec<OsString> {
    match firmware {
        Firmware::Direct { loader, kernel } => {
            vec![
                "-kernel".into(),
                loader.into(),
                "-initrd".into(),
                kernel.into(),
            ]
        }
        Firmware::Bios { image } => boot_disk_arguments(image),
        Firmware::Uefi { image } => {
            let mut arguments = words(["-bios", OVMF]);
            arguments.extend(boot_disk_arguments(image));
            arguments
        }
    }
}

/// An IDE disk that nothing writes to, first in the boot order: the site's disk is not bootable.
/// The bootloader crate's stages look for a screen, and hang where there is none.
fn boot_disk_arguments(image: &Path) -> Vec<OsString> {
    vec![
        "-drive".into(),
        drive("boot0", image, ",snapshot=on"),
        "-device".into(),
        "ide-hd,drive=boot0,bootindex=0".into(),
        "-vga".into(),
        "std".into(),
    ]
}

/// The site's disk, on a virtio device without the legacy interface.
fn disk_arguments(disk: &Path) -> Vec<OsString> {
    vec![
        "-drive".into(),
        drive("disk0", disk, ""),
        "-device".into(),
        "virtio-blk-pci,drive=disk0,disable-legacy=on".into(),
    ]
}

fn drive(id: &str, file: &Path, options: &str) -> OsString {
    let mut argument = OsString::from(format!("if=none,id={id},format=raw{options},file="));
    argument.push(escaped(file));
    argument
}

/// QEMU reads two commas as one.
fn escaped(file: &Path) -> String {
    file.to_string_lossy().replace(',', ",,")
}

fn debug_console_arguments(file: &Path) -> Vec<OsString> {
    let mut chardev = OsString::from("file,id=debug0,path=");
    chardev.push(escaped(file));
    vec![
        "-chardev".into(),
        chardev,
        "-device".into(),
        format!("isa-debugcon,iobase={PORT:#x},chardev=debug0").into(),
    ]
}

fn monitor_arguments(socket: &Path) -> Vec<OsString> {
    let mut chardev = OsString::from("socket,id=monitor0,server=on,wait=off,path=");
    chardev.push(socket);
    vec![
        "-chardev".into(),
        chardev,
        "-mon".into(),
        "chardev=monitor0,mode=readline".into(),
    ]
}

fn debugger_arguments(debugger: Debugger) -> Vec<OsString> {
    match debugger {
        Debugger::Absent => Vec::new(),
        Debugger::Awaited => words(["-s", "-S"]),
    }
}

fn words<const N: usize>(words: [&str; N]) -> Vec<OsString> {
    words.map(OsString::from).to_vec()
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

    fn machine() -> Machine {
        let firmware = Firmware::Direct {
            loader: "loader.elf".into(),
            kernel: "kernel.elf".into(),
        };
        Machine::new(firmware).disk("site.img")
    }

    #[test]
    fn direct_boot_hands_the_kernel_to_the_loader() {
        let line = machine().command_line();
        assert!(
            line.starts_with("qemu-system-x86_64 -accel tcg -M pc -cpu max,-erms -smp 1 -m 512M")
        );
        assert!(line.contains("-kernel loader.elf -initrd kernel.elf"));
        assert!(line.contains("virtio-blk-pci,drive=disk0"));
        assert!(!line.contains("-icount") && !line.contains("kvm") && !line.contains("-S"));
    }

    #[test]
    fn instruction_clock_is_the_one_of_the_anchors() {
        let line = machine().clock(Clock::Instructions).command_line();
        assert!(line.contains("-accel tcg,thread=single"));
        assert!(line.contains("-icount shift=0,sleep=off -seed 1 -rtc base=2026-01-01,clock=vm"));
    }

    #[test]
    fn disk_images_boot_first_and_are_not_written() {
        let bios = Machine::new(Firmware::Bios {
            image: "a,b.img".into(),
        })
        .command_line();
        assert!(bios.contains("format=raw,snapshot=on,file=a,,b.img"));
        assert!(bios.contains("bootindex=0 -vga std") && !bios.contains(OVMF));
        let uefi = Machine::new(Firmware::Uefi {
            image: "a.img".into(),
        })
        .command_line();
        assert!(uefi.contains("-bios /usr/share/ovmf/OVMF.fd"));
    }

    #[test]
    fn debug_console_is_where_the_kernel_looks_for_it() {
        let line = machine().debug_console("a,b.ledger").command_line();
        assert!(line.contains("-chardev file,id=debug0,path=a,,b.ledger"));
        assert!(line.contains("-device isa-debugcon,iobase=0xe9,chardev=debug0"));
        assert!(!machine().command_line().contains("debugcon"));
    }

    #[test]
    fn reset_ends_the_run_unless_it_is_to_be_one() {
        assert!(machine().command_line().contains("-no-reboot"));
        let line = machine().reset(Reset::Reboots).command_line();
        assert!(!line.contains("-no-reboot"));
    }

    #[test]
    fn watchdog_is_there_unless_it_is_left_out() {
        let arguments = "-device i6300esb -action watchdog=inject-nmi";
        assert!(machine().command_line().contains(arguments));
        let without = machine().watchdog(Watchdog::Absent).command_line();
        assert!(!without.contains("i6300esb"));
    }

    #[test]
    fn extra_arguments_come_last() {
        let line = machine()
            .debugger(Debugger::Awaited)
            .arg("-d")
            .arg("int, cpu")
            .command_line();
        assert!(line.ends_with("-s -S -d 'int, cpu'"), "{line}");
    }
}
