//! `erratic`: does everything a policy must not do. For the tests of the kernel only.
//!
//! What it does is said by the name of the failed actor; any other gets the answer of
//! [`Chorus`](crate::Chorus).
//!
//! | name | what it does |
//! |---|---|
//! | `panics` | panics |
//! | `panics-third` | panics about the third failure that counts |
//! | `loops` | never answers |
//! | `overflows` | runs over the end of its stack |
//! | `unknown` | names a group that does not exist |
//! | `beside` | names a group that is not below |
//! | `late` | asks for a delay of a year |

use core::hint::black_box;

use restart_manager::abi::Span;
use restart_manager::{Decision, GroupSlot, Response, RestartPolicy, Situation};

use crate::Chorus;

/// Keeps no contract.
#[derive(Clone, Copy, Debug)]
pub struct Erratic;

impl RestartPolicy for Erratic {
    fn name(&self) -> &'static str {
        "erratic"
    }

    #[expect(clippy::panic, reason = "that is what it is for")]
    fn decide(&self, situation: &Situation<'_>) -> Decision {
        match situation.actor.name.as_str() {
            "panics" => panic!("as it should"),
            "panics-third" if situation.failures() == 3 => panic!("as it should"),
            "loops" => loop {
                black_box(situation);
            },
            "overflows" => Decision::now(if descend(u64::from(situation.failures())) == 0 {
                Response::HotRestart
            } else {
                Response::Terminate
            }),
            "unknown" => Decision::now(Response::HotRestartGroup(nth(200))),
            // The first group of the site, on which no other stands.
            "beside" => Decision::now(Response::HotRestartGroup(GroupSlot::FIRST)),
            "late" => Decision {
                response: Response::HotRestart,
                delay: Span::from_secs(365 * 24 * 3_600),
            },
            _ => Chorus.decide(situation),
        }
    }
}

fn nth(index: usize) -> GroupSlot {
    GroupSlot::from_index(index).unwrap_or(GroupSlot::FIRST)
}

/// Uses more stack than there is, in steps that the compiler cannot see through.
#[expect(unconditional_recursion, reason = "it is meant to run out of stack")]
fn descend(depth: u64) -> u64 {
    let used = black_box([depth; 64]);
    let below = descend(black_box(depth.wrapping_add(1)));
    below ^ used.iter().fold(0, |sum, word| sum ^ word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::{check, row};

    #[test]
    fn without_a_name_that_says_otherwise_it_is_chorus() {
        check(
            &Erratic,
            &[
                row(1, Response::HotRestart, 0),
                row(2, Response::HotRestart, 10),
                row(3, Response::HotRestart, 20),
                row(4, Response::Reload, 40),
            ],
        );
    }
}
