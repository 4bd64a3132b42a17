//! Drawings of sites.

mod support;

use proptest::prelude::*;
use site_personality_manager::host;

const SITE: &str = r#"
[[subsystem]]
name = "posix"
manager = "server"

[[group]]
name = "disk"

[[group]]
name = "files"
subsystem = "posix"
depends_on = ["disk", { group = "clock", reaction = "notify", reverse = "restart" }]

[[actor]]
name = "driver"
group = "disk"
rights = ["shutdown", "hook"]

[[actor]]
name = "clock"
image = "timer"
arguments = "fast"

[[actor]]
name = "server"
group = "files"
priority = 20

[[actor]]
name = "shell"
group = "files"
direct = false
"#;

#[test]
fn text_shows_the_tree_and_what_is_unusual() {
    let site = host::parse(SITE, "office.toml").unwrap();
    let expected = "\
site office
kernel
├── disk (native)
│   │   • driver, priority 16, rights shutdown hook
│   └── files (posix), needs clock: reaction notify, reverse restart
│           • server, manager, priority 20
│           • shell, indirect, priority 16
└── clock (native)
        • clock, priority 16, image timer, arguments \"fast\"
";
    assert_eq!(host::tree(&site), expected);
}

#[test]
fn graphviz_has_clusters_nodes_and_edges() {
    let dot = host::dot(&host::parse(SITE, "office.toml").unwrap());
    assert!(dot.starts_with("digraph \"office\" {\n"));
    assert!(dot.ends_with("}\n"));
    assert!(dot.contains("subgraph \"cluster_1\" {\n    label = \"posix\";\n"));
    assert!(dot.contains("\"files\" [label = \"files\\nserver, manager\\nshell (indirect)\"];\n"));
    assert!(
        dot.contains("\"disk\" -> \"kernel\" [style = solid, constraint = true, label = \"\"];")
    );
    assert!(dot.contains(
        "\"files\" -> \"disk\" [style = solid, constraint = true, label = \"restart\"];"
    ));
    assert!(dot.contains(
        "\"files\" -> \"clock\" [style = dashed, constraint = false, dir = both, \
         label = \"notify\\nreverse: restart\"];"
    ));
    assert_eq!(dot.matches('{').count(), dot.matches('}').count());
}

#[test]
fn svg_shows_subsystems_groups_members_and_reactions() {
    let svg = host::svg(&host::parse(SITE, "office.toml").unwrap());
    assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"));
    assert_eq!(svg.matches("<rect class=\"group\"").count(), 4);
    assert_eq!(svg.matches("<rect class=\"subsystem\"").count(), 2);
    let wires = |class: &str| {
        svg.matches(&format!("\n<path class=\"{class}\" d="))
            .count()
    };
    // One of each is in the legend.
    assert_eq!(
        [wires("restart"), wires("notify"), wires("none")],
        [4, 2, 1]
    );
    assert_eq!(svg.matches("marker-start").count(), 1);
    assert_eq!(
        svg.matches("fill=\"white\" stroke=\"#374151\"/><text")
            .count(),
        2
    );
    for text in ["subsystem posix", "server, manager", "reverse: restart"] {
        assert!(svg.contains(&format!(">{text}</text>")), "{text}");
    }
    assert!(svg.contains("font-style=\"italic\">shell</text>"));
}

/// From left to right and from top to bottom.
type Area = [usize; 4];

/// Where things are in a drawing, as somebody sees it who knows nothing about how it was made.
#[derive(Debug, Default)]
struct Seen {
    size: (usize, usize),
    groups: Vec<Area>,
    subsystems: Vec<Area>,
    labels: Vec<Area>,
    /// The pieces of each line, of no width.
    wires: Vec<Vec<Area>>,
}

fn see(svg: &str) -> Seen {
    let mut seen = Seen::default();
    for line in svg.lines() {
        let word = |key: &str| {
            let from = line.find(&format!(" {key}=\"")).expect(key) + key.len() + 3;
            line[from..].split('"').next().expect("a word")
        };
        let number = |key: &str| -> usize { word(key).parse().expect("a number") };
        let area = || {
            let (left, top) = (number("x"), number("y"));
            [left, top, left + number("width"), top + number("height")]
        };
        if line.starts_with("<svg ") {
            seen.size = (number("width"), number("height"));
        } else if line.starts_with("<rect class=\"group\"") {
            seen.groups.push(area());
        } else if line.starts_with("<rect class=\"subsystem\"") {
            seen.subsystems.push(area());
        } else if line.starts_with("<text class=\"label\"") {
            let text = line.split(['<', '>']).nth(2).expect("a text");
            let (x, y) = (number("x"), number("y"));
            seen.labels
                .push([x, y - 9, x + 6 * text.chars().count(), y + 2]);
        } else if line.starts_with("<path ") && !line.contains("<text") {
            let numbers = word("d").split([' ', 'M', 'L']);
            let numbers: Vec<usize> = numbers.filter_map(|word| word.parse().ok()).collect();
            let points: Vec<_> = numbers
                .chunks(2)
                .map(|point| (point[0], point[1]))
                .collect();
            let pieces = points.windows(2).map(|ends| {
                let [(x, y), (to_x, to_y)] = [ends[0], ends[1]];
                [x.min(to_x), y.min(to_y), x.max(to_x), y.max(to_y)]
            });
            seen.wires.push(pieces.collect());
        }
    }
    seen
}

/// Whether two areas have more in common than an edge.
fn overlap(one: &Area, other: &Area) -> bool {
    one[0] < other[2] && other[0] < one[2] && one[1] < other[3] && other[1] < one[3]
}

/// Whether a piece of a line goes through an area.
fn crosses(piece: &Area, area: &Area) -> bool {
    piece[0] < area[2]
        && area[0] < piece[2].max(piece[0] + 1)
        && piece[1] < area[3]
        && area[1] < piece[3].max(piece[1] + 1)
        && (area[0] < piece[0] || piece[0] < piece[2])
        && (area[1] < piece[1] || piece[1] < piece[3])
}

/// Whether two pieces run on top of each other. (They may cross.)
fn coincide(one: &Area, other: &Area) -> bool {
    let lies = |from: usize, a: &Area, b: &Area| {
        a[from] == a[from + 2]
            && b[from] == b[from + 2]
            && a[from] == b[from]
            && a[1 - from] < b[3 - from]
            && b[1 - from] < a[3 - from]
    };
    lies(0, one, other) || lies(1, one, other)
}

proptest! {
    #[test]
    fn nothing_in_a_drawing_is_hidden_by_something_else(site in support::valid_site()) {
        let seen = see(&host::svg(&site));
        prop_assert_eq!(seen.groups.len(), site.groups.len());
        let edges: usize = site.groups.iter().map(|group| group.edges.len()).sum();
        prop_assert_eq!(seen.wires.len(), edges);
        let (width, height) = seen.size;
        let all = seen.groups.iter().chain(&seen.subsystems).chain(&seen.labels);
        for area in all.chain(seen.wires.iter().flatten()) {
            prop_assert!(area[2] <= width && area[3] <= height, "{area:?} outside");
        }
        for (areas, what) in [
            (&seen.groups, "groups"),
            (&seen.subsystems, "subsystems"),
            (&seen.labels, "labels"),
        ] {
            for (at, area) in areas.iter().enumerate() {
                for other in &areas[at + 1..] {
                    prop_assert!(!overlap(area, other), "{what}: {area:?} {other:?}");
                }
            }
        }
        for label in &seen.labels {
            prop_assert!(!seen.groups.iter().any(|group| overlap(label, group)), "{label:?}");
        }
        for piece in seen.wires.iter().flatten() {
            for area in seen.groups.iter().chain(&seen.labels) {
                prop_assert!(!crosses(piece, area), "{piece:?} through {area:?}");
            }
        }
        for (at, wire) in seen.wires.iter().enumerate() {
            for other in seen.wires[at + 1..].iter().flatten() {
                for piece in wire {
                    prop_assert!(!coincide(piece, other), "{piece:?} on {other:?}");
                }
            }
        }
        // Each group but the kernel's is in the one frame of its subsystem.
        for group in &seen.groups[1..] {
            let around = seen.subsystems.iter().filter(|area| {
                area[0] <= group[0] && area[1] <= group[1] && group[2] <= area[2] && group[3] <= area[3]
            });
            prop_assert_eq!(around.count(), 1);
            prop_assert_eq!(seen.subsystems.iter().filter(|area| overlap(area, group)).count(), 1);
        }
    }

    #[test]
    fn any_site_can_be_drawn(site in support::any_site()) {
        let _ = (host::tree(&site), host::dot(&site), host::svg(&site));
    }
}
