//! A recorded run: the ledger as it grew, and what a rehearsal has to know about the site.
//!
//! The kernel tells the debug console of each entry, in the form of [`abi::trace`]; the rest is in
//! the site's description. Together they are a [`Trace`], which is kept as JSON, so that a person
//! can read it, and change it to ask "what if".

use std::collections::BTreeMap;
use std::fmt;
use std::ops::RangeInclusive;

use abi::trace::{Record, VERSION};
use abi::{Epitaph, LedgerEntry, Name};
use restart_manager::{ActorKind, Parameters, Reaction};
use serde::{Deserialize, Serialize};
use site_personality_manager::order::{Step, boot};
use site_personality_manager::site::{self, GroupIndex, Site};

/// A recorded run.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trace {
    /// [`VERSION`] of the entries.
    pub version: u32,
    /// The site that ran.
    pub site: Name,
    /// The policy it ran with.
    pub policy: Name,
    /// How the run ended, in words.
    pub ended: String,
    /// What the policy was tuned by for the site as a whole.
    pub parameters: Parameters,
    /// The groups, in the order in which they were declared.
    pub groups: Vec<Group>,
    /// The actors, in the order in which they were declared.
    pub actors: Vec<Actor>,
    /// Numbers of entries that were overwritten before they could be recorded.
    pub lost: Vec<RangeInclusive<u64>>,
    /// Pieces of the recording that could not be read: of what the kernel was writing when the
    /// machine was stopped.
    pub damaged: u64,
    /// How often the site was rebooted. The ledger begins anew with each boot; what is here is
    /// that of the first.
    pub reboots: u64,
    /// The last words of each kernel that ended, in all boots.
    pub epitaphs: Vec<Epitaph>,
    /// The ledger, as it was in the end.
    pub entries: Vec<LedgerEntry>,
}

/// A group of the site.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// Its name.
    pub name: Name,
    /// The groups it depends on, its parent first.
    pub depends_on: Vec<Edge>,
    /// What the policy is tuned by for the group as a whole.
    pub parameters: Parameters,
}

/// A dependency.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Edge {
    /// The group depended upon.
    pub group: Name,
    /// What a restart of it means for the dependent group.
    pub reaction: Reaction,
    /// What a failure of the dependent group means for it.
    pub reverse: Reaction,
}

/// An actor of the site.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Actor {
    /// Its name.
    pub name: Name,
    /// The group it belongs to.
    pub group: Name,
    /// Who starts it.
    pub kind: ActorKind,
    /// What the policy is tuned by.
    pub parameters: Parameters,
}

/// Why there is no trace.
#[derive(Debug)]
pub enum TraceError {
    /// The kernel said nothing.
    Silence,
    /// It writes records of another version than we read.
    Version(u32),
    /// The text is not that of a trace.
    Json(serde_json::Error),
}

impl Trace {
    /// Puts together what the kernel told the debug console and what the site's description says.
    ///
    /// # Errors
    /// When the kernel did not say anything, or not in our version.
    pub fn of(site: &Site, recording: &[u8], ended: &str) -> Result<Self, TraceError> {
        let mut policy = None;
        let mut entries = BTreeMap::new();
        let mut epitaphs = Vec::new();
        let (mut boots, mut damaged) = (0_u64, 0);
        for frame in recording.split(|byte| *byte == 0) {
            match postcard::from_bytes_cobs(&mut frame.to_vec()) {
                _ if frame.is_empty() => {}
                Ok(Record::Start { version, .. }) if version != VERSION => {
                    return Err(TraceError::Version(version));
                }
                Ok(Record::Start {
                    policy: named,
                    restarts,
                    ..
                }) => {
                    policy.get_or_insert(named);
                    boots += u64::from(restarts == 0);
                }
                Ok(Record::Entry(entry)) if boots <= 1 => {
                    entries.insert(entry.sequence, entry);
                }
                Ok(Record::Entry(_)) => {}
                Ok(Record::Epitaph(epitaph)) => epitaphs.push(epitaph),
                Err(_) => damaged += 1,
            }
        }
        Ok(Self {
            version: VERSION,
            site: site.name,
            policy: policy.ok_or(TraceError::Silence)?,
            ended: ended.to_owned(),
            parameters: site
                .group(GroupIndex::KERNEL)
                .map_or(site.parameters, |kernel| kernel.parameters),
            groups: groups(site),
            actors: actors(site),
            lost: missing(entries.keys().copied()),
            damaged,
            reboots: boots.saturating_sub(1),
            epitaphs,
            entries: entries.into_values().collect(),
        })
    }

    /// Reads what [`Trace::to_json`] wrote, or a person.
    ///
    /// # Errors
    /// When the text is not that of a trace, or of another version.
    pub fn from_json(text: &str) -> Result<Self, TraceError> {
        let trace: Self = serde_json::from_str(text).map_err(TraceError::Json)?;
        if trace.version == VERSION {
            Ok(trace)
        } else {
            Err(TraceError::Version(trace.version))
        }
    }

    /// The trace as text.
    ///
    /// # Panics
    /// Never: a trace has nothing that JSON cannot say.
    #[must_use]
    pub fn to_json(&self) -> String {
        let text = serde_json::to_string_pretty(self);
        text.expect("a trace can be written as JSON") + "\n"
    }
}

/// The groups but that of the kernel, as they are declared at boot.
fn groups(site: &Site) -> Vec<Group> {
    let opened = boot(site).into_iter().filter_map(|step| match step {
        Step::Open(group) => site.group(group),
        _ => None,
    });
    let described = opened.map(|group| Group {
        name: group.name,
        depends_on: group
            .edges
            .iter()
            .map(|edge| describe(site, edge))
            .collect(),
        parameters: group.parameters,
    });
    described.collect()
}

fn describe(site: &Site, edge: &site::Edge) -> Edge {
    let reaction = |reaction| match reaction {
        site::Reaction::Restart => Reaction::Restart,
        site::Reaction::Notify => Reaction::Notify,
        site::Reaction::None => Reaction::None,
    };
    Edge {
        group: name_of(site, edge.base),
        reaction: reaction(edge.reaction),
        reverse: reaction(edge.reverse),
    }
}

fn actors(site: &Site) -> Vec<Actor> {
    let described = site.actors.iter().map(|actor| Actor {
        name: actor.name,
        group: name_of(site, actor.group),
        kind: if actor.direct {
            ActorKind::Direct
        } else {
            ActorKind::Indirect
        },
        parameters: actor.parameters,
    });
    described.collect()
}

fn name_of(site: &Site, group: GroupIndex) -> Name {
    site.group(group)
        .map(|group| group.name)
        .unwrap_or_default()
}

/// The numbers that are left out. (The first is 1.)
fn missing(numbers: impl Iterator<Item = u64>) -> Vec<RangeInclusive<u64>> {
    let mut next = 1;
    let mut missing = Vec::new();
    for number in numbers {
        if next < number {
            missing.push(next..=number - 1);
        }
        next = number + 1;
    }
    missing
}

impl fmt::Display for TraceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Silence => f.write_str("the kernel recorded nothing: it did not come up"),
            Self::Version(found) => write!(
                f,
                "the trace has version {found}, and we read version {VERSION}"
            ),
            Self::Json(error) => write!(f, "not a trace: {error}"),
        }
    }
}

impl std::error::Error for TraceError {}

#[cfg(test)]
mod tests {
    use abi::epitaph::{BACKTRACE_MAX, EVENTS_MAX, EventKind, TraceEvent};
    use abi::trace::RECORD_MAX;
    use abi::{
        ActorId, Advice, Cause, FaultKind, FaultRecord, Instant, Outcome, Phases, Registers,
        Response, SiteCause, Span, Text, ThreadId,
    };

    use super::*;

    fn site() -> Site {
        Site {
            name: Name::truncated("office"),
            subsystems: Vec::new(),
            groups: vec![site::Group {
                name: Name::truncated("kernel"),
                subsystem: None,
                edges: Vec::new(),
                parameters: Parameters::DEFAULT,
            }],
            actors: Vec::new(),
            parameters: Parameters::DEFAULT,
        }
    }

    fn entry(sequence: u64) -> LedgerEntry {
        LedgerEntry {
            sequence,
            time: Instant(5_000),
            actor: ActorId::from_raw(7),
            successor: ActorId::NONE,
            name: Name::truncated("clerk"),
            group: Name::truncated("office"),
            incarnation: 1,
            cause: Cause::Fault(FaultRecord::new(FaultKind::PANIC)),
            response: Response::HOT_RESTART,
            outcome: Outcome::PENDING,
            block_reads: 0,
            phases: Phases::default(),
            advice: Advice::FOLLOWED,
            scope: Name::truncated("office"),
        }
    }

    fn epitaph(cause: SiteCause) -> Epitaph {
        Epitaph {
            cause,
            time: Instant(7_000),
            message: Text::truncated(&"x".repeat(300)),
            registers: Registers::default(),
            address: u64::MAX,
            thread: ThreadId::from_raw(u64::MAX),
            actor: Name::truncated(&"x".repeat(100)),
            backtrace: [u64::MAX; BACKTRACE_MAX],
            events: [TraceEvent {
                time: Instant(u64::MAX),
                kind: EventKind(u8::MAX),
                actor: ActorId::from_raw(u64::MAX),
            }; EVENTS_MAX],
        }
    }

    fn frame(record: &Record) -> Vec<u8> {
        let mut buffer = [0; RECORD_MAX];
        postcard::to_slice_cobs(record, &mut buffer)
            .unwrap()
            .to_vec()
    }

    /// What a kernel says first that comes back from so many restarts of the site.
    fn start_after(restarts: u64) -> Vec<u8> {
        frame(&Record::Start {
            version: VERSION,
            policy: Name::truncated("never"),
            restarts,
        })
    }

    fn start() -> Vec<u8> {
        start_after(0)
    }

    fn recorded(records: &[LedgerEntry]) -> Vec<u8> {
        let frames = records.iter().map(|entry| frame(&Record::Entry(*entry)));
        std::iter::once(start()).chain(frames).flatten().collect()
    }

    #[test]
    fn the_last_record_of_an_entry_counts_and_gaps_are_said() {
        let done = LedgerEntry {
            outcome: Outcome::DONE,
            ..entry(2)
        };
        let recording = recorded(&[entry(4), entry(2), done, entry(5), entry(9)]);
        let trace = Trace::of(&site(), &recording, "passed").unwrap();
        assert_eq!(trace.entries, [done, entry(4), entry(5), entry(9)]);
        assert_eq!(trace.lost, [1..=1, 3..=3, 6..=8]);
        assert_eq!((trace.policy.as_str(), trace.damaged), ("never", 0));
    }

    #[test]
    fn what_was_cut_is_left_out_and_said() {
        let whole = frame(&Record::Entry(entry(3)));
        let mut recording = b"noise of a firmware's\0".to_vec();
        recording.extend(recorded(&[entry(1), entry(2)]));
        recording.extend(&whole[..whole.len() / 2]);
        let trace = Trace::of(&site(), &recording, "passed").unwrap();
        assert_eq!(trace.entries, [entry(1), entry(2)]);
        assert_eq!(trace.damaged, 2);
        // A kernel that ends while it writes begins anew.
        recording.push(0);
        recording.extend(&whole);
        let trace = Trace::of(&site(), &recording, "passed").unwrap();
        assert_eq!(trace.entries, [entry(1), entry(2), entry(3)]);
    }

    #[test]
    fn restarts_of_the_site_go_on_and_reboots_begin_anew() {
        let epitaph = epitaph(SiteCause::WATCHDOG);
        let mut recording = recorded(&[entry(1), entry(2)]);
        recording.extend(start_after(1));
        recording.extend(frame(&Record::Epitaph(epitaph)));
        recording.extend(frame(&Record::Entry(entry(3))));
        let of_next_boot = LedgerEntry {
            incarnation: 9,
            ..entry(1)
        };
        recording.extend(recorded(&[of_next_boot]));
        let trace = Trace::of(&site(), &recording, "passed").unwrap();
        assert_eq!(trace.entries, [entry(1), entry(2), entry(3)]);
        assert_eq!((trace.reboots, trace.damaged), (1, 0));
        assert_eq!(trace.epitaphs, [epitaph]);
        assert_eq!(Trace::from_json(&trace.to_json()).unwrap(), trace);
    }

    #[test]
    fn silence_and_other_versions_are_refused() {
        let of = |recording: &[u8]| Trace::of(&site(), recording, "passed").map(|_| ());
        assert!(matches!(of(&[]), Err(TraceError::Silence)));
        let newer = frame(&Record::Start {
            version: VERSION + 1,
            policy: Name::EMPTY,
            restarts: 0,
        });
        assert!(matches!(of(&newer), Err(TraceError::Version(_))));
        let text = Trace::of(&site(), &start(), "passed").unwrap().to_json();
        let versions = [VERSION, VERSION + 1].map(|version| format!("\"version\": {version}"));
        let newer = text.replacen(&versions[0], &versions[1], 1);
        assert!(matches!(
            Trace::from_json(&newer),
            Err(TraceError::Version(_))
        ));
    }

    #[test]
    fn json_is_read_back_with_names_for_numbers() {
        let unknown = LedgerEntry {
            response: Response(99),
            ..entry(2)
        };
        let trace = Trace::of(&site(), &recorded(&[entry(1), unknown]), "passed").unwrap();
        let text = trace.to_json();
        assert!(
            text.contains("\"response\": \"hot restart\"") && text.contains("\"response\": 99")
        );
        assert_eq!(Trace::from_json(&text).unwrap(), trace);
        let error = Trace::from_json(&text.replace("hot restart", "hot start")).unwrap_err();
        assert!(error.to_string().contains("\"hot restart\""), "{error}");
        assert!(Trace::from_json("{}").is_err());
    }

    #[test]
    fn no_record_is_longer_than_the_kernel_has_room_for() {
        const NUMBER: u64 = u64::MAX;
        let registers = Registers {
            rax: NUMBER,
            rbx: NUMBER,
            rcx: NUMBER,
            rdx: NUMBER,
            rsi: NUMBER,
            rdi: NUMBER,
            rbp: NUMBER,
            rsp: NUMBER,
            r8: NUMBER,
            r9: NUMBER,
            r10: NUMBER,
            r11: NUMBER,
            r12: NUMBER,
            r13: NUMBER,
            r14: NUMBER,
            r15: NUMBER,
            rip: NUMBER,
            rflags: NUMBER,
        };
        let longest = Name::truncated(&"x".repeat(100));
        let fault = FaultRecord {
            kind: FaultKind(u16::MAX),
            vector: Some(u8::MAX),
            code: NUMBER,
            address: NUMBER,
            actor: ActorId::from_raw(NUMBER),
            incarnation: u32::MAX,
            thread: ThreadId::from_raw(NUMBER),
            time: Instant(NUMBER),
            registers,
            message: Text::truncated(&"x".repeat(300)),
        };
        let span = Span(NUMBER);
        let largest = LedgerEntry {
            sequence: NUMBER,
            time: Instant(NUMBER),
            actor: ActorId::from_raw(NUMBER),
            successor: ActorId::from_raw(NUMBER),
            name: longest,
            group: longest,
            incarnation: u32::MAX,
            cause: Cause::Fault(fault),
            response: Response(u16::MAX),
            outcome: Outcome(u16::MAX),
            block_reads: NUMBER,
            phases: Phases {
                freeze: span,
                delay: span,
                restart: span,
                activate: span,
                first_reply: span,
            },
            advice: Advice(u16::MAX),
            scope: longest,
        };
        let length = frame(&Record::Entry(largest)).len();
        assert!(length > RECORD_MAX / 2, "{length}: is it the largest?");
        let length = frame(&Record::Epitaph(epitaph(SiteCause(u16::MAX)))).len();
        assert!(length > RECORD_MAX / 2, "{length}: is it the largest?");
    }
}
