//! Typed reading of one TOML table, with no key left over.
//!
//! Keys of a table inside an entry are asked for with their path: `budget.frames` is the key
//! `frames` of the table `budget`. Rules name keys in the same way, which is how a broken rule
//! finds its line.

use abi::{Name, Span, Text};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::problem::{Problems, Spot};
use super::units;
use super::value::{must_be, one_of, whole_number};
use crate::validate::Place;

/// One table of the document: the site, an entry of a list, or a table inside one of these.
pub(super) struct Entry<'t> {
    table: &'t DeTable<'t>,
    place: Place,
    offset: usize,
    /// What messages about it begin with.
    label: String,
}

impl<'t> Entry<'t> {
    /// Opens a table, of which `keys` may be used; any other key is reported.
    pub(super) fn open(
        problems: &mut Problems<'_>,
        place: Place,
        table: &'t DeTable<'t>,
        offset: usize,
        keys: &[&str],
    ) -> Self {
        let kind = match place {
            Place::Site => "site",
            Place::Subsystem(_) => "subsystem",
            Place::Group(_) => "group",
            Place::Actor(_) => "actor",
        };
        let name = table.get("name").and_then(|name| name.get_ref().as_str());
        let name = name.filter(|name| !name.is_empty());
        let label = name.map_or_else(|| kind.to_owned(), |name| format!("{kind} `{name}`"));
        problems.locate((place, ""), offset);
        let entry = Self {
            table,
            place,
            offset,
            label,
        };
        entry.refuse_unknown(problems, keys);
        entry
    }

    /// Opens a table that is a part of this entry, however deep.
    pub(super) fn open_inner(
        &self,
        problems: &mut Problems<'_>,
        table: &'t DeTable<'t>,
        offset: usize,
        keys: &[&str],
    ) -> Self {
        let entry = Self {
            table,
            place: self.place,
            offset,
            label: self.label.clone(),
        };
        entry.refuse_unknown(problems, keys);
        entry
    }

    fn refuse_unknown(&self, problems: &mut Problems<'_>, keys: &[&str]) {
        for key in self.table.keys() {
            let name = key.get_ref().as_ref();
            if !keys.contains(&name) {
                let message = format!("unknown key `{name}`; known keys: {}", keys.join(", "));
                problems.report(key.span().start, self.about(&message));
            }
        }
    }

    /// Whether there is a value for `key`.
    pub(super) fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// Reads a name that must be there.
    pub(super) fn required_name(
        &self,
        problems: &mut Problems<'_>,
        key: &'static str,
    ) -> Option<Name> {
        if !self.has(key) {
            let message = self.about(&format!("key `{key}` is missing"));
            problems.missing((self.place, key), self.offset, message);
        }
        self.name(problems, key)
    }

    pub(super) fn name(&self, problems: &mut Problems<'_>, key: &'static str) -> Option<Name> {
        self.text(problems, key)
    }

    /// Reads a text of at most `N` bytes.
    pub(super) fn text<const N: usize>(
        &self,
        problems: &mut Problems<'_>,
        key: &'static str,
    ) -> Option<Text<N>> {
        self.convert(problems, key, |value| {
            let text = value.as_str().ok_or_else(|| must_be("a text", value))?;
            let length = text.len();
            Text::new(text).ok_or_else(|| format!("is {length} bytes long, more than {N}"))
        })
    }

    pub(super) fn flag(&self, problems: &mut Problems<'_>, key: &'static str) -> Option<bool> {
        self.convert(problems, key, |value| {
            value
                .as_bool()
                .ok_or_else(|| must_be("true or false", value))
        })
    }

    pub(super) fn number<T: TryFrom<u64>>(
        &self,
        problems: &mut Problems<'_>,
        key: &'static str,
    ) -> Option<T> {
        self.convert(problems, key, whole_number)
    }

    /// Reads a number for which the word `unlimited` may stand.
    pub(super) fn limit(&self, problems: &mut Problems<'_>, key: &'static str) -> Option<u32> {
        self.convert(problems, key, |value| match value {
            DeValue::String(text) if text == "unlimited" => Ok(u32::MAX),
            DeValue::Integer(_) => whole_number(value),
            _ => Err(must_be("a whole number or \"unlimited\"", value)),
        })
    }

    /// Reads a length of time.
    pub(super) fn span(&self, problems: &mut Problems<'_>, key: &'static str) -> Option<Span> {
        self.convert(problems, key, |value| match value {
            DeValue::String(text) => units::span(text),
            _ => Err(must_be("a text like \"20ms\"", value)),
        })
    }

    /// Reads a size in bytes.
    pub(super) fn size(&self, problems: &mut Problems<'_>, key: &'static str) -> Option<u64> {
        self.convert(problems, key, |value| match value {
            DeValue::String(text) => units::size(text),
            DeValue::Integer(_) => whole_number(value),
            _ => Err(must_be("a number of bytes or a text like \"64KiB\"", value)),
        })
    }

    /// Reads the word for one of a few values.
    pub(super) fn word<T: Copy>(
        &self,
        problems: &mut Problems<'_>,
        key: &'static str,
        words: &[(&str, T)],
    ) -> Option<T> {
        self.convert(problems, key, |value| one_of(value, words))
    }

    /// Reads a list, whose elements `element` converts; those it cannot are reported and left out.
    pub(super) fn list<T>(
        &self,
        problems: &mut Problems<'_>,
        key: &'static str,
        mut element: impl FnMut(&mut Problems<'_>, &'t Spanned<DeValue<'t>>) -> Result<T, String>,
    ) -> Vec<T> {
        let Some(value) = self.find(problems, key) else {
            return Vec::new();
        };
        let Some(array) = value.get_ref().as_array() else {
            self.refuse(problems, key, value, &must_be("a list", value.get_ref()));
            return Vec::new();
        };
        let mut elements = Vec::new();
        for value in array.iter() {
            match element(problems, value) {
                Ok(element) => elements.push(element),
                Err(reason) => self.refuse(problems, key, value, &reason),
            }
        }
        elements
    }

    /// Opens a table inside this one.
    pub(super) fn table(
        &self,
        problems: &mut Problems<'_>,
        key: &'static str,
        keys: &[&str],
    ) -> Option<Self> {
        let value = self.find(problems, key)?;
        match value.get_ref().as_table() {
            Some(table) => Some(self.open_inner(problems, table, value.span().start, keys)),
            None => {
                self.refuse(problems, key, value, &must_be("a table", value.get_ref()));
                None
            }
        }
    }

    /// Opens a list of tables: `[[key]]`.
    pub(super) fn tables(
        &self,
        problems: &mut Problems<'_>,
        key: &'static str,
    ) -> Vec<(&'t DeTable<'t>, usize)> {
        self.list(problems, key, |_, value| {
            let table = value
                .get_ref()
                .as_table()
                .ok_or_else(|| must_be("a table", value.get_ref()))?;
            Ok((table, value.span().start))
        })
    }

    /// Says what a message is about.
    pub(super) fn about(&self, message: &str) -> String {
        format!("{}: {message}", self.label)
    }

    fn spot(&self, key: &'static str) -> Spot {
        (self.place, key)
    }

    /// The value for the last part of a key's path.
    fn find(
        &self,
        problems: &mut Problems<'_>,
        key: &'static str,
    ) -> Option<&'t Spanned<DeValue<'t>>> {
        let last = key.rsplit('.').next().unwrap_or(key);
        let value = self.table.get(last)?;
        problems.locate(self.spot(key), value.span().start);
        Some(value)
    }

    fn convert<T>(
        &self,
        problems: &mut Problems<'_>,
        key: &'static str,
        convert: impl FnOnce(&'t DeValue<'t>) -> Result<T, String>,
    ) -> Option<T> {
        let value = self.find(problems, key)?;
        match convert(value.get_ref()) {
            Ok(converted) => Some(converted),
            Err(reason) => {
                self.refuse(problems, key, value, &reason);
                None
            }
        }
    }

    fn refuse(
        &self,
        problems: &mut Problems<'_>,
        key: &'static str,
        value: &Spanned<DeValue<'_>>,
        reason: &str,
    ) {
        let message = self.about(&format!("`{key}` {reason}"));
        problems.refuse(self.spot(key), value.span().start, message);
    }
}
