//! The Site Personality Manager: what a site is made of.

#![no_std]
