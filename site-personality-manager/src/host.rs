//! Reads TOML and draws trees: the half of this crate that needs a host.

use std::fmt;

use crate::site::Site;

/// One mistake in a description, where it is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Problem {
    /// The file, as it was named to [`parse`].
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

/// Reads a description.
///
/// # Errors
/// Gives every problem in the text, in the order of lines.
pub fn parse(_text: &str, _file: &str) -> Result<Site, Vec<Problem>> {
    Err(Vec::new())
}

/// Draws the tree of groups as text.
#[must_use]
pub fn tree(_site: &Site) -> String {
    String::new()
}

/// Writes the tree of groups for Graphviz.
#[must_use]
pub fn dot(_site: &Site) -> String {
    String::new()
}

/// Draws the tree of groups as SVG.
#[must_use]
pub fn svg(_site: &Site) -> String {
    String::new()
}
