//! The one place that knows which machine this is.
//!
//! A port supplies: `cpu` (features, interrupt flag, address-space root, floating point), `entry`
//! (the ways into and out of the kernel), `frame::TrapFrame`, `tables` (descriptor tables),
//! `interrupts` (the interrupt controller and the tick), `clock`, `serial`, `debug_console`, `exit`,
//! `apart` (a stack that can be given up), `trace_back`, `trampoline` (from one kernel to the next)
//! `reset`, and `apic` (how an NMI arrives).

pub mod x86_64;
pub use self::x86_64::{
    apart, apic, clock, cpu, debug_console, entry, exit, frame, interrupts, reset, serial, tables,
    trace_back, trampoline,
};
