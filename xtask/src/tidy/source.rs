//! What a source file may contain, and how it begins.

use std::path::Path;

use super::code;

/// Longer files are split. Tests at the end of a file are not counted.
const MOST_LINES: usize = 1000;

/// Where `unsafe` is allowed: the machine, the way into the kernel, and what comes before it.
const UNSAFE: &[&str] = &["kernel/src", "actors/syscall", "boot"];

/// Crates that may not even allow it in one place.
const FORBIDDING: &[&str] = &[
    "kernel/abi",
    "restart-manager",
    "policies",
    "site-personality-manager",
    "actors",
];

/// Words that must name the issue in which they end, as in `WORD(#12)`.
const PROMISES: &[&str] = &[
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("XX", "X"),
];

/// What the kernel's library never names: only its binary, which composes them, does.
const COMPOSED: &[&str] = &["policies", "site_personality_manager"];

/// Tells whether a file is checked at all.
pub(super) fn is_source(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str());
    matches!(extension, Some("rs" | "s" | "S" | "ld" | "toml"))
}

/// Finds every rule a file breaks.
pub(super) fn problems(path: &Path, text: &str) -> Vec<String> {
    let mut problems = promises(text);
    if path.extension().is_some_and(|extension| extension == "rs") {
        let code = code::only(text);
        problems.extend(opening(text));
        problems.extend(length(text));
        problems.extend(unsafe_code(path, &code));
        problems.extend(forbids(path, &code));
        problems.extend(composition(path, &code));
    }
    problems
        .into_iter()
        .map(|problem| format!("{}{problem}", path.display()))
        .collect()
}

fn promises(text: &str) -> Vec<String> {
    let mut problems = Vec::new();
    for (index, line) in text.lines().enumerate() {
        for word in PROMISES.iter().filter(|word| code::has_word(line, word)) {
            let numbered = format!("{word}(#");
            let names_issue = line.split_once(&numbered).is_some_and(|(_, rest)| {
                rest.split_once(')')
                    .is_some_and(|(number, _)| number.parse::<u32>().is_ok())
            });
            if !names_issue {
                problems.push(format!(
                    ":{}: {word} names no issue, as {numbered}12) would",
                    index + 1
                ));
            }
        }
    }
    problems
}

fn opening(text: &str) -> Option<String> {
    let subtitle = text.lines().next().unwrap_or_default();
    (!subtitle.starts_with("//! ")).then(|| ":1: does not open with a `//!` line".to_owned())
}

fn length(text: &str) -> Option<String> {
    let tests = text.find("\n#[cfg(test)]\nmod tests {");
    let lines = text[..tests.unwrap_or(text.len())].lines().count();
    (lines > MOST_LINES).then(|| format!(": has {lines} lines; split it at {MOST_LINES}"))
}

fn unsafe_code(path: &Path, code: &str) -> Vec<String> {
    if UNSAFE.iter().any(|allowed| path.starts_with(allowed)) {
        return Vec::new();
    }
    let lines = code
        .lines()
        .enumerate()
        .filter(|(_, line)| code::has_word(line, "unsafe"));
    lines
        .map(|(index, _)| format!(":{}: unsafe is not allowed here", index + 1))
        .collect()
}

fn forbids(path: &Path, code: &str) -> Option<String> {
    let forbidding = FORBIDDING
        .iter()
        .any(|directory| path.starts_with(directory))
        && !path.starts_with("actors/syscall");
    let missing = forbidding && is_crate_root(path) && !code.contains("#![forbid(unsafe_code)]");
    missing.then(|| ":1: lacks #![forbid(unsafe_code)]".to_owned())
}

/// Tells whether rustc starts a crate here: src/lib.rs, src/main.rs, src/bin/NAME.rs or
/// src/bin/NAME/main.rs.
fn is_crate_root(path: &Path) -> bool {
    let name = path.file_name();
    let parent = path.parent().unwrap_or(Path::new(""));
    let is_main = name.is_some_and(|name| name == "main.rs");
    (parent.ends_with("src") && (is_main || name.is_some_and(|name| name == "lib.rs")))
        || parent.ends_with("src/bin")
        || (is_main
            && parent
                .parent()
                .is_some_and(|above| above.ends_with("src/bin")))
}

fn composition(path: &Path, code: &str) -> Vec<String> {
    if !path.starts_with("kernel/src") || path == Path::new("kernel/src/main.rs") {
        return Vec::new();
    }
    let mut problems = Vec::new();
    for (index, line) in code.lines().enumerate() {
        for name in COMPOSED.iter().filter(|name| code::has_word(line, name)) {
            problems.push(format!(
                ":{}: the kernel's library may not name {name}",
                index + 1
            ));
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> Vec<String> {
        problems(Path::new(path), text)
    }

    #[test]
    fn good_file_has_no_problems() {
        assert!(found("xtask/src/a.rs", "//! A file.\n// unsafe\nfn f() {}\n").is_empty());
        assert!(found("kernel/src/mm.rs", "//! Memory.\nunsafe fn f() {}\n").is_empty());
    }

    #[test]
    fn file_without_module_documentation_is_found() {
        assert_eq!(
            found("xtask/src/a.rs", "fn f() {}"),
            ["xtask/src/a.rs:1: does not open with a `//!` line"]
        );
    }

    #[test]
    fn unsafe_code_outside_the_frontier_is_found() {
        let text = "//! A.\n\nfn f() { unsafe { g() } }\n";
        assert_eq!(
            found("tests/src/a.rs", text),
            ["tests/src/a.rs:3: unsafe is not allowed here"]
        );
        assert_eq!(found("kernel/abi/src/a.rs", text).len(), 1);
        assert!(found("boot/direct/src/a.rs", text).is_empty());
        assert!(found("actors/syscall/src/a.rs", text).is_empty());
    }

    #[test]
    fn pure_crates_must_forbid_unsafe_code() {
        let expected = ["policies/src/lib.rs:1: lacks #![forbid(unsafe_code)]"];
        assert_eq!(found("policies/src/lib.rs", "//! P.\n"), expected);
        assert_eq!(
            found(
                "policies/src/lib.rs",
                "//! P.\n// #![forbid(unsafe_code)]\n"
            ),
            expected
        );
        assert!(found("policies/src/lib.rs", "//! P.\n#![forbid(unsafe_code)]\n").is_empty());
        assert!(found("policies/src/never.rs", "//! P.\n").is_empty());
        assert_eq!(found("actors/counter/src/main.rs", "//! C.\n").len(), 1);
        assert_eq!(found("actors/test/src/bin/judge.rs", "//! C.\n").len(), 1);
        assert!(found("actors/syscall/src/lib.rs", "//! C.\n").is_empty());
    }

    #[test]
    fn kernel_library_that_names_a_composed_crate_is_found() {
        let text = "//! K. Not the policies.\nuse policies::Never;\n";
        let expected = ["kernel/src/recovery.rs:2: the kernel's library may not name policies"];
        assert_eq!(found("kernel/src/recovery.rs", text), expected);
        assert!(found("kernel/src/main.rs", text).is_empty());
    }

    #[test]
    fn promise_without_an_issue_is_found() {
        let word = PROMISES[0];
        let text = format!("//! A.\n// {word}: later\n// {word}(#12): later\n// {word}(soon)\n");
        let problems = found("xtask/src/a.rs", &text);
        assert_eq!(problems.len(), 2);
        assert!(problems[0].starts_with("xtask/src/a.rs:2: "));
        assert_eq!(found("kernel/a.ld", &format!("/* {word} */")).len(), 1);
    }

    #[test]
    fn long_file_is_found_but_its_tests_do_not_count() {
        let long = format!("//! A.\n{}", "\n".repeat(MOST_LINES));
        assert_eq!(found("xtask/src/a.rs", &long).len(), 1);
        let tested = format!(
            "//! A.\n\n#[cfg(test)]\nmod tests {{\n{}}}\n",
            "\n".repeat(MOST_LINES)
        );
        assert!(found("xtask/src/a.rs", &tested).is_empty());
    }
}
