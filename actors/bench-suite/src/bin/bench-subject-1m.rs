//! A subject with 1 MiB of data.

#![no_std]
#![no_main]
#![forbid(unsafe_code)]

bench_suite::subject!(1024 * 1024);
