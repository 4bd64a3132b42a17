//! Carves the firmware's memory map into the regions the kernel is told about.
//!
//! The firmware's list may be unsorted, may overlap, and ends where it likes; on top of it lie
//! the spans we keep (modules, and later everything the loader allocated). We cut the address
//! line at every edge of every span and judge each piece alone, by one order of precedence:
//! *not RAM* beats *kept* beats *free*. Quadratic in the number of spans, of which there are some
//! twenty; in return there is no case analysis of how two spans may overlap.
//!
//! Rounding is always against us: free memory shrinks to whole pages, all else grows to them.

use bootloader_api::info::{MemoryRegion, MemoryRegionKind};

use crate::error::LoadError;
use crate::layout::{page_down, page_up};

/// Most spans (the firmware's and the kept ones together) that one carving can hold.
///
/// QEMU gives 7 to 12 entries; real firmware stays under 40. Costs 16 bytes of loader stack each.
pub const MAX_SPANS: usize = 64;

/// Most regions that carving can yield: one for each piece between two edges.
pub const MAX_REGIONS: usize = 2 * MAX_SPANS;

/// The firmware's number for ordinary memory (ACPI specification, table of address range types).
pub const RAM: u32 = 1;
/// The firmware's number for ACPI tables, which are memory too.
pub const ACPI_TABLES: u32 = 3;
/// The firmware's number for ACPI storage, which is memory too.
pub const ACPI_STORAGE: u32 = 4;

/// A range of physical addresses, `end` not included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// First address.
    pub start: u64,
    /// First address after it.
    pub end: u64,
}

impl Span {
    /// Makes a span from a start and a length; one that wraps is cut at the top.
    #[must_use]
    pub const fn of_length(start: u64, length: u64) -> Self {
        Self {
            start,
            end: start.saturating_add(length),
        }
    }

    /// Returns the whole pages inside the span, or `None` if there are none.
    #[must_use]
    pub const fn shrink_to_pages(self) -> Option<Self> {
        match page_up(self.start) {
            Some(start) if start < page_down(self.end) => Some(Self {
                start,
                end: page_down(self.end),
            }),
            Some(_) | None => None,
        }
    }

    /// Returns the pages that the span touches.
    #[must_use]
    pub const fn grow_to_pages(self) -> Self {
        let end = match page_up(self.end) {
            Some(end) => end,
            None => page_down(self.end),
        };
        Self {
            start: page_down(self.start),
            end,
        }
    }

    const fn covers(self, start: u64, end: u64) -> bool {
        self.start <= start && end <= self.end
    }
}

/// One line of the firmware's memory map.
#[derive(Debug, Clone, Copy)]
pub struct FirmwareEntry {
    /// The addresses it speaks of.
    pub span: Span,
    /// The firmware's number for their type; [`RAM`] is the usable one.
    pub kind: u32,
}

/// Writes the carved map into `out` and returns how many regions there are.
///
/// The regions are sorted, do not overlap, are made of whole pages, and no two neighbours that
/// touch have the same kind. Kept spans outside memory are not reported.
///
/// # Errors
/// [`LoadError::MemoryMapTooLong`] when the spans exceed [`MAX_SPANS`] or the regions `out`.
pub fn carve(
    firmware: impl Iterator<Item = FirmwareEntry> + Clone,
    kept: &[Span],
    out: &mut [MemoryRegion],
) -> Result<usize, LoadError> {
    let kept_pages = kept.iter().map(|span| span.grow_to_pages());
    let mut edges = Edges::new();
    for span in firmware
        .clone()
        .filter_map(whole_pages)
        .chain(kept_pages.clone())
    {
        edges.push(span)?;
    }

    let mut count = 0_usize;
    for (start, end) in edges.pieces() {
        let Some(kind) = judge(start, end, firmware.clone(), kept_pages.clone()) else {
            continue;
        };
        if let Some(last) = count.checked_sub(1).and_then(|last| out.get_mut(last))
            && last.end == start
            && last.kind == kind
        {
            last.end = end;
            continue;
        }
        let region = out.get_mut(count).ok_or(LoadError::MemoryMapTooLong)?;
        *region = MemoryRegion { start, end, kind };
        count += 1;
    }
    Ok(count)
}

/// Returns the largest usable piece between `floor` and `ceiling`.
#[must_use]
pub fn largest_usable(regions: &[MemoryRegion], floor: u64, ceiling: u64) -> Option<Span> {
    regions
        .iter()
        .filter(|region| region.kind == MemoryRegionKind::Usable)
        .map(|region| Span {
            start: region.start.max(floor),
            end: region.end.min(ceiling),
        })
        .filter(|span| span.start < span.end)
        .max_by_key(|span| span.end - span.start)
}

/// Returns the end of the highest memory in the firmware's map.
pub fn memory_end(firmware: impl Iterator<Item = FirmwareEntry>) -> u64 {
    firmware
        .filter(|entry| matches!(entry.kind, RAM | ACPI_TABLES | ACPI_STORAGE))
        .map(|entry| entry.span.end)
        .max()
        .unwrap_or(0)
}

/// Rounds an entry to pages in the direction that never invents memory.
fn whole_pages(entry: FirmwareEntry) -> Option<Span> {
    match entry.kind {
        RAM => entry.span.shrink_to_pages(),
        _ => Some(entry.span.grow_to_pages()),
    }
}

/// Says what the piece `start..end`, which no edge divides, is to be used for.
fn judge(
    start: u64,
    end: u64,
    firmware: impl Iterator<Item = FirmwareEntry>,
    mut kept: impl Iterator<Item = Span>,
) -> Option<MemoryRegionKind> {
    let mut memory = false;
    for entry in firmware {
        if whole_pages(entry).is_some_and(|span| span.covers(start, end)) {
            if entry.kind != RAM {
                return Some(MemoryRegionKind::UnknownBios(entry.kind));
            }
            memory = true;
        }
    }
    match (memory, kept.any(|span| span.covers(start, end))) {
        (true, true) => Some(MemoryRegionKind::Bootloader),
        (true, false) => Some(MemoryRegionKind::Usable),
        (false, _) => None,
    }
}

/// The addresses at which something begins or ends, kept sorted.
struct Edges {
    at: [u64; 2 * MAX_SPANS],
    count: usize,
}

impl Edges {
    const fn new() -> Self {
        Self {
            at: [0; 2 * MAX_SPANS],
            count: 0,
        }
    }

    fn push(&mut self, span: Span) -> Result<(), LoadError> {
        for edge in [span.start, span.end] {
            let slot = self
                .at
                .get_mut(self.count)
                .ok_or(LoadError::MemoryMapTooLong)?;
            *slot = edge;
            self.count += 1;
        }
        Ok(())
    }

    /// Yields the pieces between neighbouring edges, lowest first, none of them empty.
    fn pieces(&mut self) -> impl Iterator<Item = (u64, u64)> {
        let used = self.at.get_mut(..self.count).unwrap_or_default();
        used.sort_unstable();
        used.windows(2).filter_map(|pair| match pair {
            [start, end] if start < end => Some((*start, *end)),
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(start: u64, end: u64, kind: u32) -> FirmwareEntry {
        FirmwareEntry {
            span: Span { start, end },
            kind,
        }
    }

    fn carved(firmware: &[FirmwareEntry], kept: &[Span]) -> Vec<MemoryRegion> {
        let mut out = [MemoryRegion::empty(); MAX_REGIONS];
        let count = carve(firmware.iter().copied(), kept, &mut out).unwrap();
        out[..count].to_vec()
    }

    fn region(start: u64, end: u64, kind: MemoryRegionKind) -> MemoryRegion {
        MemoryRegion { start, end, kind }
    }

    use MemoryRegionKind::{Bootloader, UnknownBios, Usable};

    #[test]
    fn free_memory_shrinks_and_reserved_memory_grows_to_pages() {
        let map = [entry(0, 0x9_fc00, RAM), entry(0x9_fc00, 0xa_0000, 2)];
        assert_eq!(
            carved(&map, &[]),
            [
                region(0, 0x9_f000, Usable),
                region(0x9_f000, 0xa_0000, UnknownBios(2))
            ],
        );
    }

    #[test]
    fn kept_spans_split_free_memory() {
        let map = [entry(0x10_0000, 0x80_0000, RAM)];
        let kept = [
            Span {
                start: 0x20_0010,
                end: 0x20_2010,
            },
            Span {
                start: 0x7f_f800,
                end: 0x80_0000,
            },
        ];
        assert_eq!(
            carved(&map, &kept),
            [
                region(0x10_0000, 0x20_0000, Usable),
                region(0x20_0000, 0x20_3000, Bootloader),
                region(0x20_3000, 0x7f_f000, Usable),
                region(0x7f_f000, 0x80_0000, Bootloader),
            ],
        );
    }

    #[test]
    fn reserved_wins_over_memory_and_over_kept_whatever_the_order() {
        let map = [entry(0x4000, 0x6000, 2), entry(0, 0x8000, RAM)];
        let kept = [Span {
            start: 0x5000,
            end: 0x7000,
        }];
        assert_eq!(
            carved(&map, &kept),
            [
                region(0, 0x4000, Usable),
                region(0x4000, 0x6000, UnknownBios(2)),
                region(0x6000, 0x7000, Bootloader),
                region(0x7000, 0x8000, Usable),
            ],
        );
    }

    #[test]
    fn touching_entries_of_one_kind_become_one_region() {
        let map = [entry(0x4000, 0x8000, RAM), entry(0, 0x5000, RAM)];
        assert_eq!(carved(&map, &[]), [region(0, 0x8000, Usable)]);
    }

    #[test]
    fn holes_and_kept_spans_outside_memory_are_not_reported() {
        let map = [entry(0, 0x1000, RAM), entry(0x8000, 0x9000, RAM)];
        let kept = [Span {
            start: 0x4000,
            end: 0x5000,
        }];
        assert_eq!(
            carved(&map, &kept),
            [region(0, 0x1000, Usable), region(0x8000, 0x9000, Usable)],
        );
    }

    #[test]
    fn any_map_yields_sorted_disjoint_whole_pages() {
        // A small generator of our own: enough disorder, and the same on every run.
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut next = |bound: u64| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (state >> 33) % bound
        };
        for _ in 0..2_000 {
            let map: Vec<_> = (0..next(12))
                .map(|_| {
                    let start = next(0x4_0000);
                    entry(
                        start,
                        start + next(0x1_0000),
                        1 + u32::try_from(next(3)).unwrap(),
                    )
                })
                .collect();
            let kept: Vec<_> = (0..next(6))
                .map(|_| Span::of_length(next(0x4_0000), next(0x4000)))
                .collect();
            let regions = carved(&map, &kept);
            for region in &regions {
                assert!(region.start < region.end);
                assert_eq!((region.start | region.end) % 0x1000, 0);
                if region.kind == Usable {
                    assert!(
                        kept.iter()
                            .all(|span| span.grow_to_pages().start >= region.end
                                || span.grow_to_pages().end <= region.start
                                || span.start == span.end)
                    );
                }
            }
            assert!(regions.windows(2).all(|pair| pair[0].end <= pair[1].start));
        }
    }

    #[test]
    fn too_many_spans_are_refused() {
        let map: Vec<_> = (0..65)
            .map(|n| entry(n * 0x2000, n * 0x2000 + 0x1000, RAM))
            .collect();
        let mut out = [MemoryRegion::empty(); MAX_REGIONS];
        let outcome = carve(map.iter().copied(), &[], &mut out);
        assert_eq!(outcome, Err(LoadError::MemoryMapTooLong));
    }

    #[test]
    fn the_largest_piece_is_taken_within_its_bounds() {
        let regions = [
            region(0, 0x9_f000, Usable),
            region(0x10_0000, 0x30_0000, Usable),
            region(0x30_0000, 0x90_0000, Bootloader),
            region(0x1_0000_0000, 0x2_0000_0000, Usable),
        ];
        assert_eq!(
            largest_usable(&regions, 0x20_0000, 0x1_0000_0000),
            Some(Span {
                start: 0x20_0000,
                end: 0x30_0000
            }),
        );
        assert_eq!(largest_usable(&regions, 0x30_0000, 0x90_0000), None);
    }
}
