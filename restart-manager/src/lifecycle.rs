//! The states of one actor and the legal transitions between them, as one table.
//!
//! ```text
//! Vacant ─▶ Declared ─▶ Prepared ─▶ Activating ─▶ Running ─▶ Down ─▶ Freezing ◀─▶ Held
//!                          ▲                                             │
//!                          └──────────── Restarting ◀── Frozen ◀─────────┘
//!                                                         │
//!                                  Terminated ◀── Terminating
//! ```
//!
//! The drawing shows the usual way; the table below has the short cuts too.
//!
//! In `Activating`, `Freezing`, `Restarting` and `Terminating` an action is out and its report
//! awaited. There is never a second action out for the same actor.

use abi::site::ActorState;

/// Where an actor is in its life.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    /// Nobody was ever declared in this slot.
    Vacant,
    /// Declared; its first load has not been reported yet.
    Declared,
    /// Memory is in its first state and no thread exists: loaded, or restarted.
    Prepared,
    /// Its first thread is being made.
    Activating,
    /// It runs.
    Running,
    /// It failed, exited, or is to be restarted: its end is on record, it is not frozen yet.
    Down,
    /// It is being frozen.
    Freezing,
    /// Frozen; its fate has been told.
    Frozen,
    /// Frozen for a debugger; no fate has been told.
    Held,
    /// Its memory is being put back.
    Restarting,
    /// What it has is being given back.
    Terminating,
    /// It ended; the slot may be declared anew.
    Terminated,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 12] = [
        Self::Vacant,
        Self::Declared,
        Self::Prepared,
        Self::Activating,
        Self::Running,
        Self::Down,
        Self::Freezing,
        Self::Frozen,
        Self::Held,
        Self::Restarting,
        Self::Terminating,
        Self::Terminated,
    ];

    /// The table: whether `next` may follow this state.
    #[must_use]
    #[inline]
    pub const fn may_become(self, next: Self) -> bool {
        match self {
            Self::Vacant | Self::Terminated => matches!(next, Self::Declared),
            // A load that failed leaves nothing to freeze.
            Self::Declared => matches!(next, Self::Prepared | Self::Frozen | Self::Terminating),
            Self::Prepared => {
                matches!(
                    next,
                    Self::Activating | Self::Restarting | Self::Terminating
                )
            }
            // Frozen: there is no first thread, so nothing runs. Prepared: whoever was to make it is
            // gone.
            Self::Activating => {
                matches!(
                    next,
                    Self::Prepared | Self::Running | Self::Down | Self::Frozen
                )
            }
            Self::Running => matches!(next, Self::Down | Self::Freezing),
            Self::Down => matches!(next, Self::Freezing),
            Self::Freezing => matches!(next, Self::Frozen | Self::Held),
            Self::Frozen => matches!(next, Self::Restarting | Self::Terminating),
            // A held actor is frozen again, this time with a fate that can be told.
            Self::Held => matches!(next, Self::Freezing),
            Self::Restarting => matches!(next, Self::Prepared | Self::Frozen),
            Self::Terminating => matches!(next, Self::Terminated),
        }
    }

    /// The states that may follow this one.
    pub fn successors(self) -> impl Iterator<Item = &'static Self> {
        Self::ALL.iter().filter(move |next| self.may_become(**next))
    }

    /// Whether an action is out whose report is awaited.
    #[must_use]
    pub const fn awaits_report(self) -> bool {
        matches!(
            self,
            Self::Activating | Self::Freezing | Self::Restarting | Self::Terminating
        )
    }

    /// Whether a thread of the actor may be running, as far as we know.
    #[must_use]
    pub const fn may_run(self) -> bool {
        matches!(
            self,
            Self::Activating | Self::Running | Self::Down | Self::Freezing
        )
    }

    /// Whether there is an actor at all.
    #[must_use]
    pub const fn is_present(self) -> bool {
        !matches!(self, Self::Vacant | Self::Terminated)
    }

    /// How other actors are told.
    #[must_use]
    pub const fn reported(self) -> ActorState {
        match self {
            Self::Declared => ActorState::LOADING,
            Self::Activating | Self::Running => ActorState::RUNNING,
            Self::Down | Self::Freezing | Self::Frozen | Self::Held => ActorState::FROZEN,
            Self::Prepared | Self::Restarting => ActorState::RESTARTING,
            Self::Vacant | Self::Terminating | Self::Terminated => ActorState::TERMINATED,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Which state may follow which, in the order of [`State::ALL`].
    const LEGAL: [&str; 12] = [
        // V D P A R D F F H R T T
        ". x . . . . . . . . . .", // Vacant
        ". . x . . . . x . . x .", // Declared
        ". . . x . . . . . x x .", // Prepared
        ". . x . x x . x . . . .", // Activating
        ". . . . . x x . . . . .", // Running
        ". . . . . . x . . . . .", // Down
        ". . . . . . . x x . . .", // Freezing
        ". . . . . . . . . x x .", // Frozen
        ". . . . . . x . . . . .", // Held
        ". . x . . . . x . . . .", // Restarting
        ". . . . . . . . . . . x", // Terminating
        ". x . . . . . . . . . .", // Terminated
    ];

    #[test]
    fn every_pair_of_states_is_as_the_matrix_says() {
        for (state, row) in State::ALL.into_iter().zip(LEGAL) {
            for (next, mark) in State::ALL.into_iter().zip(row.split(' ')) {
                assert_eq!(state.may_become(next), mark == "x", "{state:?} to {next:?}");
            }
        }
    }

    #[test]
    fn what_may_run_cannot_be_restarted_or_ended_without_a_freeze() {
        for state in State::ALL.into_iter().filter(|state| state.may_run()) {
            for next in [State::Restarting, State::Terminating] {
                assert!(!state.may_become(next), "{state:?} to {next:?}");
            }
            // But for one whose activation never happened.
            let has_not_run = state == State::Activating;
            assert_eq!(state.may_become(State::Prepared), has_not_run, "{state:?}");
        }
    }

    #[test]
    fn from_every_state_an_actor_can_still_end() {
        for start in State::ALL.into_iter().filter(|state| state.is_present()) {
            let mut reached = vec![start];
            let mut next = 0;
            while let Some(state) = reached.get(next).copied() {
                next += 1;
                for follower in state.successors() {
                    if !reached.contains(follower) {
                        reached.push(*follower);
                    }
                }
            }
            assert!(reached.contains(&State::Terminated), "{start:?}");
        }
    }
}
