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
    assert!(dot.contains("\"files\" [label = \"files\\nserver\\nshell (indirect)\"];\n"));
    assert!(
        dot.contains("\"files\" -> \"disk\" [style = solid, constraint = true, label = \"\"];")
    );
    assert!(dot.contains(
        "\"files\" -> \"clock\" [style = dashed, constraint = false, \
         label = \"reaction notify, reverse restart\"];"
    ));
    assert_eq!(dot.matches('{').count(), dot.matches('}').count());
}

#[test]
fn svg_has_a_box_for_each_group_and_a_line_for_each_edge() {
    let svg = host::svg(&host::parse(SITE, "office.toml").unwrap());
    assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"));
    assert_eq!(svg.matches("<rect ").count(), 4);
    assert_eq!(svg.matches("<path ").count(), 4);
    assert_eq!(svg.matches("stroke-dasharray").count(), 1);
    assert!(svg.contains(">• shell (indirect)</text>"));
}

proptest! {
    #[test]
    fn boxes_lie_inside_the_picture_and_apart(site in support::valid_site()) {
        let svg = host::svg(&site);
        let number = |text: &str, key: &str| -> usize {
            let from = text.find(&format!(" {key}=\"")).unwrap() + key.len() + 3;
            text[from..].split('"').next().unwrap().parse().unwrap()
        };
        let lines: Vec<&str> = svg.lines().collect();
        let (width, height) = (number(lines[0], "width"), number(lines[0], "height"));
        let boxes: Vec<[usize; 4]> = lines
            .iter()
            .filter(|line| line.starts_with("<rect "))
            .map(|line| {
                let (left, top) = (number(line, "x"), number(line, "y"));
                [left, top, left + number(line, "width"), top + number(line, "height")]
            })
            .collect();
        prop_assert_eq!(boxes.len(), site.groups.len());
        for (at, [left, top, right, bottom]) in boxes.iter().enumerate() {
            prop_assert!(*right <= width && *bottom <= height);
            for [other_left, other_top, other_right, other_bottom] in &boxes[at + 1..] {
                let apart = right <= other_left
                    || other_right <= left
                    || bottom <= other_top
                    || other_bottom <= top;
                prop_assert!(apart);
            }
        }
    }

    #[test]
    fn any_site_can_be_drawn(site in support::any_site()) {
        let _ = (host::tree(&site), host::dot(&site), host::svg(&site));
    }
}
