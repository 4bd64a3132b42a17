//! What `judge` and `partner` say to each other.
//!
//! A partner is a server at a port of its own name, in nothing but raw calls, so that it is known
//! which calls it makes. A message that begins with [`ECHO`] is answered with itself; every other
//! is an [`Order`], and is answered with [`Told`].

use serde::{Deserialize, Serialize};
use syscall::abi::{PortId, ReplyToken, Status};

/// How messages begin that are answered with themselves. No order begins like this.
pub const ECHO: u8 = 0xff;

/// What a partner can be told.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Order {
    /// Answers after so many milliseconds.
    Pause(u64),
    /// Dies before it answers.
    Die,
    /// Destroys its port, makes it anew, and answers then.
    Move,
    /// Calls a port, and answers how that ended.
    Call(Exchange),
    /// Answers somebody else's caller, as if it had been called at this port. Answers how that
    /// ended.
    Forge(ReplyToken, PortId),
    /// Fills its vector registers, and looks at them.
    FillVectors(u64),
    /// Tells whether its vector registers are clear.
    LookAtVectors,
    /// Tells what is in a page of its data: the first byte.
    DataAt(usize),
}

/// A call of a partner's.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Exchange {
    /// Whom to call.
    pub port: PortId,
    /// Where the request is, and how long.
    pub request: (Memory, usize),
    /// Where the reply goes, and how long it may be.
    pub reply: (Memory, usize),
}

/// Memory of a partner's.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Memory {
    /// A page of initialised data, by its number. All of it is [`DATA`] in the image.
    Data(usize),
    /// A page of zeroed data, by its number.
    Zeroed(usize),
    /// Instructions.
    Text,
    /// The last bytes, so many, of the first of two new pages.
    AcrossPages(u64),
    /// The last bytes, so many, of a region: behind them is nothing.
    BeforeGuard(u64),
    /// Nothing, where images are.
    Nowhere,
    /// The kernel's.
    Kernel,
    /// So many bytes below the end of the lower half.
    OverTheEnd(u64),
    /// A new region, at the address that the last one of this kind had.
    Again,
}

/// What is in a partner's initialised data.
pub const DATA: u8 = 0xda;

/// What a partner answers to an order.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Told {
    /// How it ended.
    pub status: Status,
    /// How long the reply to its call is.
    pub length: u64,
    /// The first byte of that, or of what was asked for.
    pub first: u8,
    /// The last byte of that.
    pub last: u8,
    /// Where [`Memory::Again`] was.
    pub address: u64,
}
