//! The last things that happened, for an epitaph.
//!
//! A short ring in the site record, written as things happen: what a kernel was about when it ended
//! is read from there, however it ended.

use abi::epitaph::{EVENTS_MAX, EventKind, TraceEvent};
use abi::{ActorId, Instant};

/// The ring. Any bit pattern is one.
#[repr(C)]
pub struct Events {
    /// How many there were.
    count: u64,
    ring: [TraceEvent; EVENTS_MAX],
}

impl Events {
    /// Nothing has happened.
    pub const NONE: Self = Self {
        count: 0,
        ring: [TraceEvent::NONE; EVENTS_MAX],
    };

    /// Notes that something happened.
    pub fn note(&mut self, time: Instant, kind: EventKind, actor: ActorId) {
        let place = self.count % EVENTS_MAX as u64;
        self.count = self.count.wrapping_add(1);
        if let Some(place) = self.ring.get_mut(place as usize) {
            *place = TraceEvent { time, kind, actor };
        }
    }

    /// What happened last, the latest first.
    #[must_use]
    pub fn latest(&self) -> [TraceEvent; EVENTS_MAX] {
        core::array::from_fn(|back| {
            let number = self.count.wrapping_sub(1 + back as u64);
            let place = number % EVENTS_MAX as u64;
            let is_there = (back as u64) < self.count;
            let event = self.ring.get(place as usize).filter(|_| is_there);
            event.copied().unwrap_or(TraceEvent::NONE)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_come_first_and_the_oldest_are_forgotten() {
        let mut events = Events::NONE;
        assert_eq!(events.latest(), [TraceEvent::NONE; EVENTS_MAX]);
        for time in 1..=EVENTS_MAX as u64 + 3 {
            events.note(Instant(time), EventKind::FREEZE, ActorId::NONE);
            let latest = events.latest();
            assert_eq!(latest[0].time, Instant(time));
            let known = latest.iter().filter(|event| **event != TraceEvent::NONE);
            assert_eq!(known.count(), (time as usize).min(EVENTS_MAX));
            assert!(latest.windows(2).all(|pair| pair[0].time >= pair[1].time));
        }
    }
}
