//! Where everything goes in the drawing of a site.
//!
//! The kernel group lies at the bottom; each group stands on its parent, above all it depends on,
//! and is as wide as what stands on it. Subsystems are side by side.
//!
//! ```text
//! ┌ subsystem ────────┐
//! │ ┌────┐ ┌────┐     │   a row of groups
//! │ └─┬──┘ └─┬┬─┘     │
//! │   │      │└─────┐ │   a channel: what a group says about its dependencies, and tracks
//! │ ┌─▼──────▼────┬─▼┐│
//! │ └─┬───────────┴──┘│   the shoulder of a group, for dependents that do not stand on it
//! └───│───────────────┘
//! ┌───▼────────────────┐
//! └────────────────────┘  the kernel group
//! ```
//!
//! # Why it is like this
//! Trees need no general graph layout: widths add up from the leaves. Dependencies beyond the
//! parent leave the tree, and are where such drawings get illegible. Here they run in a track of
//! their own in the channel below their group, where no boxes are, and come down on a shoulder of
//! the group they lead to, above which nothing stands. So no line ever crosses a box, and no two
//! lines run on top of each other, and yet no line needs to look for its way.

use super::captions::{label, lines};
use super::tree::children;
use crate::site::{Edge, GroupIndex, Site, SubsystemIndex};

// All lengths are in SVG user units.
/// Height of a line of text.
pub(super) const LINE: usize = 16;
/// Between a frame and what is in it.
pub(super) const PADDING: usize = 10;
/// Between the columns of two groups.
const GAP: usize = 20;
/// Between two subsystems.
const SUBSYSTEM_GAP: usize = 40;
/// The name of a subsystem, and below it the heads of arrows.
const HEADING: usize = 32;
/// The name of the site.
const TITLE: usize = 30;
/// Between a row and what is in the channel below it.
const MARGIN: usize = 12;
/// Height of a line of an edge's label.
pub(super) const LABEL: usize = 12;
/// Between two tracks, and between two arrows that come down on a shoulder.
const TRACK: usize = 12;
/// From the last track to the next row.
const LANDING: usize = 18;

/// A place for something.
#[derive(Clone, Copy, Debug)]
pub(super) struct Area<T> {
    pub(super) of: T,
    pub(super) left: usize,
    pub(super) top: usize,
    pub(super) width: usize,
    pub(super) height: usize,
}

/// The way of an edge, from the dependent group to its base.
#[derive(Clone, Debug)]
pub(super) struct Wire {
    pub(super) edge: Edge,
    pub(super) points: Vec<(usize, usize)>,
}

/// Where everything goes.
#[derive(Clone, Debug, Default)]
pub(super) struct Layout {
    pub(super) width: usize,
    /// The lower edge of the kernel group.
    pub(super) bottom: usize,
    pub(super) subsystems: Vec<Area<SubsystemIndex>>,
    pub(super) groups: Vec<Area<GroupIndex>>,
    pub(super) wires: Vec<Wire>,
}

/// Finds a place for everything.
pub(super) fn layout(site: &Site) -> Layout {
    let mut plan = Plan {
        site,
        layers: layers(site),
        columns: vec![None; site.groups.len()],
    };
    let mut blocks = Vec::new();
    let mut left = SUBSYSTEM_GAP / 2;
    for at in 0..site.subsystems.len() {
        let subsystem = SubsystemIndex::at(at);
        let mut right = left;
        for group in site.groups_of(subsystem) {
            if group != GroupIndex::KERNEL && !plan.stands_in_subsystem(group) {
                right = plan.place(group, right) + GAP;
            }
        }
        if right > left {
            blocks.push((subsystem, left, right - GAP));
            left = right - GAP + SUBSYSTEM_GAP;
        }
    }
    let shoulder = plan.shoulder(GroupIndex::KERNEL);
    let least = plan.least_width(GroupIndex::KERNEL);
    let start = PADDING / 2;
    let end = (left - SUBSYSTEM_GAP / 2).max(start + least);
    if let Some(column) = plan.columns.first_mut() {
        *column = Some((start, end + shoulder));
    }
    plan.draw(&blocks)
}

/// How far up each group is: above everything it depends on. Ends even if they go in circles,
/// which those of a valid site do not.
fn layers(site: &Site) -> Vec<usize> {
    let mut layers = vec![0; site.groups.len()];
    for _ in 0..site.groups.len() {
        for (at, group) in site.groups.iter().enumerate().skip(1) {
            let below = group
                .edges
                .iter()
                .filter_map(|edge| layers.get(edge.base.index()));
            let highest = below.max().copied().unwrap_or(0);
            layers[at] = (highest + 1).min(site.groups.len());
        }
    }
    layers
}

/// A layout in the making.
struct Plan<'s> {
    site: &'s Site,
    layers: Vec<usize>,
    /// From where to where each group goes.
    columns: Vec<Option<(usize, usize)>>,
}

impl Plan<'_> {
    fn edges(&self, group: GroupIndex) -> &[Edge] {
        self.site.group(group).map_or(&[], |group| &group.edges)
    }

    /// Whether a group's parent is in the same subsystem: then it stands on it. Not if parents go
    /// in a circle, for then nobody would be placed.
    fn stands_in_subsystem(&self, group: GroupIndex) -> bool {
        let subsystem = |group| self.site.group(group).and_then(|group| group.subsystem);
        let parent = self.site.group(group).and_then(|group| group.parent());
        parent.is_some_and(|parent| {
            parent != GroupIndex::KERNEL
                && subsystem(parent) == subsystem(group)
                && self.layers.get(parent.index()) < self.layers.get(group.index())
        })
    }

    /// Whether an edge goes straight down, to the group that its own stands on.
    fn is_straight(&self, group: GroupIndex, position: usize) -> bool {
        let is_on_kernel =
            self.edges(group).first().map(|edge| edge.base) == Some(GroupIndex::KERNEL);
        position == 0 && (is_on_kernel || self.stands_in_subsystem(group))
    }

    /// Every edge that does not go straight down.
    fn others(&self) -> impl Iterator<Item = (GroupIndex, usize, &Edge)> {
        let groups = (0..self.site.groups.len()).map(GroupIndex::at);
        groups.flat_map(move |group| {
            let edges = self.edges(group).iter().enumerate();
            edges
                .filter(move |(position, _)| !self.is_straight(group, *position))
                .map(move |(position, edge)| (group, position, edge))
        })
    }

    /// Room for the arrows that come down on a group beside what stands on it.
    fn shoulder(&self, group: GroupIndex) -> usize {
        self.others()
            .filter(|(_, _, edge)| edge.base == group)
            .count()
            * TRACK
    }

    /// Room for the texts in a frame, and for those below it.
    fn least_width(&self, group: GroupIndex) -> usize {
        let lines = lines(self.site, group);
        let texts = lines.iter().map(|(line, role)| match role {
            // The name is bold; a member has a mark before it.
            None => line.chars().count() * 8,
            Some(_) => line.chars().count() * 15 / 2 + 14,
        });
        let ports = self.edges(group).iter().map(port_width);
        texts.max().unwrap_or(0).max(ports.sum()) + 2 * PADDING
    }

    /// Places a group, and all that stands on it, from `left` on; gives the right end.
    fn place(&mut self, group: GroupIndex, left: usize) -> usize {
        let mut right = left;
        let above: Vec<_> = children(self.site, group).collect();
        for child in above {
            if self.stands_in_subsystem(child) {
                right = self.place(child, right) + GAP;
            }
        }
        let above = right.saturating_sub(left).saturating_sub(GAP);
        let width = above.max(self.least_width(group)) + self.shoulder(group);
        if let Some(column) = self.columns.get_mut(group.index()) {
            *column = Some((left, left + width));
        }
        left + width
    }

    /// Goes from columns to places, now that all columns are known.
    fn draw(&self, blocks: &[(SubsystemIndex, usize, usize)]) -> Layout {
        let placed = || {
            let indexed = self.columns.iter().enumerate();
            indexed
                .filter_map(|(at, column)| Some((GroupIndex::at(at), self.layers[at], (*column)?)))
        };
        let height = |group| lines(self.site, group).len() * LINE + PADDING;
        let rows = placed().map(|(_, layer, _)| layer + 1).max().unwrap_or(0);
        let mut bottoms = vec![0; rows];
        let mut y = TITLE;
        for layer in (0..rows).rev() {
            let in_row = || placed().filter(move |(_, other, _)| *other == layer);
            let is_top = |(subsystem, ..): &(SubsystemIndex, usize, usize)| {
                self.span(*subsystem).is_some_and(|(_, top)| top == layer)
            };
            if blocks.iter().any(is_top) {
                y += HEADING;
            }
            y += in_row().map(|(group, ..)| height(group)).max().unwrap_or(0);
            bottoms[layer] = y;
            y += MARGIN + self.labels_of_row(layer) * LABEL;
            y += self.tracks(layer) * TRACK + LANDING;
        }

        let groups: Vec<_> = placed()
            .map(|(group, layer, (left, right))| Area {
                of: group,
                left,
                top: bottoms[layer] - height(group),
                width: right - left,
                height: height(group),
            })
            .collect();
        let subsystems = blocks.iter().filter_map(|&(subsystem, left, right)| {
            let (lowest, _) = self.span(subsystem)?;
            let own = groups.iter().filter(|area| {
                let group = self.site.group(area.of);
                group.is_some_and(|group| group.subsystem == Some(subsystem))
            });
            let top = own.map(|area| area.top).min()? - HEADING;
            Some(Area {
                of: subsystem,
                left: left - PADDING,
                top,
                width: right - left + 2 * PADDING,
                height: bottoms[lowest] + PADDING - top,
            })
        });
        let subsystems = subsystems.collect();
        let mut layout = Layout {
            width: groups
                .first()
                .map_or(0, |kernel| kernel.left + kernel.width)
                + PADDING / 2,
            bottom: bottoms.first().copied().unwrap_or(0),
            subsystems,
            groups,
            wires: Vec::new(),
        };
        layout.wires = self.wires(&layout);
        layout
    }

    /// The lowest and the highest row of a subsystem.
    fn span(&self, subsystem: SubsystemIndex) -> Option<(usize, usize)> {
        let placed =
            |group: &GroupIndex| self.columns.get(group.index()).is_some_and(Option::is_some);
        let rows = || {
            let own = self.site.groups_of(subsystem).filter(placed);
            own.map(|group| self.layers[group.index()])
        };
        Some((rows().min()?, rows().max()?))
    }

    /// How many tracks there are below a row.
    fn tracks(&self, layer: usize) -> usize {
        let here = |(group, ..): &(GroupIndex, usize, &Edge)| self.layers[group.index()] == layer;
        self.others().filter(here).count()
    }

    fn wires(&self, layout: &Layout) -> Vec<Wire> {
        let area = |group| layout.groups.iter().find(|area| area.of == group);
        let mut wires = Vec::new();
        for from in &layout.groups {
            let mut x = from.left + PADDING + 4;
            let bottom = from.top + from.height;
            for (position, edge) in self.edges(from.of).iter().enumerate() {
                let start = (x, bottom);
                x += port_width(edge);
                let Some(to) = area(edge.base) else { continue };
                let mut points = vec![start];
                if self.is_straight(from.of, position) {
                    points.push((start.0, to.top));
                } else {
                    let is_it = |(group, at, _): &(GroupIndex, usize, &Edge)| {
                        (*group, *at) == (from.of, position)
                    };
                    let layer = self.layers[from.of.index()];
                    let before = || self.others().take_while(|other| !is_it(other));
                    let track = before().filter(|(group, ..)| self.layers[group.index()] == layer);
                    let port = before().filter(|(_, _, other)| other.base == edge.base);
                    let labels = self.labels_of_row(layer);
                    let y = bottom + MARGIN + labels * LABEL + (track.count() + 1) * TRACK;
                    let right = to.left + to.width - self.shoulder(to.of);
                    let end = right + port.count() * TRACK + TRACK / 2;
                    points.extend([(start.0, y), (end, y), (end, to.top)]);
                }
                wires.push(Wire {
                    edge: *edge,
                    points,
                });
            }
        }
        wires
    }

    /// Lines of the longest label below a row.
    fn labels_of_row(&self, layer: usize) -> usize {
        let groups = (0..self.site.groups.len()).filter(|at| self.layers[*at] == layer);
        let edges = groups.flat_map(|at| self.edges(GroupIndex::at(at)));
        edges.map(|edge| label(edge).len()).max().unwrap_or(0)
    }
}

/// Room below a group for an edge and its label.
fn port_width(edge: &Edge) -> usize {
    let longest = label(edge).iter().map(|line| line.chars().count()).max();
    longest.unwrap_or(0) * 6 + 18
}
