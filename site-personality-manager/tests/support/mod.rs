//! Sites for tests: valid ones, and any at all.

#![allow(
    dead_code,
    reason = "not every test program that includes this module uses all of it"
)]

use abi::site::Rights;
use abi::{Name, Span, Text};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use restart_manager::{Backoff, Parameters};
use site_personality_manager::{
    Actor, ActorIndex, Budget, Edge, Grant, Group, GroupIndex, Reaction, Site, Subsystem,
    SubsystemIndex, Target,
};

/// A site with nothing remarkable: one actor `a` in one group `g` of one subsystem `s`.
pub(crate) fn plain() -> Site {
    Site {
        name: name("site"),
        subsystems: vec![Subsystem {
            name: name("s"),
            manager: None,
        }],
        groups: vec![
            Group {
                subsystem: None,
                edges: Vec::new(),
                ..group("kernel", 0)
            },
            group("g", 0),
        ],
        actors: vec![actor("a", 1)],
        parameters: Parameters::DEFAULT,
    }
}

/// A group that depends on one other.
pub(crate) fn group(text: &str, base: u16) -> Group {
    Group {
        name: name(text),
        subsystem: Some(SubsystemIndex(0)),
        edges: vec![edge(base)],
        parameters: Parameters::DEFAULT,
    }
}

/// The usual dependency.
pub(crate) fn edge(base: u16) -> Edge {
    Edge {
        base: GroupIndex(base),
        reaction: Reaction::Restart,
        reverse: Reaction::None,
    }
}

/// An actor with nothing remarkable.
pub(crate) fn actor(text: &str, group: u16) -> Actor {
    Actor {
        name: name(text),
        image: name("image"),
        arguments: Text::EMPTY,
        priority: 16,
        stack_bytes: 65536,
        budget: Budget::default(),
        rights: Rights::NONE,
        grants: Vec::new(),
        group: GroupIndex(group),
        direct: true,
        heartbeat: None,
        start_deadline: None,
        parameters: Parameters::DEFAULT,
    }
}

/// Rights on somebody.
pub(crate) fn grant(on: Target, rights: Rights) -> Grant {
    Grant { on, rights }
}

pub(crate) fn name(text: &str) -> Name {
    Name::truncated(text)
}

/// Sites that keep every rule. Dependencies go from later groups to earlier ones, and subsystems
/// are runs of groups, so that nothing can go in a circle; the tables are then shuffled, because
/// the order of declaration is not that of dependency.
pub(crate) fn valid_site() -> impl Strategy<Value = Site> {
    let groups = vec(
        (
            any::<u16>(),
            vec((any::<u16>(), reaction(), reaction()), 0..3),
        ),
        1..12,
    );
    let actors = vec((any::<u16>(), valid_actor()), 0..20);
    (
        groups,
        actors,
        1_u16..4,
        vec(any::<bool>(), 4),
        vec(any::<u16>(), 13),
        parameters(),
    )
        .prop_map(
            |(groups, extra, subsystems, managed, shuffle, parameters)| {
                let count = groups.len() as u16;
                let subsystems = subsystems.min(count);
                let mut site = Site {
                    name: name("site"),
                    subsystems: Vec::new(),
                    groups: vec![Group {
                        subsystem: None,
                        edges: Vec::new(),
                        ..group("kernel", 0)
                    }],
                    actors: Vec::new(),
                    parameters,
                };
                for at in 0..subsystems {
                    site.subsystems.push(Subsystem {
                        name: name(&format!("s{at}")),
                        manager: None,
                    });
                }
                for (at, (parent, further)) in groups.iter().enumerate() {
                    let at = at as u16 + 1;
                    let mut edges = vec![edge(parent % at)];
                    for (base, reaction, reverse) in further {
                        let base = GroupIndex(base % at);
                        let is_new = edges.iter().all(|edge| edge.base != base);
                        if is_new && base != GroupIndex::KERNEL {
                            edges.push(Edge {
                                base,
                                reaction: *reaction,
                                reverse: *reverse,
                            });
                        }
                    }
                    let subsystem = SubsystemIndex((at - 1) * subsystems / count);
                    let name = name(&format!("g{at}"));
                    site.groups.push(Group {
                        name,
                        subsystem: Some(subsystem),
                        edges,
                        parameters,
                    });
                    // The first group of a subsystem may hold its manager: it needs no other of it.
                    let entry = &mut site.subsystems[subsystem.index()];
                    if entry.manager.is_none() && managed[subsystem.index()] {
                        let is_first = at == 1 || (at - 2) * subsystems / count != subsystem.0;
                        entry.manager = is_first.then(|| ActorIndex::at(site.actors.len()));
                    }
                    site.actors.push(actor(&format!("a{at}"), at));
                }
                for (at, (group, mut actor)) in extra.into_iter().enumerate() {
                    actor.name = name(&format!("b{at}"));
                    actor.group = GroupIndex(group % count + 1);
                    site.actors.push(actor);
                }
                shuffled(site, &shuffle)
            },
        )
}

/// Swaps groups, but for the kernel's, and corrects every reference to them.
fn shuffled(mut site: Site, swaps: &[u16]) -> Site {
    let count = site.groups.len();
    let mut moved: Vec<usize> = (0..count).collect();
    for (at, swap) in swaps.iter().enumerate().take(count).skip(1) {
        moved.swap(at, 1 + usize::from(*swap) % (count - 1));
    }
    let old = site.groups.clone();
    for (from, to) in moved.iter().enumerate() {
        site.groups[*to] = old[from].clone();
    }
    let follow = |group: &mut GroupIndex| *group = GroupIndex::at(moved[group.index()]);
    site.groups
        .iter_mut()
        .flat_map(|group| &mut group.edges)
        .for_each(|e| follow(&mut e.base));
    site.actors
        .iter_mut()
        .for_each(|actor| follow(&mut actor.group));
    site
}

fn reaction() -> impl Strategy<Value = Reaction> {
    prop_oneof![
        Just(Reaction::Restart),
        Just(Reaction::Notify),
        Just(Reaction::None)
    ]
}

fn valid_actor() -> impl Strategy<Value = Actor> {
    let numbers = (
        1_u8..=63,
        1_u64..=16,
        16_u32..4096,
        1_u32..=1024,
        0_u32..=1024,
        0_u32..9999,
    );
    let watch = || option::of((1_000_000_u64..3_600_000_000_000).prop_map(Span));
    (
        "[ -~]{0,120}",
        numbers,
        0_u32..512,
        any::<bool>(),
        watch(),
        watch(),
        parameters(),
    )
        .prop_map(
            |(arguments, numbers, rights, direct, heartbeat, start_deadline, parameters)| {
                let (priority, pages, frames, threads, ports, persistent_frames) = numbers;
                Actor {
                    arguments: Text::truncated(&arguments),
                    priority,
                    stack_bytes: pages * 4096,
                    budget: Budget {
                        frames,
                        threads,
                        ports,
                        persistent_frames,
                    },
                    rights: Rights(rights),
                    grants: vec![grant(Target::Group(GroupIndex(1)), Rights::KILL)],
                    direct,
                    heartbeat,
                    start_deadline,
                    parameters,
                    ..actor("a", 1)
                }
            },
        )
}

fn parameters() -> impl Strategy<Value = Parameters> {
    let spans = (1..u64::MAX, any::<u64>(), any::<u64>(), any::<u64>());
    (spans, 0_u32..8, 0_u32..8, any::<u32>()).prop_map(|(spans, hot_limit, reload_limit, free)| {
        let (window, stable_after, first, longest) = spans;
        Parameters {
            window: Span(window),
            hot_limit,
            reload_limit,
            stable_after: Span(stable_after),
            backoff: Backoff {
                free,
                first: Span(first.min(longest)),
                longest: Span(first.max(longest)),
            },
            ..Parameters::DEFAULT
        }
    })
}

/// Sites with any indices and numbers at all, as damage that no checksum has seen might make them.
pub(crate) fn any_site() -> impl Strategy<Value = Site> {
    // Small indices hit each other often, the largest lead nowhere.
    let index = || prop_oneof![0_u16..6, Just(u16::MAX)];
    let edge = (index(), reaction(), reaction()).prop_map(|(base, reaction, reverse)| Edge {
        base: GroupIndex(base),
        reaction,
        reverse,
    });
    let group =
        ("\\PC{0,9}", option::of(index()), vec(edge, 0..4)).prop_map(|(text, subsystem, edges)| {
            Group {
                name: name(&text),
                subsystem: subsystem.map(SubsystemIndex),
                edges,
                parameters: Parameters::DEFAULT,
            }
        });
    let subsystem = ("[a-c]{0,2}", option::of(index())).prop_map(|(text, manager)| Subsystem {
        name: name(&text),
        manager: manager.map(ActorIndex),
    });
    let actor = ("\\PC{0,9}", index(), any::<(u8, u64, u32, u32, bool)>()).prop_map(
        |(text, group, (priority, stack_bytes, frames, rights, direct))| Actor {
            priority,
            stack_bytes,
            budget: Budget {
                frames,
                ..Budget::default()
            },
            rights: Rights(rights),
            grants: vec![
                grant(Target::Actor(ActorIndex(priority.into())), Rights(frames)),
                grant(Target::Group(GroupIndex(group)), Rights(rights)),
            ],
            direct,
            ..actor(&text, group)
        },
    );
    (vec(subsystem, 0..5), vec(group, 0..7), vec(actor, 0..7)).prop_map(
        |(subsystems, groups, actors)| Site {
            name: name("any"),
            subsystems,
            groups,
            actors,
            parameters: Parameters::DEFAULT,
        },
    )
}
