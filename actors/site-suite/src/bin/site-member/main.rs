//! Goes wherever the judge says, and tells what it finds when it is back.
//!
//! | argument | |
//! |---|---|
//! | `next NAME` | the member whose LAP it visits |
//! | `spawns NAME` | spawns that member at each start, before it serves |
//! | `manages yes` | activates the actors of its subsystem |
//! | `ends-site yes` | has the kernel end at each start but the first of its site |

#![no_std]
#![no_main]
#![forbid(unsafe_code)]

extern crate alloc;

mod kept;
mod places;

use site_suite::lap_name;
use site_suite::member::{Answer, Condition, Order};
use syscall::abi::site::Hook;
use syscall::abi::start::PreviousEnd;
use syscall::prelude::*;
use syscall::ways_to_die::Way;
use syscall::{Lap, Spawn, Stacks, call, site};

struct Member {
    condition: Condition,
}

impl Member {
    fn obey(&mut self, order: Order) -> Result<Answer> {
        match order {
            Order::Inspect => return Ok(Answer::Condition(self.condition)),
            Order::Keep(number) => kept::keep(number)?,
            Order::Go(place) => places::go(place)?,
            Order::Inside => return Ok(Answer::Number(places::inside())),
            Order::Commit(number) => kept::commit(number)?,
            Order::Spawn(name, image) => {
                Spawn::new(name.as_str(), image.as_str()).start()?;
            }
            Order::Die => Way::NullWrite.die(),
            Order::Exit => call::sys_exit(0),
            Order::Hold => places::hold(),
        }
        Ok(Answer::Done)
    }
}

impl Server for Member {
    type Request = Order;
    type Reply = Answer;

    fn call(&mut self, _: ActorId, order: Order) -> Result<Answer, Status> {
        self.obey(order).map_err(|error| error.status())
    }

    fn notice(&mut self, _: ActorId, order: Order) {
        // Whoever wants to know how it went, calls.
        let _ = self.obey(order);
    }
}

/// The word behind another one, among the arguments.
fn option<'s>(start: &'s Start, what: &str) -> Option<&'s str> {
    let mut words = start.arguments().split_whitespace();
    words.find(|word| *word == what)?;
    words.next()
}

fn start(start: Start) -> Result<Serve<Member>> {
    let is_first = start.previous() == PreviousEnd::None;
    if option(&start, "ends-site").is_some() && !is_first {
        site::hook(Hook::KERNEL_PANIC, 0)?;
    }
    let (committed, was_interrupted) = kept::committed()?;
    let condition = Condition {
        actor: start.actor(),
        incarnation: start.incarnation(),
        previous: start.previous(),
        kept: kept::kept()?,
        committed,
        was_interrupted,
        left: places::begin(start),
    };
    let lap = lap_name(start.name());
    Lap::create(
        lap.as_str(),
        Stacks::of_count(places::STACKS),
        0,
        places::visited,
    )?
    .keep();
    if let Some(child) = option(&start, "spawns") {
        Spawn::new(child, "site-member").start()?;
    }
    if option(&start, "manages").is_some() {
        places::manage()?;
    }
    Serve::under(start.name(), Member { condition })
}

entry!(start);
