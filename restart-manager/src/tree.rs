//! The tree of groups, as a policy sees it.
//!
//! Groups depend on groups. The first dependency of a group is its *parent*, the layer below it;
//! parents alone make a tree, whose root is the kernel group. A policy may blame any group on the
//! way from the failed one to the root. The other dependencies say who is restarted with whom,
//! which is no policy's business.

use abi::{Instant, Name};

use crate::group::{Goal, Phase, Stage};
use crate::recent::Recent;
use crate::{GroupEntry, GroupSlot, Parameters};

/// What a group is blamed for, and what happens above it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Blame {
    /// When it was restarted because of a group above it.
    pub(crate) restarts: Recent<Instant>,
    /// When a group that stands on it failed, since it was last restarted for one.
    pub(crate) failures_above: Recent<Instant>,
}

impl Blame {
    pub(crate) const NONE: Self = Self {
        restarts: Recent::EMPTY,
        failures_above: Recent::EMPTY,
    };
}

/// What is kept for the kernel group: it has no members here, and nothing it could be frozen by.
#[derive(Clone, Debug)]
pub(crate) struct Kernel {
    pub(crate) parameters: Parameters,
    pub(crate) blame: Blame,
}

impl Kernel {
    pub(crate) const NEW: Self = Self {
        parameters: Parameters::DEFAULT,
        blame: Blame::NONE,
    };
}

/// How many of the groups below a policy is shown, the kernel group included. Of a deeper tree it
/// sees the nearest layers and the kernel group, so that a question has a bounded size; sites have
/// three or four layers.
pub const LAYERS_MAX: usize = 16;

/// One group below the one that failed, as it was at that failure.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Layer {
    pub(crate) group: GroupSlot,
    name: Name,
    parameters: Parameters,
    restarts: u32,
    failures_above: u32,
    is_restartable: bool,
}

impl Layer {
    /// The kernel group, with nothing that ever happened.
    const KERNEL: Self = Self {
        group: GroupSlot::KERNEL,
        name: Name::EMPTY,
        parameters: Parameters::DEFAULT,
        restarts: 0,
        failures_above: 0,
        is_restartable: true,
    };

    pub(crate) fn of_kernel(kernel: &Kernel, now: Instant) -> Self {
        let window = kernel.parameters.window;
        Self {
            parameters: kernel.parameters,
            restarts: kernel.blame.restarts.count_within(window, now, |_| true),
            failures_above: kernel
                .blame
                .failures_above
                .count_within(window, now, |_| true),
            ..Self::KERNEL
        }
    }

    pub(crate) fn of(group: GroupSlot, entry: &GroupEntry, now: Instant) -> Self {
        let window = entry.parameters.window;
        Self {
            group,
            name: entry.name,
            parameters: entry.parameters,
            restarts: entry.blame.restarts.count_within(window, now, |_| true),
            failures_above: entry
                .blame
                .failures_above
                .count_within(window, now, |_| true),
            is_restartable: entry.is_restartable(),
        }
    }
}

/// The groups below the one that failed, the nearest first.
#[derive(Clone, Debug)]
pub(crate) struct Layers {
    // Invariant: `1 <= count <= LAYERS_MAX`, and the last of them is the kernel group.
    layers: [Layer; LAYERS_MAX],
    count: usize,
}

impl Layers {
    /// The kernel group alone.
    pub(crate) const BARE: Self = Self {
        layers: [Layer::KERNEL; LAYERS_MAX],
        count: 1,
    };

    /// Begins anew, with the kernel group alone.
    pub(crate) fn begin(&mut self, kernel: &Kernel, now: Instant) {
        self.count = 1;
        if let Some(first) = self.layers.first_mut() {
            *first = Layer::of_kernel(kernel, now);
        }
    }

    /// Puts a further group above the kernel group; false if there is no room.
    pub(crate) fn push(&mut self, layer: Layer) -> bool {
        let last = self.count.saturating_sub(1);
        let kernel = self.layers.get(last).copied().unwrap_or(Layer::KERNEL);
        let Some(free) = self.layers.get_mut(self.count) else {
            return false;
        };
        *free = kernel;
        if let Some(place) = self.layers.get_mut(last) {
            *place = layer;
        }
        self.count = self.count.saturating_add(1);
        true
    }

    fn shown(&self) -> &[Layer] {
        self.layers.get(..self.count).unwrap_or_default()
    }
}

/// A read-only view of the tree from the group that failed.
#[derive(Clone, Copy, Debug)]
pub struct Tree<'a> {
    pub(crate) layers: &'a Layers,
}

/// What a policy is shown of a group below the one that failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct AncestorFacts {
    /// The group; [`GroupSlot::KERNEL`] for the root.
    pub group: GroupSlot,
    /// Its name; `kernel` for the root.
    pub name: Name,
    /// What the site description says about it.
    pub parameters: Parameters,
    /// How many times it was restarted because of groups above it, in its own window.
    pub restarts: u32,
    /// How many times a group that stands directly on it failed, in its own window, since it was
    /// last restarted because of one. For the parent the present failure is included.
    pub failures_above: u32,
    /// Whether it can be restarted: not if it is held for a debugger, is being ended, or ended.
    pub is_restartable: bool,
}

static BARE: Layers = Layers::BARE;

impl Tree<'_> {
    /// A tree of the kernel group alone, and a group upon it.
    pub(crate) const BARE: Tree<'static> = Tree { layers: &BARE };

    /// The groups below the one that failed, from its parent to the kernel group, at most
    /// [`LAYERS_MAX`].
    pub fn ancestors(&self) -> impl Iterator<Item = GroupSlot> {
        self.layers.shown().iter().map(|layer| layer.group)
    }

    /// How many groups are below the one that failed: 1 if it stands on the kernel group.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.ancestors().count()
    }

    /// What there is to know about a group below.
    #[must_use]
    pub fn facts(&self, group: GroupSlot) -> Option<AncestorFacts> {
        let mut shown = self.layers.shown().iter();
        let layer = shown.find(|layer| layer.group == group)?;
        Some(AncestorFacts {
            group,
            name: if group == GroupSlot::KERNEL {
                kernel_name()
            } else {
                layer.name
            },
            parameters: layer.parameters,
            restarts: layer.restarts,
            failures_above: layer.failures_above,
            is_restartable: layer.is_restartable,
        })
    }
}

/// How the kernel group is called in the ledger.
pub(crate) fn kernel_name() -> Name {
    Name::truncated("kernel")
}

impl GroupEntry {
    /// Whether a restart of another group may restart this one. A group that is held is in a
    /// debugger's hands; it is restarted when it is let go.
    pub(crate) fn is_restartable(&self) -> bool {
        self.stage == Stage::Declared
            && (self.phase == Phase::Idle
                || (self.goal < Goal::Hold
                    && !matches!(self.phase, Phase::Held | Phase::Escalated)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_tree_is_one_deep() {
        let groups: Vec<_> = Tree::BARE.ancestors().collect();
        assert_eq!(groups, [GroupSlot::KERNEL]);
        let kernel = Tree::BARE.facts(GroupSlot::KERNEL).unwrap();
        assert_eq!((kernel.name, kernel.restarts), (kernel_name(), 0));
        assert_eq!(Tree::BARE.facts(GroupSlot::FIRST), None);
    }

    #[test]
    fn of_a_deep_tree_the_nearest_layers_and_the_kernel_group_are_shown() {
        let mut layers = Layers::BARE;
        let slot = |index| GroupSlot::from_index(index).unwrap();
        for index in 0..40 {
            let has_room = layers.push(Layer::of(slot(index), &GroupEntry::EMPTY, Instant::ZERO));
            assert_eq!(has_room, index + 1 < LAYERS_MAX);
        }
        let tree = Tree { layers: &layers };
        let shown: Vec<_> = tree.ancestors().collect();
        assert_eq!(shown.len(), LAYERS_MAX);
        assert_eq!((shown[0], shown[14]), (slot(0), slot(14)));
        assert_eq!(shown.last(), Some(&GroupSlot::KERNEL));
        layers.begin(&Kernel::NEW, Instant::ZERO);
        assert_eq!(Tree { layers: &layers }.depth(), 1);
    }
}
