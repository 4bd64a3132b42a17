//! The restart policies a kernel can be built with: those that the crate `policies` registers.

use anyhow::{Result, bail};
pub(crate) use policies::{DEFAULT, NAMES};
use restart_manager::RestartPolicy;

/// Checks the name of a policy.
///
/// # Errors
/// When there is no such policy; the message lists the known ones.
pub(crate) fn check(name: &str) -> Result<()> {
    named(name).map(|_| ())
}

/// Finds a policy.
///
/// # Errors
/// When there is no such policy; the message lists the known ones.
pub(crate) fn named(name: &str) -> Result<&'static dyn RestartPolicy> {
    match policies::named(name) {
        Some(policy) => Ok(policy),
        None => bail!(
            "there is no policy \"{name}\"; the known ones are: {}",
            NAMES.join(", ")
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_policy_is_refused_with_a_list_of_the_known() {
        assert!(check(DEFAULT).is_ok());
        let message = check("sometimes").unwrap_err().to_string();
        assert!(NAMES.iter().all(|name| message.contains(name)), "{message}");
    }
}
