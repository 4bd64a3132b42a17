//! What can be wrong with a description, and how it is said.

use alloc::vec::Vec;
use core::fmt;

use abi::Name;
use abi::site::Rights;

/// One broken rule.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Violation {
    /// The entry that breaks it.
    pub place: Place,
    /// The name of that entry.
    pub name: Name,
    /// The key in the TOML file that the rule is about; empty for the entry as a whole.
    pub key: &'static str,
    /// The rule.
    pub rule: Rule,
}

/// An entry of the description.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Place {
    /// The site itself.
    Site,
    /// An entry of the subsystems.
    Subsystem(usize),
    /// An entry of the groups.
    Group(usize),
    /// An entry of the actors.
    Actor(usize),
}

/// A rule that a description breaks.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Rule {
    /// A name is empty.
    NameEmpty,
    /// A name has a character that does not belong in one.
    NameCharacters,
    /// A name that belongs to the kernel.
    NameReserved,
    /// Another entry of the same table has the name.
    NameTaken,
    /// A table is too long.
    TooMany {
        /// What there is too much of.
        what: &'static str,
        /// How many there are.
        count: usize,
        /// How many there may be.
        limit: usize,
    },
    /// The first group is not the kernel group as it has to be.
    NoKernelGroup,
    /// There is no actor that the system starts.
    NoActors,
    /// The subsystem has no group.
    NoGroups,
    /// The group has no direct actor, so it would never be born.
    NoDirectActor,
    /// An index leads nowhere.
    Unknown {
        /// What it should lead to.
        what: &'static str,
    },
    /// The group is part of no subsystem.
    NoSubsystem,
    /// The group depends on nothing, not even on the kernel.
    NoBase,
    /// The group names the same base twice.
    BaseTwice(Name),
    /// The group does not restart with the kernel, but there is no way around that.
    KernelReaction,
    /// Groups, or subsystems by their groups, that depend on each other in a circle.
    Circle(Vec<Name>),
    /// An actor that claims to be in the kernel group.
    InKernelGroup,
    /// The manager is not an actor of its subsystem, or not a direct one.
    ManagerElsewhere,
    /// The manager's group depends on another group of the subsystem it is to activate.
    ManagerNotFirst(Name),
    /// A number outside its bounds.
    Range {
        /// What the number is.
        what: &'static str,
        /// The number.
        value: u64,
        /// The lowest allowed.
        low: u64,
        /// The highest allowed.
        high: u64,
    },
    /// A stack that is not made of whole pages.
    StackPages,
    /// A first stack that alone is larger than the budget of frames.
    StackOverBudget {
        /// Pages of the stack.
        pages: u64,
        /// Frames of the budget.
        frames: u32,
    },
    /// Rights this version does not know.
    UnknownRights(u32),
    /// A grant of no right.
    GrantEmpty(Name),
    /// A grant on the kernel group.
    GrantOnKernel,
    /// A grant of a right that is not about an actor or a group.
    NotTargeted(Rights),
    /// A right to spawn that is not about the actor's own group.
    SpawnElsewhere(Name),
    /// Arguments with a control character, which would garble the log.
    ControlCharacter,
    /// Policy limits that add up to more failures than the Restart Manager remembers.
    LimitsOverHistory {
        /// How many it remembers.
        limit: usize,
    },
    /// A window of no length, in which nothing would ever be counted.
    WindowEmpty,
    /// A first delay that is longer than the longest.
    BackoffShrinks,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.place {
            Place::Site => "site",
            Place::Subsystem(_) => "subsystem",
            Place::Group(_) => "group",
            Place::Actor(_) => "actor",
        };
        if self.name.is_empty() {
            write!(f, "{kind}: {}", self.rule)
        } else {
            write!(f, "{kind} `{}`: {}", self.name, self.rule)
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NameEmpty => f.write_str("a name must not be empty"),
            Self::NameCharacters => f.write_str(
                "a name is made of letters (a to z, A to Z), digits, `-` and `_`, \
                 and starts with a letter or digit",
            ),
            Self::NameReserved => f.write_str("this name belongs to the kernel"),
            Self::NameTaken => f.write_str("another one has this name already"),
            Self::TooMany { what, count, limit } => {
                write!(f, "{count} {what} are more than the {limit} allowed")
            }
            Self::NoKernelGroup => f.write_str("the first group must be the kernel group"),
            Self::NoActors => f.write_str("it has no actor to start"),
            Self::NoGroups => f.write_str("no group belongs to it"),
            Self::NoDirectActor => f.write_str("it has no direct actor, so it would never start"),
            Self::Unknown { what } => write!(f, "there is no such {what}"),
            Self::NoSubsystem => f.write_str("it belongs to no subsystem"),
            Self::NoBase => f.write_str("it depends on no group, not even on the kernel"),
            Self::BaseTwice(base) => write!(f, "it depends on `{base}` twice"),
            Self::KernelReaction => f.write_str(
                "its reaction to the kernel group must be `restart`: nothing outlives the kernel",
            ),
            Self::Circle(names) => {
                f.write_str("dependencies go in a circle: ")?;
                for name in names {
                    write!(f, "`{name}` needs ")?;
                }
                names.first().map_or(Ok(()), |first| write!(f, "`{first}`"))
            }
            Self::InKernelGroup => f.write_str("no actor can be in the kernel group"),
            Self::ManagerElsewhere => {
                f.write_str("the manager must be a direct actor of the subsystem itself")
            }
            Self::ManagerNotFirst(base) => write!(
                f,
                "the manager depends on group `{base}`, which it would have to activate first"
            ),
            Self::Range {
                what,
                value,
                low,
                high,
            } => {
                write!(f, "{what} is {value}, not between {low} and {high}")
            }
            Self::StackPages => f.write_str("the stack must be a multiple of 4096 bytes"),
            Self::StackOverBudget { pages, frames } => {
                write!(
                    f,
                    "the stack of {pages} pages is larger than the budget of {frames} frames"
                )
            }
            Self::UnknownRights(bits) => write!(f, "unknown rights {bits:#x}"),
            Self::GrantEmpty(on) => write!(f, "the grant on `{on}` grants no right"),
            Self::GrantOnKernel => f.write_str(
                "nothing can be granted on the kernel group; what is meant on everything belongs \
                 into `rights`",
            ),
            Self::NotTargeted(right) => {
                let known = Rights::NAMED.iter().find(|(_, known)| known == right);
                f.write_str("the right ")?;
                let name = known.map_or("?", |(name, _)| *name).chars();
                name.map(|letter| letter.to_ascii_lowercase())
                    .try_for_each(|letter| write!(f, "{letter}"))?;
                f.write_str(" is not one on an actor or a group")
            }
            Self::SpawnElsewhere(on) => {
                write!(f, "it can spawn in its own group only, not in `{on}`")
            }
            Self::ControlCharacter => f.write_str("arguments may not have control characters"),
            Self::LimitsOverHistory { limit } => write!(
                f,
                "hot_limit and reload_limit together must be below {limit}, or \"unlimited\": \
                 no more failures are remembered"
            ),
            Self::WindowEmpty => f.write_str("a window must be longer than nothing"),
            Self::BackoffShrinks => f.write_str("backoff: `first` is longer than `longest`"),
        }
    }
}
