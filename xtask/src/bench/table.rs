//! What is measured, by which site, and how much it may cost.
//!
//! A measure is a row here, and a scenario of `bench-meter`'s that prints samples under its name.
//! Budgets are what must hold; aims are what we would like. Both are instructions, and of the median,
//! but where a row says otherwise.

use super::sites;

/// A site, and what it measures.
pub(crate) struct Scenario {
    /// The site's name.
    pub(crate) site: &'static str,
    /// Where its description is.
    pub(crate) description: Description,
    /// Whether it is part of the short form.
    pub(crate) form: Form,
    /// How often it is booted: more than once if a boot gives one sample only.
    pub(crate) boots: usize,
    /// What the kernel does meanwhile.
    pub(crate) life: Life,
    /// The machine's memory.
    pub(crate) memory_mib: u32,
    /// What it measures.
    pub(crate) measures: &'static [Measure],
}

/// Where the description of a site is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Description {
    /// In site-personality-manager/sites.
    Kept,
    /// Made when it is needed: it says the same of many actors.
    Made(fn() -> String),
    /// The same, told the name of its first measure.
    MadeFor(fn(&str) -> String),
}

/// What the kernel does while a site measures.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Life {
    /// It does not end.
    Stays,
    /// It ends, and comes back from memory.
    Restarts,
    /// The machine is reset.
    Reboots,
}

/// When a scenario is run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Form {
    /// Always; it takes a second or so.
    Short,
    /// Only in the long form.
    Long,
}

/// A thing that is measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Measure {
    /// Its name, as the meter prints it.
    pub(crate) name: &'static str,
    /// What it is.
    pub(crate) what: &'static str,
    /// What it may cost.
    pub(crate) limit: Option<Limit>,
}

/// What something may cost.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limit {
    /// What must hold.
    pub(crate) budget: Budget,
    /// What we would like, if that is a number.
    pub(crate) aim: Option<u64>,
    /// Of which of the samples.
    pub(crate) of: Statistic,
}

/// What must hold.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Budget {
    /// No more than this.
    Most(u64),
    /// No more than another measure costs, and so many per cent.
    Like(&'static str, u64),
    /// No more than this, without a firmware and its loader.
    Direct(u64),
}

/// One of the numbers that samples are summed up in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Statistic {
    /// The least.
    Min,
    /// The one in the middle.
    Median,
    /// The greatest.
    Max,
}

/// What one more of something costs: a line through the medians of several measures.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slope {
    /// Its name.
    pub(crate) name: &'static str,
    /// What it is.
    pub(crate) what: &'static str,
    /// The measures, and of how much each is.
    pub(crate) points: &'static [(&'static str, u32)],
    /// What it may be.
    pub(crate) limit: Option<Limit>,
}

const fn measure(name: &'static str, what: &'static str) -> Measure {
    Measure {
        name,
        what,
        limit: None,
    }
}

impl Measure {
    const fn within(self, budget: u64, aim: u64) -> Self {
        let limit = Some(median(budget, aim));
        Self { limit, ..self }
    }

    /// A limit that is for a direct boot only, and for the one that waited least for the host's disk.
    const fn within_directly(self, budget: u64, aim: u64) -> Self {
        let limit = Limit {
            budget: Budget::Direct(budget),
            of: Statistic::Min,
            ..median(budget, aim)
        };
        Self {
            limit: Some(limit),
            ..self
        }
    }

    const fn like(self, other: &'static str, percent: u64) -> Self {
        let limit = Limit {
            budget: Budget::Like(other, percent),
            aim: None,
            of: Statistic::Median,
        };
        Self {
            limit: Some(limit),
            ..self
        }
    }
}

const fn median(budget: u64, aim: u64) -> Limit {
    Limit {
        budget: Budget::Most(budget),
        aim: Some(aim),
        of: Statistic::Median,
    }
}

const fn max(budget: u64, aim: u64) -> Limit {
    Limit {
        of: Statistic::Max,
        ..median(budget, aim)
    }
}

/// What a measure's samples may be accompanied by, each under the measure's name and this ending,
/// with a limit of its own.
pub(crate) const COMPANIONS: &[(&str, &str, Limit)] = &[
    (
        ".off",
        "longest time with interrupts off during that",
        max(4_000, 1_500),
    ),
    (
        ".wait",
        "from an interrupt to its handler, at the highest priority, during that",
        max(8_000, 3_000),
    ),
];

/// The parts that a restart's time is split into, in their order, by their endings.
pub(crate) const PARTS: &[(&str, &str)] = &[
    (".notice", "fault to failure"),
    (".freeze", "freeze"),
    (".delay", "delay"),
    (".restart", "restart"),
    (".activate", "activate"),
    (".reply", "to first reply"),
    (".answer", "to the client"),
];

const fn kept(site: &'static str, form: Form, measures: &'static [Measure]) -> Scenario {
    Scenario {
        site,
        description: Description::Kept,
        form,
        boots: 1,
        life: Life::Stays,
        memory_mib: 512,
        measures,
    }
}

/// The site of a group with so many members.
const fn group<const MEMBERS: usize>(
    site: &'static str,
    form: Form,
    measures: &'static [Measure],
) -> Scenario {
    Scenario {
        description: Description::Made(sites::group::<MEMBERS>),
        ..kept(site, form, measures)
    }
}

/// The site that is restarted with so many members, and keepers with so many regions of so many MiB.
const fn site<
    const MEMBERS: usize,
    const KEEPERS: usize,
    const REGIONS: usize,
    const MIB: usize,
>(
    site: &'static str,
    form: Form,
    measures: &'static [Measure],
) -> Scenario {
    Scenario {
        description: Description::MadeFor(sites::restarts::<MEMBERS, KEEPERS, REGIONS, MIB>),
        life: Life::Restarts,
        // Half of it is for what is preserved.
        memory_mib: 1024,
        ..kept(site, form, measures)
    }
}

/// Every scenario, in the order in which results are shown.
pub(crate) const SCENARIOS: &[Scenario] = &[
    kept(
        "bench-calls",
        Form::Short,
        &[
            measure("syscall", "null system call").within(80, 40),
            measure("lap", "LAP round trip, registers only").within(240, 120),
            measure("lap-lent", "LAP round trip, 4 KiB lent"),
            measure("lap-copied", "LAP round trip, 4 KiB copied"),
            measure("port", "call of a port and reply, 32 B").within(450, 350),
            measure("port-page", "call of a port and reply, 4 KiB"),
        ],
    ),
    kept(
        "bench-threads",
        Form::Short,
        &[measure("switch", "thread switch within an actor")],
    ),
    kept(
        "bench-switch",
        Form::Short,
        &[measure("switch-actors", "thread switch between actors")],
    ),
    kept(
        "bench-interrupts",
        Form::Short,
        &[measure("interrupt", "interrupt to a handler in an actor")],
    ),
    kept(
        "bench-pages",
        Form::Short,
        &[
            measure("fault-zero", "page fault, zeroed page"),
            measure("fault-copy", "page fault, copy-on-write").within(1_100, 850),
        ],
    ),
    kept(
        "bench-restart-16k",
        Form::Short,
        &[
            measure("restart-16k", "hot restart, 16 KiB, 4 dirty pages").within(9_000, 5_000),
            measure("restart-threads-4", "the same with 4 further threads"),
            measure("restart-threads-16", "the same with 16 further threads"),
            measure("restart-threads-64", "the same with 64 further threads"),
        ],
    ),
    kept(
        "bench-restart-1m",
        Form::Short,
        &[
            measure("restart-1m-0", "hot restart, 1 MiB, untouched").like("restart-16k", 105),
            measure("restart-1m-4", "hot restart, 1 MiB, 4 dirty pages").like("restart-16k", 105),
            measure("restart-1m-64", "hot restart, 1 MiB, 64 dirty pages"),
            measure("restart-1m-all", "hot restart, 1 MiB, all dirty"),
            measure(
                "restart-1m-written",
                "the same, all written again before the reply",
            )
            .within(400_000, 200_000),
        ],
    ),
    kept(
        "bench-restart-8m",
        Form::Long,
        &[
            measure("restart-8m-0", "hot restart, 8 MiB, untouched").like("restart-16k", 105),
            measure("restart-8m-4", "hot restart, 8 MiB, 4 dirty pages").like("restart-16k", 105),
            measure("restart-8m-64", "hot restart, 8 MiB, 64 dirty pages"),
            measure("restart-8m-all", "hot restart, 8 MiB, all dirty"),
            measure(
                "restart-8m-written",
                "the same, all written again before the reply",
            )
            .within(3_200_000, 1_500_000),
        ],
    ),
    kept(
        "bench-restart-64m",
        Form::Long,
        &[
            measure("restart-64m-0", "hot restart, 64 MiB, untouched").like("restart-16k", 105),
            measure("restart-64m-4", "hot restart, 64 MiB, 4 dirty pages").like("restart-16k", 105),
            measure("restart-64m-64", "hot restart, 64 MiB, 64 dirty pages"),
            measure("restart-64m-all", "hot restart, 64 MiB, all dirty"),
        ],
    ),
    group::<1>(
        "bench-group-1",
        Form::Short,
        &[measure("group-1", "restart of a group of 1")],
    ),
    group::<8>(
        "bench-group-8",
        Form::Short,
        &[measure("group-8", "restart of a group of 8").within(8 * 8_000, 8 * 4_500)],
    ),
    group::<64>(
        "bench-group-64",
        Form::Short,
        &[measure("group-64", "restart of a group of 64").within(64 * 8_000, 64 * 4_500)],
    ),
    group::<512>(
        "bench-group-512",
        Form::Short,
        &[measure("group-512", "restart of a group of 512").within(512 * 8_000, 512 * 4_500)],
    ),
    kept(
        "bench-reload",
        Form::Short,
        &[
            measure("reload-64k", "reload, 64 KiB, without waiting for the disk")
                .within(150_000, 80_000),
        ],
    ),
    kept(
        "bench-reload-1m",
        Form::Short,
        &[measure("reload-1m", "the same, 1 MiB")],
    ),
    kept(
        "bench-reload-64m",
        Form::Long,
        &[measure("reload-64m", "the same, 64 MiB")],
    ),
    site::<1, 0, 0, 0>(
        "bench-site-1",
        Form::Short,
        &[
            measure("site-1", "site restart, 1 actor").within(2_000_000, 800_000),
            measure("site-1-all", "the same, until the last actor has answered"),
        ],
    ),
    site::<64, 0, 0, 0>(
        "bench-site-64",
        Form::Short,
        &[
            measure("site-64", "site restart, 64 actors").within(2_000_000, 800_000),
            measure("site-64-all", "the same, until the last actor has answered"),
        ],
    ),
    site::<512, 0, 0, 0>(
        "bench-site-512",
        Form::Long,
        &[
            measure("site-512", "site restart, 512 actors"),
            measure(
                "site-512-all",
                "the same, until the last actor has answered",
            ),
        ],
    ),
    site::<64, 1, 1, 1>(
        "bench-site-1m",
        Form::Short,
        &[measure(
            "site-1m",
            "site restart, 64 actors, 1 MiB of persistent memory",
        )],
    ),
    site::<64, 1, 1, 64>(
        "bench-site-64m",
        Form::Long,
        &[measure("site-64m", "the same with 64 MiB")],
    ),
    site::<64, 1, 1, 256>(
        "bench-site-256m",
        Form::Long,
        &[
            measure("site-256m", "the same with 256 MiB").like("site-1m", 101),
            measure("site-256m-all", "the same, until its owner has opened it"),
        ],
    ),
    site::<64, 4, 4, 0>(
        "bench-site-regions-16",
        Form::Long,
        &[measure(
            "site-regions-16",
            "site restart, 64 actors, 16 persistent regions",
        )],
    ),
    site::<64, 4, 64, 0>(
        "bench-site-regions-256",
        Form::Short,
        &[measure("site-regions-256", "the same with 256 regions")],
    ),
    Scenario {
        life: Life::Reboots,
        ..kept(
            "bench-site-reboot",
            Form::Short,
            &[measure(
                "site-reboot",
                "site reboot, through the firmware, 1 actor",
            )],
        )
    },
    Scenario {
        boots: 9,
        ..kept(
            "bench-boot",
            Form::Short,
            &[
                measure("boot", "from power to the first actor's first instruction")
                    .within_directly(60_000_000, 20_000_000),
            ],
        )
    },
];

/// Every slope.
pub(crate) const SLOPES: &[Slope] = &[
    Slope {
        name: "per-dirty-page",
        what: "hot restart, each further dirty page",
        points: &[
            ("restart-1m-0", 0),
            ("restart-1m-4", 4),
            ("restart-1m-64", 64),
            ("restart-1m-all", 256),
        ],
        limit: None,
    },
    Slope {
        name: "per-thread",
        what: "hot restart, each further thread",
        points: &[
            ("restart-16k", 0),
            ("restart-threads-4", 4),
            ("restart-threads-16", 16),
            ("restart-threads-64", 64),
        ],
        limit: Some(median(400, 200)),
    },
    Slope {
        name: "per-member",
        what: "restart of a group, each further member",
        points: &[
            ("group-1", 1),
            ("group-8", 8),
            ("group-64", 64),
            ("group-512", 512),
        ],
        limit: Some(median(8_000, 4_500)),
    },
    Slope {
        name: "site-per-actor",
        what: "site restart, each further actor",
        points: &[("site-1", 1), ("site-64", 64), ("site-512", 512)],
        limit: None,
    },
    Slope {
        name: "site-per-mib",
        what: "site restart, each further MiB of persistent memory",
        points: &[("site-1m", 1), ("site-64m", 64), ("site-256m", 256)],
        limit: Some(median(0, 0)),
    },
    Slope {
        name: "site-per-region",
        what: "site restart, each further persistent region",
        points: &[("site-regions-16", 16), ("site-regions-256", 256)],
        limit: Some(median(200, 200)),
    },
    Slope {
        name: "memory-per-actor",
        what: "bytes of memory, each further small actor with its thread",
        points: &[
            ("memory-group-1", 1),
            ("memory-group-8", 8),
            ("memory-group-64", 64),
            ("memory-group-512", 512),
        ],
        limit: None,
    },
    Slope {
        name: "memory-per-thread",
        what: "bytes of memory, each further thread that has run",
        points: &[("memory-threads-0", 0), ("memory-threads-64", 64)],
        limit: None,
    },
];

/// How the names of sizes begin: those are in bytes.
pub(crate) const MEMORY: &str = "memory-";

#[cfg(test)]
mod tests {
    use super::*;

    fn measures() -> impl Iterator<Item = &'static Measure> {
        SCENARIOS.iter().flat_map(|scenario| scenario.measures)
    }

    #[test]
    fn what_rows_refer_to_is_there() {
        let is_known = |name: &str| measures().filter(|one| one.name == name).count() == 1;
        for one in measures() {
            assert!(is_known(one.name), "{} is there twice", one.name);
            if let Some(Limit {
                budget: Budget::Like(other, _),
                ..
            }) = one.limit
            {
                assert!(is_known(other), "{}: {other}", one.name);
            }
        }
        for slope in SLOPES {
            for (name, _) in slope.points {
                let is_size = name.starts_with(MEMORY);
                assert!(is_size || is_known(name), "{}: {name}", slope.name);
            }
        }
    }
}
