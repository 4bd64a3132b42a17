//! Records and values, with owners that die at chosen stores, and memory that is damaged.

use proptest::prelude::*;

use crate::layout;
use crate::memory::WORD;
use crate::mortal::Mortal;
use crate::slots::{Condition, Shape, Slots, Trouble};
use crate::value;

type Bytes = Vec<u8>;

const KIND: u64 = 42;
const BYTES: usize = 61;

fn shape(count: usize) -> Shape {
    Shape::for_records(1, count, BYTES)
}

fn blank(shape: Shape) -> Mortal {
    Mortal::of(vec![0; shape.start + shape.total()])
}

fn damage(memory: &Mortal, word: usize, mask: u64) {
    memory.words.borrow_mut()[word] ^= mask;
}

fn open(memory: &Mortal, count: usize) -> Result<Slots, Trouble> {
    Slots::open(memory, shape(count), KIND)
}

fn append(slots: &mut Slots, memory: &Mortal, record: &[u8]) {
    slots.append_bytes(memory, record).unwrap();
}

fn read(slots: &Slots, memory: &Mortal, number: u64) -> Result<Bytes, Trouble> {
    let record = slots.find(memory, number)?;
    let mut bytes = vec![0; record.bytes];
    record.copy(memory, &mut bytes);
    Ok(bytes)
}

/// The records that there should be: the last of all that were written.
fn expected(all: &[Bytes], count: usize) -> &[Bytes] {
    &all[all.len().saturating_sub(count - 1)..]
}

fn must_hold(memory: &Mortal, count: usize, all: &[Bytes], condition: Condition) {
    let slots = open(memory, count).unwrap();
    assert_eq!(slots.last(), all.len() as u64);
    assert_eq!(slots.condition(), condition);
    let found: Result<Vec<_>, _> = (slots.oldest()..=slots.last())
        .map(|number| read(&slots, memory, number))
        .collect();
    assert_eq!(found.unwrap(), expected(all, count));
    let beyond = [slots.oldest() - 1, slots.last() + 1];
    for number in beyond {
        let read = read(&slots, memory, number);
        assert_eq!(read, Err(Trouble::NoSuchRecord));
    }
}

fn records() -> impl Strategy<Value = Vec<Bytes>> {
    // Few different bytes: what was there before may look like what comes.
    let record = proptest::collection::vec(0..3_u8, 0..=BYTES);
    proptest::collection::vec(record, 1..12)
}

proptest! {
    /// An owner dies at each store of each append, and then its successor goes on.
    #[test]
    fn a_record_is_there_or_not_wherever_its_owner_dies(
        all in records(),
        count in 2_usize..6,
        torn_first in any::<bool>(),
    ) {
        let memory = blank(shape(count));
        for (done, record) in all.iter().enumerate() {
            let before = memory.words.borrow().clone();
            let stores = memory.stores.get();
            append(&mut open(&memory, count).unwrap(), &memory, record);
            let stores = memory.stores.get() - stores;
            prop_assert!(stores > 4);
            for last in 0..stores {
                let torn = Mortal::of(before.clone());
                let mut slots = open(&torn, count).unwrap();
                let lived = torn.until_death(last, || append(&mut slots, &torn, record));
                prop_assert!(lived.is_none());
                // No store: nothing was begun, unless an earlier owner had been interrupted.
                let condition = if last == 0 && !(torn_first && done > 0) {
                    Condition::Whole
                } else {
                    Condition::Interrupted
                };
                must_hold(&torn, count, &all[..done], condition);
                // It stays so until something is written.
                must_hold(&torn, count, &all[..done], condition);
                append(&mut open(&torn, count).unwrap(), &torn, record);
                must_hold(&torn, count, &all[..=done], Condition::Whole);
            }
            must_hold(&memory, count, &all[..=done], Condition::Whole);
            if torn_first {
                // The next one comes upon what is left of one that was interrupted.
                let mut slots = open(&memory, count).unwrap();
                let lived = memory.until_death(3, || append(&mut slots, &memory, &[9; 32]));
                prop_assert!(lived.is_none());
            }
        }
    }

    /// One bit is wrong: nothing is read that was not written, and nothing is lost unsaid.
    #[test]
    fn damage_is_found_and_costs_one_record(
        all in records(),
        count in 2_usize..6,
        place in any::<prop::sample::Index>(),
        bit in 0..64_u32,
    ) {
        let memory = blank(shape(count));
        let mut slots = open(&memory, count).unwrap();
        for record in &all {
            append(&mut slots, &memory, record);
        }
        let before = memory.words.borrow().clone();
        damage(&memory, 1 + place.index(shape(count).total()), 1_u64 << bit);
        match open(&memory, count) {
            Ok(slots) => {
                let is_last_there = slots.last() == all.len() as u64;
                prop_assert!(is_last_there || slots.condition() == Condition::LastLost);
                let mut lost = 0;
                for number in slots.oldest()..=slots.last() {
                    match read(&slots, &memory, number) {
                        Ok(record) => prop_assert_eq!(&record, &all[number as usize - 1]),
                        Err(trouble) => {
                            prop_assert_eq!(trouble, Trouble::Damaged);
                            lost += 1;
                        }
                    }
                }
                prop_assert!(lost <= 1);
            }
            Err(trouble) => {
                prop_assert_eq!(trouble, Trouble::Damaged);
                prop_assert_eq!(all.len(), 1, "there was another one");
            }
        }
        // Without the damage all is as it was.
        *memory.words.borrow_mut() = before;
        must_hold(&memory, count, &all, Condition::Whole);
    }

    /// Values come back, and so does their number.
    #[test]
    fn a_value_is_the_old_or_the_new_one_wherever_its_owner_dies(
        values in proptest::collection::vec((any::<u64>(), "[a-c]{0,20}"), 2..8),
    ) {
        let memory = blank(shape(2));
        let mut slots = open(&memory, 2).unwrap();
        let current = |memory: &Mortal| {
            let slots = open(memory, 2).unwrap();
            let bytes = read(&slots, memory, slots.last()).unwrap();
            let value = value::decode::<(u64, String)>(&bytes).unwrap();
            (slots.last(), value, slots.condition())
        };
        value::append(&mut slots, &memory, &values[0]).unwrap();
        for (number, value) in (1..).zip(&values[1..]) {
            let before = Mortal::of(memory.words.borrow().clone());
            let old = current(&before);
            value::append(&mut slots, &memory, value).unwrap();
            let new = current(&memory);
            prop_assert_eq!(&new, &(number + 1, value.clone(), Condition::Whole));
            for stores in 0.. {
                let torn = Mortal::of(before.words.borrow().clone());
                let mut slots = open(&torn, 2).unwrap();
                let lived = torn.until_death(stores, || {
                    value::append(&mut slots, &torn, value).unwrap();
                });
                if lived.is_some() {
                    prop_assert_eq!(current(&torn), new);
                    break;
                }
                let (number, value, condition) = current(&torn);
                prop_assert_eq!((number, &value), (old.0, &old.1));
                prop_assert_eq!(condition == Condition::Interrupted, stores > 0);
            }
        }
    }
}

#[test]
fn the_value_before_is_there_when_the_last_one_is_damaged() {
    let memory = blank(shape(2));
    let mut slots = open(&memory, 2).unwrap();
    append(&mut slots, &memory, b"one");
    append(&mut slots, &memory, b"two");
    let words = shape(2).words;
    // The second slot has the last record; all that is used of it, word by word.
    for word in 0..5 {
        let place = 1 + words + word;
        damage(&memory, place, 1 << 20);
        let slots = open(&memory, 2).unwrap();
        assert_eq!(slots.condition(), Condition::LastLost, "{word}");
        assert_eq!(read(&slots, &memory, slots.last()).unwrap(), b"one");
        // In a copy that is not in use, it is less.
        damage(&memory, place, 1 << 20);
        damage(&memory, 1 + word, 1 << 20);
        let slots = open(&memory, 2).unwrap();
        let condition = if word == 0 {
            Condition::LastLost
        } else {
            Condition::SpareDamaged
        };
        assert_eq!(slots.condition(), condition, "{word}");
        assert_eq!(read(&slots, &memory, slots.last()).unwrap(), b"two");
        // Both are too much.
        damage(&memory, place, 1 << 20);
        assert_eq!(open(&memory, 2), Err(Trouble::Damaged), "{word}");
        damage(&memory, place, 1 << 20);
        damage(&memory, 1 + word, 1 << 20);
    }
    // And a slot that was emptied was not empty.
    memory.words.borrow_mut()[1 + words..].fill(0);
    let slots = open(&memory, 2).unwrap();
    assert_eq!((slots.last(), slots.condition()), (1, Condition::Whole));
}

#[test]
fn records_of_another_kind_are_refused() {
    let memory = blank(shape(2));
    let mut slots = Slots::open(&memory, shape(2), layout::of::<u64>()).unwrap();
    value::append(&mut slots, &memory, &7_u64).unwrap();
    let other = Slots::open(&memory, shape(2), layout::of::<u32>());
    assert_eq!(other, Err(Trouble::OtherKind));
    assert!(Slots::open(&memory, shape(2), layout::of::<u64>()).is_ok());
    assert_eq!(value::decode::<u8>(&[1, 2]), Err(Trouble::OtherKind));
}

#[test]
fn what_does_not_fit_is_refused_and_changes_nothing() {
    let memory = blank(shape(2));
    let mut slots = open(&memory, 2).unwrap();
    let longest = slots.record_max();
    assert_eq!(longest, BYTES.next_multiple_of(WORD));
    let text = "x".repeat(longest - 1);
    value::append(&mut slots, &memory, &text).unwrap();
    let before = memory.words.borrow().clone();
    let long = "x".repeat(longest);
    let result = value::append(&mut slots, &memory, &long);
    assert_eq!(result, Err(Trouble::TooLong));
    assert_eq!((slots.last(), &*memory.words.borrow()), (1, &before));
    let result = slots.append_bytes(&memory, long.as_bytes());
    assert!(result.is_ok(), "as long as it may be");
    let before = memory.words.borrow().clone();
    let result = slots.append_bytes(&memory, &[0; BYTES + WORD]);
    assert_eq!(result, Err(Trouble::TooLong));
    assert_eq!((slots.last(), &*memory.words.borrow()), (2, &before));
    let small = Shape::for_records(0, 1, 8);
    let result = Slots::open(&memory, small, KIND);
    assert_eq!(result, Err(Trouble::TooSmall));
}
