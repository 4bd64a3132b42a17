//! Asking the policy, who is not trusted to answer.
//!
//! The recovery thread asks, on the stack apart ([`arch::apart`](crate::arch::apart)) and with
//! interrupts on: a policy that panics, runs over its stack or thinks for too long costs that
//! stack's content and no more. It is safe code that allocates nothing and locks nothing, so
//! nothing is lost with it. The Restart Manager hears that there is no answer, decides with its
//! built-in policy, and says so in the ledger.

use restart_manager::policy::DECISION_BUDGET;
use restart_manager::{Decision, Question, Response, RestartPolicy, Unanswered};

use crate::arch::apart::{self, GivenUp};
use crate::arch::clock;
use crate::arch::interrupts::TICK_NANOSECONDS;
use crate::kernel;

/// How many ticks may find the policy thinking before it is given up.
///
/// Two more than its budget takes at one instruction a nanosecond, as under QEMU's instruction
/// clock: the first comes whenever it comes, and another may be late. Ticks that find somebody more
/// urgent do not count. What it costs is that a policy that never answers has the CPU, at the
/// priority of the recovery thread, for two to three milliseconds at each failure.
pub const TICKS: u32 = (DECISION_BUDGET / TICK_NANOSECONDS) as u32 + 2;

/// What is handed over to the stack apart, and back.
struct Consultation<'q> {
    policy: &'static dyn RestartPolicy,
    question: &'q Question,
    decision: Option<Decision>,
}

/// Asks the policy in use, and takes its answer to the Restart Manager.
pub fn ask(policy: &'static dyn RestartPolicy, question: &Question) {
    let mut consultation = Consultation {
        policy,
        question,
        decision: None,
    };
    // SAFETY: The recovery thread alone asks, and it has interrupts on between its steps. The
    // argument is what `consult` takes. A policy is safe code without memory or locks of its own;
    // what is on its stack is seen by nobody else.
    let ended = unsafe { apart::run(consult, (&raw mut consultation).cast()) };
    let none = |why| Decision::now(Response::NoAnswer(why));
    let decision = match (ended, consultation.decision) {
        (Ok(()), Some(decision)) => decision,
        (Err(GivenUp::TooLong), _) => none(Unanswered::OverBudget),
        (Ok(()) | Err(GivenUp::Failed), _) => none(Unanswered::Panicked),
    };
    kernel::with(|kernel| {
        let now = clock::now();
        kernel.recovery.manager.answer(question, decision, now);
    });
}

/// Puts the question, on the stack apart.
extern "C" fn consult(consultation: *mut ()) {
    // SAFETY: `ask` made the pointer from a value of its own, and waits for us.
    let consultation = unsafe { &mut *consultation.cast::<Consultation<'_>>() };
    let situation = consultation.question.situation();
    consultation.decision = Some(consultation.policy.decide(&situation));
}
