//! The description as bytes on the disk, and how damage to them is noticed.
//!
//! ```text
//! offset  bytes
//!      0      8  magic: "REFRSITE"
//!      8      4  version of this format, little-endian
//!     12      4  length of the payload, little-endian
//!     16      4  CRC-32 (ISO-HDLC, the one of zip and Ethernet) of bytes 8..16 and the payload
//!     20      …  payload: the Site in postcard's encoding
//! ```
//!
//! # Why it is like this
//! Postcard has no redundancy: flipped bits decode to another site as often as to an error. The
//! checksum covers the header's numbers too, so that no single burst of up to 32 bits goes
//! unnoticed wherever it falls. It is no defence against somebody who wants to deceive: whoever
//! writes the disk writes the actors as well. After the checksum the rules are checked again,
//! because bytes that are intact may still come from a tool with other limits than this kernel's.

use alloc::vec::Vec;
use core::fmt;

use crc::{CRC_32_ISO_HDLC, Crc, NoTable};

use crate::site::Site;
use crate::validate::{Violation, validate};

const MAGIC: &[u8; 8] = b"REFRSITE";

/// Version of the format. Goes up whenever the layout of [`Site`], or of anything in it, changes:
/// postcard's bytes do not say what they are.
pub const VERSION: u32 = 2;

/// Bytes before the payload.
const HEADER_BYTES: usize = 20;

/// Without a table: a description is read once per boot, and a kilobyte of table is not worth it.
const CRC: Crc<u32, NoTable> = Crc::<u32, NoTable>::new(&CRC_32_ISO_HDLC);

/// Why bytes are not the description of a site.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SiteError {
    /// They do not start like one.
    NotASite,
    /// They are cut off, or there are more than there should be.
    Length {
        /// How many bytes the header announces, itself included.
        expected: u64,
        /// How many there are.
        found: u64,
    },
    /// They are damaged.
    Checksum {
        /// The checksum in the header.
        expected: u32,
        /// The checksum of what is there.
        found: u32,
    },
    /// They are in another version of the format.
    Version {
        /// That version.
        found: u32,
    },
    /// They are intact, but not what this version makes.
    Malformed,
    /// The site breaks rules.
    Invalid(Vec<Violation>),
}

/// Turns a site into bytes for the disk.
///
/// The site should be [valid](validate): if it is not, [`load`] will refuse the bytes.
#[must_use]
pub fn compile(site: &Site) -> Vec<u8> {
    // Postcard fails only for maps and sequences of unknown length, of which a site has none. If
    // that ever changes, the empty payload is refused by every `load`, and by our tests.
    let payload = postcard::to_allocvec(site).unwrap_or_default();
    let version = VERSION.to_le_bytes();
    let length = u32::try_from(payload.len())
        .unwrap_or(u32::MAX)
        .to_le_bytes();
    let checksum = checksum(version, length, &payload).to_le_bytes();
    [MAGIC.as_slice(), &version, &length, &checksum, &payload].concat()
}

/// Reads the bytes that [`compile`] made.
///
/// # Errors
/// Refuses whatever is cut, damaged, of another version, or not valid.
pub fn load(bytes: &[u8]) -> Result<Site, SiteError> {
    let (header, payload) = bytes
        .split_at_checked(HEADER_BYTES)
        .ok_or(SiteError::NotASite)?;
    let (magic, numbers) = header.split_at(MAGIC.len());
    let ([version, length, expected], []) = numbers.as_chunks::<4>() else {
        return Err(SiteError::NotASite);
    };
    if magic != MAGIC {
        return Err(SiteError::NotASite);
    }

    let announced = HEADER_BYTES as u64 + u64::from(u32::from_le_bytes(*length));
    if announced != bytes.len() as u64 {
        return Err(SiteError::Length {
            expected: announced,
            found: bytes.len() as u64,
        });
    }
    let found = checksum(*version, *length, payload);
    let expected = u32::from_le_bytes(*expected);
    if expected != found {
        return Err(SiteError::Checksum { expected, found });
    }
    let version = u32::from_le_bytes(*version);
    if version != VERSION {
        return Err(SiteError::Version { found: version });
    }

    let site = decode(payload)?;
    validate(&site).map_err(SiteError::Invalid)?;
    Ok(site)
}

/// Reads bytes that [`load`] has accepted, and that are known to be the same still: nothing is checked
/// again that follows from that.
///
/// # Errors
/// Refuses what is not the encoding of a site.
pub fn load_again(bytes: &[u8]) -> Result<Site, SiteError> {
    decode(bytes.get(HEADER_BYTES..).ok_or(SiteError::NotASite)?)
}

fn decode(payload: &[u8]) -> Result<Site, SiteError> {
    match postcard::take_from_bytes::<Site>(payload) {
        Ok((site, [])) => Ok(site),
        Ok(_) | Err(_) => Err(SiteError::Malformed),
    }
}

fn checksum(version: [u8; 4], length: [u8; 4], payload: &[u8]) -> u32 {
    let mut digest = CRC.digest();
    digest.update(&version);
    digest.update(&length);
    digest.update(payload);
    digest.finalize()
}

impl fmt::Display for SiteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotASite => f.write_str("not a compiled site description"),
            Self::Length { expected, found } => {
                write!(f, "site description of {expected} bytes has {found}")
            }
            Self::Checksum { expected, found } => write!(
                f,
                "site description is damaged: checksum {found:#010x} instead of {expected:#010x}"
            ),
            Self::Version { found } => {
                write!(
                    f,
                    "site description has version {found}, we read version {VERSION}"
                )
            }
            Self::Malformed => f.write_str("site description is intact but makes no sense"),
            Self::Invalid(violations) => {
                f.write_str("site description breaks rules")?;
                violations
                    .iter()
                    .try_for_each(|violation| write!(f, "; {violation}"))
            }
        }
    }
}

impl core::error::Error for SiteError {}
