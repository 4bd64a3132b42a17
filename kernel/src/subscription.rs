//! Subscriptions: who is told what happens to a group, and how it is told in time.
//!
//! The Restart Manager queues a notice with every change that it is told of. Nothing goes on before
//! all notices are delivered: the recovery thread does that first in each of its steps, one message
//! a step, and the first thread of an incarnation may run only afterwards
//! (`Kernel::start_thread`). So a subscriber has `activated` in its queue before anything that
//! the new incarnation sends.
//!
//! Nobody ever waits for a subscriber. A port without room misses the notice, and the next message
//! says how many it missed.
//!
//! # Invariants
//! - A subscription is in the list of its group, of its port, and of its port's owner. It goes when
//!   its port goes or becomes absent, before that.
//! - `Notifier::next` is in the list of the group that is being told, or there is none.

use alloc::vec::Vec;

use abi::notice::DELIVERY_MAX;
use abi::site::{GroupInfo, Rights};
use abi::syscall::NO_MORE;
use abi::{ActorId, Name, PortId, Slot, Status};
use restart_manager::{Audience, GROUPS_MAX, GroupSlot, Notice};

use crate::fault::Refusal;
use crate::kernel::Kernel;
use crate::list::{Link, Linked, List};
use crate::mm::address_space::Progress;
use crate::recovery::{Load, Purpose};
use crate::rights::Target;
use crate::slot::SlotTable;
use crate::syscall::{DONE, Next};
use crate::user::UserSlice;

/// The most subscriptions there can be.
const SUBSCRIPTIONS_MAX: u32 = 1024;

/// The most subscriptions of one port: destroying a port drops them in one go.
const PORT_MAX: u32 = 16;

/// The most subscribers of one group: a restart makes four notices for each member, and the next
/// one waits until all are delivered.
const GROUP_MAX: u32 = 16;

/// Groups without a subscriber that are gone through in one step.
const BATCH: usize = 8;

/// Link to the other subscriptions of the group.
const GROUP: usize = 0;
/// Link to the other subscriptions of the port.
pub const PORT: usize = 1;
/// Link to the other subscriptions of the port's owner.
pub const OWNED: usize = 2;

/// One port that is told of one group.
pub struct Subscription {
    port: u32,
    owner: u32,
    group: GroupSlot,
    name: Name,
    /// The first notice that it is told of.
    first: u64,
    /// How many notices it has missed since its last message.
    missed: u64,
    /// How many notices were lost to all when it had its last message.
    lost: u64,
    links: [Link; 3],
}

macro_rules! linked {
    ($($link:ident)*) => {
        $(impl Linked<$link> for Subscription {
            fn link(&mut self) -> &mut Link {
                &mut self.links[$link]
            }

            fn link_ref(&self) -> &Link {
                &self.links[$link]
            }
        })*
    };
}
linked!(GROUP PORT OWNED);

/// The subscriptions of one group.
#[derive(Clone, Copy)]
struct Subscribers {
    list: List<GROUP>,
    count: u32,
}

/// Every subscription, and the notice that is being delivered.
pub struct Notifier {
    table: SlotTable<Subscription>,
    groups: Vec<Subscribers>,
    present: Option<Notice>,
    /// The present notice as bytes, and how many: they are the same for all.
    bytes: [u8; DELIVERY_MAX],
    length: usize,
    /// Which group is being told, counted from the group it is about.
    told: usize,
    /// The next subscription of that group.
    next: Option<u32>,
}

impl Default for Notifier {
    fn default() -> Self {
        Self::new()
    }
}

impl Notifier {
    /// Nobody is told anything.
    #[must_use]
    pub fn new() -> Self {
        let nobody = Subscribers {
            list: List::EMPTY,
            count: 0,
        };
        Self {
            table: SlotTable::new(SUBSCRIPTIONS_MAX),
            groups: alloc::vec![nobody; GROUPS_MAX],
            present: None,
            bytes: [0; DELIVERY_MAX],
            length: 0,
            told: 0,
            next: None,
        }
    }

    /// How many subscriptions there are.
    #[must_use]
    pub fn used(&self) -> u32 {
        self.table.used()
    }

    fn first_of(&self, group: GroupSlot) -> Option<u32> {
        self.groups.get(group.index())?.list.first()
    }

    fn after(&self, subscription: u32) -> Option<u32> {
        let group = self.table.at(subscription)?.group;
        let subscribers = self.groups.get(group.index())?;
        subscribers.list.after(&self.table, subscription)
    }
}

impl Kernel {
    /// The syscall `group_subscribe`.
    ///
    /// # Errors
    /// See the syscall table.
    pub fn group_subscribe(
        &mut self,
        actor: u32,
        name: Name,
        port: PortId,
    ) -> Result<Next, Refusal> {
        let port = self.check_own_port(actor, port)?;
        let manager = &self.recovery.manager;
        let group = manager.group_named(&name).ok_or(Status::NOT_FOUND)?;
        self.check_right(Rights::SUBSCRIBE, Target::Group(group))?;
        let lost = manager.lost_notices();
        let first = manager.next_notice_number();
        let (present, count) = self.find_subscription(port, &name);
        if present.is_some() {
            return Err(Status::ALREADY_EXISTS.into());
        }
        let notifier = &mut self.notifier;
        let subscribers = notifier.groups.get_mut(group.index());
        let subscribers = subscribers.ok_or(Status::NOT_FOUND)?;
        if count >= PORT_MAX || subscribers.count >= GROUP_MAX {
            return Err(Status::LIMIT_REACHED.into());
        }
        let subscription = Subscription {
            port,
            owner: actor,
            group,
            name,
            first,
            missed: 0,
            lost,
            links: [Link::FREE; 3],
        };
        let inserted = notifier.table.insert(subscription);
        let (Slot(slot), _) = inserted.map_err(|_| Status::LIMIT_REACHED)?;
        subscribers.count += 1;
        subscribers.list.push_back(&mut notifier.table, slot);
        if let Some(port) = self.ports.at_mut(port) {
            port.subscriptions.push_back(&mut notifier.table, slot);
        }
        if let Some(actor) = self.actors.at_mut(actor) {
            actor.subscriptions.push_back(&mut notifier.table, slot);
        }
        self.recovery.manager.set_audience(Audience::Somebody);
        Ok(DONE)
    }

    /// The syscall `group_unsubscribe`.
    ///
    /// # Errors
    /// See the syscall table.
    pub fn group_unsubscribe(
        &mut self,
        actor: u32,
        name: Name,
        port: PortId,
    ) -> Result<Next, Refusal> {
        let port = self.check_own_port(actor, port)?;
        let (present, _) = self.find_subscription(port, &name);
        self.unsubscribe(present.ok_or(Status::NOT_FOUND)?);
        Ok(DONE)
    }

    /// The subscription of a port to a group, and how many the port has.
    fn find_subscription(&self, port: u32, name: &Name) -> (Option<u32>, u32) {
        let (mut found, mut count) = (None, 0);
        let Some(port) = self.ports.at(port) else {
            return (None, 0);
        };
        let mut next = port.subscriptions.first();
        while let Some(slot) = next {
            count += 1;
            let table = &self.notifier.table;
            if table.at(slot).is_some_and(|entry| entry.name == *name) {
                found = Some(slot);
            }
            next = port.subscriptions.after(table, slot);
        }
        (found, count)
    }

    /// Ends a subscription.
    pub fn unsubscribe(&mut self, slot: u32) {
        let notifier = &mut self.notifier;
        if notifier.next == Some(slot) {
            notifier.next = notifier.after(slot);
        }
        let Some(entry) = notifier.table.at(slot) else {
            return;
        };
        let (port, owner, group) = (entry.port, entry.owner, entry.group);
        if let Some(subscribers) = notifier.groups.get_mut(group.index()) {
            subscribers.list.remove(&mut notifier.table, slot);
            subscribers.count = subscribers.count.saturating_sub(1);
        }
        if let Some(port) = self.ports.at_mut(port) {
            port.subscriptions.remove(&mut notifier.table, slot);
        }
        if let Some(owner) = self.actors.at_mut(owner) {
            owner.subscriptions.remove(&mut notifier.table, slot);
        }
        notifier.table.remove(Slot(slot));
        if notifier.used() == 0 {
            self.recovery.manager.set_audience(Audience::Nobody);
        }
    }

    /// Ends all subscriptions of a port.
    pub fn unsubscribe_port(&mut self, port: u32) {
        while let Some(slot) = self
            .ports
            .at(port)
            .and_then(|port| port.subscriptions.first())
        {
            self.unsubscribe(slot);
        }
    }

    /// Takes a step in telling subscribers what is due, or finds that nothing is.
    ///
    /// Bounded: one notice is made ready, or one message sent, or the lists of a few groups looked
    /// at.
    #[inline]
    pub fn deliver_notice(&mut self) -> Progress {
        if self.notifier.present.is_none() && !self.recovery.manager.has_notice() {
            return Progress::Finished;
        }
        self.deliver_some()
    }

    fn deliver_some(&mut self) -> Progress {
        let Some(notice) = self.notifier.present else {
            return self.fetch_notice();
        };
        for _ in 0..BATCH {
            let manager = &self.recovery.manager;
            let notifier = &mut self.notifier;
            if let Some(slot) = notifier.next {
                notifier.next = notifier.after(slot);
                self.deliver(slot, &notice);
                return Progress::More;
            }
            // The next of the groups that it concerns. Should one leave meanwhile, another may be
            // left out: whoever leaves the tree is told of that.
            let group = manager.group(notice.group);
            let concerned = group.and_then(|group| group.audience().nth(notifier.told));
            match concerned {
                Some(group) => {
                    notifier.told += 1;
                    notifier.next = notifier.first_of(group);
                }
                None => {
                    notifier.present = None;
                    break;
                }
            }
        }
        Progress::More
    }

    /// Takes the next notice from the Restart Manager.
    fn fetch_notice(&mut self) -> Progress {
        let Some(notice) = self.recovery.manager.next_notice() else {
            return Progress::Finished;
        };
        let notifier = &mut self.notifier;
        let encoded = postcard::to_slice(&notice.record, &mut notifier.bytes);
        notifier.length = encoded.map_or(0, |bytes| bytes.len());
        notifier.present = Some(notice);
        notifier.told = 0;
        notifier.next = notifier.first_of(notice.group);
        Progress::More
    }

    fn deliver(&mut self, slot: u32, notice: &Notice) {
        let lost = self.recovery.manager.lost_notices();
        let Some(entry) = self.notifier.table.at(slot) else {
            return;
        };
        if notice.record.sequence < entry.first {
            return;
        }
        // The slot of a group that has ended may be another group's by now.
        if self.recovery.manager.group_name(entry.group) != entry.name {
            return self.unsubscribe(slot);
        }
        // The fields of a `Delivery`, whose encoding is theirs, one after the other.
        let head = (entry.name, entry.missed, lost.saturating_sub(entry.lost));
        let port = entry.port;
        let mut bytes = [0; DELIVERY_MAX];
        let used = postcard::to_slice(&head, &mut bytes).map_or(DELIVERY_MAX, |head| head.len());
        let end = used + self.notifier.length;
        let notice = self.notifier.bytes.get(..self.notifier.length);
        let queued = match (bytes.get_mut(used..end), notice) {
            (Some(place), Some(notice)) => {
                place.copy_from_slice(notice);
                self.send_from_kernel(port, bytes.get(..end).unwrap_or_default())
            }
            _ => Err(Status::TOO_LONG),
        };
        if let Some(entry) = self.notifier.table.at_mut(slot) {
            match queued {
                Ok(()) => (entry.missed, entry.lost) = (0, lost),
                Err(_) => entry.missed = entry.missed.saturating_add(1),
            }
        }
    }

    /// The syscall `group_clear`.
    ///
    /// # Errors
    /// See the syscall table.
    pub fn group_clear(&mut self, actor: u32, name: Name) -> Result<Next, Refusal> {
        let manager = &self.recovery.manager;
        let group = manager.group_named(&name).ok_or(Status::NOT_FOUND)?;
        self.check_right(Rights::RESTART, Target::Group(group))?;
        let entry = manager.group(group).filter(|entry| entry.is_given_up());
        let entry = entry.ok_or(Status::NOT_FOUND)?;
        if entry.members() > 0 {
            // It is still being ended.
            return Err(Status::FROZEN.into());
        }
        let by = self.actor_id(actor);
        self.report(restart_manager::Event::GiveUpCleared { group, by });
        self.request_load(Load {
            actor: ActorId::NONE,
            purpose: Purpose::Group(name),
        });
        Ok(DONE)
    }

    /// The syscall `group_info`.
    ///
    /// # Errors
    /// See the syscall table.
    pub fn group_info(
        &mut self,
        actor: u32,
        from: u64,
        buffer: UserSlice,
    ) -> Result<Next, Refusal> {
        let manager = &self.recovery.manager;
        let from = usize::try_from(from).unwrap_or(usize::MAX);
        let mut slots = (from..manager.group_slots()).filter_map(GroupSlot::from_index);
        let found = slots.find_map(|slot| Some((slot, manager.group(slot)?)));
        let Some((slot, group)) = found else {
            return Ok(Next::Return([0, NO_MORE, 0]));
        };
        let subscribers = self.notifier.groups.get(slot.index());
        let info = GroupInfo {
            name: *group.name(),
            base: manager.group_name(group.base().unwrap_or(GroupSlot::KERNEL)),
            members: group.members(),
            state: group.state(),
            is_given_up: group.is_given_up(),
            subscribers: subscribers.map_or(0, |subscribers| subscribers.count),
        };
        let length = self.write_record(actor, buffer, &info)?;
        Ok(Next::Return([length, slot.index() as u64 + 1, 0]))
    }
}
