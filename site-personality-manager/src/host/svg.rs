//! The tree of groups as SVG.
//!
//! A layered drawing: the kernel group lies at the bottom, each group stands on its parent, and a
//! group is as wide as what stands on it. Dependencies beyond the parent are curves beside the
//! tree. Names go into the text as they are: the rules let no character in that XML gives a
//! meaning to.
//!
//! # Why it is like this
//! Trees need no general graph layout: widths add up from the leaves, and that is the layout. So
//! the picture can be made without Graphviz installed; for anything finer there is the DOT file.

use std::fmt::Write as _;

use super::tree::{children, reactions};
use crate::site::{GroupIndex, Reaction, Site, SubsystemIndex};

// All lengths are in SVG user units; one character of the font is about seven wide.
const CHARACTER: usize = 7;
const LINE: usize = 16;
const PADDING: usize = 10;
const GAP: usize = 24;
const LAYER_GAP: usize = 48;
const HEADING: usize = 24;

/// Fill colours of subsystems, in turn; the kernel is grey.
const FILLS: &[&str] = &[
    "#dbeafe", "#fde68a", "#d1fae5", "#fbcfe8", "#e9d5ff", "#fed7aa",
];

/// The box of one group.
#[derive(Clone, Copy)]
struct Frame {
    group: GroupIndex,
    left: usize,
    width: usize,
    height: usize,
    layer: usize,
}

/// Draws the tree of groups as SVG.
#[must_use]
pub fn svg(site: &Site) -> String {
    let mut frames = Vec::new();
    let width = place(site, GroupIndex::KERNEL, 0, PADDING, &mut frames) + 2 * PADDING;
    let layers = frames
        .iter()
        .map(|frame| frame.layer + 1)
        .max()
        .unwrap_or(0);
    // Distance of each layer's lower edge from the top, the highest layer first.
    let tallest = |layer| {
        frames
            .iter()
            .filter(|f| f.layer == layer)
            .map(|f| f.height)
            .max()
    };
    let mut bottoms = vec![0; layers];
    let mut bottom = HEADING;
    for layer in (0..layers).rev() {
        bottom += tallest(layer).unwrap_or(0);
        bottoms[layer] = bottom;
        bottom += LAYER_GAP;
    }
    let height = bottom - LAYER_GAP + PADDING;

    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <text x=\"{PADDING}\" y=\"{LINE}\" font-weight=\"bold\">site {}</text>\n",
        site.name
    );
    for frame in &frames {
        draw_edges(site, frame, &frames, &bottoms, &mut text);
    }
    for frame in &frames {
        draw_frame(site, frame, bottoms[frame.layer], &mut text);
    }
    text.push_str("</svg>\n");
    text
}

/// Places a group and all that stands on it, from `left` on; gives the width they take.
fn place(
    site: &Site,
    group: GroupIndex,
    layer: usize,
    left: usize,
    frames: &mut Vec<Frame>,
) -> usize {
    let lines = lines(site, group);
    let longest = lines
        .iter()
        .map(|line| line.chars().count())
        .max()
        .unwrap_or(0);
    let own = longest * CHARACTER + 2 * PADDING;
    let height = lines.len() * LINE + PADDING;
    let at = frames.len();
    frames.push(Frame {
        group,
        left,
        width: own,
        height,
        layer,
    });
    let mut right = left;
    for child in children(site, group) {
        right += place(site, child, layer + 1, right, frames) + GAP;
    }
    let above = right.saturating_sub(left).saturating_sub(GAP);
    frames[at].width = own.max(above);
    frames[at].width
}

/// What is written in a group's box.
fn lines(site: &Site, group: GroupIndex) -> Vec<String> {
    let entry = site.group(group);
    let subsystem = entry.and_then(|entry| site.subsystem(entry.subsystem?));
    let name = entry.map(|entry| entry.name).unwrap_or_default();
    let mut lines = vec![subsystem.map_or(format!("{name}"), |subsystem| {
        format!("{name} ({})", subsystem.name)
    })];
    lines.extend(site.members(group).map(|(_, actor)| {
        format!(
            "• {}{}",
            actor.name,
            if actor.direct { "" } else { " (indirect)" }
        )
    }));
    lines
}

fn draw_frame(site: &Site, frame: &Frame, bottom: usize, text: &mut String) {
    let subsystem = site.group(frame.group).and_then(|group| group.subsystem);
    let fill = subsystem.map_or("#e5e7eb", |subsystem: SubsystemIndex| {
        FILLS[subsystem.index() % FILLS.len()]
    });
    let (left, width, height) = (frame.left, frame.width, frame.height);
    let top = bottom - height;
    let _ = writeln!(
        text,
        "<rect x=\"{left}\" y=\"{top}\" width=\"{width}\" height=\"{height}\" rx=\"4\" \
         fill=\"{fill}\" stroke=\"#374151\"/>"
    );
    for (at, line) in lines(site, frame.group).iter().enumerate() {
        let weight = if at == 0 { " font-weight=\"bold\"" } else { "" };
        let (x, y) = (left + PADDING, top + (at + 1) * LINE);
        let _ = writeln!(text, "<text x=\"{x}\" y=\"{y}\"{weight}>{line}</text>");
    }
}

/// Draws a group's dependencies: a straight line down to the parent, curves to others.
fn draw_edges(site: &Site, from: &Frame, frames: &[Frame], bottoms: &[usize], text: &mut String) {
    let edges = site
        .group(from.group)
        .map(|group| group.edges.as_slice())
        .unwrap_or_default();
    let (x, y) = (from.left + from.width / 2, bottoms[from.layer]);
    for (position, edge) in edges.iter().enumerate() {
        let Some(to) = frames.iter().find(|frame| frame.group == edge.base) else {
            continue;
        };
        let dashes = match edge.reaction {
            Reaction::Restart => "",
            Reaction::Notify => " stroke-dasharray=\"6 3\"",
            Reaction::None => " stroke-dasharray=\"2 3\"",
        };
        let end = bottoms[to.layer] - to.height;
        let path = if position == 0 {
            format!("M{x} {y} V{end}")
        } else {
            let (side, middle) = (to.left + to.width, (y + end) / 2);
            let end = end + to.height / 2;
            format!("M{x} {y} Q{} {middle} {side} {end}", x.max(side) + GAP)
        };
        let _ = writeln!(
            text,
            "<path d=\"{path}\" fill=\"none\" stroke=\"#374151\"{dashes}/>"
        );
        if let Some(words) = reactions(edge) {
            let (x, y) = (x + PADDING / 2, y + LINE * (position + 1));
            let _ = writeln!(
                text,
                "<text x=\"{x}\" y=\"{y}\" font-size=\"10\">{words}</text>"
            );
        }
    }
}
