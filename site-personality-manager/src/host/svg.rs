//! The tree of groups as SVG.
//!
//! What goes where is the [layout](super::layout)'s affair. Names go into the text as they are: the
//! rules let no character in that XML gives a meaning to.

use std::fmt::Write as _;

use super::captions::{Role, label, lines};
use super::layout::{Area, LABEL, LINE, Layout, PADDING, Wire, layout};
use crate::site::{GroupIndex, Reaction, Site, SubsystemIndex};

/// Fill colours of subsystems, in turn.
const FILLS: &[&str] = &[
    "#eff6ff", "#fefce8", "#ecfdf5", "#fdf2f8", "#f5f3ff", "#fff7ed",
];

/// What the drawing's signs mean, each with the room it takes.
const LEGEND: &[(Sign, &str, usize)] = &[
    (Sign::Line(Reaction::Restart), "restarted with it", 150),
    (Sign::Line(Reaction::Notify), "told of it", 106),
    (Sign::Line(Reaction::None), "neither", 96),
    (Sign::Member(Role::Direct), "direct", 64),
    (Sign::Member(Role::Indirect), "indirect", 70),
];

/// Room for the legend.
const LEGEND_HEIGHT: usize = 36;

enum Sign {
    Line(Reaction),
    Member(Role),
}

/// Draws the tree of groups as SVG.
#[must_use]
pub fn svg(site: &Site) -> String {
    let layout = layout(site);
    let legend: usize = LEGEND.iter().map(|(_, _, width)| width).sum();
    let width = layout.width.max(legend + 2 * PADDING);
    let height = layout.bottom + LEGEND_HEIGHT;
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <style>path {{ fill: none; stroke: #374151; }} .notify {{ stroke-dasharray: 6 3; }} \
         .none {{ stroke-dasharray: 2 3; }}</style>\n\
         <defs><marker id=\"arrow\" viewBox=\"0 0 8 8\" refX=\"8\" refY=\"4\" markerWidth=\"8\" \
         markerHeight=\"8\" orient=\"auto-start-reverse\">\
         <polygon points=\"0,0 8,4 0,8\" fill=\"#374151\"/></marker></defs>\n\
         <polygon points=\"0,0 {width},0 {width},{height} 0,{height}\" fill=\"white\"/>\n\
         <text x=\"{PADDING}\" y=\"{LINE}\" font-weight=\"bold\">site {}</text>\n",
        site.name
    );
    for area in &layout.subsystems {
        rectangle(area, "subsystem", fill(area), "#9ca3af", &mut text);
    }
    for wire in &layout.wires {
        draw_wire(wire, &mut text);
    }
    for area in &layout.subsystems {
        draw_heading(site, area, &mut text);
    }
    for area in &layout.groups {
        draw_group(site, area, &mut text);
    }
    draw_legend(&layout, &mut text);
    text.push_str("</svg>\n");
    text
}

fn rectangle<T>(area: &Area<T>, class: &str, fill: &str, stroke: &str, text: &mut String) {
    let _ = writeln!(
        text,
        "<rect class=\"{class}\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" rx=\"4\" \
         fill=\"{fill}\" stroke=\"{stroke}\"/>",
        area.left, area.top, area.width, area.height
    );
}

fn fill(area: &Area<SubsystemIndex>) -> &'static str {
    FILLS[area.of.index() % FILLS.len()]
}

/// The name of a subsystem. Arrows to its upper row may come by: they pass behind it.
fn draw_heading(site: &Site, area: &Area<SubsystemIndex>, text: &mut String) {
    let name = site.subsystem(area.of).map(|subsystem| subsystem.name);
    let (x, y) = (area.left + PADDING, area.top + LINE - 1);
    let _ = writeln!(
        text,
        "<text x=\"{x}\" y=\"{y}\" fill=\"#4b5563\" stroke=\"{}\" stroke-width=\"5\" \
         paint-order=\"stroke\">subsystem {}</text>",
        fill(area),
        name.unwrap_or_default()
    );
}

fn draw_group(site: &Site, area: &Area<GroupIndex>, text: &mut String) {
    let is_kernel = area.of == GroupIndex::KERNEL;
    let fill = if is_kernel { "#e5e7eb" } else { "white" };
    rectangle(area, "group", fill, "#374151", text);
    for (at, (line, role)) in lines(site, area.of).into_iter().enumerate() {
        let (x, y) = (area.left + PADDING, area.top + (at + 1) * LINE);
        match role {
            None => {
                let _ = writeln!(
                    text,
                    "<text x=\"{x}\" y=\"{y}\" font-weight=\"bold\">{line}</text>"
                );
            }
            Some(role) => draw_member(x, y, role, &line, text),
        }
    }
}

/// A member: a full mark if it is direct, an empty one if it is not.
fn draw_member(x: usize, y: usize, role: Role, name: &str, text: &mut String) {
    let (fill, style) = match role {
        Role::Direct => ("#374151", ""),
        Role::Indirect => ("white", " font-style=\"italic\""),
    };
    let _ = writeln!(
        text,
        "<circle cx=\"{}\" cy=\"{}\" r=\"3\" fill=\"{fill}\" stroke=\"#374151\"/>\
         <text x=\"{}\" y=\"{y}\"{style}>{name}</text>",
        x + 4,
        y - 4,
        x + 14
    );
}

/// A dependency: an arrow at the base, and one at the dependent if its failure concerns the base.
fn draw_wire(wire: &Wire, text: &mut String) {
    let points: Vec<_> = wire
        .points
        .iter()
        .map(|(x, y)| format!("{x} {y}"))
        .collect();
    let back = if wire.edge.reverse == Reaction::None {
        ""
    } else {
        " marker-start=\"url(#arrow)\""
    };
    let class = wire.edge.reaction.name();
    let _ = writeln!(
        text,
        "<path class=\"{class}\" d=\"M{}\" marker-end=\"url(#arrow)\"{back}/>",
        points.join(" L")
    );
    let Some((x, y)) = wire.points.first() else {
        return;
    };
    for (at, line) in label(&wire.edge).iter().enumerate() {
        let (x, y) = (x + 5, y + 8 + (at + 1) * LABEL);
        let _ = writeln!(
            text,
            "<text class=\"label\" x=\"{x}\" y=\"{y}\" font-size=\"10\">{line}</text>"
        );
    }
}

fn draw_legend(layout: &Layout, text: &mut String) {
    let y = layout.bottom + LEGEND_HEIGHT - PADDING;
    let mut x = PADDING;
    for (sign, meaning, width) in LEGEND {
        match sign {
            Sign::Line(reaction) => {
                let (class, end, middle) = (reaction.name(), x + 30, y - 4);
                let _ = writeln!(
                    text,
                    "<path class=\"{class}\" d=\"M{x} {middle} L{end} {middle}\" \
                     marker-end=\"url(#arrow)\"/><text x=\"{}\" y=\"{y}\">{meaning}</text>",
                    end + 6
                );
            }
            Sign::Member(role) => draw_member(x, y, *role, meaning, text),
        }
        x += width;
    }
}
