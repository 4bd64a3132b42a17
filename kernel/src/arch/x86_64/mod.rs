//! x86_64: one mechanism a file.

pub mod apart;
pub mod apic;
pub mod clock;
pub mod cpu;
pub mod debug_console;
pub mod entry;
pub mod exit;
pub mod frame;
pub mod interrupts;
mod quick;
pub mod reset;
pub mod serial;
pub mod tables;
pub mod trace_back;
pub mod trampoline;
