//! What is counted as things happen is what there is when it is gone over: so a pass that the count
//! says is in vain may be left out.

use proptest::prelude::*;

use super::fake::{Dictated, Fake};
use super::forest::{forest, step, take};
use crate::action::Fate;
use crate::{ActorEntry, ActorKind, GroupEntry};

fn check(fake: &Fake) {
    for (slot, group) in fake.manager.groups.iter().enumerate() {
        let mut members: Vec<&ActorEntry> = Vec::new();
        let mut next = group.first_member;
        while let Some(actor) = next.map(|slot| &fake.manager.actors[slot.index()]) {
            members.push(actor);
            next = actor.next_member;
        }
        let count = |is: &dyn Fn(&&&ActorEntry) -> bool| members.iter().filter(is).count() as u32;
        assert!(members.iter().all(|actor| actor.group.index() == slot));
        assert_eq!(group.members, count(&|_| true));
        let direct = count(&|actor| actor.kind == ActorKind::Direct);
        assert_eq!(group.direct_members, direct);
        assert_eq!(group.leaving, count(&|actor| actor.is_leaving));
        assert_eq!(group.asking, count(&|actor| actor.pending.is_some()));
        assert!(!group.ends_nobody() || comes_back_whole(group, &members));
    }
}

fn comes_back_whole(group: &GroupEntry, members: &[&ActorEntry]) -> bool {
    let mut fates = members.iter().map(|actor| actor.fate_under(group.goal));
    fates.all(|fate| fate == Fate::Restart)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn what_is_counted_is_what_there_is(
        (groups, edges) in forest(),
        steps in prop::collection::vec(step(), 0..150),
    ) {
        let groups: Vec<&[ActorKind]> = groups.iter().map(Vec::as_slice).collect();
        let mut fake = Fake::new(&groups, 128, &Dictated);
        fake.declare_edges(&edges);
        for index in 0..fake.actors.len() {
            fake.load(index);
        }
        for step in &steps {
            take(&mut fake, step);
            check(&fake);
        }
        fake.settle();
        check(&fake);
        // Who has nothing to do is not looked at again.
        let listed = fake.manager.groups.iter().filter(|group| group.is_listed);
        prop_assert!(listed.into_iter().all(|group| !group.phase.is_at_rest()));
    }
}
