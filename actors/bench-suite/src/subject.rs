//! A subject: has data, writes to as much of it as it is told, has threads, and dies.

use core::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};
use syscall::prelude::*;
use syscall::{Thread, thread, ways_to_die};

use crate::STACK;

/// Words in a page.
pub const PAGE_WORDS: usize = 512;

/// What a subject can be told.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Request {
    /// Writes to so many pages of its data, from the first on.
    Touch(u64),
    /// Makes so many further threads, which wait.
    Threads(u64),
    /// Dies, and leaves in its fault's record when.
    Die,
}

/// A subject with its data.
#[derive(Debug)]
pub struct Subject {
    data: &'static [AtomicU64],
}

impl Server for Subject {
    type Request = Request;
    type Reply = ();

    fn call(&mut self, _caller: ActorId, request: Request) -> Result<(), Status> {
        match request {
            Request::Touch(pages) => self.touch(pages),
            Request::Threads(count) => return have_threads(count),
            Request::Die => ways_to_die::die_stamped(),
        }
        Ok(())
    }
}

impl Subject {
    fn touch(&self, pages: u64) {
        let data = core::hint::black_box(self.data);
        for word in data.iter().step_by(PAGE_WORDS).take(pages as usize) {
            word.store(1, Ordering::Relaxed);
        }
    }
}

fn have_threads(count: u64) -> Result<(), Status> {
    let sleep = |_| thread::sleep(Span::FOREVER);
    for _ in 0..count {
        Thread::spawn(sleep, 0, STACK, 1).map_err(|error| error.status())?;
    }
    Ok(())
}

/// The main function of a subject with this data.
///
/// # Errors
/// When it cannot have a port of its name.
pub fn serve(start: &Start, data: &'static [AtomicU64]) -> Result<Serve<Subject>> {
    Serve::under(start.name(), Subject { data })
}

/// Defines a subject with so many bytes of data, none of them zero: they are in the image.
#[macro_export]
macro_rules! subject {
    ($bytes:expr) => {
        static DATA: [::core::sync::atomic::AtomicU64; $bytes / 8] =
            [const { ::core::sync::atomic::AtomicU64::new(u64::MAX) }; $bytes / 8];

        fn start(
            start: ::syscall::Start,
        ) -> ::syscall::Result<::syscall::Serve<$crate::subject::Subject>> {
            $crate::subject::serve(&start, &DATA)
        }

        ::syscall::entry!(start);
    };
}
