//! The description of a site, as plain data.
//!
//! Tables refer to each other by index, so that a description needs no pointers and one look-up
//! costs one array access. Nothing here is checked: a [`Site`] may come from damaged bytes, and
//! only [`validate`](crate::validate::validate) says that its indices lead somewhere.

use alloc::vec::Vec;

use abi::layout::{ARGUMENTS_MAX, PAGE_BYTES};
use abi::site::Rights;
use abi::{Name, Span, Text};
use restart_manager::Parameters;
use serde::{Deserialize, Serialize};

/// Defines the index of an entry in one of the site's tables.
macro_rules! table_index {
    ($(#[$meta:meta])* $type:ident) => {
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
        #[derive(Serialize, Deserialize)]
        pub struct $type(pub u16);

        impl $type {
            /// The index that leads nowhere.
            pub const UNKNOWN: Self = Self(u16::MAX);

            /// The index of the entry at `position`; [`Self::UNKNOWN`] when that is too far out.
            #[must_use]
            pub fn at(position: usize) -> Self {
                u16::try_from(position).map_or(Self::UNKNOWN, Self)
            }

            /// The index for use with a slice.
            #[must_use]
            pub const fn index(self) -> usize {
                self.0 as usize
            }
        }
    };
}

table_index!(
    /// Which entry of [`Site::subsystems`].
    SubsystemIndex
);
table_index!(
    /// Which entry of [`Site::groups`].
    GroupIndex
);
table_index!(
    /// Which entry of [`Site::actors`].
    ActorIndex
);

impl GroupIndex {
    /// The kernel group, the root of the tree: always the first.
    pub const KERNEL: Self = Self(0);
}

/// Name of the kernel group.
pub const KERNEL_NAME: &str = "kernel";
/// Name of the subsystem of every group that names none.
pub const NATIVE_NAME: &str = "native";

/// One machine: everything that is started on it, and how it hangs together.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Site {
    /// The site's name.
    pub name: Name,
    /// The subsystems, in the order in which they are loaded as far as dependencies allow.
    pub subsystems: Vec<Subsystem>,
    /// The groups; the kernel group is the first.
    pub groups: Vec<Group>,
    /// The actors, in the order in which the members of a group are restarted.
    pub actors: Vec<Actor>,
    /// Policy parameters of whatever does not belong to a group or an actor.
    pub parameters: Parameters,
}

/// A set of groups with one personality.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Subsystem {
    /// The subsystem's name.
    pub name: Name,
    /// The actor that activates the subsystem's other actors. The kernel does it if there is none.
    pub manager: Option<ActorIndex>,
}

/// A flat set of actors to which one restart action is applied.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Group {
    /// The group's name.
    pub name: Name,
    /// The subsystem it is part of. The kernel group, being below them all, is part of none.
    pub subsystem: Option<SubsystemIndex>,
    /// The groups this one depends on. The first is its parent in the tree: the layer below, which
    /// is blamed when restarting this group does not help. The kernel group has none; every other
    /// group has at least one.
    pub edges: Vec<Edge>,
    /// Policy parameters for decisions about the group as a whole.
    pub parameters: Parameters,
}

/// A dependency: what each end does when something happens to the other.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Edge {
    /// The group depended upon.
    pub base: GroupIndex,
    /// What happens to the dependent group when its base fails or is restarted.
    pub reaction: Reaction,
    /// The other direction: what happens to the base when the dependent group fails.
    pub reverse: Reaction,
}

/// What the failure or restart of one group means for another.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Reaction {
    /// It is restarted too, at least hot.
    Restart,
    /// It is told, and goes on.
    Notify,
    /// Nothing.
    None,
}

/// One actor that the site starts.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Actor {
    /// The name under which every incarnation is found.
    pub name: Name,
    /// Which image it runs: the file `actors/<image>.elf` of the disk's archive.
    pub image: Name,
    /// What it is told at each start.
    pub arguments: Text<ARGUMENTS_MAX>,
    /// The priority of its first thread, and the highest its threads may have.
    pub priority: u8,
    /// Size of its first thread's stack, in bytes: whole pages.
    pub stack_bytes: u64,
    /// What it may use at most.
    pub budget: Budget,
    /// What it may do beyond its own affairs, to everything.
    pub rights: Rights,
    /// What it may do to particular actors and groups.
    pub grants: Vec<Grant>,
    /// The group it belongs to.
    pub group: GroupIndex,
    /// Whether the system starts and restarts it. An indirect actor is only described here: it
    /// runs when a member of its group spawns it by name, and is stopped with that group.
    pub direct: bool,
    /// How long it may stay without a sign of life before it counts as hung; not watched if none.
    pub heartbeat: Option<Span>,
    /// How long it may take from its activation until it says that it is ready; not watched if
    /// none.
    pub start_deadline: Option<Span>,
    /// Policy parameters for decisions about this actor.
    pub parameters: Parameters,
}

/// Rights on a particular actor or group.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Grant {
    /// On whom.
    pub on: Target,
    /// Which; some of [`Rights::TARGETED`].
    pub rights: Rights,
}

/// Whom a grant is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Target {
    /// An actor.
    Actor(ActorIndex),
    /// A group as such, and all its members, those that are spawned included.
    Group(GroupIndex),
}

/// What an actor may use at most.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Budget {
    /// Frames of memory that is lost in a restart: stacks, dirtied data, private regions.
    pub frames: u32,
    /// Threads, the first included.
    pub threads: u32,
    /// Ports.
    pub ports: u32,
    /// Frames in persistent regions.
    pub persistent_frames: u32,
}

impl Site {
    /// The group at an index, if it leads somewhere.
    #[must_use]
    pub fn group(&self, group: GroupIndex) -> Option<&Group> {
        self.groups.get(group.index())
    }

    /// The actor at an index, if it leads somewhere.
    #[must_use]
    pub fn actor(&self, actor: ActorIndex) -> Option<&Actor> {
        self.actors.get(actor.index())
    }

    /// The subsystem at an index, if it leads somewhere.
    #[must_use]
    pub fn subsystem(&self, subsystem: SubsystemIndex) -> Option<&Subsystem> {
        self.subsystems.get(subsystem.index())
    }

    /// The name of whom a grant is about, if it leads somewhere.
    #[must_use]
    pub fn target_name(&self, target: Target) -> Option<Name> {
        match target {
            Target::Actor(actor) => self.actor(actor).map(|actor| actor.name),
            Target::Group(group) => self.group(group).map(|group| group.name),
        }
    }

    /// The actors of a group, in the order in which they are restarted.
    pub fn members(&self, group: GroupIndex) -> impl Iterator<Item = (ActorIndex, &Actor)> {
        let indexed = self.actors.iter().enumerate();
        indexed
            .filter(move |(_, actor)| actor.group == group)
            .map(|(position, actor)| (ActorIndex::at(position), actor))
    }

    /// The groups of a subsystem, in the order of declaration.
    pub fn groups_of(&self, subsystem: SubsystemIndex) -> impl Iterator<Item = GroupIndex> {
        let indexed = self.groups.iter().enumerate();
        indexed
            .filter(move |(_, group)| group.subsystem == Some(subsystem))
            .map(|(position, _)| GroupIndex::at(position))
    }
}

impl Group {
    /// The group's parent in the tree; only the kernel group has none.
    #[must_use]
    pub fn parent(&self) -> Option<GroupIndex> {
        self.edges.first().map(|edge| edge.base)
    }
}

impl Actor {
    /// The image's file in the disk's archive.
    #[must_use]
    pub fn file(&self) -> Text<64> {
        use core::fmt::Write as _;
        let mut path = Text::EMPTY;
        // Text never refuses to be written to, and 64 bytes hold the longest name with its frame.
        let _ = write!(path, "actors/{}.elf", self.image);
        path
    }

    /// Pages of the first thread's stack.
    #[must_use]
    pub const fn stack_pages(&self) -> u64 {
        self.stack_bytes / PAGE_BYTES
    }
}

impl Default for Budget {
    /// Enough for a small server: 4 MiB of memory, 1 MiB of it again to keep.
    fn default() -> Self {
        Self {
            frames: 1024,
            threads: 16,
            ports: 16,
            persistent_frames: 256,
        }
    }
}

impl Reaction {
    /// Every reaction with the name the site description uses for it.
    pub const NAMED: &'static [(&'static str, Self)] = &[
        ("restart", Self::Restart),
        ("notify", Self::Notify),
        ("none", Self::None),
    ];

    /// The name the site description uses for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Restart => "restart",
            Self::Notify => "notify",
            Self::None => "none",
        }
    }
}
