//! The Restart Manager: decides, never acts.

#![no_std]
