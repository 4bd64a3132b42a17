//! What each policy promises about a layer that fails whatever is done to it.
//!
//! It follows from the policy's rule and from the parameters in `demo.toml`: two hot restarts and
//! one reload for `front`, one propagation for each group below. A restart of the site cures it.

use syscall::abi::{Advice, Response};

/// An answer to a failure: what is done, to which group, and what became of the advice.
pub(crate) type Answer<'a> = (Response, &'a str, Advice);

/// How it ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum End {
    /// With the last answer the group is ended, and given up.
    GivenUp,
    /// The last answer comes over and over.
    Never,
    /// With the last answer the site is restarted, and the layer is well.
    Cured,
}

/// What a policy promises.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Promise {
    /// Its answers, one a failure.
    pub(crate) answers: &'static [Answer<'static>],
    /// And then.
    pub(crate) end: End,
}

const FRONT_HOT: Answer<'static> = (Response::HOT_RESTART, "front", Advice::FOLLOWED);
const FRONT_RELOAD: Answer<'static> = (Response::RELOAD, "front", Advice::FOLLOWED);
const FRONT_END: Answer<'static> = (Response::TERMINATE, "front", Advice::FOLLOWED);
const STORE_HOT: Answer<'static> = (Response::HOT_RESTART, "store", Advice::FOLLOWED);
const DISK_HOT: Answer<'static> = (Response::HOT_RESTART, "disk-service", Advice::FOLLOWED);
const SITE: Answer<'static> = (Response::SITE_RESTART, "kernel", Advice::FOLLOWED);

/// What the policy of this name promises. Nothing is known of one that is not shipped, and nothing
/// can be of `erratic`, which breaks all promises.
pub(crate) fn of(policy: &str) -> Option<Promise> {
    let (answers, end): (&'static [Answer<'static>], End) = match policy {
        "never" => (&[FRONT_END], End::GivenUp),
        "always-hot" => (&[FRONT_HOT], End::Never),
        "budget" => (&[FRONT_HOT, FRONT_HOT, FRONT_END], End::GivenUp),
        "escalating" => (
            &[FRONT_HOT, FRONT_HOT, FRONT_RELOAD, FRONT_END],
            End::GivenUp,
        ),
        "backoff" => (&[FRONT_HOT, FRONT_HOT, FRONT_RELOAD], End::Never),
        "chorus" => (
            &[
                FRONT_HOT,
                FRONT_HOT,
                FRONT_RELOAD,
                STORE_HOT,
                DISK_HOT,
                SITE,
            ],
            End::Cured,
        ),
        // Each supervisor has an intensity of 1. The site has one of 12, of which the eight deaths
        // of the counter and the three of the vault leave one.
        "otp" => (
            &[
                FRONT_HOT, STORE_HOT, FRONT_HOT, DISK_HOT, FRONT_HOT, STORE_HOT, FRONT_HOT, SITE,
            ],
            End::Cured,
        ),
        _ => return None,
    };
    Some(Promise { answers, end })
}

impl Promise {
    /// Whether the group is given up in the end.
    pub(crate) fn is_given_up(&self) -> bool {
        self.end == End::GivenUp
    }

    /// Whether the answers come to an end.
    pub(crate) fn has_end(&self) -> bool {
        self.end != End::Never
    }

    /// Whether these answers are those that were promised.
    pub(crate) fn is_kept<'a>(&self, answers: impl Iterator<Item = Answer<'a>> + Clone) -> bool {
        let count = answers.clone().count();
        let is_enough = match self.end {
            End::Never => count >= self.answers.len(),
            End::GivenUp | End::Cured => count == self.answers.len(),
        };
        let last = self.answers.len() - 1;
        is_enough
            && answers
                .enumerate()
                .all(|(failure, answer)| self.answers.get(failure.min(last)) == Some(&answer))
    }
}
