//! A subject with 64 MiB of data.

#![no_std]
#![no_main]
#![forbid(unsafe_code)]

bench_suite::subject!(64 * 1024 * 1024);
