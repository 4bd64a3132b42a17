//! What the visitors of the vault were told when it died around them, and whether that was so.

use demo::conductor::Visit;
use demo::vault::{DEATHS, Errand};
use syscall::abi::Text;
use syscall::abi::status::Progress;
use syscall::prelude::*;

use crate::kept::Kept;

/// Visits that are kept: of each errand one a death, and the one that ends well.
const KEPT: usize = Errand::ALL.len() * (DEATHS as usize + 1);

/// What is known about the visits.
pub(crate) struct Visits {
    kept: Kept<Visit, KEPT>,
}

impl Visits {
    pub(crate) fn new() -> Self {
        Self { kept: Kept::new() }
    }

    /// Takes note of what a visitor said.
    pub(crate) fn note(&mut self, visit: Visit) {
        self.kept.push(visit);
    }

    fn all(&self) -> impl Iterator<Item = &Visit> {
        self.kept.iter()
    }

    /// Whether every visitor has come out as often as it was to.
    pub(crate) fn are_complete(&self) -> bool {
        self.kept.len() == KEPT
    }

    /// Whether everybody was told the truth.
    pub(crate) fn are_true(&self) -> bool {
        self.all().all(is_true)
    }

    /// Prints a line for each visit that was cut off.
    pub(crate) fn print(&self) {
        info!("Threads of the visitors in the vault when it died, and what they were told:");
        info!(
            "{:<6} {:>5} {:<35} {:<15} {:<11}  so it is",
            "thread", "death", "where it was", "told", "the books"
        );
        for death in 1..=DEATHS {
            for errand in Errand::ALL {
                let is_it = |visit: &&Visit| (visit.round, visit.errand) == (death, errand);
                if let Some((visit, progress)) = self.all().find(is_it).and_then(with_outcome) {
                    row(visit, progress);
                }
            }
        }
        let returned = self.all().filter(|visit| visit.told.is_none()).count();
        info!("threads that came out of the last one in the ordinary way: {returned}");
    }
}

/// A visit that was cut off, with what the visitor was told.
fn with_outcome(visit: &Visit) -> Option<(&Visit, Progress)> {
    Some((visit, visit.told?))
}

fn row(visit: &Visit, progress: Progress) {
    let (place, mut name) = (place(visit.errand), Text::<8>::EMPTY);
    // Writing to a `Text` cannot fail: what does not fit is cut.
    let _ = core::fmt::write(&mut name, format_args!("v{}", visit.errand.number() + 1));
    let books = match visit.is_booked {
        Some(true) => "booked",
        Some(false) => "not booked",
        None => "closed",
    };
    let verdict = if is_true(visit) { "true" } else { "FALSE" };
    info!(
        "{name:<6} {:>5} {place:<35} {progress:<15} {books:<11}  {verdict}",
        visit.round
    );
}

/// Where a visitor is when the vault dies.
fn place(errand: Errand) -> &'static str {
    match errand {
        Errand::Dawdle => "asleep inside, nothing booked yet",
        Errand::Deposit => "inside, booked, waits for a receipt",
        Errand::Settle => "inside, booked, and declared done",
        Errand::Queue => "outside, waits for a free stack",
    }
}

/// Whether a visitor was told what is so, and what is to be expected.
fn is_true(visit: &Visit) -> bool {
    let is_expected = match (visit.errand, visit.told) {
        (_, None) => true,
        (Errand::Dawdle | Errand::Deposit, Some(told)) => told == Progress::MAYBE_EXECUTED,
        (Errand::Settle, Some(told)) => told == Progress::COMPLETED,
        (Errand::Queue, Some(told)) => told == Progress::NOT_ENTERED,
    };
    let is_so = match (visit.told, visit.is_booked) {
        (None | Some(Progress::COMPLETED), booked) => booked != Some(false),
        (Some(Progress::NOT_ENTERED), booked) => booked != Some(true),
        _ => true,
    };
    is_expected && is_so
}
