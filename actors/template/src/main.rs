//! Counts how often it is called, and goes on counting after it was restarted.

#![no_std]
#![no_main]
#![forbid(unsafe_code)]

use syscall::prelude::*;

struct Counter(PersistentCell<u64>);

impl Server for Counter {
    type Request = ();
    type Reply = u64;

    fn call(&mut self, _caller: ActorId, _request: ()) -> Result<u64, Status> {
        Ok(self.0.update(|count| count + 1))
    }
}

fn start(start: Start) -> Result<Serve<Counter>> {
    Serve::under(start.name(), Counter(PersistentCell::open("count")?))
}

entry!(start);
