//! Disk images through the bootloader crate.
