//! What the actors of these tests say to each other.
//!
//! A *server* has three LAPs: one of its own name with many stacks, `<name>-narrow` with one, and
//! `<name>-null`, which does nothing. In the others, guests run a [program](program) of up to eight
//! steps, which comes in the first argument. The second argument is the invocation's number; what
//! happens to it is entered in the server's persistent [journal]. A *client* sends waves of threads
//! into LAPs, and each thread reports to the judge's port how it came out. Servers and clients also
//! have a port each, of their own name, at which the judge tells them what to do.

#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

pub mod client;
pub mod journal;
pub mod program;
pub use judging::random;
pub mod server;
pub mod storm;

/// The judge's port, for reports.
pub const REPORTS: &str = "reports";

/// Computes for a microsecond or so.
///
/// Not with `spin_loop`: the instruction behind that is what an emulator takes longest for.
pub fn compute() {
    for turn in 0..1000 {
        core::hint::black_box(turn);
    }
}
