//! Makes a site's disk: a plain tar archive, so that what `tar tf` shows is what reload reads.
//!
//! ```text
//! site.postcard         the compiled site, first so that the kernel finds it at once
//! actors/<image>.elf    each image the site names, once
//! ```
//!
//! The archive is the disk: no partition, no file system around it. The same site gives the same
//! bytes, on every machine, at any time.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use refrain_tests::artifacts;

use crate::build::{relative, write_if_changed};
use crate::sites;

/// Where the compiled site is in the archive.
const SITE: &str = "site.postcard";

/// The size of a block.
const BLOCK: usize = 512;

/// No disk is smaller: room for a test to put something else there.
const SMALLEST: usize = 1 << 20;

/// Makes the disk of a site from its description and the actors that were built.
///
/// # Errors
/// When the description has problems, or names an image that no actor has.
pub(crate) fn make(site: &str) -> Result<PathBuf> {
    make_of(site, sites::compile(site)?)
}

/// Makes the disk of a site that has been compiled.
///
/// # Errors
/// When it names an image that no actor has.
pub(crate) fn make_of(site: &str, compiled: sites::Compiled) -> Result<PathBuf> {
    let mut files = vec![(SITE.to_owned(), compiled.bytes)];
    for image in compiled.images {
        let path = artifacts::actors().join(format!("{image}.elf"));
        let elf = fs::read(&path).with_context(|| {
            format!(
                "site \"{site}\" names the image \"{image}\", but {} is not built",
                relative(&path).display()
            )
        })?;
        files.push((format!("actors/{image}.elf"), elf));
    }
    let disk = artifacts::disk(site);
    write_if_changed(&disk, &archive(&files)?)?;
    Ok(disk)
}

/// Packs files into a tar archive and pads it to whole blocks.
fn archive(files: &[(String, Vec<u8>)]) -> Result<Vec<u8>> {
    let mut builder = tar::Builder::new(Vec::new());
    for (path, content) in files {
        let mut header = tar::Header::new_ustar();
        header.set_size(u64::try_from(content.len())?);
        header.set_mode(0o644);
        header.set_mtime(0);
        header.set_uid(0);
        header.set_gid(0);
        builder
            .append_data(&mut header, path, content.as_slice())
            .with_context(|| format!("cannot put {path} into the archive"))?;
    }
    let mut disk = builder.into_inner().context("cannot finish the archive")?;
    let size = disk.len().next_multiple_of(BLOCK).max(SMALLEST);
    disk.resize(size, 0);
    Ok(disk)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn archive_is_read_back_in_order_and_is_whole_blocks() {
        let files = [
            (SITE.to_owned(), vec![1; 5]),
            ("actors/a.elf".to_owned(), vec![2; 1 << 20]),
        ];
        let disk = archive(&files).unwrap();
        assert_eq!(disk.len() % BLOCK, 0);
        assert_eq!(&disk[257..262], b"ustar");
        let mut reader = tar::Archive::new(disk.as_slice());
        let read: Vec<_> = reader
            .entries()
            .unwrap()
            .map(|entry| {
                let mut entry = entry.unwrap();
                let mut content = Vec::new();
                std::io::Read::read_to_end(&mut entry, &mut content).unwrap();
                (
                    entry.path().unwrap().to_string_lossy().into_owned(),
                    content,
                )
            })
            .collect();
        assert_eq!(read, files);
    }

    #[test]
    fn small_archives_are_padded_and_always_the_same() {
        let files = [(SITE.to_owned(), vec![1; 5])];
        assert_eq!(archive(&files).unwrap().len(), SMALLEST);
        assert_eq!(archive(&files).unwrap(), archive(&files).unwrap());
    }
}
