//! Reads descriptions from TOML and draws them: the half of this crate that needs a host.
//!
//! | module | its one idea |
//! |---|---|
//! | `problem` | mistakes, and where in the file they are |
//! | `entry` | typed reading of one TOML table, with no key left over |
//! | `value` | what a single value can be taken for |
//! | `units` | `"20ms"` and `"64KiB"` |
//! | `policy` | policy tables, each over the one above |
//! | `parse`, `actors` | from tables to a [`Site`](crate::site::Site) |
//! | `references` | names that stand for other entries, looked up at the end |
//! | `tree`, `dot`, `svg` | three drawings of the tree of groups |
//! | `captions`, `layout` | what drawings say; where everything goes in the last of them |
//!
//! The format is explained by example in `sites/demo.toml`.
//!
//! # Why it is like this
//! Deriving the reading from types would be shorter, but stops at the first mistake. We walk the
//! parsed document by hand instead: every value that cannot be used is reported where it stands
//! and replaced by a harmless one, and the rest is read on.

mod actors;
mod captions;
mod dot;
mod entry;
mod layout;
mod parse;
mod policy;
mod problem;
mod references;
mod svg;
mod tree;
mod units;
mod value;

pub use self::dot::dot;
pub use self::parse::parse;
pub use self::problem::Problem;
pub use self::svg::svg;
pub use self::tree::tree;
