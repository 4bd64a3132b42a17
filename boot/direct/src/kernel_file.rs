//! The kernel's ELF file: its kind, its entry, its configuration, its segments.

use boot_direct::error::LoadError;
use boot_direct::layout::PAGE;
use boot_direct::segment::Segment;
use bootloader_api::BootloaderConfig;
use elf::ElfBytes;
use elf::abi;
use elf::endian::LittleEndian;
use elf::file::Class;

use crate::address_space::AddressSpace;

/// The section in which `bootloader_api::entry_point!` leaves the kernel's wishes.
const CONFIG_SECTION: &str = ".bootloader-config";

/// A kernel file that has passed the checks on its header.
pub(crate) struct KernelFile {
    bytes: &'static [u8],
    elf: ElfBytes<'static, LittleEndian>,
}

impl KernelFile {
    /// Checks that the bytes are a static 64-bit x86 executable.
    pub(crate) fn parse(bytes: &'static [u8]) -> Result<Self, LoadError> {
        let elf = ElfBytes::minimal_parse(bytes).map_err(|_| LoadError::NotElf)?;
        let header = &elf.ehdr;
        let expected = header.class == Class::ELF64
            && header.e_machine == abi::EM_X86_64
            && header.e_type == abi::ET_EXEC;
        if expected {
            Ok(Self { bytes, elf })
        } else {
            Err(LoadError::WrongElfKind)
        }
    }

    /// Reads the kernel's configuration; a kernel without one gets the defaults.
    pub(crate) fn config(&self) -> Result<BootloaderConfig, LoadError> {
        let section = self
            .elf
            .section_header_by_name(CONFIG_SECTION)
            .map_err(|_| LoadError::NotElf)?;
        let Some(section) = section else {
            return Ok(BootloaderConfig::new_default());
        };
        let (data, _) = self
            .elf
            .section_data(&section)
            .map_err(|_| LoadError::BadConfig)?;
        BootloaderConfig::deserialize(data).map_err(|_| LoadError::BadConfig)
    }

    /// Puts all segments into memory and returns the entry point.
    pub(crate) fn load(&self, space: &mut AddressSpace) -> Result<u64, LoadError> {
        let entry = self.elf.ehdr.e_entry;
        let mut entry_found = false;
        for header in self.elf.segments().ok_or(LoadError::BadSegment)? {
            if let Some(segment) = Segment::plan(&header, self.bytes.len())? {
                self.load_segment(&segment, space)?;
                entry_found |= segment.executes(entry);
            }
        }
        if entry_found {
            Ok(entry)
        } else {
            Err(LoadError::NoEntry)
        }
    }

    /// Copies one segment, zeroing only what the file does not fill.
    fn load_segment(&self, segment: &Segment, space: &mut AddressSpace) -> Result<(), LoadError> {
        let file = self
            .bytes
            .get(segment.file.clone())
            .ok_or(LoadError::BadSegment)?;
        let pages = space.allocate(segment.first_page, segment.pages, segment.rights)?;
        debug_assert_eq!(pages.len() as u64, segment.pages * PAGE);
        let (lead, rest) = pages
            .split_at_mut_checked(segment.lead)
            .ok_or(LoadError::BadSegment)?;
        let (image, zeroes) = rest
            .split_at_mut_checked(file.len())
            .ok_or(LoadError::BadSegment)?;
        lead.fill(0);
        image.copy_from_slice(file);
        zeroes.fill(0);
        Ok(())
    }
}
