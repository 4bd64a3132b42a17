//! What a member does to others, and what it should not even try.

use group_suite::{Deed, Nonsense};
use syscall::abi::site::Rights;
use syscall::abi::syscall::number;
use syscall::abi::{Name, SpawnRequest, Text, layout};
use syscall::prelude::*;
use syscall::ways_to_die::hostile;
use syscall::{call, encode, site};

/// Does something to an actor.
pub(crate) fn act(deed: Deed, actor: ActorId) -> Result<()> {
    match deed {
        Deed::Freeze => site::freeze(actor),
        Deed::Thaw => site::thaw(actor),
        Deed::Kill => site::kill(actor),
        Deed::Restart => site::restart(actor),
        Deed::Complain => site::complain(actor, "the judge says so"),
    }
}

/// The status of a result.
pub(crate) fn status_of<T>(result: Result<T>) -> Status {
    result.map_or_else(|error| error.status(), |_| Status::OK)
}

/// Makes the syscall `spawn` in a way that makes no sense.
pub(crate) fn spawn_badly(nonsense: Nonsense) -> Result<()> {
    let request = SpawnRequest {
        name: Name::truncated("nonsense"),
        image: Name::truncated("member"),
        arguments: Text::EMPTY,
        priority: 0,
        rights: Rights::NONE,
    };
    let mut buffer = [0; layout::RECORD_MAX];
    let length = encode(&request, &mut buffer)?.len();
    let good = buffer.get(..length).ok_or(Error::Malformed)?;
    let of = |request: &SpawnRequest| {
        let mut buffer = [0; layout::RECORD_MAX];
        call::actor::sys_spawn(encode(request, &mut buffer)?).map(|_| ())
    };
    match nonsense {
        Nonsense::Hostile(index) => {
            let mut cases = hostile::cases().filter(|case| case.number() == number::spawn);
            let case = cases.nth(index as usize);
            let case = case.ok_or(Error::Refused(Status::NOT_FOUND))?;
            match case.attempt(PortId::NONE)? {
                Status::OK => Ok(()),
                status => Err(status.into()),
            }
        }
        Nonsense::TooLong => call::actor::sys_spawn(&[0; layout::RECORD_MAX + 1]).map(|_| ()),
        Nonsense::Empty => call::actor::sys_spawn(&[]).map(|_| ()),
        Nonsense::Cut => {
            let cut = good.get(..length - 1).ok_or(Error::Malformed)?;
            call::actor::sys_spawn(cut).map(|_| ())
        }
        Nonsense::Longer => {
            let longer = buffer.get(..=length).ok_or(Error::Malformed)?;
            call::actor::sys_spawn(longer).map(|_| ())
        }
        Nonsense::Ones => call::actor::sys_spawn(&[0xff; 64]).map(|_| ()),
        Nonsense::BadName => of(&SpawnRequest {
            name: Name::truncated("-no name"),
            ..request
        }),
        Nonsense::BadImage => of(&SpawnRequest {
            image: Name::truncated("../site"),
            ..request
        }),
        Nonsense::BadArguments => of(&SpawnRequest {
            arguments: Text::truncated("one\ntwo"),
            ..request
        }),
    }
}
