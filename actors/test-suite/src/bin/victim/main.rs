//! Does to itself whatever the judge says.
//!
//! Its first argument says how it starts:
//!
//! | argument | |
//! |---|---|
//! | none | serves the port of its name |
//! | `die WAY [MS]` | dies at once, or after so many milliseconds, each time |
//! | `die-once WAY` | dies at once the first time, and serves after that |
//! | `exit` | is done at once |
//! | `slow` | makes its port only after 300 ms, but for the first time |
//! | `fade` | dies after 300 ms, without a port, but serves the first time |
//! | `silent` | has no port, and sleeps |

#![no_std]
#![no_main]
#![forbid(unsafe_code)]

extern crate alloc;

mod checkpoint;
mod memory;
mod server;
mod threads;

use syscall::prelude::*;
use syscall::thread;
use syscall::ways_to_die::{Way, vector};

use crate::memory::Memory;
use crate::server::Victim;

/// How long a slow victim takes to come back.
const SLOW: Span = Span::from_millis(300);

fn start(start: Start) -> Result<Serve<Victim>> {
    // First of all, while nothing of ours has touched them.
    let is_vector_clear = vector::is_clear();
    let is_first = start.incarnation() == 1;
    let way = start.argument(1).and_then(Way::named);
    match (start.argument(0), way) {
        (Some("die"), Some(way)) => {
            let millis = start.argument(2).and_then(|millis| millis.parse().ok());
            thread::sleep(Span::from_millis(millis.unwrap_or(0)));
            way.die()
        }
        (Some("die-once"), Some(way)) if is_first => way.die(),
        (Some("exit"), _) => syscall::call::sys_exit(0),
        (Some("slow"), _) if !is_first => thread::sleep(SLOW),
        (Some("fade"), _) if !is_first => {
            thread::sleep(SLOW);
            Way::Panic.die()
        }
        (Some("silent"), _) => thread::sleep(Span::FOREVER),
        _ => {}
    }
    let memory = Memory::new(is_vector_clear);
    Serve::under(start.name(), Victim::new(start, memory))
}

entry!(start);
