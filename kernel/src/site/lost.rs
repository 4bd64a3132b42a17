//! What a site reboot has lost.
//!
//! A reset clears nothing, so what the kernel before has written down may still be in memory when the
//! next is loaded. It is not used any more. But before it is cleared it is looked at, and what was lost
//! is said.

use abi::epitaph::RebootCause;
use abi::{Name, SiteCause, Text, layout};

use super::note::Found;
use super::reboot::Reboots;
use super::record::{RegionNote, SiteRecord};

/// The most regions that are listed one by one.
const LISTED_MAX: usize = 32;

/// What was lost. It is found before there is a log, or a heap.
pub struct Lost {
    cause: RebootCause,
    found: Option<Remains>,
}

/// What was found of the kernel before.
struct Remains {
    words: Option<(SiteCause, Text<{ layout::PANIC_MAX }>)>,
    regions: [Option<(Name, Name, u32)>; LISTED_MAX],
    further: usize,
}

impl Lost {
    /// Looks at what may be the record of a kernel with these instructions.
    #[must_use]
    pub fn of(reboots: Reboots, record: &SiteRecord, text: u64) -> Self {
        let is_whole = record.is_ours()
            && matches!(record.header.read(), Found::Whole(header) if header.text == text);
        Self {
            cause: reboots.cause,
            found: is_whole.then(|| Remains::of(record)),
        }
    }

    /// Says what was lost.
    pub fn tell(&self) {
        log::warn!("all that was in memory, by a site reboot: {}", self.cause);
        let Some(found) = &self.found else {
            log::warn!("what there was cannot be told");
            return;
        };
        if let Some((cause, message)) = &found.words {
            log::warn!("the kernel's last words were: {cause}: {message}");
        }
        for (name, owner, frames) in found.regions.iter().flatten() {
            let size = u64::from(*frames) * layout::PAGE_BYTES / 1024;
            log::warn!("persistent region {name} of {owner}, {size} KiB");
        }
        if found.further > 0 {
            log::warn!("{} further persistent regions", found.further);
        }
    }
}

impl Remains {
    fn of(record: &SiteRecord) -> Self {
        let mut remains = Self {
            words: match record.epitaph.read() {
                Found::Whole(words) => Some((words.epitaph.cause, words.epitaph.message)),
                Found::Free | Found::Damaged => None,
            },
            regions: [None; LISTED_MAX],
            further: 0,
        };
        let mut places = remains.regions.iter_mut();
        for note in &record.regions {
            if let Found::Whole(note) = note.read() {
                let RegionNote {
                    name,
                    owner,
                    extent,
                    ..
                } = note;
                match places.next() {
                    Some(place) => *place = Some((name, owner, extent.frames)),
                    None => remains.further += 1,
                }
            }
        }
        remains
    }
}
