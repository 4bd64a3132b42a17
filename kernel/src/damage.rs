//! Damage on purpose, of what one kernel leaves to the next, for the tests of a site restart.
//!
//! Much of it the kernel cannot write, so protection is off for the one write. What is damaged is
//! really so: nothing of the restart knows of these hooks.

use core::mem::offset_of;
use core::ptr::NonNull;

use abi::site::Hook;
use abi::{ActorId, Instant, SiteCause, Status};
use volatile::VolatilePtr;

use crate::actor::{Actor, PersistentRegion};
use crate::arch::{cpu, trampoline};
use crate::fault::Refusal;
use crate::hooks;
use crate::image::Image;
use crate::kernel::Kernel;
use crate::mm::extent::Extent;
use crate::mm::{Frame, Page, direct, kernel_map};
use crate::site::adopt;
use crate::site::keep;
use crate::site::note::{Found, Note};
use crate::site::record::{LEDGER_ENTRIES, RegionNote, SiteRecord};
use crate::syscall::{DONE, Next};

impl Kernel {
    /// The hooks that damage something: see [`Hook`].
    ///
    /// # Errors
    /// When there is no such hook, or nothing that it could damage.
    pub fn damage(&mut self, what: Hook, argument: u64) -> Result<Next, Refusal> {
        let record = keep::record().ok_or(Status::NOT_FOUND)?;
        match what {
            Hook::DAMAGE_OVERLAP => {
                let [_, second] = self.first_regions(argument)?;
                let lie = second.ok_or(Status::NOT_FOUND)?.extent;
                return self.lie(argument, lie);
            }
            Hook::DAMAGE_OUTSIDE => {
                let [first, _] = self.first_regions(argument)?;
                let start = first.ok_or(Status::NOT_FOUND)?.extent.start;
                let frames = u32::MAX;
                return self.lie(argument, Extent { start, frames });
            }
            Hook::DAMAGE_EPITAPH => {
                let mut words = adopt::no_words(Instant::ZERO);
                words.epitaph.cause = SiteCause::PANIC;
                // SAFETY: The record is there, and this kernel ends here.
                unsafe {
                    (*record).epitaph.write(words);
                    flip(inside(&raw mut (*record).epitaph))?;
                    trampoline::leave()
                }
            }
            _ => {}
        }
        let place = self.place(record, what, argument)?;
        // SAFETY: A byte of memory that is there, and is to be damaged.
        unsafe { flip(place) }?;
        Ok(DONE)
    }

    /// The byte that a hook damages.
    fn place(
        &self,
        record: *mut SiteRecord,
        what: Hook,
        argument: u64,
    ) -> Result<*mut u8, Refusal> {
        let header = self.book.header().ok_or(Status::NOT_FOUND)?;
        let (constants, constant_bytes) = kernel_map::constant_part();
        // SAFETY: Pointers into the record, which is there; nothing is read.
        let place = unsafe {
            match what {
                Hook::DAMAGE_MAGIC => (&raw mut (*record).magic).cast(),
                Hook::DAMAGE_VERSION => (&raw mut (*record).version).cast(),
                Hook::DAMAGE_HEADER => inside(&raw mut (*record).header),
                Hook::DAMAGE_GENERATIONS => (&raw mut (*record).live.generations).cast(),
                Hook::DAMAGE_STAGE => (&raw mut (*record).live.stage).cast(),
                Hook::DAMAGE_REGION => {
                    let [first, _] = self.first_regions(argument)?;
                    let index = first.ok_or(Status::NOT_FOUND)?.note as usize;
                    nth(&raw mut (*record).regions, index)
                        .wrapping_add(offset_of!(RegionNote, page))
                }
                Hook::DAMAGE_ENTRY => {
                    let entry = Page::containing(self.image_of(argument)?.plan.entry);
                    let region = self.actor_of(argument)?.regions.find(entry);
                    let frame = region.and_then(|region| region.pristine(entry));
                    direct::pointer(frame.ok_or(Status::NOT_FOUND)?)
                }
                Hook::DAMAGE_CHECKS => {
                    let image = self.image_of(argument)?;
                    direct::pointer(Frame(image.extent.start).offset(image.plan.frames))
                }
                Hook::DAMAGE_IMAGE => {
                    let index = self.image_of(argument)?.note as usize;
                    nth(&raw mut (*record).images, index)
                }
                Hook::DAMAGE_ACTOR => {
                    let index = self.actor_of(argument)?.note as usize;
                    nth(&raw mut (*record).actors, index)
                }
                Hook::DAMAGE_LIFE => {
                    let index = self.actor_of(argument)?.note as usize;
                    nth(&raw mut (*record).lives, index)
                }
                Hook::DAMAGE_LEDGER => {
                    let index = argument.wrapping_sub(1) as usize % LEDGER_ENTRIES;
                    nth(&raw mut (*record).ledger, index)
                }
                Hook::DAMAGE_CONSTANTS => pointer(constants).wrapping_add(constant_bytes - 1),
                Hook::DAMAGE_TEXT => pointer(hooks::hang as *const () as u64),
                Hook::DAMAGE_DATA => direct::at(header.data),
                Hook::DAMAGE_BOOT => direct::at(header.boot),
                Hook::DAMAGE_DESCRIPTION => {
                    let description = header.description.ok_or(Status::NOT_FOUND)?;
                    direct::pointer(Frame(description.extent.start))
                        .wrapping_add(description.start as usize)
                }
                _ => return Err(Status::BAD_ARGUMENT.into()),
            }
        };
        Ok(place)
    }

    /// Lets the note of an actor's first region speak for other memory, without anything wrong
    /// with the note as such.
    fn lie(&mut self, actor: u64, extent: Extent) -> Result<Next, Refusal> {
        let [first, _] = self.first_regions(actor)?;
        let index = first.ok_or(Status::NOT_FOUND)?.note;
        let Found::Whole(note) = self.book.regions.get(index) else {
            return Err(Status::NOT_FOUND.into());
        };
        let extent_again = extent;
        self.book.regions.set(
            index,
            RegionNote {
                extent,
                extent_again,
                ..note
            },
        );
        Ok(DONE)
    }

    fn actor_of(&self, actor: u64) -> Result<&Actor, Refusal> {
        let slot = self.check_actor(ActorId::from_raw(actor));
        let slot = slot.map_err(|(status, _)| status)?;
        Ok(self.actors.at(slot).ok_or(Status::DEAD)?)
    }

    fn image_of(&self, actor: u64) -> Result<&Image, Refusal> {
        let image = self.actor_of(actor)?.image;
        let image = image.and_then(|image| self.images.at(image));
        Ok(image.ok_or(Status::NOT_FOUND)?)
    }

    /// The first two persistent regions of an actor.
    fn first_regions(&self, actor: u64) -> Result<[Option<&PersistentRegion>; 2], Refusal> {
        let owned = self.actor_of(actor)?.persistent;
        let first = owned.first();
        let second = first.and_then(|first| owned.after(&self.persistent, first));
        Ok([first, second].map(|slot| self.persistent.at(slot?)))
    }
}

/// The first byte of the value of a note.
///
/// # Safety
/// The note is there.
unsafe fn inside<T: Copy>(note: *mut Note<T>) -> *mut u8 {
    // SAFETY: As the caller promises; only its address is taken.
    unsafe { (*note).remains() }.as_ptr().cast_mut().cast()
}

/// The same, of one of several.
///
/// # Safety
/// The notes are there.
unsafe fn nth<T: Copy, const N: usize>(notes: *mut [Note<T>; N], index: usize) -> *mut u8 {
    // SAFETY: As the caller promises; it is one of them.
    unsafe { inside(notes.cast::<Note<T>>().add(index.min(N - 1))) }
}

const fn pointer(address: u64) -> *mut u8 {
    core::ptr::with_exposed_provenance_mut(address as usize)
}

/// Flips a bit, whether or not the kernel may write there.
///
/// # Safety
/// The byte is there, and may be damaged.
unsafe fn flip(place: *mut u8) -> Result<(), Refusal> {
    let place = NonNull::new(place).ok_or(Status::NOT_FOUND)?;
    // SAFETY: As the caller promises.
    unsafe {
        cpu::unprotected(|| VolatilePtr::new(place).update(|byte| byte ^ 1));
    }
    Ok(())
}
