//! The workers, as the judge sees them.

use site_suite::{Reply, Report, Request};
use syscall::prelude::*;
use syscall::site;

use crate::check::Must;

/// How long anything may take that is waited for.
pub(crate) const PATIENCE: Span = Span::from_secs(10);

/// Asks the host to do something, and waits until that is done.
#[track_caller]
pub(crate) fn host(what: &str) {
    info!("host: {what}");
    let mut word = [0; 16];
    site::console_read(&mut word, Span::from_secs(60)).must("the host's word");
}

/// Asks a worker for something that it lives through.
#[track_caller]
pub(crate) fn ask(name: &str, request: Request) -> Reply {
    let port = RemotePort::find(name, PATIENCE).must(name);
    port.request(&request, PATIENCE).must(name)
}

/// Waits until a worker has come up; returns what it found.
#[track_caller]
pub(crate) fn report(name: &str) -> Report {
    match ask(name, Request::Report) {
        Reply::Report(report) => report,
        other => fail!("no report but {other:?}"),
    }
}
