//! Spawns others, and does to itself and to others whatever the judge says.
//!
//! Its arguments are pairs of words:
//!
//! | argument | |
//! |---|---|
//! | `spawns NAME` | spawns that member at each start, before it serves |
//! | `spawns-once NAME` | the same, at its first start only |
//! | `known NAME` | spawns an actor that the site describes, at each start |
//! | `kicks yes` | gives signs of life |
//! | `exits CODE` | exits at once |

#![no_std]
#![no_main]
#![forbid(unsafe_code)]

extern crate alloc;

mod deeds;
mod server;

use syscall::Spawn;
use syscall::prelude::*;

use crate::server::Member;

fn start(start: Start) -> Result<Serve<Member>> {
    for pair in 0.. {
        let (Some(what), Some(word)) = (start.argument(2 * pair), start.argument(2 * pair + 1))
        else {
            break;
        };
        match what {
            "spawns" => {
                Spawn::new(word, "member").start()?;
            }
            "spawns-once" if start.incarnation() == 1 => {
                Spawn::new(word, "member").start()?;
            }
            "known" => {
                Spawn::known(word).start()?;
            }
            "kicks" => server::start_kicking()?,
            "exits" => syscall::call::sys_exit(word.parse().unwrap_or(1)),
            _ => {}
        }
    }
    Serve::under(start.name(), Member::new(start))
}

entry!(start);
