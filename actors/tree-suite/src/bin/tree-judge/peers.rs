//! The members, as the judge sees them.

use syscall::abi::LedgerEntry;
use syscall::abi::site::{ActorInfo, GroupInfo};
use syscall::prelude::*;
use syscall::ways_to_die::Way;
use syscall::{call, group, site};
use tree_suite::{Reply, Request};

use crate::check::{Must, must_fail, wait_until};
use crate::inbox::PATIENCE;
use crate::ledger::Reader;

/// Asks a member for something that it lives through.
#[track_caller]
pub(crate) fn ask(name: &str, request: Request) -> Reply {
    let port = RemotePort::find(name, PATIENCE).must(name);
    port.request(&request, PATIENCE).must(name)
}

/// Waits until members serve their ports.
#[track_caller]
pub(crate) fn await_all(names: &[&str]) {
    for name in names {
        check_eq!(ask(name, Request::Ping), Reply::Done);
    }
}

/// Lets a member die.
#[track_caller]
pub(crate) fn kill(name: &str) {
    let port = RemotePort::find(name, PATIENCE).must(name);
    let result = port.request::<Reply>(&Request::Die(Way::NullWrite), PATIENCE);
    must_fail(result, name);
}

/// Lets a member die, and returns the entry about it, when all is done.
#[track_caller]
pub(crate) fn kill_and_read(name: &str, reader: &mut Reader) -> LedgerEntry {
    kill(name);
    let entry = reader.take();
    check_eq!(entry.name.as_str(), name);
    entry
}

/// Complains about a member, which is a failure that needs no time of its own.
#[track_caller]
pub(crate) fn complain(name: &str) {
    let actor = site::find(name).must(name);
    call::lap::sys_complain(actor, "the judge says so").must("a complaint");
}

/// What the kernel knows about a member.
#[track_caller]
pub(crate) fn info(name: &str) -> ActorInfo {
    site::actor(name).must("actor information").must(name)
}

/// How many times each of these was started.
#[track_caller]
pub(crate) fn incarnations<const N: usize>(names: [&str; N]) -> [u32; N] {
    names.map(|name| info(name).incarnation)
}

/// What the kernel knows about a group.
#[track_caller]
pub(crate) fn group_info(name: &str) -> GroupInfo {
    group::find(name).must("group information").must(name)
}

/// Waits until something is so of a group.
#[track_caller]
pub(crate) fn await_group(name: &str, is_so: impl Fn(&GroupInfo) -> bool) {
    let holds = wait_until(PATIENCE, || is_so(&group_info(name)));
    check!(holds, "{:?}", group_info(name));
}
