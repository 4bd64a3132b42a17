//! The manager of the POSIX-like subsystem: serves the traps of its applications.
//!
//! # How
//! A thread of an application that traps runs here itself ([`guest`]): it copies what the call
//! needs from its own actor's memory, puts a request to the one thread of ours that decides
//! everything ([`service`]), waits for the answer, and copies that back. So there is no lock that a
//! slow, frozen or dead application could hold, and no application can starve another one by its
//! priority: our thread is above all of them, and the site must say so.
//!
//! | module | what it is |
//! |---|---|
//! | [`guest`] | what threads of applications do here |
//! | [`message`] | what they ask our thread, and its answers |
//! | [`service`] | the calls |
//! | [`descriptors`] | the open files of one process |
//! | [`processes`] | who is a process, whose child, and how it ended |
//!
//! # Files
//! They are in a persistent region (crate `posix-files`), and survive everything but a reload. A
//! call is answered after its change is committed. If what is in the region is not what was put
//! there, this actor panics when it starts, and the Restart Manager decides: a reload begins with
//! no files.
//!
//! # Processes, and what becomes of them
//! *Declared* applications are those whose names are in this actor's arguments. They are direct
//! actors of the site, each in a group of its own that depends on ours: so they are restarted by the
//! system when they fail, and with us when we do. A failure of theirs does not concern us.
//!
//! *Spawned* ones are indirect actors in the group of their parent, whose library makes the native
//! call after we have made room for them; we know them by the name that we chose, and take them on
//! when they make their first call or their parent says that they are there. (If we spawned them they would be in our group, and one that fails
//! would restart us: the rule is that a failing member restarts its group.) Their exceptions are
//! handled here, with the right `handle`: their end is told to the parent as a signal, and is a
//! clean exit for the Restart Manager. A panic ends them in the same way, by the library. What can
//! not be caught, because it is no exception, is a failure of the parent's group, as of any other
//! group: a native syscall with a bad pointer, an exit with a code that did not come here first, a
//! page for which there is no memory. Then the declared application above them is restarted, and
//! spawns again what it wants.
//!
//! # When this actor fails
//! Files are as they were committed. Processes, descriptors and who waits for whom are forgotten;
//! process numbers go on. Applications that are not restarted with us and trap again are taken on
//! as new ones.

#![no_std]
#![no_main]
#![forbid(unsafe_code)]

mod descriptors;
mod guest;
mod message;
mod processes;
mod service;

use posix::call::PORT;
use posix_files::Files;
use posix_files::limits::MEMORY_BYTES;
use syscall::prelude::*;
use syscall::{PersistentRegion, Thread, activation, site};

use service::Service;

/// Stack of the thread that activates applications.
const ACTIVATOR_STACK_BYTES: usize = 16 * 1024;

/// Requests that wait for our thread: one for each thread that can be here.
const DEPTH: usize = 64;

/// Applications find the calls they need, so there is nothing to prepare.
fn activate(_: u64) {
    activation::serve(|_| {});
}

fn start(start: Start) -> Result<()> {
    let memory = PersistentRegion::open("files", MEMORY_BYTES)?.into_words();
    let files = match Files::mount(memory) {
        Ok(files) => files,
        Err(trouble) => panic!("the files: {trouble:?}"),
    };
    let port = Port::private(DEPTH)?;
    guest::connect(port.remote())?;
    let numbers = PersistentCell::open("process-numbers")?;
    // From here on applications may trap; they wait for this. Nothing that is sent there is read.
    let _sign = Port::create(PORT, 1)?;
    site::ready();
    // The other thread's is ours, which setting it tells.
    let priority = Thread::CURRENT.set_priority(1)?;
    Thread::CURRENT.set_priority(priority)?;
    Thread::spawn(activate, 0, ACTIVATOR_STACK_BYTES, priority)?;
    let mut service = Service::new(files, numbers, start.arguments());
    service.serve(&port, start.actor())
}

entry!(start);
