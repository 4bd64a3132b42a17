//! What the binary gives to the library: the policy, and how to read a site's description.
//!
//! The kernel library knows neither the shipped policies nor the format of a site's description;
//! whoever builds a binary chooses both.

use abi::Text;
use abi::layout::PANIC_MAX;
use alloc::vec::Vec;
use restart_manager::{ActorKind, Parameters, Reaction, RestartPolicy};

use crate::actor::Declaration;
use abi::Name;

/// The parts of a kernel that are chosen when it is built.
pub struct Composition {
    /// Advises on failures.
    pub policy: &'static dyn RestartPolicy,
    /// Reads a site's description into the steps that bring the site up.
    pub steps: fn(&[u8], Known) -> Result<Vec<Step>, Text<PANIC_MAX>>,
}

/// What is known of a description.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Known {
    /// Nothing: it was just read.
    Nothing,
    /// An earlier kernel has accepted it, and it has not changed.
    Accepted,
}

/// One step of bringing a site up.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::large_enum_variant, reason = "a short list, read once")]
pub enum Step {
    /// Say what the policy is tuned by for the kernel group, which is the site.
    Site {
        /// That.
        parameters: Parameters,
    },
    /// Declare a group. Groups are numbered in the order of their steps.
    Group {
        /// Its name.
        name: Name,
        /// The group it stands on; none is the kernel group.
        base: Option<usize>,
        /// What the policy is tuned by for the group as a whole.
        parameters: Parameters,
    },
    /// Declare what two groups mean for each other.
    Edge {
        /// The number of the group that depends on the other.
        dependent: usize,
        /// The number of that other one.
        base: usize,
        /// What a restart of the base means for the dependent.
        reaction: Reaction,
        /// What a failure of the dependent means for the base.
        reverse: Reaction,
    },
    /// Declare an actor and load its image; one that is indirect is only made known, for a member of
    /// its group to spawn it.
    Actor {
        /// What the kernel needs to know about it.
        declaration: Declaration,
        /// The number of its group.
        group: usize,
        /// Who starts it.
        kind: ActorKind,
        /// What the policy is tuned by.
        parameters: Parameters,
    },
}
