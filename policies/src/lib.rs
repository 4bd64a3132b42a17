//! The restart policies shipped with Refrain.

#![no_std]
