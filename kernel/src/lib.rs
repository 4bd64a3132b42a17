//! The Refrain microkernel.

#![no_std]
