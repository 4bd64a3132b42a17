//! Does with messages whatever the judge says. See [`test_suite::partner`].

#![no_std]
#![no_main]
#![forbid(unsafe_code)]

mod memory;

use syscall::abi::ReplyToken;
use syscall::abi::layout::MESSAGE_MAX;
use syscall::call::{sys_port_create, sys_port_destroy, sys_reply_receive};
use syscall::prelude::*;
use syscall::ways_to_die::{Way, messages, vector};
use syscall::{decode, encode, site, thread};
use test_suite::partner::{ECHO, Exchange, Order, Told};

use crate::memory::{data_at, with_memory};

fn start(start: Start) -> Result<()> {
    let mut port = sys_port_create(start.name(), 8)?;
    site::ready();
    let mut request = [0; MESSAGE_MAX];
    let mut reply = [0; MESSAGE_MAX];
    let (mut token, mut length) = (ReplyToken::NONE, 0);
    loop {
        let answer = reply.get(..length).unwrap_or_default();
        let message = sys_reply_receive(token, answer, port, &mut request, Span::FOREVER)?;
        token = message.token;
        let bytes = request.get(..message.length).unwrap_or_default();
        length = match bytes.first() {
            None => 0,
            Some(&ECHO) => {
                reply[..bytes.len()].copy_from_slice(bytes);
                bytes.len()
            }
            Some(_) => {
                let order = decode(bytes)?;
                if order == Order::Move {
                    sys_port_destroy(port)?;
                    port = sys_port_create(start.name(), 8)?;
                }
                encode(&obey(order)?, &mut reply)?.len()
            }
        };
    }
}

/// Does what it is told, and says how that ended.
fn obey(order: Order) -> Result<Told> {
    let mut told = Told {
        status: Status::OK,
        length: 0,
        first: 0,
        last: 0,
        address: 0,
    };
    match order {
        Order::Pause(millis) => thread::sleep(Span::from_millis(millis)),
        Order::Die => Way::IllegalInstruction.die(),
        Order::Move => {}
        Order::Call(exchange) => return call(exchange),
        Order::Forge(token, port) => {
            let none = Span::from_millis(1);
            told.status = messages::reply_receive((token, (0, 0)), (port, (0, 0)), none).0;
        }
        Order::FillVectors(pattern) => {
            told.length = vector::watch(pattern, 2);
        }
        Order::LookAtVectors => told.first = vector::is_clear().into(),
        Order::DataAt(page) => told.first = data_at(page),
    }
    Ok(told)
}

fn call(exchange: Exchange) -> Result<Told> {
    let Exchange {
        port,
        request: (request, length),
        reply: (reply, room),
    } = exchange;
    with_memory(request, |request| {
        with_memory(reply, |reply| {
            let (from, to) = ((request.address, length), (reply.address, room));
            let (status, length) = messages::call(port, from, to, Span::FOREVER, 0);
            let is_answered = status == Status::OK && length > 0;
            Ok(Told {
                status,
                length,
                first: if is_answered { reply.byte(0) } else { 0 },
                last: if is_answered {
                    reply.byte(length as usize - 1)
                } else {
                    0
                },
                address: reply.address,
            })
        })
    })
}

entry!(start);
