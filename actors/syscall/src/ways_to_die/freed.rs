//! Memory that is freed while the kernel waits to read or to write it.
//!
//! Each of these lets another thread of the actor free a region that a syscall is waiting with.
//! The kernel must notice when it gets to the memory, however good it was when the call began.

use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use abi::layout::PAGE_BYTES;
use abi::syscall::{number, pack_lengths};
use abi::{PortId, Span, Status};
use serde::{Deserialize, Serialize};

use crate::call::WhenFrozen;
use crate::stub::syscall;
use crate::{Port, Region, Result, Thread, call, thread};

/// Time for the other thread to wait until the call waits, and for the caller to wait for the
/// other thread.
const SHORT: Span = Span::from_millis(20);

/// How long a call waits at most.
const LONG: Span = Span::from_secs(1);

/// The port at which [`receive`] waits; 0 when it is not [`receive`] that waits.
static PORT: AtomicU64 = AtomicU64::new(0);

/// Whether the message for [`receive`] is a call.
static IS_CALL: AtomicBool = AtomicBool::new(false);

/// How a message comes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Coming {
    /// It is sent.
    Sent,
    /// It is a call.
    Called,
}

/// Receives into memory that is freed before the message comes.
///
/// Returns the status if the kernel chose to refuse, and does not return if it chose to fault.
///
/// # Errors
/// When the region, the port or the thread could not be had.
pub fn receive(coming: Coming) -> Result<Status> {
    IS_CALL.store(coming == Coming::Called, Ordering::SeqCst);
    let port = Port::private(1)?;
    PORT.store(port.id().raw(), Ordering::SeqCst);
    let address = doomed_region()?;
    let arguments = [port.id().raw(), address, PAGE_BYTES, LONG.0, 0, 0];
    // SAFETY: the memory is a region's that nothing else uses; whether it is still there when
    // the kernel writes is the question.
    let first = unsafe { syscall(number::receive, arguments) };
    if coming == Coming::Sent {
        return Ok(first.status);
    }
    // The call that was waited for came while the region was there. The next one is waited for by
    // answering that one, and comes when it is not.
    let lengths = pack_lengths(0, PAGE_BYTES as usize);
    let token = first.values[2];
    let arguments = [token, 0, port.id().raw(), address, lengths, LONG.0];
    // SAFETY: as before.
    Ok(unsafe { syscall(number::reply_receive, arguments) }.status)
}

/// Calls a port with a request in memory that is freed while the request waits in the queue. The
/// port's owner must not take it before some fifty milliseconds are over.
///
/// Returns the status if the kernel chose to refuse, and does not return if it chose to fault.
///
/// # Errors
/// When the region or the thread could not be had.
pub fn call(port: PortId) -> Result<Status> {
    IS_CALL.store(false, Ordering::SeqCst);
    PORT.store(0, Ordering::SeqCst);
    let address = doomed_region()?;
    let arguments = [port.raw(), address, 1, pack_lengths(512, 0), LONG.0, 0];
    // SAFETY: as for `receive`, but that the kernel reads.
    Ok(unsafe { syscall(number::call, arguments) }.status)
}

/// Calls a port that answers with at least a byte, some fifty milliseconds later, into memory that is
/// freed meanwhile.
///
/// Returns the status if the kernel chose to refuse, and does not return if it chose to fault.
///
/// # Errors
/// When the region or the thread could not be had.
pub fn call_into(port: PortId) -> Result<Status> {
    IS_CALL.store(false, Ordering::SeqCst);
    PORT.store(0, Ordering::SeqCst);
    let address = doomed_region()?;
    // SAFETY: as for `receive`. The region is used for the first time here: it is to be there.
    unsafe { core::ptr::with_exposed_provenance_mut::<u8>(address as usize).write_volatile(0) };
    let lengths = pack_lengths(0, PAGE_BYTES as usize);
    let arguments = [port.raw(), 0, address, lengths, LONG.0, 0];
    // SAFETY: as for `receive`.
    Ok(unsafe { syscall(number::call, arguments) }.status)
}

/// Allocates a region and sees to its being freed soon; returns its address.
fn doomed_region() -> Result<u64> {
    let region = Region::allocate(PAGE_BYTES as usize)?;
    let address = region.address();
    core::mem::forget(region);
    Thread::spawn(free, address, 16 * 1024, 1)?;
    Ok(address)
}

fn free(address: u64) {
    let port = PortId::from_raw(PORT.load(Ordering::SeqCst));
    let make_call = || call::sys_call(port, b"too late", &mut [0; 8], LONG, WhenFrozen::Wait);
    let is_call = IS_CALL.load(Ordering::SeqCst);
    thread::sleep(SHORT);
    if is_call {
        let _ = make_call();
    }
    // SAFETY: nothing uses the region; the kernel has been told to, and must see that it is gone.
    let _ = unsafe { call::sys_region_free(address) };
    if is_call {
        let _ = make_call();
    } else if !port.is_none() {
        let _ = call::sys_send(port, b"too late", Span::ZERO);
    }
    // The actor must not end for want of threads before its other thread has an answer.
    thread::sleep(Span::FOREVER);
}
