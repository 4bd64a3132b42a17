//! What the holder has, and its guest and its meter know of.

/// Name of the holder, and of the port at which it answers.
pub const HOLDER: &str = "holder";
/// Name of its Local Access Point: who enters it stays inside.
pub const STAY: &str = "holder-stay";
/// Name of its port from which nobody receives.
pub const UNREAD: &str = "holder-unread";
