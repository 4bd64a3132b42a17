//! What was typed on the serial port, and who waits for it.

use abi::Status;

use crate::backlog;
use crate::fault::Fault;
use crate::kernel::Kernel;
use crate::list::List;
use crate::thread::{QUEUE, Wait};
use crate::user::UserSlice;

/// Bytes kept until somebody reads them; what is typed beyond that is lost.
pub const TYPED_MAX: usize = 256;

/// Typed bytes and waiting threads.
pub struct Console {
    typed: [u8; TYPED_MAX],
    length: usize,
    /// Threads that wait for something typed.
    pub waiting: List<QUEUE>,
}

impl Default for Console {
    fn default() -> Self {
        Self::new()
    }
}

impl Console {
    /// Nothing typed, nobody waiting.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            typed: [0; TYPED_MAX],
            length: 0,
            waiting: List::EMPTY,
        }
    }
}

impl Kernel {
    /// A byte was typed: it is echoed, kept, and given to who waits for it.
    pub fn typed(&mut self, byte: u8) {
        match byte {
            b'\r' | b'\n' => backlog::push(&[b"\r\n"]),
            0x08 | 0x7f => backlog::push(&[b"\x08 \x08"]),
            _ => backlog::push(&[&[byte]]),
        }
        if let Some(place) = self.console.typed.get_mut(self.console.length) {
            *place = byte;
            self.console.length += 1;
        }
        let Some(thread) = self.console.waiting.first() else {
            return;
        };
        let Some(record) = self.threads.at(thread) else {
            return;
        };
        let (wait, here) = (record.wait, record.here);
        let Wait::Console(buffer) = wait else {
            return;
        };
        match self.take_typed(here.slot().0, buffer) {
            Ok(Some(length)) => self.finish_wait(thread, Status::OK, [length, 0, 0]),
            Ok(None) => {}
            Err(fault) => self.fail(thread, fault.record()),
        }
    }

    /// Moves typed bytes to an actor; `None` when there are none.
    ///
    /// # Errors
    /// The actor's fault; the bytes stay.
    pub fn take_typed(&mut self, actor: u32, buffer: UserSlice) -> Result<Option<u64>, Fault> {
        let typed = self.console.typed;
        let length = self.console.length.min(buffer.length() as usize);
        if length == 0 {
            return Ok(None);
        }
        self.copy_out(actor, buffer, typed.get(..length).unwrap_or_default())?;
        self.console.typed.copy_within(length.., 0);
        self.console.length -= length;
        Ok(Some(length as u64))
    }
}
