//! x86_64: one mechanism a file.

pub mod clock;
pub mod cpu;
pub mod entry;
pub mod exit;
pub mod frame;
pub mod interrupts;
mod quick;
pub mod serial;
pub mod tables;
