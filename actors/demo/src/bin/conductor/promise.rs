//! What each policy promises about a layer that fails whatever is done to it.
//!
//! It follows from the policy's rule and from the parameters in `demo.toml`: two hot restarts and
//! one reload for `front`, one propagation for each group below.

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
    /// All answers come over and over, until instead of the last one of a round the restart of the
    /// site is refused; then the group is ended, and given up. When that is depends on others.
    SiteRefused,
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
/// Until the kernel can restart the site.
const SITE_REFUSED: Answer<'static> = (Response::SITE_RESTART, "kernel", Advice::SITE_REFUSED);

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
                SITE_REFUSED,
            ],
            End::GivenUp,
        ),
        // Each supervisor has an intensity of 1 and the site one of 3, which others use up too.
        "otp" => (
            &[FRONT_HOT, STORE_HOT, FRONT_HOT, DISK_HOT],
            End::SiteRefused,
        ),
        _ => return None,
    };
    Some(Promise { answers, end })
}

impl Promise {
    /// Whether the group is given up in the end.
    pub(crate) fn is_given_up(&self) -> bool {
        self.end != End::Never
    }

    /// Whether this is the answer to a failure, counted from 0, the last of all if it `ends` it.
    fn allows(&self, failure: usize, answer: &Answer<'_>, ends: bool) -> bool {
        let count = self.answers.len();
        let expected = match self.end {
            End::GivenUp => (ends == (failure + 1 == count)).then_some(failure),
            End::Never => Some(failure.min(count - 1)),
            End::SiteRefused if ends => {
                return failure % count == count - 1 && *answer == SITE_REFUSED;
            }
            End::SiteRefused => Some(failure % count),
        };
        expected.and_then(|index| self.answers.get(index)) == Some(answer)
    }

    /// Whether `count` answers are those that were promised.
    pub(crate) fn is_kept<'a>(
        &self,
        count: usize,
        answers: impl Iterator<Item = Answer<'a>>,
    ) -> bool {
        let is_enough = count >= self.answers.len() || self.end == End::SiteRefused && count > 0;
        let mut numbered = answers.enumerate();
        is_enough
            && numbered.all(|(failure, answer)| self.allows(failure, &answer, failure + 1 == count))
    }
}
