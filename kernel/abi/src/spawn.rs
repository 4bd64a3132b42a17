//! What an actor asks for when it spawns another one.

use serde::{Deserialize, Serialize};

use crate::site::Rights;
use crate::{Name, Text, layout};

/// Bytes of the longest request: two names, the arguments, and three numbers.
pub const REQUEST_MAX: usize = 2 * 32 + 1 + layout::ARGUMENTS_MAX + 7;

/// An indirect actor to be started; see [`Call::Spawn`](crate::syscall::Call::Spawn).
///
/// What is not asked for is as with the spawner: the size of the first stack, the budget, and the
/// parameters of policies. It is not watched for a heartbeat or a start deadline.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SpawnRequest {
    /// Its name, which nobody else may have: letters, digits, `-` and `_`, and a letter or digit
    /// first. A former member of the spawner's group of this name comes back.
    pub name: Name,
    /// Its image: the file `actors/<image>.elf` of the archive. Empty for an actor that the site
    /// describes as indirect: it is started as described, as far as the spawner may that much.
    pub image: Name,
    /// What it is told at its start. With an empty `image` they are ignored, as is all that
    /// follows.
    pub arguments: Text<{ layout::ARGUMENTS_MAX }>,
    /// Priority of its first thread and the highest of any, 1 to the spawner's; 0 for the
    /// spawner's.
    pub priority: u8,
    /// Which of the spawner's rights it has too, each where the spawner has it: on everything, or
    /// on some.
    pub rights: Rights,
}
