//! A guest: is inside the holder whenever that dies, with a page lent to it, and comes back each time.

#![no_std]
#![no_main]
#![forbid(unsafe_code)]

use bench_suite::holding::STAY;
use judging::fail;
use syscall::abi::layout::PAGE_BYTES;
use syscall::abi::status::Progress;
use syscall::prelude::*;
use syscall::{Region, RemoteLap};

fn start(_: Start) -> Result<()> {
    let page = Region::allocate(PAGE_BYTES as usize)?;
    let mut lap = RemoteLap::resolve(STAY, Span::FOREVER)?;
    loop {
        let visit = lap.request([0, 0]).lending(&page).waiting(Span::FOREVER);
        match visit.invoke() {
            Err(Error::LapRestarted {
                new,
                progress: Progress::MAYBE_EXECUTED | Progress::NOT_ENTERED,
            }) => lap = new.into(),
            other => fail!("a visit ends with {other:?}"),
        }
    }
}

entry!(start);
