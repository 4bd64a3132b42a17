//! Rights: what an actor may do beyond its own affairs, and to whom. Checked here and nowhere else.
//!
//! A right is held on everything, or on particular actors and groups. A grant on a group covers
//! its members, those that are spawned later included. Without any right an actor may do
//! everything to itself and to what it has spawned itself, which is part of its own group: it could
//! do as much harm by failing.

use core::fmt::Write as _;

use abi::site::Rights;
use abi::{Name, Status, Text};
use log::Level;
use restart_manager::GroupSlot;

use crate::actor::Declaration;
use crate::kernel::Kernel;
use crate::logger;

/// The longest line about a refusal: two names, and what is around them.
const LINE_BYTES: usize = 160;

/// What something is to be done to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Target {
    /// The site, or a device of it.
    Site,
    /// The actor in this slot.
    Actor(u32),
    /// A whole group.
    Group(GroupSlot),
}

/// Whom a grant is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Scope {
    /// The actor of this name.
    Actor(Name),
    /// The group of this name, and its members.
    Group(Name),
}

/// Rights on a particular actor or group.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Grant {
    /// On whom.
    pub on: Scope,
    /// Which.
    pub rights: Rights,
}

/// The rights of one actor.
#[derive(Clone, Copy, Debug)]
pub struct Held {
    everywhere: Rights,
    grants: &'static [Grant],
    /// Which of the rights in `grants` count.
    counted: Rights,
}

impl Held {
    /// Rights on everything, and those on particular targets.
    #[must_use]
    pub const fn new(everywhere: Rights, grants: &'static [Grant]) -> Self {
        Self {
            everywhere,
            grants,
            counted: Rights(u32::MAX),
        }
    }

    /// Those that are held on everything.
    #[must_use]
    pub const fn everywhere(&self) -> Rights {
        self.everywhere
    }

    /// Those of these rights that are in `wanted`, each where it is held here.
    #[must_use]
    pub fn part(self, wanted: Rights) -> Self {
        Self {
            everywhere: self.everywhere.intersection(wanted),
            counted: self.counted.intersection(wanted),
            ..self
        }
    }

    /// Those of these rights that are held on nothing.
    #[must_use]
    pub fn lacking(&self, wanted: Rights) -> Rights {
        let granted = self.grants.iter().map(|grant| grant.rights);
        let granted = granted.fold(Rights::NONE, Rights::union);
        let held = self.everywhere.union(granted.intersection(self.counted));
        Rights(wanted.0 & !held.0)
    }

    /// These rights, as far as `other` has them on everything.
    #[must_use]
    pub fn within(self, other: &Self) -> Self {
        self.part(other.everywhere)
    }

    fn covers(&self, right: Rights, is_meant: impl Fn(Scope) -> bool) -> bool {
        let counts = |grant: &&Grant| grant.rights.intersection(self.counted).contains(right);
        let mut granted = self.grants.iter().filter(counts);
        self.everywhere.contains(right) || granted.any(|grant| is_meant(grant.on))
    }
}

impl Kernel {
    /// Checks that the current actor may do something to a target.
    ///
    /// # Errors
    /// `NOT_PERMITTED`; the refusal is logged.
    pub fn check_right(&self, right: Rights, target: Target) -> Result<(), Status> {
        let caller = self.current_actor().ok_or(Status::NOT_PERMITTED)?;
        if self.holds(caller, right, target) {
            return Ok(());
        }
        let whom = match target {
            Target::Site => Name::truncated("the site"),
            Target::Actor(slot) => self.actor_name(slot),
            Target::Group(group) => self.group_name(group),
        };
        let caller = self.actor_name(caller);
        let parts = [
            ": refused, it does not hold the right ",
            name_of(right),
            " on ",
        ];
        tell_of_refusal(caller.as_str(), parts, whom.as_str());
        Err(Status::NOT_PERMITTED)
    }

    /// Checks that an actor holds rights that it wants to give to one that it spawns: each on
    /// something.
    ///
    /// # Errors
    /// `NOT_PERMITTED`; the refusal is logged.
    pub fn check_gift(&self, giver: &Declaration, to: Name, wanted: Rights) -> Result<(), Status> {
        let lacking = giver.held.lacking(wanted);
        if lacking == Rights::NONE {
            return Ok(());
        }
        let parts = [": refused, ", to.as_str(), " is to have a right it lacks: "];
        tell_of_refusal(giver.name.as_str(), parts, name_of(lacking));
        Err(Status::NOT_PERMITTED)
    }

    fn holds(&self, caller: u32, right: Rights, target: Target) -> bool {
        let Some(actor) = self.actors.at(caller) else {
            return false;
        };
        let held = &actor.declaration.held;
        match target {
            Target::Site => held.covers(right, |_| false),
            Target::Group(group) => {
                let group = self.group_name(group);
                held.covers(right, |scope| scope == Scope::Group(group))
            }
            Target::Actor(slot) => {
                let Some(other) = self.actors.at(slot) else {
                    return false;
                };
                let (name, group) = (other.declaration.name, self.group_name(other.group));
                slot == caller
                    || other.spawner == self.actor_id(caller)
                    || held.covers(right, |scope| match scope {
                        Scope::Actor(meant) => meant == name,
                        Scope::Group(meant) => meant == group,
                    })
            }
        }
    }

    fn actor_name(&self, slot: u32) -> Name {
        let actor = self.actors.at(slot);
        actor.map_or(Name::EMPTY, |actor| actor.declaration.name)
    }

    /// The name of a group.
    #[must_use]
    pub fn group_name(&self, group: GroupSlot) -> Name {
        let group = self.recovery.manager.group(group);
        group.map_or(Name::EMPTY, |group| *group.name())
    }
}

/// The name of the first of some rights.
fn name_of(rights: Rights) -> &'static str {
    let mut named = Rights::NAMED.iter();
    let first = named.find(|(_, right)| rights.contains(*right));
    first.map_or("unknown", |(name, _)| *name)
}

/// Logs who was refused what, put together without formatting: this is done with interrupts off.
fn tell_of_refusal(who: &str, what: [&str; 3], whom: &str) {
    let mut line = Text::<LINE_BYTES>::EMPTY;
    for part in what.into_iter().chain([whom]) {
        // Text takes what fits and never fails.
        let _ = line.write_str(part);
    }
    logger::say(Level::Warn, ["rights: ", who, line.as_str()]);
}
