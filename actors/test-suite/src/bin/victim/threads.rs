//! Threads that wait, in every way there is, or die.

use core::sync::atomic::{AtomicU64, Ordering};

use syscall::abi::{PortId, ReplyToken};
use syscall::prelude::*;
use syscall::ways_to_die::{self, Way};
use syscall::{Thread, call, thread};
use test_suite::NOT_WHOLE;

/// Stack of a thread that does little.
pub(crate) const SMALL_STACK: usize = 16 * 1024;

/// Makes threads that sleep for ever.
pub(crate) fn sleepers(count: u64) -> Result<()> {
    for _ in 0..count {
        Thread::spawn(|_| thread::sleep(Span::FOREVER), 0, SMALL_STACK, 1)?;
    }
    Ok(())
}

/// Makes threads that wait in `receive`, `reply_receive`, `send`, `call`, `port_find` and `sleep`,
/// one that computes, and one that gives way all the time.
pub(crate) fn busy() -> Result<()> {
    let lonely = Port::private(1)?;
    let full = Port::private(1)?;
    call::sys_send(full.id(), b"full", Span::ZERO)?;

    Thread::spawn(wait_receiving, lonely.id().raw(), SMALL_STACK, 2)?;
    Thread::spawn(wait_answering, lonely.id().raw(), SMALL_STACK, 2)?;
    Thread::spawn(wait_sending, full.id().raw(), SMALL_STACK, 2)?;
    Thread::spawn(wait_calling, full.id().raw(), SMALL_STACK, 2)?;
    Thread::spawn(wait_finding, 0, SMALL_STACK, 2)?;
    Thread::spawn(|_| thread::sleep(Span::FOREVER), 0, SMALL_STACK, 2)?;
    Thread::spawn(|_| compute(Span::FOREVER), 0, SMALL_STACK, 1)?;
    Thread::spawn(give_way, 0, SMALL_STACK, 1)?;

    // The ports must stay, though nobody holds them.
    core::mem::forget((lonely, full));
    // Let each of the threads get to where it waits.
    thread::sleep(Span::from_millis(20));
    Ok(())
}

fn wait_receiving(port: u64) {
    let _ = call::sys_receive(PortId::from_raw(port), &mut [0; 64], Span::FOREVER);
}

fn wait_answering(port: u64) {
    let (port, token) = (PortId::from_raw(port), ReplyToken::NONE);
    let _ = call::sys_reply_receive(token, &[], port, &mut [0; 64], Span::FOREVER);
}

fn wait_sending(port: u64) {
    let _ = call::sys_send(PortId::from_raw(port), b"too much", Span::FOREVER);
}

fn wait_calling(port: u64) {
    let _ = RemotePort::from(PortId::from_raw(port)).call(b"?", &mut [0; 64], Span::FOREVER);
}

fn wait_finding(_: u64) {
    let _ = RemotePort::find("nobody has this name", Span::FOREVER);
}

fn give_way(_: u64) {
    loop {
        thread::yield_now();
    }
}

/// Computes for as long as `span`, without a syscall but for the clock.
pub(crate) fn compute(span: Span) {
    let end = thread::now().after(span);
    while thread::now() < end {
        for _ in 0..1000 {
            core::hint::spin_loop();
        }
    }
}

/// Which way the thread made by [`die`] takes.
static WAY: AtomicU64 = AtomicU64::new(0);

/// Dies on another thread; this one waits for that.
pub(crate) fn die(way: Way) -> Result<()> {
    let index = Way::ALL
        .iter()
        .position(|other| *other == way)
        .unwrap_or_default();
    WAY.store(index as u64, Ordering::SeqCst);
    let body = |_| {
        if let Some(way) = Way::ALL.get(WAY.load(Ordering::SeqCst) as usize) {
            way.die();
        }
    };
    Thread::spawn(body, 0, SMALL_STACK, 1)?;
    thread::sleep(Span::FOREVER);
    Ok(())
}

syscall::plain_struct! {
    /// A number, and what it must be for the value to be whole.
    struct Written {
        number: u64,
        twice: u64,
        negative: u64,
        again: [u64; 29],
    }
}

impl Written {
    fn of(number: u64) -> Self {
        let twice = number.wrapping_mul(2);
        Self {
            number,
            twice,
            negative: !number,
            again: [number; 29],
        }
    }
}

/// Name of the cell that is written to.
const CELL: &str = "written";

/// Writes ever higher numbers to a cell, while another thread dies.
pub(crate) fn die_writing() -> Result<()> {
    let mut cell = PersistentCell::<Written>::open(CELL)?;
    let mut number = cell.get().number;
    let body = |_| {
        // Long enough for many numbers, and not the same on every machine.
        thread::sleep(Span::from_millis(3));
        Way::NullWrite.die()
    };
    // Below us: it preempts us only by its tick, if we share a priority.
    Thread::spawn(body, 0, SMALL_STACK, 8)?;
    Thread::CURRENT.set_priority(8)?;
    loop {
        number += 1;
        cell.set(Written::of(number));
    }
}

/// The number in the cell, if it is whole.
pub(crate) fn written() -> Result<u64> {
    let value = PersistentCell::<Written>::open(CELL)?.get();
    let is_new = value.number == 0;
    Ok(if is_new || value == Written::of(value.number) {
        value.number
    } else {
        NOT_WHOLE
    })
}

/// How much of its stack the thread made by [`use_stack`] uses, and when it may.
static STACK_USED: AtomicU64 = AtomicU64::new(0);
/// Where the stack of that thread is.
static STACK_TOP: AtomicU64 = AtomicU64::new(0);

/// Makes a thread that uses `used` bytes of its `stack` bytes of stack, 100 ms from now; returns
/// an address near the stack's top.
pub(crate) fn use_stack(used: u64, stack: u64) -> Result<u64> {
    STACK_USED.store(used, Ordering::SeqCst);
    let body = |_| {
        let here = 0_u8;
        let top = core::ptr::from_ref(core::hint::black_box(&here)).addr();
        STACK_TOP.store(top as u64, Ordering::SeqCst);
        thread::sleep(Span::from_millis(100));
        let lowest = ways_to_die::use_stack(STACK_USED.load(Ordering::SeqCst) as usize);
        // Seen by nobody, but it must be computed.
        STACK_TOP.store(lowest, Ordering::SeqCst);
    };
    Thread::spawn(body, 0, stack as usize, 2)?;
    thread::sleep(Span::from_millis(20));
    Ok(STACK_TOP.load(Ordering::SeqCst))
}
