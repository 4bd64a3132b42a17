//! A subject with 40 KiB, and 64 KiB altogether of data.

#![no_std]
#![no_main]
#![forbid(unsafe_code)]

bench_suite::subject!(40 * 1024);
