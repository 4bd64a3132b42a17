//! A client: sends waves of threads into LAPs, and lets each report how it came out.

#![no_std]
#![no_main]
#![forbid(unsafe_code)]

extern crate alloc;

mod storm;

use alloc::boxed::Box;

use lap_suite::REPORTS;
use lap_suite::client::{Ending, Give, Reply, Report, Request, Wave};
use syscall::prelude::*;
use syscall::ways_to_die::{Way, hostile};
use syscall::{Region, RemoteLap, Thread, encode, handler, thread};

/// Priority of the threads of a wave: below the servers, so that these answer the judge even if
/// the guests compute.
const PRIORITY: u8 = 16;

/// How long a report may take: as long as it takes.
const PATIENCE: Span = Span::FOREVER;

struct Client {
    incarnation: u32,
}

/// What the threads of a wave are told.
struct Task {
    wave: Wave,
    number: u64,
    incarnation: u32,
}

impl Client {
    fn send(&self, wave: Wave) -> Result<()> {
        for number in wave.first..wave.first + wave.threads {
            let task: &'static Task = Box::leak(Box::new(Task {
                wave,
                number,
                incarnation: self.incarnation,
            }));
            Thread::spawn_with(task, go, 16 * 1024, PRIORITY)?;
        }
        Ok(())
    }
}

/// One thread of a wave.
fn go(task: &'static Task) {
    let wave = &task.wave;
    let result = if wave.lap.is_none() {
        handler::raise::<0>([wave.program, task.number, 0])
    } else {
        invoke(wave, task.number)
    };
    let report = Report {
        number: task.number,
        incarnation: task.incarnation,
        time: thread::now().0,
        ending: Ending::from(result),
    };
    let mut buffer = [0; 128];
    let sent = encode(&report, &mut buffer)
        .and_then(|bytes| RemotePort::find(REPORTS, PATIENCE)?.send(bytes, PATIENCE));
    if let Err(error) = sent {
        error!("cannot report {report:?}: {error}");
    }
}

/// Invokes what the wave is to invoke.
fn invoke(wave: &Wave, number: u64) -> Result<(u64, u64)> {
    let lap = RemoteLap::from(wave.lap);
    let request = lap
        .request([wave.program, number])
        .waiting(Span(wave.timeout));
    if wave.memory == Give::Nothing {
        return request.invoke();
    }
    let mut page = Region::allocate(4096)?;
    page.fill(1);
    let result = match wave.memory {
        Give::Nothing => request.invoke(),
        Give::Copy => request.copying(&page).invoke(),
        Give::CopyBack => request.copying_back(&mut page).invoke(),
        Give::Lend => request.lending(&page).invoke(),
        Give::LendWritable => request.lending_writable(&mut page).invoke(),
    };
    // What the callee may not change is not changed.
    if matches!(wave.memory, Give::Nothing | Give::Copy | Give::Lend) {
        assert!(
            page.iter().all(|byte| *byte == 1),
            "it was not to be written to"
        );
    }
    result
}

/// Fills new private memory, and keeps it.
fn fill(bytes: usize) -> Result<()> {
    let mut region = Region::allocate(bytes)?;
    region.fill(0xff);
    core::mem::forget(region);
    Ok(())
}

impl Server for Client {
    type Request = Request;
    type Reply = Reply;

    fn call(&mut self, _: ActorId, request: Request) -> Result<Reply, Status> {
        match request {
            Request::Ping => {}
            Request::Send(wave) => self.send(wave).map_err(|error| error.status())?,
            Request::Die => Way::NullWrite.die(),
            Request::ReturnFromNowhere => hostile::return_from_nowhere(),
            Request::TrapNobody => drop(handler::raise::<9>([0; 3])),
            Request::Hostile(lap, memory, mode) => {
                return Ok(Reply::Status(hostile::invoke(lap, memory, mode)));
            }
            Request::Fill(bytes) => fill(bytes as usize).map_err(|error| error.status())?,
            Request::Storm(seed, client) => {
                storm::begin(seed, client).map_err(|error| error.status())?;
            }
            Request::Calm => return Ok(Reply::Tally(storm::end())),
        }
        Ok(Reply::Done(self.incarnation))
    }
}

fn start(start: Start) -> Result<Serve<Client>> {
    let incarnation = start.incarnation();
    storm::start(incarnation)?;
    Serve::under(start.name(), Client { incarnation })
}

entry!(start);
