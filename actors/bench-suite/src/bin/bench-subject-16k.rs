//! A subject with 16 KiB of data.

#![no_std]
#![no_main]
#![forbid(unsafe_code)]

bench_suite::subject!(16 * 1024);
