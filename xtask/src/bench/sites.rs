//! Descriptions of sites with many actors alike.

use std::fmt::Write as _;

/// A meter, a probe, and a group of so many members.
pub(crate) fn group<const MEMBERS: usize>() -> String {
    let mut text = format!(
        r#"# Bench: restarts of a group of {MEMBERS}.

[[group]]
name = "crowd"
policy = {{ hot_limit = "unlimited", backoff = {{ free = "unlimited" }} }}

[[actor]]
name = "bench-meter"
priority = 32
stack = "128KiB"
rights = ["shutdown"]
arguments = "bench-group {MEMBERS}"

[[actor]]
name = "bench-probe"
priority = 63
rights = ["interrupt", "hook"]
"#
    );
    members(&mut text, MEMBERS);
    text
}

/// So many members of the crowd.
fn members(text: &mut String, count: usize) {
    for number in 0..count {
        let _ = write!(
            text,
            r#"
[[actor]]
name = "member-{number}"
image = "bench-member"
group = "crowd"
priority = 20
"#
        );
    }
}

/// Room for the name of a measure. The texts are as long in one site as in another: the kernel that comes
/// up reads them, and what is compared is something else.
const LONGEST: usize = 20;
/// Frames of persistent memory that each keeper may have, at least: 256 MiB, for the same reason.
const BUDGET: usize = 256 * 256;

/// A meter that ends the kernel over and over, so many members, and keepers that have each so many
/// persistent regions of so many MiB (0: of a page).
pub(crate) fn restarts<
    const MEMBERS: usize,
    const KEEPERS: usize,
    const REGIONS: usize,
    const MIB: usize,
>(
    measure: &str,
) -> String {
    let mut text = format!(
        r#"# Bench: restarts of a site with {MEMBERS} members and {KEEPERS} keepers.

[[group]]
name = "kernel"
policy = {{ hot_limit = "unlimited" }}

[[group]]
name = "crowd"

[[actor]]
name = "bench-meter"
priority = 32
stack = "128KiB"
rights = ["shutdown", "hook"]
arguments = "bench-site {measure:LONGEST$} {MEMBERS:03} {KEEPERS:03}"
"#
    );
    members(&mut text, MEMBERS);
    let frames = (REGIONS * MIB * 256).max(BUDGET);
    for number in 0..KEEPERS {
        let _ = write!(
            text,
            r#"
[[actor]]
name = "keeper-{number}"
image = "bench-keeper"
priority = 16
arguments = "{REGIONS:03} {MIB:03}"
budget = {{ persistent_frames = {frames} }}
"#
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sites;

    #[test]
    fn groups_are_valid_and_have_their_members() {
        let site = sites::parse(&group::<512>(), "group").unwrap();
        assert_eq!(site.actors.len(), 512 + 2);
    }

    #[test]
    fn sites_that_are_restarted_have_their_members_and_keepers() {
        let site = sites::parse(&restarts::<64, 4, 64, 1>("m"), "site").unwrap();
        assert_eq!(site.actors.len(), 1 + 64 + 4);
        let keeper = site.actors.last().unwrap();
        assert_eq!(keeper.budget.persistent_frames, 256 * 256);
    }
}
