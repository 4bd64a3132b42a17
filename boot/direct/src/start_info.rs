//! What the firmware tells us: memory map, modules, ACPI root pointer.
//!
//! The structures are those of the PVH boot protocol (Xen public headers,
//! `arch-x86/hvm/start_info.h`). They lie anywhere in memory and stay where they are while we
//! read them, so [`StartInfo::footprint`] names the spans that must not be allocated meanwhile.

use core::{ptr, slice};

use boot_direct::error::LoadError;
use boot_direct::layout::REACH;
use boot_direct::memory_map::{FirmwareEntry, Span};

/// First word of the structure: "xEn3" with the top bit of the first byte set.
const MAGIC: u32 = 0x336e_c578;

/// More modules or map entries than this mean that we are reading nonsense.
const MOST_ENTRIES: u32 = 1024;

/// The root of it all, as it lies in memory.
#[derive(Debug)]
#[repr(C)]
struct Header {
    magic: u32,
    version: u32,
    flags: u32,
    module_count: u32,
    modules: u64,
    command_line: u64,
    rsdp: u64,
    memory_map: u64,
    memory_map_count: u32,
    reserved: u32,
}

/// A module (what QEMU calls the initrd), as it lies in memory.
#[derive(Debug)]
#[repr(C)]
struct RawModule {
    address: u64,
    size: u64,
    command_line: u64,
    reserved: u64,
}

/// A line of the memory map, as it lies in memory.
#[derive(Debug)]
#[repr(C)]
struct RawMapEntry {
    address: u64,
    size: u64,
    kind: u32,
    reserved: u32,
}

/// The firmware's tables, found and bounds-checked.
pub(crate) struct StartInfo {
    header: &'static Header,
    header_at: u64,
    modules: &'static [RawModule],
    memory_map: &'static [RawMapEntry],
}

/// A file that the firmware put into memory for us.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Module {
    /// Where it is in physical memory.
    pub(crate) span: Span,
}

impl StartInfo {
    /// Reads the structure that `entry.s` was given the address of.
    pub(crate) fn read(address: u64) -> Result<Self, LoadError> {
        let header = table::<Header>(address, 1).ok_or(LoadError::NoStartInfo)?;
        let header = header.first().ok_or(LoadError::NoStartInfo)?;
        if header.magic != MAGIC {
            return Err(LoadError::NoStartInfo);
        }
        if header.version == 0 || header.memory_map_count == 0 {
            return Err(LoadError::NoMemoryMap);
        }
        Ok(Self {
            header,
            header_at: address,
            modules: table(header.modules, header.module_count)
                .ok_or(LoadError::ModuleOutOfReach)?,
            memory_map: table(header.memory_map, header.memory_map_count)
                .ok_or(LoadError::NoMemoryMap)?,
        })
    }

    /// Iterates over the memory map, in the firmware's order.
    pub(crate) fn memory_map(&self) -> impl Iterator<Item = FirmwareEntry> + Clone + use<> {
        let map = self.memory_map;
        map.iter().map(|entry| FirmwareEntry {
            span: Span::of_length(entry.address, entry.size),
            kind: entry.kind,
        })
    }

    /// Returns module number `index`, or `None` if there are not that many.
    pub(crate) fn module(&self, index: usize) -> Option<Module> {
        let module = self.modules.get(index)?;
        Some(Module {
            span: Span::of_length(module.address, module.size),
        })
    }

    /// Returns the physical address of the ACPI root pointer, if the firmware found one.
    pub(crate) fn rsdp(&self) -> Option<u64> {
        (self.header.rsdp != 0).then_some(self.header.rsdp)
    }

    /// Returns the spans in which the tables themselves lie.
    pub(crate) fn footprint(&self) -> [Span; 3] {
        [
            Span::of_length(self.header_at, size_of::<Header>() as u64),
            Span::of_length(self.header.modules, size_of_val(self.modules) as u64),
            Span::of_length(self.header.memory_map, size_of_val(self.memory_map) as u64),
        ]
    }
}

impl Module {
    /// Returns the bytes of the module.
    ///
    /// # Errors
    /// [`LoadError::ModuleOutOfReach`] where the identity mapping ends before the module does.
    pub(crate) fn bytes(self) -> Result<&'static [u8], LoadError> {
        let length = self.span.end - self.span.start;
        table_of(self.span.start, length).ok_or(LoadError::ModuleOutOfReach)
    }
}

/// Views `count` structures at a physical address, if they are few, aligned and within reach.
fn table<T>(address: u64, count: u32) -> Option<&'static [T]> {
    if count == 0 {
        return Some(&[]);
    }
    if count > MOST_ENTRIES {
        return None;
    }
    table_of(address, u64::from(count))
}

/// As [`table`], without a bound on the count.
fn table_of<T>(address: u64, count: u64) -> Option<&'static [T]> {
    let start = ptr::with_exposed_provenance::<T>(usize::try_from(address).ok()?);
    let length = count.checked_mul(size_of::<T>() as u64)?;
    let end = address.checked_add(length)?;
    if start.is_null() || !start.is_aligned() || end > REACH {
        return None;
    }
    // SAFETY: 1. The address is aligned, not null, and the whole range lies within the first
    // 4 GiB, all of which is identity-mapped. 2. The structures are plain integers, for which any
    // bytes are valid. 3. Nobody writes there: the loader allocates outside these spans.
    Some(unsafe { slice::from_raw_parts(start, usize::try_from(count).ok()?) })
}
