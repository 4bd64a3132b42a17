//! The panic handler: last words, bounded, to the kernel.
//!
//! The kernel keeps the message in the fault record, so it is there for the ledger, the policy
//! and the next incarnation; nothing is unwound, because nothing of this incarnation is kept.

use core::fmt::Write as _;
use core::panic::PanicInfo;
use core::sync::atomic::{AtomicBool, Ordering};

use abi::{Text, layout};

use crate::{Published, call};

/// What is done with the last words before the kernel gets them, if anything: a personality that
/// knows a milder end than a failure of the actor puts it here. It is called once; a panic in it
/// goes to the kernel.
pub static LAST_WORDS: Published<fn(&str)> = Published::new();

/// Whether it was called.
static IS_TAKEN: AtomicBool = AtomicBool::new(false);

/// On a host, where the library's tests run, there is a handler already.
#[cfg_attr(target_os = "none", panic_handler)]
#[cfg_attr(
    not(target_os = "none"),
    expect(dead_code, reason = "nobody calls it there")
)]
fn panic(info: &PanicInfo<'_>) -> ! {
    let mut text = Text::<{ layout::PANIC_MAX }>::EMPTY;
    // Writing to a `Text` cannot fail: what does not fit is cut.
    let _ = write!(text, "{}", info.message());
    if let Some(place) = info.location() {
        let _ = write!(text, " ({}:{})", place.file(), place.line());
    }
    if let Some(take) = LAST_WORDS.get()
        && !IS_TAKEN.swap(true, Ordering::Relaxed)
    {
        take(text.as_str());
    }
    call::sys_panic(text.as_str())
}
