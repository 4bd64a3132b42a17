//! The rules about one actor: its names, its place, and what it may use.

use alloc::vec::Vec;

use abi::layout::PAGE_BYTES;
use abi::site::Rights;
use abi::{Name, Span};

use super::{Place, Report, Rule, check_name, check_unique, parameters};
use crate::limits;
use crate::site::{Actor, GroupIndex, KERNEL_NAME, Target};

pub(super) fn check(report: &mut Report<'_>) {
    let site = report.site;
    let names: Vec<Name> = site.actors.iter().map(|actor| actor.name).collect();
    check_unique(report, &names, Place::Actor);
    for (at, actor) in site.actors.iter().enumerate() {
        let place = Place::Actor(at);
        check_name(report, place, "name", actor.name);
        check_name(report, place, "image", actor.image);
        if actor.name.as_str() == KERNEL_NAME {
            report.add(place, "name", Rule::NameReserved);
        } else if actor.group == GroupIndex::KERNEL {
            report.add(place, "group", Rule::InKernelGroup);
        }
        if site.group(actor.group).is_none() {
            report.add(place, "group", Rule::Unknown { what: "group" });
        }
        if actor.arguments.as_str().chars().any(char::is_control) {
            report.add(place, "arguments", Rule::ControlCharacter);
        }
        check_rights(report, place, "rights", actor.rights);
        check_grants(report, place, actor);
        check_numbers(report, place, actor);
        parameters::check(report, place, &actor.parameters);
    }
}

fn check_rights(report: &mut Report<'_>, place: Place, key: &'static str, rights: Rights) {
    let all = Rights::NAMED
        .iter()
        .fold(Rights::NONE, |all, (_, right)| all.union(*right));
    let unknown = rights.0 & !all.0;
    if unknown != 0 {
        report.add(place, key, Rule::UnknownRights(unknown));
    }
}

fn check_grants(report: &mut Report<'_>, place: Place, actor: &Actor) {
    let key = "grants";
    for grant in &actor.grants {
        check_rights(report, place, key, grant.rights);
        let Some(on) = report.site.target_name(grant.on) else {
            let what = "actor or group";
            report.add(place, key, Rule::Unknown { what });
            continue;
        };
        if grant.on == Target::Group(GroupIndex::KERNEL) {
            report.add(place, key, Rule::GrantOnKernel);
        }
        if grant.rights == Rights::NONE {
            report.add(place, key, Rule::GrantEmpty(on));
        }
        let named = Rights::NAMED.iter().map(|(_, right)| *right);
        for right in named.filter(|right| grant.rights.contains(*right)) {
            if !Rights::TARGETED.contains(right) {
                report.add(place, key, Rule::NotTargeted(right));
            }
        }
        let is_own = grant.on == Target::Group(actor.group);
        if grant.rights.contains(Rights::SPAWN) && !is_own {
            report.add(place, key, Rule::SpawnElsewhere(on));
        }
    }
}

fn check_numbers(report: &mut Report<'_>, place: Place, actor: &Actor) {
    let budget = &actor.budget;
    let priority = (
        u64::from(limits::PRIORITY_MIN),
        u64::from(limits::PRIORITY_MAX),
    );
    let stack = (limits::STACK_MIN, limits::STACK_MAX);
    let frames = (1, u64::from(limits::FRAMES_MAX));
    let threads = (1, u64::from(limits::THREADS_MAX));
    let ports = (0, u64::from(limits::PORTS_MAX));
    let kept = (0, u64::from(limits::FRAMES_MAX));
    let mut numbers = Vec::from([
        (
            "priority",
            "the priority",
            u64::from(actor.priority),
            priority,
        ),
        (
            "stack",
            "the stack's size in bytes",
            actor.stack_bytes,
            stack,
        ),
        (
            "budget.frames",
            "the number of frames",
            u64::from(budget.frames),
            frames,
        ),
        (
            "budget.threads",
            "the number of threads",
            u64::from(budget.threads),
            threads,
        ),
        (
            "budget.ports",
            "the number of ports",
            u64::from(budget.ports),
            ports,
        ),
        (
            "budget.persistent_frames",
            "the number of persistent frames",
            u64::from(budget.persistent_frames),
            kept,
        ),
    ]);
    let watch = (limits::WATCH_MIN.0, limits::WATCH_MAX.0);
    let mut watched = |key, what, span: Option<Span>| {
        numbers.extend(span.map(|span| (key, what, span.0, watch)));
    };
    watched("heartbeat", "the heartbeat in nanoseconds", actor.heartbeat);
    watched(
        "start_deadline",
        "the start deadline in nanoseconds",
        actor.start_deadline,
    );

    for (key, what, value, (low, high)) in numbers {
        if !(low..=high).contains(&value) {
            report.add(
                place,
                key,
                Rule::Range {
                    what,
                    value,
                    low,
                    high,
                },
            );
        }
    }
    if !actor.stack_bytes.is_multiple_of(PAGE_BYTES) {
        report.add(place, "stack", Rule::StackPages);
    }
    let pages = actor.stack_pages();
    // A budget of no frames at all is reported above.
    if budget.frames > 0 && pages > u64::from(budget.frames) {
        report.add(
            place,
            "stack",
            Rule::StackOverBudget {
                pages,
                frames: budget.frames,
            },
        );
    }
}
