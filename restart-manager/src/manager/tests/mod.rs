//! Tests of the machine as a whole, against a small fake kernel.

mod chaos;
mod counted;
mod faithful;
mod fake;
mod forest;
mod questions;
mod rehearsals;
mod scenarios;
mod site;
mod trees;
