//! What a member keeps: several persistent regions, and a checkpoint.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use site_suite::member::NEW;
use syscall::abi::site::Hook;
use syscall::prelude::*;
use syscall::{PersistentRegion, site};

/// Names and sizes of the regions.
const REGIONS: [(&str, usize); 3] = [("small", 64), ("page", 4096), ("large", 5 * 4096)];

/// Fills the regions from a number.
pub(crate) fn keep(number: u64) -> Result<()> {
    for (index, (name, bytes)) in (0..).zip(REGIONS) {
        let mut region = PersistentRegion::open(name, bytes)?;
        for (place, word) in (number + index..).zip(region.chunks_exact_mut(8)) {
            word.copy_from_slice(&place.to_le_bytes());
        }
    }
    Ok(())
}

/// The number that they were filled from, if all of them were.
pub(crate) fn kept() -> Result<u64> {
    let mut found = None;
    for (index, (name, bytes)) in (0..).zip(REGIONS) {
        let region = match PersistentRegion::open_existing(name, bytes) {
            Err(Error::Refused(Status::NOT_FOUND)) => None,
            other => Some(other?),
        };
        let first = region
            .as_ref()
            .map_or(NEW, |region| word(region, 0) - index);
        assert!(
            *found.get_or_insert(first) == first,
            "{name} holds {first}, not {found:?}"
        );
        if let Some(region) = region {
            let words = region.len() / 8;
            assert!(words >= bytes / 8, "{name} has {words} words");
            // A region is whole pages, of which the rest was never written.
            for place in 0..words {
                let in_it = place < bytes / 8 || region.len() == bytes;
                let expected = first + index + place as u64;
                assert!(
                    !in_it || word(&region, place) == expected,
                    "{name} at {place}"
                );
            }
        }
    }
    Ok(found.unwrap_or(NEW))
}

fn word(region: &[u8], index: usize) -> u64 {
    let bytes = region.get(8 * index..8 * index + 8).unwrap_or_default();
    bytes.try_into().map_or(0, u64::from_le_bytes)
}

/// A number. If it is odd, the kernel ends while it is being written: when that is done for the
/// second time, for the first is to find out how long it is.
#[derive(Clone, Copy, Debug)]
struct Number(u64);

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use core::sync::atomic::{AtomicU64, Ordering};
        static WRITTEN: AtomicU64 = AtomicU64::new(0);
        if self.0 % 2 == 1 && WRITTEN.fetch_add(1, Ordering::Relaxed) == 1 {
            let refused = site::hook(Hook::KERNEL_PANIC, 0);
            panic!("the kernel goes on: {refused:?}");
        }
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        u64::deserialize(deserializer).map(Self)
    }
}

fn open() -> Result<Checkpoint<Number>> {
    Checkpoint::open("committed", 16, Number(0))
}

/// Commits a number.
pub(crate) fn commit(number: u64) -> Result<()> {
    open()?.commit(Number(number))
}

/// The number that was committed, and whether a further one was being committed.
pub(crate) fn committed() -> Result<(u64, bool)> {
    let checkpoint = open()?;
    Ok((checkpoint.get().0, checkpoint.was_interrupted()))
}
