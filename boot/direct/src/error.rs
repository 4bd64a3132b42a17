//! Every reason for which loading may fail, each as one sentence for the person at the console.
//!
//! There is nobody to recover here: the loader prints the sentence and leaves the machine. The
//! sentence therefore says what to do where that is known.

use core::fmt;

/// Why the kernel could not be started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoadError {
    /// The firmware's start-info structure is absent or of an unknown kind.
    NoStartInfo,
    /// The start-info structure carries no memory map (PVH version 0).
    NoMemoryMap,
    /// The firmware's map and what we keep do not fit the loader's tables.
    MemoryMapTooLong,
    /// No module was given, so there is no kernel.
    NoKernel,
    /// A module lies where the loader cannot read it (above 4 GiB), or wraps around.
    ModuleOutOfReach,
    /// The kernel file is not an ELF file that the `elf` crate can read.
    NotElf,
    /// The kernel is an ELF file of another kind than a static x86_64 executable.
    WrongElfKind,
    /// A program header is contradictory, or points outside the file.
    BadSegment,
    /// A segment, or the entry point, lies outside the higher half.
    NotHigherHalf,
    /// A segment asks to be writable and executable at once.
    WritableAndExecutable,
    /// Two things want the same page: two segments, or a segment and the loader's own pages.
    PageTakenTwice,
    /// The entry point is in no executable segment.
    NoEntry,
    /// The kernel's `.bootloader-config` section cannot be read.
    BadConfig,
    /// The configuration asks for an address that is not aligned or not in the higher half.
    BadMappingAddress,
    /// Not enough memory below 4 GiB.
    OutOfMemory,
}

impl LoadError {
    /// Returns the sentence to print.
    #[must_use]
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::NoStartInfo => "the start-info structure was not found",
            Self::NoMemoryMap => "the firmware gave no memory map",
            Self::MemoryMapTooLong => "the memory map has more pieces than the loader can hold",
            Self::NoKernel => "no kernel: give its ELF file with -initrd",
            Self::ModuleOutOfReach => "a module lies above 4 GiB, out of the loader's reach",
            Self::NotElf => "the kernel is not an ELF file",
            Self::WrongElfKind => "the kernel is not a static x86_64 executable (ET_EXEC)",
            Self::BadSegment => "the kernel has a program header that makes no sense",
            Self::NotHigherHalf => "the kernel is not linked in the higher half",
            Self::WritableAndExecutable => "the kernel has a writable and executable segment",
            Self::PageTakenTwice => "two parts of the kernel or its stack want the same page",
            Self::NoEntry => "the kernel's entry point is in no executable segment",
            Self::BadConfig => "the kernel's .bootloader-config section cannot be read",
            Self::BadMappingAddress => "the kernel asks for a mapping at an impossible address",
            Self::OutOfMemory => "there is not enough memory below 4 GiB to load the kernel",
        }
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.sentence())
    }
}
