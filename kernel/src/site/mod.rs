//! Hot site restart: the kernel itself comes back from memory (paper, 2.5).
//!
//! When the kernel ends, by its own fault or because it was decided, it is entered again as it was
//! at its first start, without firmware or disk, and takes over what is preserved: persistent
//! regions, pristine images, the ledger, and how often what was started. To each actor that is a hot
//! restart.
//!
//! ```text
//! first start ─▶ keep: pristine data, what the loader told, page tables, checksums
//! running     ─▶ record: a note for each thing that is preserved
//! end         ─▶ last words ─▶ trampoline ─▶ passage: checks, verdict, data put back ─▶ first start
//! again       ─▶ adopt
//! ```
//!
//! | module | its one idea |
//! |---|---|
//! | [`record`] | what one kernel leaves to the next |
//! | [`note`] | one thing in it, which can be trusted or not |
//! | [`events`] | the last things that happened |
//! | [`index`] | finding by name what was noted |
//! | [`verdict`] | restart, or reboot |
//! | `book` | keeping the record up to date |
//! | `keep` | what is set aside at the first start |
//! | `passage` | the way from one kernel to the next |
//! | `claim` | whose memory is whose |
//! | `quiesce` | silencing the devices |
//! | `adopt` | what the next one takes over |
//! | `lost` | what a reboot has lost |
//! | `reboot` | through the firmware, and how often |
//!
//! # Invariants
//! - What is needed on the way (instructions, constants, page tables, a stack, the pristine data)
//!   lies in memory that the kernel cannot write, but for the stack, which nobody else uses.
//! - Nothing preserved is used before its checksum was found to be right.

pub mod events;
pub mod index;
pub mod note;
pub mod record;
pub mod verdict;

#[cfg(target_os = "none")]
pub mod adopt;
#[cfg(target_os = "none")]
pub mod book;
#[cfg(target_os = "none")]
pub mod claim;
#[cfg(target_os = "none")]
pub mod keep;
#[cfg(target_os = "none")]
pub mod lost;
#[cfg(target_os = "none")]
pub mod passage;
#[cfg(target_os = "none")]
pub mod quiesce;
#[cfg(target_os = "none")]
pub mod reboot;

/// Checksum of bytes, eight at a time; `bytes` is a multiple of 8.
///
/// # Safety
/// They can be read.
#[must_use]
pub unsafe fn checksum(start: *const u8, bytes: usize) -> u64 {
    #[cfg(target_os = "none")]
    // SAFETY: As the caller promises.
    unsafe {
        crate::arch::cpu::checksum_of(start, bytes)
    }
    #[cfg(not(target_os = "none"))]
    // SAFETY: As the caller promises.
    crate::image::hash(unsafe { core::slice::from_raw_parts(start, bytes) })
}
