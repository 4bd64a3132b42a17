//! Mistakes in a description, and where in the file they are.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::validate::{Place, Rule, Violation};

/// One mistake in a description, where it is.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Problem {
    /// The file, as it was named to [`parse`](super::parse()).
    pub file: String,
    /// The line, counted from 1.
    pub line: usize,
    /// The column in characters, counted from 1.
    pub column: usize,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.message)
    }
}

impl std::error::Error for Problem {}

/// The value of one key of one entry.
pub(super) type Spot = (Place, &'static str);

/// Problems found so far, and where everything was read.
pub(super) struct Problems<'t> {
    text: &'t str,
    file: &'t str,
    found: Vec<Problem>,
    /// Where the value of each key begins, in bytes; the key is empty for an entry as a whole.
    offsets: BTreeMap<Spot, usize>,
    /// Values that are not the user's: reported already, or made up by us. Rules about them are
    /// not worth a word.
    unusable: BTreeSet<Spot>,
    /// Whether the text was TOML. If not, what is missing may have been lost with the damage.
    is_readable: bool,
}

impl<'t> Problems<'t> {
    pub(super) fn new(text: &'t str, file: &'t str) -> Self {
        Self {
            text,
            file,
            found: Vec::new(),
            offsets: BTreeMap::new(),
            unusable: BTreeSet::new(),
            is_readable: true,
        }
    }

    /// Reports something that is not TOML.
    pub(super) fn syntax(&mut self, offset: usize, message: &str) {
        self.is_readable = false;
        self.push(offset, format!("not TOML: {message}"));
    }

    /// Reports something in an entry that has no key of its own.
    pub(super) fn report(&mut self, offset: usize, message: String) {
        self.push(offset, message);
    }

    /// Reports a value that cannot be used.
    pub(super) fn refuse(&mut self, spot: Spot, offset: usize, message: String) {
        self.unusable.insert(spot);
        self.push(offset, message);
    }

    /// Reports a key that is not there, at its entry.
    pub(super) fn missing(&mut self, spot: Spot, offset: usize, message: String) {
        self.unusable.insert(spot);
        if self.is_readable {
            self.push(offset, message);
        }
    }

    /// Remembers where a value was read.
    pub(super) fn locate(&mut self, spot: Spot, offset: usize) {
        self.offsets.entry(spot).or_insert(offset);
    }

    /// Marks a value as made up by us.
    pub(super) fn made_up(&mut self, spot: Spot) {
        self.unusable.insert(spot);
    }

    /// Where a value was read, or else the table around it, or else its entry.
    pub(super) fn offset(&self, (place, key): Spot) -> usize {
        let table = key.split_once('.').map_or("", |(table, _)| table);
        let offsets = [key, table, ""]
            .map(|key| self.offsets.iter().find(|(spot, _)| **spot == (place, key)));
        offsets
            .into_iter()
            .flatten()
            .next()
            .map_or(0, |(_, offset)| *offset)
    }

    /// Reports broken rules, but for those that only repeat what is reported already.
    pub(super) fn add_violations(&mut self, violations: Vec<Violation>) {
        if !self.is_readable {
            return;
        }
        let lost = |wanted: fn(&Spot) -> bool| self.unusable.iter().any(wanted);
        let actors_lost =
            lost(|spot| matches!(spot, (Place::Actor(_), "group" | "direct" | "name")));
        let groups_lost = lost(|spot| matches!(spot, (Place::Group(_), "subsystem")));
        for violation in violations {
            let spot = (violation.place, violation.key);
            let is_echo = self.unusable.contains(&spot)
                || violation.rule == Rule::NoDirectActor && actors_lost
                || violation.rule == Rule::NoGroups && groups_lost;
            if !is_echo {
                self.push(self.offset(spot), violation.to_string());
            }
        }
    }

    /// All problems in the order of the text, each said once.
    pub(super) fn finish(self) -> Vec<Problem> {
        let mut found = self.found;
        found.sort();
        found.dedup();
        found
    }

    fn push(&mut self, offset: usize, message: String) {
        let before = self.text.get(..offset).unwrap_or(self.text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        self.found.push(Problem {
            file: self.file.to_owned(),
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            message,
        });
    }
}
