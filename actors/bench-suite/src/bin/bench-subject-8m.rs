//! A subject with 8 MiB of data.

#![no_std]
#![no_main]
#![forbid(unsafe_code)]

bench_suite::subject!(8 * 1024 * 1024);
