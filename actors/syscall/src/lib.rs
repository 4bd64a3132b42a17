//! The library every actor is written against.

#![no_std]
