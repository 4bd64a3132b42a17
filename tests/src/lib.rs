//! Boots sites in QEMU and judges them.
