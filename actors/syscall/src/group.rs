//! Groups: what is known about them, and to be told what happens to them.
//!
//! A [`Subscription`] is a port that the kernel sends a message for each change of the groups it is
//! subscribed to. What is said of a new incarnation comes before anything that it sends itself. The
//! kernel waits for nobody: [`Delivery::missed`] says how many notices found no room before this
//! one, so an actor that is told of much reads often, or has a deep queue.
//!
//! A subscription is gone after a restart, as everything is: subscribe again.

use abi::site::GroupInfo;
use abi::{Delivery, Span};

use crate::buffer::Buffer;
use crate::{Port, Result, call, wire};

/// A port for notices.
#[derive(Debug)]
pub struct Subscription {
    port: Port,
}

impl Subscription {
    /// Subscribes to a group, with room for `depth` notices. Needs the right.
    ///
    /// # Errors
    /// When there is no such group, the right is missing, or there is no room for the port.
    pub fn to(group: &str, depth: usize) -> Result<Self> {
        let subscription = Self::on(Port::private(depth)?);
        subscription.add(group)?;
        Ok(subscription)
    }

    /// Takes a port for notices, that is subscribed to nothing yet.
    #[must_use]
    pub fn on(port: Port) -> Self {
        Self { port }
    }

    /// Subscribes to a further group.
    ///
    /// # Errors
    /// When there is no such group, or too many subscriptions.
    pub fn add(&self, group: &str) -> Result<()> {
        call::group::sys_group_subscribe(group, self.port.id())
    }

    /// Ends the subscription to a group. Notices that are queued stay.
    ///
    /// # Errors
    /// When there is none.
    pub fn remove(&self, group: &str) -> Result<()> {
        call::group::sys_group_unsubscribe(group, self.port.id())
    }

    /// The port, for whoever is to send to it as well.
    #[must_use]
    pub fn port(&self) -> &Port {
        &self.port
    }

    /// Waits for the next notice. What others send to the port is passed over.
    ///
    /// # Errors
    /// When none came in time.
    pub fn next(&self, timeout: Span) -> Result<Delivery> {
        let mut buffer = <Buffer>::new();
        loop {
            // SAFETY: Nobody else uses the buffer.
            let message = unsafe { call::receive_into(self.port.id(), buffer.room(), timeout)? };
            // The kernel's messages have no sender, and nobody else's can be without.
            if message.sender.is_none() {
                // SAFETY: The kernel wrote so much.
                return wire::decode(unsafe { buffer.filled(message.length) });
            }
        }
    }
}

/// Walks the table of groups.
#[derive(Clone, Debug)]
pub struct Groups {
    next: u64,
}

/// Returns every group there is, in the order of their slots.
#[must_use]
pub fn groups() -> Groups {
    Groups { next: 0 }
}

impl Iterator for Groups {
    type Item = Result<GroupInfo>;

    fn next(&mut self) -> Option<Self::Item> {
        wire::next_record(&mut self.next, call::group::sys_group_info)
    }
}

/// Reads about the group of this name.
///
/// # Errors
/// When the kernel's record cannot be read.
pub fn find(name: &str) -> Result<Option<GroupInfo>> {
    for group in groups() {
        let group = group?;
        if group.name.as_str() == name {
            return Ok(Some(group));
        }
    }
    Ok(None)
}

/// Allows that a group that was given up is started again. Needs the right to restart.
///
/// # Errors
/// When it was not given up, or the right is missing.
pub fn clear(name: &str) -> Result<()> {
    call::group::sys_group_clear(name)
}
