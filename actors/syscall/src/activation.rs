//! What the manager of a subsystem does: it activates the subsystem's other actors.
//!
//! An actor of the subsystem that is loaded, or restarted, has memory and no thread. It waits until
//! the manager has seen to what it needs there, and activates it. If the manager fails meanwhile,
//! its next incarnation finds those that wait.

use abi::{ActorId, Span};

use crate::{Result, call};

/// Waits for an actor that waits to be activated. Says the same one until it is.
///
/// # Errors
/// When there was none in time, or another thread of this actor waits already.
pub fn next(timeout: Span) -> Result<ActorId> {
    call::group::sys_activation_wait(timeout)
}

/// Gives an actor that waits its first thread, soon.
///
/// # Errors
/// When this actor is not its manager, or it does not wait.
pub fn activate(actor: ActorId) -> Result<()> {
    call::group::sys_actor_activate(actor)
}

/// Activates whoever waits, for ever, each when `prepare` returns.
pub fn serve(mut prepare: impl FnMut(ActorId)) -> ! {
    loop {
        let Ok(actor) = next(Span::FOREVER) else {
            continue;
        };
        prepare(actor);
        // It may have been ended meanwhile.
        let _ = activate(actor);
    }
}
