//! The file system against a model of it, with owners that die at chosen stores.

use std::cell::RefCell;
use std::collections::BTreeMap;

use durable::mortal::Mortal;

use crate::limits::{
    BLOCK_BYTES, BLOCKS_MAX, FILE_BYTES_MAX, FILES_MAX, MEMORY_BYTES, NAME_MAX, WRITE_MAX,
};
use crate::memory::TABLES_AT;
use crate::table::TABLES;
use crate::{File, FileName, Files, Trouble, WhenMissing, WhenThere};

/// Memory that nothing was ever written to.
fn blank() -> Mortal {
    Mortal::of(vec![0; MEMORY_BYTES / 8])
}

struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
        (self.0 >> 33) % end
    }
}

type Model = BTreeMap<String, Vec<u8>>;

/// One operation.
#[derive(Clone, Debug)]
enum Step {
    Create(String),
    Truncate(String),
    Unlink(String),
    Write(String, u64, Vec<u8>),
}

impl Step {
    fn random(random: &mut Random) -> Self {
        let name = format!("file-{}", random.below(6));
        match random.below(10) {
            0 => Self::Create(name),
            1 => Self::Truncate(name),
            2 => Self::Unlink(name),
            _ => {
                let length = random.below(WRITE_MAX as u64 + 1);
                let first = random.below(256);
                let byte = |index| (first + index * 7) as u8;
                Self::Write(name, random.below(1000), (0..length).map(byte).collect())
            }
        }
    }

    /// Does it to the files. Whatever is refused has no effect.
    fn run(&self, files: &mut Files<&Mortal>) -> Result<usize, Trouble> {
        let mut with = |name: &String, missing, there, bytes: Option<(u64, &[u8])>| {
            let file = files.open(named(name), missing, there)?;
            let result = bytes.map_or(Ok(0), |(place, bytes)| {
                // The place is in thousandths of the file.
                let offset = files.length(file) * place as usize / 999;
                files.write(file, offset, bytes)
            });
            files.close(file);
            result
        };
        match self {
            Self::Create(name) => with(name, WhenMissing::Create, WhenThere::Keep, None),
            Self::Truncate(name) => with(name, WhenMissing::Refuse, WhenThere::Truncate, None),
            Self::Write(name, place, bytes) => with(
                name,
                WhenMissing::Refuse,
                WhenThere::Keep,
                Some((*place, bytes)),
            ),
            Self::Unlink(name) => files.unlink(named(name)).map(|()| 0),
        }
    }

    /// Does it to the model, which knows of no limits that these steps come to.
    fn model(&self, model: &mut Model) {
        match self {
            Self::Create(name) => drop(model.entry(name.clone()).or_default()),
            Self::Truncate(name) => drop(model.get_mut(name).map(Vec::clear)),
            Self::Unlink(name) => drop(model.remove(name)),
            Self::Write(name, place, bytes) => {
                if let Some(content) = model.get_mut(name) {
                    let offset = content.len() * *place as usize / 999;
                    let end = offset + bytes.len();
                    content.resize(content.len().max(end), 0);
                    content[offset..end].copy_from_slice(bytes);
                }
            }
        }
    }
}

fn named(name: &str) -> FileName {
    FileName::new(name.as_bytes()).unwrap()
}

fn mount(memory: &Mortal) -> Files<&Mortal> {
    Files::mount(memory).unwrap()
}

/// Everything there is, by reading it.
fn content(files: &mut Files<&Mortal>) -> Model {
    let mut model = Model::new();
    for number in 0..6 {
        let name = format!("file-{number}");
        match files.open(named(&name), WhenMissing::Refuse, WhenThere::Keep) {
            Ok(file) => {
                let mut bytes = vec![0; files.length(file) + 10];
                let count = files.read(file, 0, &mut bytes).unwrap();
                bytes.truncate(count);
                files.close(file);
                model.insert(name, bytes);
            }
            Err(trouble) => assert_eq!(trouble, Trouble::Missing),
        }
    }
    model
}

fn must_be_one_of(found: &Model, before: &Model, after: &Model, step: &Step) {
    let brief = |model: &Model| -> Vec<_> {
        let files = model.iter();
        files
            .map(|(name, bytes)| (name.clone(), bytes.len()))
            .collect()
    };
    assert!(
        found == before || found == after,
        "{:?} is neither {:?} nor {:?}; {step:.60?}",
        brief(found),
        brief(before),
        brief(after)
    );
}

#[test]
fn files_are_as_the_model_says_and_as_mounted_again() {
    let memory = blank();
    let (mut files, mut model, mut random) = (mount(&memory), Model::new(), Random(1));
    for number in 0..1500 {
        let step = Step::random(&mut random);
        let result = step.run(&mut files);
        // With six files this is the only limit that they come to.
        if matches!(
            result,
            Err(Trouble::Full | Trouble::LongFile | Trouble::Beyond | Trouble::Damaged)
        ) {
            panic!("{result:?} at {number}, {step:.60?}");
        }
        step.model(&mut model);
        if number % 50 == 0 {
            assert_eq!(content(&mut files), model);
            files = mount(&memory);
        }
        assert_eq!(content(&mut files), model, "{number} {step:.60?}");
    }
}

#[test]
fn an_operation_is_done_or_not_wherever_its_owner_dies() {
    let (mut model, mut random) = (Model::new(), Random(2));
    let mut words = vec![0; MEMORY_BYTES / 8];
    let mut deaths = 0;
    for _ in 0..60 {
        let step = Step::random(&mut random);
        let mut after = model.clone();
        step.model(&mut after);
        let memory = Mortal::of(words.clone());
        let mut files = mount(&memory);
        let before_step = memory.stores.get();
        let _ = step.run(&mut files);
        let stores = memory.stores.get() - before_step;
        for k in 0..stores {
            let torn = Mortal::of(words.clone());
            let mut files = mount(&torn);
            let died = torn.until_death(k, || step.run(&mut files));
            assert!(died.is_none());
            must_be_one_of(&content(&mut mount(&torn)), &model, &after, &step);
            deaths += 1;
        }
        words = memory.words.into_inner();
        model = after;
    }
    assert!(deaths > 10_000, "{deaths}");
}

#[test]
fn nothing_is_lost_or_invented_over_many_deaths() {
    let memory = blank();
    let (mut model, mut random) = (Model::new(), Random(3));
    let mut deaths = 0;
    while deaths < 3000 {
        // Death while it mounts is possible, too.
        let stores = random.below(4000);
        let pending = RefCell::new(None);
        let lived = memory.until_death(stores, || {
            let mut files = Files::mount(&memory).unwrap();
            assert_eq!(content(&mut files), model);
            loop {
                let step = Step::random(&mut random);
                pending.replace(Some(step.clone()));
                step.run(&mut files).ok();
                step.model(&mut model);
                pending.take();
            }
        });
        assert_eq!(lived, None::<()>);
        deaths += 1;
        if let Some(step) = pending.take() {
            let mut after = model.clone();
            step.model(&mut after);
            let found = content(&mut mount(&memory));
            must_be_one_of(&found, &model, &after, &step);
            model = found;
        }
    }
}

#[test]
fn death_while_formatting_is_no_loss() {
    let whole = blank();
    mount(&whole);
    let stores = whole.stores.get();
    for k in 0..stores {
        let memory = Mortal::of(vec![0xdead_beef; MEMORY_BYTES / 8]);
        assert!(memory.until_death(k, || mount(&memory)).is_none());
        assert_eq!(content(&mut mount(&memory)), Model::new());
    }
}

#[test]
fn limits_are_refused_and_change_nothing() {
    let memory = blank();
    let mut files = mount(&memory);
    let create = |files: &mut Files<&Mortal>, name: &str| {
        files.open(named(name), WhenMissing::Create, WhenThere::Refuse)
    };
    assert_eq!(FileName::new(b""), Err(Trouble::BadName));
    assert_eq!(FileName::new(b"a/b"), Err(Trouble::BadName));
    assert_eq!(FileName::new(&[b'x'; NAME_MAX + 1]), Err(Trouble::LongName));
    assert!(FileName::new(&[b'x'; NAME_MAX]).is_ok());

    let first = create(&mut files, "0").unwrap();
    assert_eq!(create(&mut files, "0"), Err(Trouble::Exists));
    assert_eq!(files.write(first, 1, b"x"), Err(Trouble::Beyond));
    assert_eq!(files.unlink(named("0")), Err(Trouble::Busy));
    let fill = |files: &mut Files<&Mortal>, file: File| loop {
        let offset = files.length(file);
        match files.write(file, offset, &[7; WRITE_MAX + 1]) {
            Ok(count) => assert_eq!(count, WRITE_MAX),
            Err(trouble) => return (trouble, files.length(file)),
        }
    };
    let longest = (Trouble::LongFile, FILE_BYTES_MAX);
    assert_eq!(fill(&mut files, first), longest);
    let full = BLOCKS_MAX * BLOCK_BYTES / FILE_BYTES_MAX;
    for number in 1..full {
        let file = create(&mut files, &format!("{number}")).unwrap();
        assert_eq!(fill(&mut files, file), longest);
    }
    let further = create(&mut files, "further").unwrap();
    assert_eq!(fill(&mut files, further), (Trouble::Full, 0));
    // What is there can be written again, any number of times.
    for turn in 0..200 {
        let offset = turn * 300;
        let bytes = [turn as u8; 300];
        assert_eq!(files.write(first, offset, &bytes), Ok(300), "{turn}");
        let mut found = [0; 300];
        assert_eq!(files.read(first, offset, &mut found), Ok(300));
        assert_eq!(found, bytes);
    }
    for number in full + 1..FILES_MAX {
        create(&mut files, &format!("{number}")).unwrap();
    }
    assert_eq!(create(&mut files, "one more"), Err(Trouble::Full));
    // Full as it is, there is room to delete.
    files.close(first);
    files.unlink(named("0")).unwrap();
    assert_eq!(fill(&mut files, further), longest);
    assert!(create(&mut files, "one more").is_ok());
    assert_eq!(
        files.open(named("nobody"), WhenMissing::Refuse, WhenThere::Keep),
        Err(Trouble::Missing)
    );
}

#[test]
fn damage_is_found_and_not_believed() {
    let memory = blank();
    let mut files = mount(&memory);
    let file = files
        .open(named("file-0"), WhenMissing::Create, WhenThere::Keep)
        .unwrap();
    files.write(file, 0, &[42; 1000]).unwrap();
    let is_content = |word: &u64| *word == u64::from_ne_bytes([42; 8]);
    let place = memory.words.borrow().iter().rposition(is_content).unwrap();
    memory.words.borrow_mut()[place] ^= 1 << 17;
    assert_eq!(files.read(file, 0, &mut [0; 1000]), Err(Trouble::Damaged));
    memory.words.borrow_mut()[place] ^= 1 << 17;
    assert_eq!(files.read(file, 0, &mut [0; 1000]), Ok(1000));
    // All of the table that counts: the first one was of no files, the second of an empty one, and
    // the third is where the first one was.
    for at in TABLES_AT..TABLES_AT + TABLES.words {
        memory.words.borrow_mut()[at] ^= 1 << 33;
        assert_eq!(Files::mount(&memory).err(), Some(Trouble::Damaged), "{at}");
        memory.words.borrow_mut()[at] ^= 1 << 33;
    }
    assert_eq!(content(&mut mount(&memory))["file-0"], [42; 1000]);
}
