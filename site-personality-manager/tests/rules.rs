//! Every rule, broken one at a time on an otherwise plain site, and the order of loading.

mod support;

use abi::site::Rights;
use abi::{Name, Span, Text};
use proptest::prelude::*;
use site_personality_manager::order::{self, Step};
use site_personality_manager::validate::{Place, Rule};
use site_personality_manager::{
    ActorIndex, GroupIndex, Reaction, Site, Subsystem, SubsystemIndex, Target, limits, validate,
};
use support::{actor, edge, group, name, plain};

/// Breaks a plain site and checks that just the given rules are reported.
#[track_caller]
fn breaks(change: impl FnOnce(&mut Site), expected: &[(Place, &str, Rule)]) {
    let mut site = plain();
    assert_eq!(validate(&site), Ok(()));
    change(&mut site);
    let violations = validate(&site).expect_err("the site breaks a rule");
    let found: Vec<_> = violations
        .into_iter()
        .map(|v| (v.place, v.key, v.rule))
        .collect();
    assert_eq!(found, expected);
}

fn range(what: &'static str, value: u64, low: u64, high: u64) -> Rule {
    Rule::Range {
        what,
        value,
        low,
        high,
    }
}

#[test]
fn names() {
    let a = Place::Actor(0);
    breaks(
        |s| s.name = Name::EMPTY,
        &[(Place::Site, "name", Rule::NameEmpty)],
    );
    breaks(
        |s| s.actors[0].name = name("-a"),
        &[(a, "name", Rule::NameCharacters)],
    );
    breaks(
        |s| s.actors[0].name = name("é"),
        &[(a, "name", Rule::NameCharacters)],
    );
    breaks(
        |s| s.actors[0].name = name("kernel"),
        &[(a, "name", Rule::NameReserved)],
    );
    for image in ["../a", "a.elf", "a/b", "a b", ".", "a\0"] {
        breaks(
            |s| s.actors[0].image = name(image),
            &[(a, "image", Rule::NameCharacters)],
        );
    }
    breaks(
        |s| s.actors.push(actor("a", 1)),
        &[(Place::Actor(1), "name", Rule::NameTaken)],
    );
    breaks(
        |s| {
            s.groups.push(group("g", 0));
            s.actors.push(actor("b", 2));
        },
        &[(Place::Group(2), "name", Rule::NameTaken)],
    );
    breaks(
        |s| s.subsystems[0].name = name("kernel"),
        &[(Place::Subsystem(0), "name", Rule::NameReserved)],
    );
}

#[test]
fn the_kernel_group_is_the_root() {
    let missing = (Place::Group(0), "", Rule::NoKernelGroup);
    breaks(
        |s| s.groups[0].name = name("core"),
        std::slice::from_ref(&missing),
    );
    breaks(
        |s| s.groups[0].subsystem = Some(SubsystemIndex(0)),
        std::slice::from_ref(&missing),
    );
    let circle = Rule::Circle(vec![name("kernel"), name("g")]);
    breaks(
        |s| s.groups[0].edges.push(edge(1)),
        &[missing, (Place::Group(0), "depends_on", circle)],
    );
    breaks(
        |s| s.groups[1].edges.clear(),
        &[(Place::Group(1), "depends_on", Rule::NoBase)],
    );
    breaks(
        |s| s.groups[1].edges[0].reaction = Reaction::Notify,
        &[(Place::Group(1), "depends_on", Rule::KernelReaction)],
    );
    breaks(
        |s| s.actors.push(actor("b", 0)),
        &[(Place::Actor(1), "group", Rule::InKernelGroup)],
    );
}

#[test]
fn references_lead_somewhere() {
    let unknown = |what| Rule::Unknown { what };
    breaks(
        |s| s.actors.push(actor("b", 7)),
        &[(Place::Actor(1), "group", unknown("group"))],
    );
    breaks(
        |s| s.groups[1].edges.push(edge(u16::MAX)),
        &[(Place::Group(1), "depends_on", unknown("group"))],
    );
    breaks(
        |s| s.subsystems[0].manager = Some(ActorIndex(3)),
        &[(Place::Subsystem(0), "manager", unknown("actor"))],
    );
    let no_groups = (Place::Subsystem(0), "", Rule::NoGroups);
    breaks(
        |s| s.groups[1].subsystem = None,
        &[
            no_groups.clone(),
            (Place::Group(1), "subsystem", Rule::NoSubsystem),
        ],
    );
    breaks(
        |s| s.groups[1].subsystem = Some(SubsystemIndex(1)),
        &[
            no_groups,
            (Place::Group(1), "subsystem", unknown("subsystem")),
        ],
    );
}

#[test]
fn dependencies_do_not_go_in_circles() {
    let circle = |names: &[&str]| Rule::Circle(names.iter().map(|text| name(text)).collect());
    breaks(
        |s| s.groups[1].edges.push(edge(1)),
        &[(Place::Group(1), "depends_on", circle(&["g"]))],
    );
    breaks(
        |s| {
            s.groups[1].edges.push(edge(3));
            s.groups.extend([group("h", 1), group("i", 2)]);
            s.actors.extend([actor("b", 2), actor("c", 3)]);
        },
        &[(Place::Group(1), "depends_on", circle(&["g", "i", "h"]))],
    );
    breaks(
        |s| s.groups[1].edges.push(edge(0)),
        &[(
            Place::Group(1),
            "depends_on",
            Rule::BaseTwice(name("kernel")),
        )],
    );
    // Groups without a circle, but neither subsystem can be loaded before the other.
    breaks(
        |s| {
            s.subsystems.push(Subsystem {
                name: name("t"),
                manager: None,
            });
            s.groups.extend([group("h", 1), group("i", 2)]);
            s.groups[2].subsystem = Some(SubsystemIndex(1));
            s.actors.extend([actor("b", 2), actor("c", 3)]);
        },
        &[(Place::Subsystem(0), "", circle(&["s", "t"]))],
    );
}

#[test]
fn groups_have_direct_actors() {
    let empty = (Place::Group(2), "", Rule::NoDirectActor);
    breaks(
        |s| s.groups.push(group("h", 0)),
        std::slice::from_ref(&empty),
    );
    breaks(
        |s| {
            s.groups.push(group("h", 0));
            s.actors.push(actor("b", 2));
            s.actors[1].direct = false;
        },
        &[empty],
    );
    breaks(
        |s| s.actors[0].direct = false,
        &[
            (Place::Site, "actor", Rule::NoActors),
            (Place::Group(1), "", Rule::NoDirectActor),
        ],
    );
}

#[test]
fn managers_come_first_in_their_subsystem() {
    let place = Place::Subsystem(0);
    breaks(
        |s| {
            s.actors.push(actor("b", 1));
            s.actors[1].direct = false;
            s.subsystems[0].manager = Some(ActorIndex(1));
        },
        &[(place, "manager", Rule::ManagerElsewhere)],
    );
    breaks(
        |s| {
            s.groups.push(group("h", 1));
            s.actors.push(actor("b", 2));
            s.subsystems[0].manager = Some(ActorIndex(1));
        },
        &[(place, "manager", Rule::ManagerNotFirst(name("g")))],
    );
}

#[test]
fn numbers_are_in_their_ranges() {
    let a = Place::Actor(0);
    let priority = |value| [(a, "priority", range("the priority", value, 1, 63))];
    breaks(|s| s.actors[0].priority = 0, &priority(0));
    breaks(|s| s.actors[0].priority = 64, &priority(64));
    let size = |value| range("the stack's size in bytes", value, 4096, 16 << 20);
    breaks(|s| s.actors[0].stack_bytes = 0, &[(a, "stack", size(0))]);
    breaks(
        |s| s.actors[0].stack_bytes = 5000,
        &[(a, "stack", Rule::StackPages)],
    );
    let over = Rule::StackOverBudget {
        pages: 4097,
        frames: 1024,
    };
    let large = (16 << 20) + 4096;
    breaks(
        |s| s.actors[0].stack_bytes = large,
        &[(a, "stack", size(large)), (a, "stack", over)],
    );
    let none = |key, what, high| [(a, key, range(what, 0, 1, high))];
    let frames = none("budget.frames", "the number of frames", 1 << 20);
    breaks(|s| s.actors[0].budget.frames = 0, &frames);
    let threads = none("budget.threads", "the number of threads", 1024);
    breaks(|s| s.actors[0].budget.threads = 0, &threads);
    let ports = range("the number of ports", 1025, 0, 1024);
    breaks(
        |s| s.actors[0].budget.ports = 1025,
        &[(a, "budget.ports", ports)],
    );
    let heartbeat = range(
        "the heartbeat in nanoseconds",
        5,
        1_000_000,
        3_600_000_000_000,
    );
    breaks(
        |s| s.actors[0].heartbeat = Some(Span(5)),
        &[(a, "heartbeat", heartbeat)],
    );
    let unknown = Rule::UnknownRights(0x8000_0000);
    breaks(
        |s| s.actors[0].rights = Rights(0x8000_0001),
        &[(a, "rights", unknown)],
    );
    let clerk = Target::Actor(ActorIndex(0));
    let rows = [
        (
            Target::Actor(ActorIndex(99)),
            Rights::KILL,
            Rule::Unknown {
                what: "actor or group",
            },
        ),
        (
            Target::Group(GroupIndex(99)),
            Rights::KILL,
            Rule::Unknown {
                what: "actor or group",
            },
        ),
        (
            Target::Group(GroupIndex::KERNEL),
            Rights::KILL,
            Rule::GrantOnKernel,
        ),
        (clerk, Rights(1 << 30), Rule::UnknownRights(1 << 30)),
        (clerk, Rights::HOOK, Rule::NotTargeted(Rights::HOOK)),
    ];
    for (on, rights, rule) in rows {
        breaks(
            |s| s.actors[0].grants = vec![support::grant(on, rights)],
            &[(a, "grants", rule)],
        );
    }
    let (what, count, limit) = ("grants", 17, limits::GRANTS_MAX);
    breaks(
        |s| s.actors[0].grants = vec![support::grant(clerk, Rights::KILL); 17],
        &[(a, "grants", Rule::TooMany { what, count, limit })],
    );
    let arguments = Text::truncated("a\nb");
    breaks(
        |s| s.actors[0].arguments = arguments,
        &[(a, "arguments", Rule::ControlCharacter)],
    );
}

#[test]
fn policy_parameters_make_sense() {
    let over = Rule::LimitsOverHistory {
        limit: restart_manager::history::HISTORY_MAX,
    };
    breaks(
        |s| s.parameters.hot_limit = 99,
        &[(Place::Site, "policy", over)],
    );
    breaks(
        |s| s.groups[1].parameters.window = Span::ZERO,
        &[(Place::Group(1), "policy.window", Rule::WindowEmpty)],
    );
    breaks(
        |s| s.actors[0].parameters.backoff.longest = Span(1),
        &[(Place::Actor(0), "policy.backoff", Rule::BackoffShrinks)],
    );
}

#[test]
fn tables_are_bounded() {
    let many = |key, what, count, limit| [(Place::Site, key, Rule::TooMany { what, count, limit })];
    let actors = many("actor", "actors", 1025, limits::ACTORS_MAX);
    breaks(|s| s.actors = vec![actor("a", 1); 1025], &actors);
    let groups = many("group", "groups", 257, limits::GROUPS_MAX);
    breaks(|s| s.groups = vec![group("g", 0); 257], &groups);
    let bases = Rule::TooMany {
        what: "bases",
        count: 17,
        limit: limits::EDGES_MAX,
    };
    breaks(
        |s| s.groups[1].edges = vec![edge(0); 17],
        &[(Place::Group(1), "depends_on", bases)],
    );
}

#[test]
fn all_broken_rules_are_found_at_once() {
    let mut site = plain();
    site.name = Name::EMPTY;
    site.actors[0].priority = 99;
    site.actors[0].image = name("a.b");
    site.groups[1].edges.clear();
    assert_eq!(validate(&site).unwrap_err().len(), 4);
}

#[test]
fn loading_goes_from_the_bases_up_and_the_manager_comes_first() {
    let mut site = plain();
    // Declared from the top down: h on g, g on i; the manager is in i's subsystem, declared last.
    site.groups[1].edges[0].base = GroupIndex(3);
    site.groups
        .extend([group("h", 1), group("i", 0), group("j", 0)]);
    site.groups[3].subsystem = Some(SubsystemIndex(1));
    site.groups[4].subsystem = Some(SubsystemIndex(1));
    site.subsystems.push(Subsystem {
        name: name("t"),
        manager: Some(ActorIndex(3)),
    });
    site.actors
        .extend([actor("b", 2), actor("c", 3), actor("m", 4), actor("d", 3)]);
    assert_eq!(validate(&site), Ok(()));

    let (a, b, c, m, d) = (
        ActorIndex(0),
        ActorIndex(1),
        ActorIndex(2),
        ActorIndex(3),
        ActorIndex(4),
    );
    let expected = [
        Step::Enter(SubsystemIndex(1)),
        Step::Open(GroupIndex(4)),
        Step::Load(m),
        Step::Activate(m),
        Step::Open(GroupIndex(3)),
        Step::Load(c),
        Step::Load(d),
        Step::Delegate {
            actor: c,
            manager: m,
        },
        Step::Delegate {
            actor: d,
            manager: m,
        },
        Step::Leave(SubsystemIndex(1)),
        Step::Enter(SubsystemIndex(0)),
        Step::Open(GroupIndex(1)),
        Step::Load(a),
        Step::Activate(a),
        Step::Open(GroupIndex(2)),
        Step::Load(b),
        Step::Activate(b),
        Step::Leave(SubsystemIndex(0)),
    ];
    assert_eq!(order::boot(&site), expected);
}

proptest! {
    #[test]
    fn any_site_is_judged_and_ordered_without_panic(site in support::any_site()) {
        let _ = validate(&site);
        let _ = order::boot(&site);
    }

    #[test]
    fn every_direct_actor_starts_once_after_all_it_depends_on(site in support::valid_site()) {
        let steps = order::boot(&site);
        let at = |step: Step| {
            let found: Vec<usize> = (0..steps.len()).filter(|at| steps[*at] == step).collect();
            assert!(found.len() <= 1, "{step:?} twice");
            found.first().copied()
        };
        let started = |index: ActorIndex| {
            let group = site.actors[index.index()].group;
            let subsystem = site.groups[group.index()].subsystem.unwrap();
            let manager = site.subsystems[subsystem.index()].manager;
            let delegated = manager.and_then(|m| at(Step::Delegate { actor: index, manager: m }));
            if let (Some(delegated), Some(manager)) = (delegated, manager) {
                assert!(at(Step::Activate(manager)) < Some(delegated));
            }
            assert!(delegated.is_none() || at(Step::Activate(index)).is_none());
            delegated.or(at(Step::Activate(index)))
        };

        for (position, actor) in site.actors.iter().enumerate() {
            let index = ActorIndex::at(position);
            let (load, start) = (at(Step::Load(index)), started(index));
            prop_assert_eq!(load.is_some(), actor.direct);
            prop_assert_eq!(start.is_some(), actor.direct);
            for edge in &site.groups[actor.group.index()].edges {
                for (base, _) in site.members(edge.base).filter(|(_, base)| base.direct) {
                    prop_assert!(!actor.direct || started(base) < load);
                }
            }
            for (member, _) in site.members(actor.group).filter(|(_, member)| member.direct) {
                prop_assert!(!actor.direct || at(Step::Load(member)) < start);
            }
        }
    }
}
