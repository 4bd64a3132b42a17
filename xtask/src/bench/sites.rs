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
    for number in 0..MEMBERS {
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
}
