//! A layer of a dependency chain: `layer [BELOW [broken]]`.
//!
//! It answers how many layers there are beneath and including it, for which it asks the one below.
//! One that is `broken` waits for its cue, then makes nothing of the answer, and panics. Nothing
//! that is put back in *it* helps, nor in the layers below it; so the blame goes down to the kernel
//! group. After a restart of the site it is well.

#![no_std]
#![no_main]
#![forbid(unsafe_code)]

use demo::layer::CUE;
use syscall::abi::Name;
use syscall::abi::start::PreviousEnd;
use syscall::prelude::*;
use syscall::thread;

/// How long a broken layer goes on before it fails: long enough for those that watch it.
const LIFE: Span = Span::from_millis(20);

/// How long the layer below may take to be there, and to answer.
const PATIENCE: Span = Span::from_secs(2);

struct Layer {
    below: Option<Name>,
}

impl Layer {
    /// The number of layers, with this one.
    fn depth(&self) -> Result<u32> {
        match self.below {
            Some(below) => {
                let depth: u32 =
                    RemotePort::find(below.as_str(), PATIENCE)?.request(&(), PATIENCE)?;
                Ok(depth + 1)
            }
            None => Ok(1),
        }
    }
}

impl Server for Layer {
    type Request = ();
    type Reply = u32;

    fn call(&mut self, _caller: ActorId, _request: ()) -> Result<u32, Status> {
        self.depth().map_err(|error| error.status())
    }
}

fn start(start: Start) -> Result<Serve<Layer>> {
    let layer = Layer {
        below: start.argument(0).and_then(Name::new),
    };
    let is_cured = matches!(start.previous(), PreviousEnd::Site { .. });
    if start.argument(1) == Some("broken") && !is_cured {
        RemotePort::find(CUE, Span::FOREVER)?;
        thread::sleep(LIFE);
        panic!("{} layers are more than I can bear", layer.depth()?);
    }
    Serve::under(start.name(), layer)
}

entry!(start);
