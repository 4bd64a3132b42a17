//! The restart policies a kernel can be built with.

use anyhow::{Result, bail};

/// The policy used when none is named.
pub(crate) const DEFAULT: &str = "escalating";

/// The known policies.
pub(crate) const NAMES: &[&str] = &["never", "always-hot", "budget", "escalating"];

/// Checks the name of a policy.
///
/// # Errors
/// When there is no such policy; the message lists the known ones.
pub(crate) fn check(name: &str) -> Result<()> {
    if NAMES.contains(&name) {
        Ok(())
    } else {
        bail!("there is no policy \"{name}\"; the known ones are: {}", NAMES.join(", "))
    }
}
