//! Descriptions as people write them: every file in sites/, defaults, and mistakes.

use std::fs;
use std::path::Path;

use abi::site::Rights;
use abi::{Name, Span};
use proptest::prelude::*;
use restart_manager::{Backoff, Parameters};
use site_personality_manager::host::{self, Problem};
use site_personality_manager::{
    ActorIndex, Budget, Edge, GroupIndex, Reaction, Site, SubsystemIndex, Target, compile, load,
    validate,
};

const DEMO: &str = include_str!("../sites/demo.toml");

#[track_caller]
fn parse(text: &str) -> Site {
    let site = host::parse(text, "sites/tiny.toml").unwrap_or_else(|problems| {
        panic!(
            "{}",
            problems
                .iter()
                .map(|p| format!("{p}\n"))
                .collect::<String>()
        )
    });
    assert_eq!(validate(&site), Ok(()));
    site
}

/// Checks the lines and messages of all problems in a text.
#[track_caller]
fn refuses(text: &str, expected: &[(usize, &str)]) {
    let problems = host::parse(text, "tiny.toml").expect_err("the text has mistakes");
    let found: Vec<(usize, &str)> = problems
        .iter()
        .map(|problem| (problem.line, problem.message.as_str()))
        .collect();
    assert_eq!(found, expected);
}

#[test]
fn every_site_in_the_folder_is_valid() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("sites");
    let mut count = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(path.extension().unwrap(), "toml", "{}", path.display());
        let text = fs::read_to_string(&path).unwrap();
        let site = host::parse(&text, &path.display().to_string()).unwrap_or_else(|problems| {
            panic!(
                "{}",
                problems
                    .iter()
                    .map(|p| format!("{p}\n"))
                    .collect::<String>()
            )
        });
        assert_eq!(load(&compile(&site)), Ok(site));
        count += 1;
    }
    assert!(count >= 2);
}

#[test]
fn the_values_explained_as_defaults_in_the_demo_are_the_defaults() {
    let site = parse(DEMO);
    assert_eq!(site.parameters, Parameters::DEFAULT);
    let counter = &site.actors[0];
    assert_eq!(
        counter.budget,
        Budget {
            persistent_frames: 4,
            ..Budget::default()
        }
    );
    let rights = "shutdown, console, restart, hook, freeze, kill, subscribe, spawn, complain, \
                  interrupt, trap, handle, site";
    let names: Vec<String> = Rights::NAMED
        .iter()
        .map(|(name, _)| name.to_lowercase())
        .collect();
    assert!(DEMO.contains(rights));
    assert_eq!(names.join(", "), rights);
    assert!(
        site.actors
            .iter()
            .any(|actor| actor.rights.contains(Rights::SHUTDOWN))
    );
}

/// The examples in the demo's comments are not compiled by anybody else.
#[test]
fn the_commented_examples_in_the_demo_are_right() {
    let examples: String = DEMO
        .lines()
        .filter_map(|line| line.strip_prefix("#   "))
        .map(|line| format!("{line}\n"))
        .collect();
    let (tables, actor_keys) = examples.split_at(examples.find("arguments").unwrap());
    let site = parse(&format!(
        "[[actor]]\nname = \"posix-manager\"\ngroup = \"storage\"\n\
         [[actor]]\nname = \"disk\"\n[[actor]]\nname = \"clock\"\n\
         [[actor]]\nname = \"extra\"\n{actor_keys}{tables}"
    ));
    assert_eq!(site.subsystems.len(), 2);
    assert_eq!(site.groups[1].edges.len(), 2);
    assert_eq!(site.groups[1].edges[1].reaction, Reaction::Notify);
    assert_eq!(site.actors[3].start_deadline, Some(Span::from_secs(2)));
    assert_eq!(site.actors[3].parameters.window, Span::from_secs(5));
    assert_eq!(site.actors[3].parameters.hot_limit, 5);
}

/// What a manager activates is restarted with it, whether that is said or not.
#[test]
fn groups_stand_on_the_manager_of_their_subsystem() {
    let site = parse(
        "[[subsystem]]\nname = \"posix\"\nmanager = \"manager\"\n\
         [[group]]\nname = \"plain\"\nsubsystem = \"posix\"\n\
         [[group]]\nname = \"other\"\nsubsystem = \"posix\"\ndepends_on = [\"disk\"]\n\
         [[group]]\nname = \"own\"\nsubsystem = \"posix\"\n\
         depends_on = [{ group = \"core\", reaction = \"notify\" }]\n\
         [[group]]\nname = \"core\"\nsubsystem = \"posix\"\n\
         [[actor]]\nname = \"manager\"\ngroup = \"core\"\n\
         [[actor]]\nname = \"one\"\ngroup = \"plain\"\n\
         [[actor]]\nname = \"two\"\ngroup = \"other\"\n\
         [[actor]]\nname = \"three\"\ngroup = \"own\"\n\
         [[actor]]\nname = \"disk\"\n",
    );
    let bases = |group: &str| -> Vec<(&str, Reaction)> {
        let group = site
            .groups
            .iter()
            .find(|entry| entry.name.as_str() == group);
        let edges = group.unwrap().edges.iter();
        let base = |edge: &Edge| (site.groups[edge.base.index()].name.as_str(), edge.reaction);
        edges.map(base).collect()
    };
    assert_eq!(bases("plain"), [("core", Reaction::Restart)]);
    assert_eq!(
        bases("other"),
        [("disk", Reaction::Restart), ("core", Reaction::Restart)]
    );
    assert_eq!(bases("own"), [("core", Reaction::Notify)]);
    assert_eq!(bases("core"), [("kernel", Reaction::Restart)]);
}

#[test]
fn the_shortest_site_gets_everything_else_made_up() {
    let site = parse(
        "[[actor]]\nname = \"judge\"\narguments = \"hot-restart\"\nrights = [\"shutdown\", \"hook\"]\n",
    );
    assert_eq!(site.name.as_str(), "tiny");
    assert_eq!(site.subsystems.len(), 1);
    assert_eq!(site.subsystems[0].name.as_str(), "native");
    let names: Vec<&str> = site
        .groups
        .iter()
        .map(|group| group.name.as_str())
        .collect();
    assert_eq!(names, ["kernel", "judge"]);
    assert_eq!(site.groups[0].subsystem, None);
    assert_eq!(site.groups[1].subsystem, Some(SubsystemIndex(0)));
    assert_eq!(site.groups[1].parent(), Some(GroupIndex::KERNEL));
    let judge = &site.actors[0];
    assert_eq!(judge.file().as_str(), "actors/judge.elf");
    assert_eq!(judge.arguments.as_str(), "hot-restart");
    assert_eq!(judge.rights, Rights::SHUTDOWN.union(Rights::HOOK));
    assert_eq!((judge.group, judge.direct), (GroupIndex(1), true));
    assert_eq!((judge.priority, judge.stack_bytes), (16, 65536));
    assert_eq!(judge.budget, Budget::default());
    assert_eq!((judge.heartbeat, judge.start_deadline), (None, None));
    assert_eq!(judge.parameters, Parameters::DEFAULT);
}

#[test]
fn policies_are_laid_over_each_other() {
    let site = parse(
        r#"
        policy = { window = "1s", hot_limit = 1 }
        [[group]]
        name = "g"
        policy = { hot_limit = "unlimited", backoff = { first = "5us" } }
        [[group]]
        name = "kernel"
        policy = { reload_limit = 9 }
        [[actor]]
        name = "a"
        group = "g"
        policy = { window = "2s", backoff = { free = 7 } }
        [[actor]]
        name = "b"
        "#,
    );
    let above = Parameters {
        window: Span::from_secs(1),
        hot_limit: 1,
        ..Parameters::DEFAULT
    };
    assert_eq!(site.parameters, above);
    assert_eq!(
        site.groups[0].parameters,
        Parameters {
            reload_limit: 9,
            ..above
        }
    );
    let group = Parameters {
        hot_limit: Parameters::UNLIMITED,
        backoff: Backoff {
            first: Span::from_micros(5),
            ..Backoff::DEFAULT
        },
        ..above
    };
    assert_eq!(site.groups[1].parameters, group);
    let actor = Parameters {
        window: Span::from_secs(2),
        backoff: Backoff {
            free: 7,
            ..group.backoff
        },
        ..group
    };
    assert_eq!(site.actors[0].parameters, actor);
    assert_eq!(site.actors[1].parameters, above);
    assert_eq!(site.groups[2].parameters, above);
}

#[test]
fn an_actor_without_a_group_joins_the_declared_group_of_its_name() {
    let site = parse(
        "[[group]]\nname = \"store\"\ndepends_on = [\"disk\"]\n\
         [[actor]]\nname = \"store\"\n[[actor]]\nname = \"disk\"\n",
    );
    let names: Vec<&str> = site
        .groups
        .iter()
        .map(|group| group.name.as_str())
        .collect();
    assert_eq!(names, ["kernel", "store", "disk"]);
    assert_eq!(site.actors[0].group, GroupIndex(1));
    assert_eq!(site.groups[1].parent(), Some(GroupIndex(2)));
}

#[test]
fn native_comes_before_declared_subsystems_unless_it_is_declared() {
    let rest = "[[group]]\nname = \"g\"\nsubsystem = \"posix\"\n\
                [[actor]]\nname = \"a\"\ngroup = \"g\"\n[[actor]]\nname = \"b\"\n";
    let names = |text: &str| {
        let site = parse(&format!("{text}{rest}"));
        site.subsystems
            .iter()
            .map(|s| s.name)
            .collect::<Vec<Name>>()
    };
    let word = Name::truncated;
    assert_eq!(
        names("[[subsystem]]\nname = \"posix\"\n"),
        [word("native"), word("posix")]
    );
    assert_eq!(
        names("[[subsystem]]\nname = \"posix\"\n[[subsystem]]\nname = \"native\"\n"),
        [word("posix"), word("native")]
    );
}

#[test]
fn problems_say_where() {
    let problems =
        host::parse("[[actor]]\nname = \"é\"\n  priority = 70\n", "a/b.toml").unwrap_err();
    let at: Vec<(usize, usize)> = problems.iter().map(|p| (p.line, p.column)).collect();
    assert_eq!(at, [(2, 8), (3, 14)]);
    assert_eq!(
        problems[1].to_string(),
        "a/b.toml:3: actor `é`: the priority is 70, not between 1 and 63"
    );
}

#[test]
fn an_empty_description_has_nothing_to_start() {
    refuses("", &[(1, "site `tiny`: it has no actor to start")]);
    refuses(
        "actor = []",
        &[(1, "site `tiny`: it has no actor to start")],
    );
}

#[test]
fn unknown_keys_are_refused_everywhere() {
    refuses(
        r#"sites = 1
policy = { windows = "1s", backoff = { last = 3 } }
[[subsystem]]
name = "native"
personality = "x"
[[group]]
name = "g"
parent = "kernel"
depends_on = [{ group = "kernel", react = "none" }]
[[group]]
name = "kernel"
subsystem = "native"
[[actor]]
name = "a"
group = "g"
prio = 3
budget = { memory = 3 }
"#,
        &[
            (
                1,
                "site: unknown key `sites`; known keys: name, policy, subsystem, group, actor",
            ),
            (
                2,
                "site: unknown key `windows`; known keys: window, hot_limit, reload_limit, \
                 stable_after, backoff, propagation_limit, strategy",
            ),
            (
                2,
                "site: unknown key `last`; known keys: free, first, longest",
            ),
            (
                5,
                "subsystem `native`: unknown key `personality`; known keys: name, manager",
            ),
            (
                8,
                "group `g`: unknown key `parent`; known keys: name, subsystem, depends_on, policy",
            ),
            (
                9,
                "group `g`: unknown key `react`; known keys: group, reaction, reverse",
            ),
            (
                12,
                "group `kernel`: unknown key `subsystem`; known keys: name, policy",
            ),
            (
                16,
                "actor `a`: unknown key `prio`; known keys: name, image, arguments, priority, \
                 stack, budget, rights, grants, group, direct, heartbeat, start_deadline, policy",
            ),
            (
                17,
                "actor `a`: unknown key `memory`; known keys: frames, threads, ports, \
                 persistent_frames",
            ),
        ],
    );
}

#[test]
fn values_of_the_wrong_kind_are_refused_one_by_one() {
    refuses(
        r#"[[actor]]
name = "a"
image = 3
arguments = ["x"]
priority = "high"
stack = "64 kilo"
budget = { frames = -1, threads = 99999999999, ports = 1.5 }
rights = ["shutdown", "fly", 3]
direct = "yes"
heartbeat = 20
start_deadline = "2 days"
policy = { hot_limit = "none", window = "0s", backoff = 3 }
"#,
        &[
            (
                3,
                "actor `a`: `image` must be a text, not a value of type integer",
            ),
            (
                4,
                "actor `a`: `arguments` must be a text, not a value of type array",
            ),
            (
                5,
                "actor `a`: `priority` must be a whole number, not a value of type string",
            ),
            (
                6,
                "actor `a`: `stack` must be a whole number with a unit (B, KiB, MiB, GiB), \
                 not `64 kilo`",
            ),
            (
                7,
                "actor `a`: `budget.frames` must not be negative, as -1 is",
            ),
            (
                7,
                "actor `a`: `budget.threads` cannot be as large as 99999999999",
            ),
            (
                7,
                "actor `a`: `budget.ports` must be a whole number, not a value of type float",
            ),
            (
                8,
                "actor `a`: `rights` knows no `fly`; it can be shutdown, console, restart, hook, \
                 freeze, kill, subscribe, spawn, complain, interrupt, trap, handle, site",
            ),
            (
                8,
                "actor `a`: `rights` must be one of shutdown, console, restart, hook, freeze, \
                 kill, subscribe, spawn, complain, interrupt, trap, handle, site, not a value of type integer",
            ),
            (
                9,
                "actor `a`: `direct` must be true or false, not a value of type string",
            ),
            (
                10,
                "actor `a`: `heartbeat` must be a text like \"20ms\", not a value of type integer",
            ),
            (
                11,
                "actor `a`: `start_deadline` must be a whole number with a unit (ns, us, ms, s, \
                 min, h), not `2 days`",
            ),
            (
                12,
                "actor `a`: `policy.hot_limit` must be a whole number or \"unlimited\", \
                 not a value of type string",
            ),
            (12, "actor `a`: a window must be longer than nothing"),
            (
                12,
                "actor `a`: `policy.backoff` must be a table, not a value of type integer",
            ),
        ],
    );
}

#[test]
fn rights_on_others_are_found_by_name_and_refused_one_by_one() {
    let site = parse(
        r#"[[group]]
name = "shop"
[[actor]]
name = "clerk"
group = "shop"
[[actor]]
name = "shop"
group = "shop"
grants = [{ on = "shop", rights = ["spawn"] }]
[[actor]]
name = "guard"
grants = [
    { on = "clerk", rights = ["freeze", "restart"] },
    { on = "shop", rights = ["kill"] },
    { on = "guard", rights = ["subscribe"] },
]
"#,
    );
    let grants = |actor: usize| {
        let grants = site.actors[actor].grants.iter();
        grants
            .map(|grant| (grant.on, grant.rights))
            .collect::<Vec<_>>()
    };
    let shop = Target::Group(GroupIndex(1));
    assert_eq!(grants(0), []);
    // Where an actor and a group have the name, the group is meant.
    assert_eq!(grants(1), [(shop, Rights::SPAWN)]);
    let clerk = Target::Actor(ActorIndex(0));
    assert_eq!(
        grants(2),
        [
            (clerk, Rights::FREEZE.union(Rights::RESTART)),
            (shop, Rights::KILL),
            (Target::Group(GroupIndex(2)), Rights::SUBSCRIBE),
        ]
    );

    refuses(
        r#"[[actor]]
name = "a"
grants = [
    { on = "nobody", rights = ["freeze"] },
    { on = "b", rights = ["freeze", "fly"] },
    { rights = ["kill"] },
    { on = 3 },
    "b",
]
[[actor]]
name = "b"
grants = [{ on = "a", to = "b", rights = ["freeze"] }]
[[actor]]
name = "c"
grants = [{ on = "a", rights = [] }]
[[actor]]
name = "d"
grants = [{ on = "a", rights = ["shutdown", "kill"] }]
[[actor]]
name = "e"
grants = [{ on = "a", rights = ["spawn"] }]
[[actor]]
name = "f"
grants = [{ on = "kernel", rights = ["restart"] }]
"#,
        &[
            (4, "actor `a`: there is no actor or group `nobody`"),
            (
                5,
                "actor `a`: `grants.rights` knows no `fly`; it can be shutdown, console, \
                 restart, hook, freeze, kill, subscribe, spawn, complain, interrupt, trap, handle, site",
            ),
            (6, "actor `a`: key `on` is missing"),
            (
                7,
                "actor `a`: `on` must be a text, not a value of type integer",
            ),
            (
                8,
                "actor `a`: `grants` must be a table, not a value of type string",
            ),
            (12, "actor `b`: unknown key `to`; known keys: on, rights"),
            (15, "actor `c`: the grant on `a` grants no right"),
            (
                18,
                "actor `d`: the right shutdown is not one on an actor or a group",
            ),
            (
                21,
                "actor `e`: it can spawn in its own group only, not in `a`",
            ),
            (
                24,
                "actor `f`: nothing can be granted on the kernel group; what is meant on \
                 everything belongs into `rights`",
            ),
        ],
    );
}

#[test]
fn broken_references_are_named_once() {
    refuses(
        r#"[[subsystem]]
name = "posix"
manager = "nobody"
[[group]]
name = "g"
subsystem = "posx"
depends_on = ["kernel", "h", { group = "i", reaction = "explode" }]
[[actor]]
name = "a"
group = "gg"
"#,
        &[
            (3, "subsystem `posix`: there is no actor `nobody`"),
            (6, "group `g`: there is no subsystem `posx`"),
            (7, "group `g`: there is no group `h`"),
            (7, "group `g`: there is no group `i`"),
            (
                7,
                "group `g`: `reaction` knows no `explode`; it can be restart, notify, none",
            ),
            (10, "actor `a`: there is no group `gg`"),
        ],
    );
}

#[test]
fn names_are_checked_once_each() {
    let long = "x".repeat(32);
    let text = format!(
        "[[actor]]\nname = \"a.b\"\n[[actor]]\npriority = 2\n[[actor]]\nname = \"{long}\"\n\
         [[actor]]\nname = \"\"\n[[actor]]\nname = \"c\"\nimage = \"../c\"\n[[actor]]\nname = \"c\"\n\
         [[actor]]\nname = \"kernel\"\n[[group]]\ndepends_on = [{{}}]\n"
    );
    let rule = "a name is made of letters (a to z, A to Z), digits, `-` and `_`, \
                and starts with a letter or digit";
    refuses(
        &text,
        &[
            (2, &format!("actor `a.b`: {rule}")),
            (3, "actor: key `name` is missing"),
            (
                6,
                &format!("actor `{long}`: `name` is 32 bytes long, more than 31"),
            ),
            (8, "actor: a name must not be empty"),
            (11, &format!("actor `c`: {rule}")),
            (13, "actor `c`: another one has this name already"),
            (15, "actor `kernel`: this name belongs to the kernel"),
            (16, "group: key `name` is missing"),
            (17, "group: key `group` is missing"),
        ],
    );
}

#[test]
fn rules_about_the_whole_are_reported_at_their_lines() {
    refuses(
        r#"[[group]]
name = "g"
depends_on = ["h"]
[[group]]
name = "h"
depends_on = ["g"]
[[group]]
name = "empty"
depends_on = [{ group = "kernel", reaction = "none" }]
[[actor]]
name = "a"
group = "g"
stack = "8MiB"
[[actor]]
name = "b"
group = "h"
budget = { frames = 8, threads = 0 }
"#,
        &[
            (
                3,
                "group `g`: dependencies go in a circle: `g` needs `h` needs `g`",
            ),
            (
                7,
                "group `empty`: it has no direct actor, so it would never start",
            ),
            (
                9,
                "group `empty`: its reaction to the kernel group must be `restart`: \
                 nothing outlives the kernel",
            ),
            (
                13,
                "actor `a`: the stack of 2048 pages is larger than the budget of 1024 frames",
            ),
            (
                14,
                "actor `b`: the stack of 16 pages is larger than the budget of 8 frames",
            ),
            (
                17,
                "actor `b`: the number of threads is 0, not between 1 and 1024",
            ),
        ],
    );
}

#[test]
fn all_syntax_errors_are_found_and_what_is_readable_is_still_checked() {
    let text = "[[actor]]\nname = \npriority = 300\n[[actor]]\nname = \"b\"\nname = \"c\"\n\
                stack = 64KiB\n";
    let problems = host::parse(text, "tiny.toml").unwrap_err();
    let syntax = |problem: &&Problem| problem.message.starts_with("not TOML: ");
    let lines: Vec<usize> = problems
        .iter()
        .filter(syntax)
        .map(|problem| problem.line)
        .collect();
    assert_eq!(lines, [2, 6, 7], "{problems:#?}");
    let others: Vec<&str> = problems
        .iter()
        .filter(|p| !syntax(p))
        .map(|p| p.message.as_str())
        .collect();
    assert_eq!(
        others,
        ["actor: `priority` cannot be as large as 300"],
        "{problems:#?}"
    );
}

proptest! {
    #[test]
    fn any_text_is_read_without_panic(text in "\\PC{0,200}") {
        let _ = host::parse(&text, "any.toml");
    }

    #[test]
    fn a_damaged_demo_is_read_without_panic(
        from in 0..DEMO.len(),
        length in 0_usize..40,
        replacement in "[\\PC\n]{0,8}",
    ) {
        let bytes = DEMO.as_bytes();
        let to = (from + length).min(bytes.len());
        let damaged = [&bytes[..from], replacement.as_bytes(), &bytes[to..]].concat();
        if let Err(problems) = host::parse(&String::from_utf8_lossy(&damaged), "demo.toml") {
            prop_assert!(!problems.is_empty());
            prop_assert!(problems.iter().all(|p| p.line >= 1 && p.column >= 1));
        }
    }
}
