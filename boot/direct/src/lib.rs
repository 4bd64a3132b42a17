//! The loader's decisions: everything that can be judged without a machine.
//!
//! The binary beside this library (`main.rs`) touches ports, page tables and raw memory; what it
//! should do with them is computed here, in safe code over plain numbers, so that the arithmetic
//! which would otherwise only fail on some memory size of some machine is tested on the host.
//!
//! - [`memory_map`] carves the firmware's memory map into the regions the kernel is told about.
//! - [`frame_pool`] hands out frames and remembers what it gave away.
//! - [`segment`] turns a program header into pages, bytes and rights.
//! - [`layout`] says which virtual addresses the loader uses.
//! - [`error`] lists every reason for which loading may fail.

#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

pub mod error;
pub mod frame_pool;
pub mod layout;
pub mod memory_map;
pub mod segment;
