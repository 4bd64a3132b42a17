//! Asking the policy.

use restart_manager::Question;

use crate::arch::clock;
use crate::kernel;

/// Asks the policy, and takes its answer to the Restart Manager.
pub fn ask(question: &Question) {
    let policy = kernel::with(|kernel| kernel.recovery.manager.policy());
    let decision = policy.decide(&question.situation());
    kernel::with(|kernel| {
        kernel
            .recovery
            .manager
            .answer(question, decision, clock::now());
    });
}
