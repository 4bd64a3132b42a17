//! How physical memory is shared out at the start.
//!
//! From the memory map alone, so that every start of the kernel on the same machine comes to the
//! same plan: a site restart must find preserved memory where the previous kernel put it.

use abi::layout::PAGE_BYTES;

use super::frame::Descriptor;
use super::{Frame, pages_for};

/// The most usable ranges we keep: the largest; further ones are left unused.
pub const RANGES: usize = 32;

/// Memory below this address is left to the firmware and its tables.
const LOW_MEMORY_END: u64 = 0x10_0000;

/// A range of frames, `start..end`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Range {
    /// Number of the first frame.
    pub start: u32,
    /// One more than the number of the last frame.
    pub end: u32,
}

impl Range {
    const fn frames(self) -> u32 {
        self.end - self.start
    }
}

/// Who gets which memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Plan {
    /// Memory for frame descriptors: from here on.
    pub descriptors: Frame,
    /// How many descriptors: one for every frame number up to the last ordinary one.
    pub descriptor_count: u32,
    /// Memory that outlives the kernel: images, persistent regions, the site record.
    pub preserved: Range,
    /// Memory for everything else; empty ranges are to be skipped.
    pub ordinary: [Range; RANGES],
}

/// Shares out memory given as usable byte ranges. The upper half of the largest range is
/// preserved; the descriptors lie at the start of its lower half. `None` when no range is large
/// enough for that.
pub fn plan(usable: impl Iterator<Item = (u64, u64)>) -> Option<Plan> {
    let mut ordinary = [Range::default(); RANGES];
    let mut pending = Range::default();
    for (start, end) in usable {
        let start = u32::try_from(pages_for(start.max(LOW_MEMORY_END))).ok()?;
        let end = u32::try_from(end / PAGE_BYTES).ok()?;
        if start >= end {
            continue;
        }
        // Firmware cuts memory into many neighbouring ranges.
        if start == pending.end {
            pending.end = end;
        } else {
            keep(&mut ordinary, pending);
            pending = Range { start, end };
        }
    }
    keep(&mut ordinary, pending);
    let largest = ordinary.iter_mut().max_by_key(|range| range.frames())?;
    let middle = largest.start + largest.frames() / 2;
    let preserved = Range {
        start: middle,
        end: largest.end,
    };
    let descriptors = Frame(largest.start);
    largest.end = middle;
    let (largest_start, largest_end) = (largest.start, largest.end);
    let descriptor_count = ordinary.iter().map(|range| range.end).max()?;
    let bytes = u64::from(descriptor_count) * size_of::<Descriptor>() as u64;
    let start = largest_start.checked_add(u32::try_from(pages_for(bytes)).ok()?)?;
    if start >= largest_end {
        return None;
    }
    ordinary
        .iter_mut()
        .find(|range| range.start == largest_start)?
        .start = start;
    Some(Plan {
        descriptors,
        descriptor_count,
        preserved,
        ordinary,
    })
}

/// Keeps a range if it is larger than the smallest kept so far.
fn keep(ranges: &mut [Range; RANGES], range: Range) {
    let smallest = ranges.iter_mut().min_by_key(|kept| kept.frames());
    if let Some(smallest) = smallest.filter(|smallest| smallest.frames() < range.frames()) {
        *smallest = range;
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn neighbours_are_one_and_the_largest_are_kept() {
        let page = 4096;
        let small = (0..100).map(|index| {
            (
                0x20_0000 + index * 8 * page,
                0x20_0000 + (index * 8 + 1) * page,
            )
        });
        let large = (0..4).map(|index| {
            let start = 0x1000_0000 + index * 256 * page;
            (start, start + 256 * page)
        });
        let plan = plan(small.chain(large)).unwrap();
        assert_eq!(
            plan.preserved,
            Range {
                start: 0x1_0000 + 512,
                end: 0x1_0000 + 1024
            }
        );
        assert!(
            plan.ordinary
                .iter()
                .any(|range| range.end == 0x1_0000 + 512)
        );
    }

    #[test]
    fn a_machine_without_memory_has_no_plan() {
        assert_eq!(plan([].into_iter()), None);
        assert_eq!(plan([(0, 0xa_0000)].into_iter()), None);
    }

    proptest! {
        #[test]
        fn parts_do_not_overlap_and_are_usable(sizes in prop::collection::vec((0u64..1 << 16, 1u64..1 << 20), 1..6)) {
            let mut usable = Vec::new();
            let mut start = 0;
            for (gap, frames) in sizes {
                start += gap * 4096;
                usable.push((start, start + frames * 4096));
                start += frames * 4096;
            }
            if let Some(plan) = plan(usable.iter().copied()) {
                let descriptors = pages_for(u64::from(plan.descriptor_count) * 16) as u32;
                let mut parts: Vec<(u32, u32)> = plan.ordinary.iter()
                    .filter(|range| range.frames() > 0)
                    .map(|range| (range.start, range.end)).collect();
                prop_assert!(parts.iter().all(|part| part.1 <= plan.descriptor_count));
                parts.push((plan.preserved.start, plan.preserved.end));
                parts.push((plan.descriptors.0, plan.descriptors.0 + descriptors));
                parts.sort_unstable();
                for pair in parts.windows(2) {
                    prop_assert!(pair[0].1 <= pair[1].0);
                }
                for part in parts {
                    prop_assert!(part.0 >= 256);
                    prop_assert!(usable.iter().any(|(start, end)|
                        u64::from(part.0) * 4096 >= *start && u64::from(part.1) * 4096 <= *end));
                }
            }
        }
    }
}
