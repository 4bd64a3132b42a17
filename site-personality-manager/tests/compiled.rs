//! Compiled descriptions: what is valid survives, what is damaged is refused, nothing panics.

mod support;

use abi::site::Rights;
use proptest::prelude::*;
use site_personality_manager::validate::{Place, Rule};
use site_personality_manager::{SiteError, compile, encode, load, validate};

const HEADER: usize = 20;

/// Puts an intact header before any payload.
fn forge(payload: &[u8]) -> Vec<u8> {
    let numbers = [
        encode::VERSION.to_le_bytes(),
        (payload.len() as u32).to_le_bytes(),
    ]
    .concat();
    let crc = crc::Crc::<u32>::new(&crc::CRC_32_ISO_HDLC);
    let checksum = crc.checksum(&[&numbers, payload].concat());
    [
        b"REFRSITE",
        numbers.as_slice(),
        &checksum.to_le_bytes(),
        payload,
    ]
    .concat()
}

#[test]
fn each_kind_of_damage_has_its_own_error() {
    let bytes = compile(&support::plain());
    assert_eq!(load(&bytes), Ok(support::plain()));

    assert_eq!(load(&[]), Err(SiteError::NotASite));
    assert_eq!(load(&bytes[..HEADER - 1]), Err(SiteError::NotASite));
    assert_eq!(load(&[0; 64]), Err(SiteError::NotASite));

    let (expected, found) = (bytes.len() as u64, bytes.len() as u64 - 1);
    assert_eq!(
        load(&bytes[..bytes.len() - 1]),
        Err(SiteError::Length { expected, found })
    );

    let longer = [bytes.as_slice(), &[0]].concat();
    let (expected, found) = (bytes.len() as u64, bytes.len() as u64 + 1);
    assert_eq!(load(&longer), Err(SiteError::Length { expected, found }));

    let mut flipped = bytes.clone();
    flipped[HEADER + 3] ^= 0x10;
    assert!(matches!(load(&flipped), Err(SiteError::Checksum { .. })));
    let message = load(&flipped).unwrap_err().to_string();
    assert!(
        message.starts_with("site description is damaged: checksum 0x"),
        "{message}"
    );

    let mut other_version = bytes.clone();
    other_version[8] += 1;
    assert!(matches!(
        load(&other_version),
        Err(SiteError::Checksum { .. })
    ));

    assert_eq!(load(&forge(&[])), Err(SiteError::Malformed));
    assert_eq!(
        load(&forge(&[&bytes[HEADER..], &[0]].concat())),
        Err(SiteError::Malformed)
    );
    assert_eq!(load(&forge(&bytes[HEADER..])), Ok(support::plain()));
}

#[test]
fn another_version_is_named() {
    let payload = compile(&support::plain()).split_off(HEADER);
    let numbers = [7_u32.to_le_bytes(), (payload.len() as u32).to_le_bytes()].concat();
    let crc = crc::Crc::<u32>::new(&crc::CRC_32_ISO_HDLC);
    let checksum = crc.checksum(&[numbers.as_slice(), &payload].concat());
    let bytes = [
        b"REFRSITE",
        numbers.as_slice(),
        &checksum.to_le_bytes(),
        &payload,
    ]
    .concat();
    assert_eq!(load(&bytes), Err(SiteError::Version { found: 7 }));
}

#[test]
fn intact_bytes_of_an_invalid_site_are_refused() {
    let mut site = support::plain();
    site.actors[0].priority = 0;
    let Err(SiteError::Invalid(violations)) = load(&compile(&site)) else {
        panic!("loaded an invalid site");
    };
    assert_eq!(violations.len(), 1);
    assert_eq!(violations[0].place, Place::Actor(0));
    let rule = Rule::Range {
        what: "the priority",
        value: 0,
        low: 1,
        high: 63,
    };
    assert_eq!(violations[0].rule, rule);
    assert_eq!(
        violations[0].to_string(),
        "actor `a`: the priority is 0, not between 1 and 63"
    );
}

proptest! {
    #[test]
    fn valid_sites_survive(site in support::valid_site()) {
        prop_assert_eq!(validate(&site), Ok(()));
        prop_assert_eq!(load(&compile(&site)), Ok(site));
    }

    #[test]
    fn changed_bytes_are_refused(
        site in support::valid_site(),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), 1_u8..), 1..4),
    ) {
        let intact = compile(&site);
        let mut bytes = intact.clone();
        for (at, change) in changes {
            let at = at.index(bytes.len());
            bytes[at] ^= change;
        }
        prop_assume!(bytes != intact);
        prop_assert!(load(&bytes).is_err());
    }

    #[test]
    fn cut_or_lengthened_bytes_are_refused(
        site in support::valid_site(),
        at in any::<prop::sample::Index>(),
        more in proptest::collection::vec(any::<u8>(), 1..9),
    ) {
        let bytes = compile(&site);
        prop_assert!(load(&bytes[..at.index(bytes.len())]).is_err());
        prop_assert!(load(&[bytes, more].concat()).is_err());
    }

    #[test]
    fn any_bytes_do_not_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = load(&bytes);
        let _ = load(&forge(&bytes));
    }

    #[test]
    fn damage_that_the_checksum_covers_does_not_panic(
        site in support::valid_site(),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let mut payload = compile(&site).split_off(HEADER);
        let at = at.index(payload.len());
        payload[at] = byte;
        if let Ok(site) = load(&forge(&payload)) {
            prop_assert_eq!(validate(&site), Ok(()));
        }
    }

    #[test]
    fn whatever_is_loaded_has_known_rights(site in support::any_site()) {
        if let Ok(site) = load(&compile(&site)) {
            let all = Rights::NAMED.iter().fold(Rights::NONE, |all, (_, right)| all.union(*right));
            prop_assert!(site.actors.iter().all(|actor| all.contains(actor.rights)));
        }
    }
}
