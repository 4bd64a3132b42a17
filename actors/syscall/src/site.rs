//! What the kernel knows about the site, and what may be done to it.

use abi::site::{ActorInfo, Hook, SiteInfo, SiteRestart};
use abi::{ActorId, Span, layout};

use crate::{Error, Result, call, wire};

/// Reads the site's counters.
///
/// # Errors
/// When the kernel's record cannot be read.
pub fn info() -> Result<SiteInfo> {
    let mut buffer = [0; layout::RECORD_MAX];
    let length = call::sys_site_info(&mut buffer)?;
    wire::decode(buffer.get(..length).ok_or(Error::Malformed)?)
}

/// Walks the table of actors.
#[derive(Clone, Debug)]
pub struct Actors {
    next: u64,
}

/// Returns every actor there is.
#[must_use]
pub fn actors() -> Actors {
    Actors { next: 0 }
}

impl Iterator for Actors {
    type Item = Result<ActorInfo>;

    fn next(&mut self) -> Option<Self::Item> {
        wire::next_record(&mut self.next, call::sys_actor_info)
    }
}

/// Reads about the actor of this name.
///
/// # Errors
/// When the kernel's record cannot be read.
pub fn actor(name: &str) -> Result<Option<ActorInfo>> {
    for actor in actors() {
        let actor = actor?;
        if actor.name.as_str() == name {
            return Ok(Some(actor));
        }
    }
    Ok(None)
}

/// Finds an actor's present capability by its name.
///
/// # Errors
/// When there is no such actor.
pub fn find(name: &str) -> Result<ActorId> {
    call::sys_actor_find(name)
}

/// Restarts the whole site, the kernel included. Needs the right `site`.
///
/// # Errors
/// When it may not.
pub fn restart_site(how: SiteRestart) -> Result<()> {
    call::sys_site_restart(how)
}

/// Restarts another actor hot. Needs the right.
///
/// # Errors
/// When the right is missing, or the capability is stale.
pub fn restart(actor: ActorId) -> Result<()> {
    call::sys_restart(actor)
}

/// Kills another actor. It is restarted, with its group: what ends is only the incarnation. Needs
/// the right.
///
/// # Errors
/// When the right is missing, or the capability is stale.
pub fn kill(actor: ActorId) -> Result<()> {
    call::actor::sys_actor_kill(actor)
}

/// Ends a group for good: all its members, and their persistent regions. Needs the right on the
/// group.
///
/// # Errors
/// When the right is missing, or there is no such group.
pub fn kill_group(name: &str) -> Result<()> {
    call::actor::sys_group_kill(name)
}

/// Stops an actor until it is thawed: none of its threads runs, nor anybody else's inside it. Needs
/// the right, but for the calling actor itself ([`ActorId::NONE`]) and what it has spawned.
///
/// # Errors
/// When the right is missing, the capability is stale, or the actor is being restarted.
pub fn freeze(actor: ActorId) -> Result<()> {
    call::actor::sys_actor_freeze(actor)
}

/// Lets an actor that was frozen go on. Needs the same right.
///
/// # Errors
/// As for [`freeze`].
pub fn thaw(actor: ActorId) -> Result<()> {
    call::actor::sys_actor_thaw(actor)
}

/// Restarts the calling actor hot: a clean slate, and no fault recorded.
///
/// # Errors
/// When the kernel refuses; otherwise it does not return.
pub fn restart_self() -> Result<()> {
    call::sys_restart(ActorId::NONE)
}

/// Tells the kernel that the actor is ready to serve.
pub fn ready() {
    call::sys_ready();
}

/// Says that the calling actor is alive, for its heartbeat.
pub fn kick() {
    call::lap::sys_kick();
}

/// Reports another actor as broken, which is then treated as a failure of that actor. Needs the
/// right. At most 120 bytes of the reason are kept.
///
/// # Errors
/// When the right is missing, or the capability is stale.
pub fn complain(actor: ActorId, reason: &str) -> Result<()> {
    call::lap::sys_complain(actor, reason)
}

/// Reads what was typed at the console. Needs the right.
///
/// # Errors
/// When the right is missing, or nothing was typed in time.
pub fn console_read(buffer: &mut [u8], timeout: Span) -> Result<&[u8]> {
    let length = call::sys_console_read(buffer, timeout)?;
    buffer.get(..length).ok_or(Error::Malformed)
}

/// Ends the site: code 0 says that all went well. Needs the right.
///
/// # Errors
/// When the right is missing; otherwise it does not return.
pub fn shutdown(code: u64) -> Result<()> {
    call::sys_shutdown(code)
}

/// Makes the kernel fail in a chosen way, for its tests. Needs the right.
///
/// # Errors
/// When the right is missing, or the hook is not known.
pub fn hook(kind: Hook, argument: u64) -> Result<u64> {
    call::sys_hook(kind, argument)
}
