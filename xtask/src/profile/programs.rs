//! The programs of a site, and what is at their addresses.

use std::path::PathBuf;

use addr2line::Loader;
use anyhow::{Context, Result, anyhow};
use elf::ElfBytes;
use elf::endian::LittleEndian;

use crate::build::{self, Profile};

/// `rdtsc` (Intel SDM vol. 2B).
const READ_COUNTER: [u8; 2] = [0x0f, 0x31];

/// What the kernel is called among the programs.
const KERNEL: &str = "kernel";

/// Which of the functions at an address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Depth {
    /// The one that the compiler made.
    Compiled,
    /// The one that was written, and inlined into that.
    Inlined,
}

/// The kernel and the actors of a site. No two of a site that measures are at the same addresses.
pub(super) struct Programs {
    programs: Vec<Program>,
}

struct Program {
    name: String,
    /// Executable ranges: their addresses, and their bytes.
    code: Vec<(u64, Vec<u8>)>,
    loader: Loader,
}

impl Programs {
    /// Reads the symbols of a kernel and of these actors.
    ///
    /// # Errors
    /// When a program cannot be read.
    pub(super) fn load(images: &[String], policy: &str) -> Result<Self> {
        let symbols = build::symbols_directory(Profile::Release);
        let mut programs = vec![Program::load(KERNEL, build::kernel_path(policy))?];
        for image in images {
            programs.push(Program::load(image, symbols.join(image))?);
        }
        Ok(Self { programs })
    }

    fn at(&self, address: u64) -> Option<(&Program, &[u8])> {
        self.programs.iter().find_map(|program| {
            let code = program.code_at(address)?;
            Some((program, code))
        })
    }

    /// The actor's image whose instruction at this address reads the time-stamp counter.
    pub(super) fn reader_of_counter(&self, address: u64) -> Option<&str> {
        let (program, code) = self.at(address)?;
        let is_reading = program.name != KERNEL && code.starts_with(&READ_COUNTER);
        is_reading.then_some(program.name.as_str())
    }

    /// The function that an instruction belongs to.
    pub(super) fn function(&self, address: u64, depth: Depth) -> String {
        let Some((program, _)) = self.at(address) else {
            return "unknown".to_owned();
        };
        let function = program.function(address, depth);
        format!("{}: {}", program.name, function.unwrap_or_default())
    }
}

impl Program {
    fn load(name: &str, path: PathBuf) -> Result<Self> {
        let cannot_read = || format!("cannot read the program {name}");
        let bytes = std::fs::read(&path).with_context(cannot_read)?;
        let elf = ElfBytes::<LittleEndian>::minimal_parse(&bytes).with_context(cannot_read)?;
        let segments = elf.segments().with_context(cannot_read)?.iter();
        let executable = segments.filter(|segment| {
            segment.p_type == elf::abi::PT_LOAD && segment.p_flags & elf::abi::PF_X != 0
        });
        let code = executable.map(|segment| {
            let code = elf.segment_data(&segment).with_context(cannot_read)?;
            Ok((segment.p_vaddr, code.to_vec()))
        });
        Ok(Self {
            name: name.to_owned(),
            code: code.collect::<Result<_>>()?,
            loader: Loader::new(&path).map_err(|error| anyhow!("{}: {error}", cannot_read()))?,
        })
    }

    /// The code from an address on.
    fn code_at(&self, address: u64) -> Option<&[u8]> {
        self.code.iter().find_map(|(start, code)| {
            let offset = usize::try_from(address.checked_sub(*start)?).ok()?;
            code.get(offset..).filter(|rest| !rest.is_empty())
        })
    }

    fn function(&self, address: u64, depth: Depth) -> Option<String> {
        let inlined = || {
            let mut frames = self.loader.find_frames(address).ok()?;
            let function = frames.next().ok()??.function?;
            Some(function.raw_name().ok()?.into_owned())
        };
        let compiled = || self.loader.find_symbol(address).map(str::to_owned);
        let name = match depth {
            Depth::Compiled => compiled(),
            Depth::Inlined => inlined().or_else(compiled),
        }?;
        Some(format!("{:#}", rustc_demangle::demangle(&name)))
    }
}
