//! What the judge is told: notices and greetings, in the order in which they came.

use alloc::vec::Vec;

use syscall::abi::{Delivery, Notice, NoticePhase};
use syscall::group::Subscription;
use syscall::prelude::*;
use tree_suite::{Greeting, INBOX};

use crate::check::Must;

/// How long anything may take that is waited for.
pub(crate) const PATIENCE: Span = Span::from_secs(10);

/// How long nothing must come where nothing is expected.
const QUIET: Span = Span::from_millis(50);

/// How many messages may wait.
const DEPTH: usize = 200;

/// One message.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Item {
    /// The kernel's.
    Told(Delivery),
    /// A member's, at its start.
    Greeted(ActorId, Greeting),
}

/// The judge's port.
pub(crate) struct Inbox {
    subscription: Subscription,
}

impl Inbox {
    /// Makes it, and subscribes to these groups.
    #[track_caller]
    pub(crate) fn of(groups: &[&str]) -> Self {
        let port = Port::create(INBOX, DEPTH).must("a port");
        let inbox = Self {
            subscription: Subscription::on(port),
        };
        for group in groups {
            inbox.subscription.add(group).must(group);
        }
        inbox
    }

    /// Waits for a message for so long.
    pub(crate) fn take_within(&self, timeout: Span) -> Option<Item> {
        let mut buffer = [0; 512];
        let message = self
            .subscription
            .port()
            .receive(&mut buffer, timeout)
            .ok()?;
        Some(if message.sender.is_none() {
            Item::Told(syscall::decode(message.bytes).must("a notice"))
        } else {
            let greeting = syscall::decode(message.bytes).must("a greeting");
            Item::Greeted(message.sender, greeting)
        })
    }

    /// Takes messages until none has come for a while.
    pub(crate) fn take_all(&self) -> Vec<Item> {
        core::iter::from_fn(|| self.take_within(QUIET)).collect()
    }

    /// Takes messages until this happens to this actor, and returns that notice.
    #[track_caller]
    pub(crate) fn until(&self, actor: &str, phase: NoticePhase) -> Notice {
        loop {
            let item = self.take_within(PATIENCE);
            let item = item.must("a message");
            if let Item::Told(Delivery { notice, .. }) = item
                && notice.actor.as_str() == actor
                && notice.phase == phase
            {
                return notice;
            }
        }
    }
}

/// The notices that came through the subscription of the group they are about.
pub(crate) fn notices(items: &[Item]) -> Vec<Notice> {
    let told = items.iter().filter_map(|item| match item {
        Item::Told(delivery) if delivery.subscription == delivery.notice.group => {
            Some(delivery.notice)
        }
        _ => None,
    });
    told.collect()
}

/// What happened to whom, without what they say of being ready.
pub(crate) fn course(notices: &[Notice]) -> Vec<(NoticePhase, &str)> {
    notices
        .iter()
        .filter(|notice| notice.phase != NoticePhase::READY)
        .map(|notice| (notice.phase, notice.actor.as_str()))
        .collect()
}
