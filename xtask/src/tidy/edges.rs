//! Who may depend on whom: the architecture, as a table.
//!
//! ```text
//! abi ← restart-manager ← policies ← kernel (bin)
//!       restart-manager ← site-personality-manager ← kernel (bin)
//! abi ← syscall ← actors
//!       syscall ← posix ← applications of the POSIX-like subsystem
//! ```
//!
//! A new edge is a change of architecture: it belongs in its own commit, with a line in
//! ARCHITECTURE.md.

use crate::workspace::Package;

/// What a package may depend on.
struct Rule {
    package: &'static str,
    /// Packages of this workspace.
    ours: &'static [&'static str],
    /// Packages from elsewhere.
    others: Others,
}

/// Which packages from elsewhere are allowed.
enum Others {
    /// Any: the package is not a foundation of others.
    Any,
    /// These only.
    Only(&'static [&'static str]),
}

const RULES: &[Rule] = &[
    Rule {
        package: "abi",
        ours: &[],
        others: Others::Only(&["serde"]),
    },
    Rule {
        package: "restart-manager",
        ours: &["abi"],
        others: Others::Only(&["serde"]),
    },
    Rule {
        package: "policies",
        ours: &["restart-manager"],
        others: Others::Only(&[]),
    },
    Rule {
        package: "site-personality-manager",
        ours: &["abi", "restart-manager"],
        others: Others::Any,
    },
    Rule {
        package: "kernel",
        ours: &[
            "abi",
            "restart-manager",
            "policies",
            "site-personality-manager",
        ],
        others: Others::Any,
    },
    Rule {
        package: "durable",
        ours: &[],
        others: Others::Only(&["crc", "postcard", "serde"]),
    },
    Rule {
        package: "syscall",
        ours: &["abi", "durable"],
        others: Others::Any,
    },
    Rule {
        package: "posix",
        ours: &["syscall"],
        others: Others::Only(&[]),
    },
    Rule {
        package: "posix-files",
        ours: &["durable"],
        others: Others::Only(&["crc"]),
    },
    Rule {
        package: "posix-manager",
        ours: &["syscall", "posix", "posix-files"],
        others: Others::Only(&[]),
    },
    Rule {
        package: "posix-applications",
        ours: &["posix"],
        others: Others::Only(&[]),
    },
    Rule {
        package: "posix-suite",
        ours: &["syscall", "posix", "judging"],
        others: Others::Only(&["serde"]),
    },
    Rule {
        package: "test-suite",
        ours: &["syscall", "judging"],
        others: Others::Only(&["serde"]),
    },
    Rule {
        package: "lap-suite",
        ours: &["syscall", "judging"],
        others: Others::Only(&["serde"]),
    },
    Rule {
        package: "tree-suite",
        ours: &["syscall", "judging"],
        others: Others::Only(&["serde"]),
    },
    Rule {
        package: "site-suite",
        ours: &["syscall", "judging"],
        others: Others::Only(&["serde"]),
    },
    Rule {
        package: "group-suite",
        ours: &["syscall", "judging"],
        others: Others::Only(&["serde"]),
    },
    Rule {
        package: "bench-suite",
        ours: &["syscall", "judging"],
        others: Others::Only(&["serde"]),
    },
    Rule {
        package: "boot-direct",
        ours: &[],
        others: Others::Any,
    },
    Rule {
        package: "boot-image",
        ours: &[],
        others: Others::Any,
    },
    Rule {
        package: "refrain-tests",
        ours: &[
            "abi",
            "restart-manager",
            "policies",
            "site-personality-manager",
        ],
        others: Others::Any,
    },
    Rule {
        package: "xtask",
        ours: &[
            "abi",
            "restart-manager",
            "policies",
            "site-personality-manager",
            "refrain-tests",
            "boot-image",
        ],
        others: Others::Any,
    },
];

/// The rule of every package under actors/ that has none above. Deriving the encoding of its requests
/// is the one thing for which an actor needs a name that syscall cannot re-export.
const ACTOR: Rule = Rule {
    package: "actors/*",
    ours: &["syscall"],
    others: Others::Only(&["serde"]),
};

/// Finds every edge that is not in the table.
pub(super) fn problems(packages: &[Package]) -> Vec<String> {
    let mut problems = Vec::new();
    for package in packages {
        let rule = if let Some(rule) = RULES.iter().find(|rule| rule.package == package.name) {
            rule
        } else if package.is_actor() {
            &ACTOR
        } else {
            problems.push(format!(
                "{}: has no rule in xtask/src/tidy/edges.rs",
                package.name
            ));
            continue;
        };
        for dependency in &package.dependencies {
            let dependency = dependency.as_str();
            let is_ours = packages.iter().any(|other| other.name == dependency);
            let allowed = match &rule.others {
                _ if is_ours => rule.ours.contains(&dependency),
                Others::Any => true,
                Others::Only(names) => names.contains(&dependency),
            };
            if !allowed {
                let directory = package.directory.display();
                problems.push(format!("{directory}: may not depend on {dependency}"));
            }
        }
    }
    problems
}

/// Checks that a package takes the workspace's lints.
pub(super) fn lints(package: &Package, manifest: &str) -> Option<String> {
    let takes_lints = manifest.contains("[lints]\nworkspace = true");
    let problem = format!(
        "{}/Cargo.toml: lacks [lints] workspace = true",
        package.directory.display()
    );
    (!takes_lints).then_some(problem)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(directory: &str, name: &str, dependencies: &[&str]) -> Package {
        Package {
            name: name.to_owned(),
            directory: directory.into(),
            binaries: Vec::new(),
            library: None,
            dependencies: dependencies.iter().map(|&name| name.to_owned()).collect(),
            is_default: false,
        }
    }

    #[test]
    fn edges_of_the_design_are_allowed() {
        let packages = [
            package("kernel/abi", "abi", &["serde"]),
            package("restart-manager", "restart-manager", &["abi"]),
            package("policies", "policies", &["restart-manager"]),
            package("actors/syscall", "syscall", &["abi", "spin"]),
            package("actors/counter", "counter", &["syscall", "serde"]),
            package(
                "kernel",
                "kernel",
                &["abi", "restart-manager", "policies", "spin"],
            ),
        ];
        assert_eq!(problems(&packages), Vec::<String>::new());
    }

    #[test]
    fn edges_against_the_design_are_found() {
        let packages = [
            package("kernel", "kernel", &["syscall"]),
            package("kernel/abi", "abi", &["bitflags", "restart-manager"]),
            package("restart-manager", "restart-manager", &["kernel"]),
            package("actors/syscall", "syscall", &[]),
            package("actors/counter", "counter", &["kernel", "spin"]),
            package("stray", "stray", &[]),
        ];
        let expected = [
            "kernel: may not depend on syscall",
            "kernel/abi: may not depend on bitflags",
            "kernel/abi: may not depend on restart-manager",
            "restart-manager: may not depend on kernel",
            "actors/counter: may not depend on kernel",
            "actors/counter: may not depend on spin",
            "stray: has no rule in xtask/src/tidy/edges.rs",
        ];
        assert_eq!(problems(&packages), expected);
    }

    #[test]
    fn package_without_our_lints_is_found() {
        let package = package("kernel", "kernel", &[]);
        assert!(lints(&package, "[package]\n").is_some());
        assert!(lints(&package, "[package]\n\n[lints]\nworkspace = true\n").is_none());
    }
}
