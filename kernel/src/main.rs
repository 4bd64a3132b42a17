//! The composition root: which policy, and which site description, with the kernel.

#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(target_os = "none")]
mod compose {
    //! Puts the kernel library, a policy and the Site Personality Manager together.

    extern crate alloc;

    use alloc::vec::Vec;
    use core::fmt::Write as _;

    use abi::layout::PANIC_MAX;
    use abi::{Name, Text};
    use bootloader_api::{BootInfo, entry_point};
    use kernel::actor::{Budget, Declaration};
    use kernel::composition::{Composition, Known, Step};
    use kernel::rights::{Grant, Held, Scope};
    use kernel::start::{BOOT_CONFIG, start};
    use restart_manager::{ActorKind, Reaction, RestartPolicy};
    use site_personality_manager::order;
    use site_personality_manager::site::{self, Actor, GroupIndex, Site, Target};

    /// The policy named when the kernel was built.
    const POLICY: &dyn RestartPolicy = {
        let name = match option_env!("REFRAIN_POLICY") {
            Some(name) => name,
            None => policies::DEFAULT,
        };
        match policies::named(name) {
            Some(policy) => policy,
            None => panic!("REFRAIN_POLICY names no policy; see policies::NAMES"),
        }
    };

    static COMPOSITION: Composition = Composition {
        policy: POLICY,
        steps,
    };

    entry_point!(kernel_main, config = &BOOT_CONFIG);

    fn kernel_main(boot: &'static mut BootInfo) -> ! {
        start(boot, &COMPOSITION)
    }

    /// Reads a site's description into the steps that bring it up.
    fn steps(description: &[u8], known: Known) -> Result<Vec<Step>, Text<PANIC_MAX>> {
        let site = match known {
            Known::Nothing => site_personality_manager::load(description),
            Known::Accepted => site_personality_manager::load_again(description),
        };
        let site = site.map_err(|error| {
            let mut text = Text::EMPTY;
            // Text takes what fits and never fails.
            let _ = write!(text, "{error}");
            text
        })?;
        // The manager numbers groups in the order in which they are opened.
        let mut opened = Vec::new();
        let number = |opened: &[_], group| opened.iter().position(|other| *other == group);
        let mut steps = Vec::new();
        if let Some(kernel) = site.group(GroupIndex::KERNEL) {
            let parameters = kernel.parameters;
            steps.push(Step::Site { parameters });
        }
        for step in order::boot(&site) {
            match step {
                order::Step::Open(group) => {
                    if let Some(entry) = site.group(group) {
                        let base = entry.parent().and_then(|parent| number(&opened, parent));
                        let dependent = opened.len();
                        steps.push(Step::Group {
                            name: entry.name,
                            base,
                            parameters: entry.parameters,
                        });
                        // A restart of the kernel group restarts everything: those edges say
                        // nothing, and it has no number.
                        steps.extend(entry.edges.iter().filter_map(|edge| {
                            Some(Step::Edge {
                                dependent,
                                base: number(&opened, edge.base)?,
                                reaction: reaction(edge.reaction),
                                reverse: reaction(edge.reverse),
                            })
                        }));
                        opened.push(group);
                    }
                }
                order::Step::Load(actor) => {
                    if let Some(entry) = site.actor(actor) {
                        let manager = order::manager_of(&site, entry.group);
                        let manager = manager.and_then(|manager| site.actor(manager));
                        let group = number(&opened, entry.group).unwrap_or(0);
                        steps.push(Step::Actor {
                            declaration: declaration(
                                &site,
                                entry,
                                manager.map(|manager| manager.name),
                            ),
                            group,
                            kind: ActorKind::Direct,
                            parameters: entry.parameters,
                        });
                    }
                }
                // The Restart Manager has activated what is loaded, by the manager if there is one.
                order::Step::Activate(_) | order::Step::Delegate { .. } => {}
                order::Step::Enter(_) | order::Step::Leave(_) => {}
            }
        }
        // Not loaded, only made known: their groups' members spawn them.
        for entry in site.actors.iter().filter(|actor| !actor.direct) {
            steps.push(Step::Actor {
                declaration: declaration(&site, entry, None),
                group: number(&opened, entry.group).unwrap_or(0),
                kind: ActorKind::Indirect,
                parameters: entry.parameters,
            });
        }
        Ok(steps)
    }

    fn reaction(described: site::Reaction) -> Reaction {
        match described {
            site::Reaction::Restart => Reaction::Restart,
            site::Reaction::Notify => Reaction::Notify,
            site::Reaction::None => Reaction::None,
        }
    }

    fn declaration(site: &Site, actor: &Actor, manager: Option<Name>) -> Declaration {
        let named = |grant: &site::Grant| {
            let name = site.target_name(grant.on)?;
            let on = match grant.on {
                Target::Actor(_) => Scope::Actor(name),
                Target::Group(_) => Scope::Group(name),
            };
            let rights = grant.rights;
            Some(Grant { on, rights })
        };
        let group = site.group(actor.group);
        let subsystem = group.and_then(|group| site.subsystem(group.subsystem?));
        let grants: Vec<Grant> = actor.grants.iter().filter_map(named).collect();
        Declaration {
            name: actor.name,
            image: actor.image,
            arguments: actor.arguments,
            priority: actor.priority,
            stack_bytes: actor.stack_bytes,
            budget: Budget {
                frames: actor.budget.frames,
                threads: actor.budget.threads,
                ports: actor.budget.ports,
                persistent_frames: actor.budget.persistent_frames,
            },
            held: Held::new(actor.rights, grants.leak()),
            subsystem: subsystem.map_or(Name::EMPTY, |subsystem| subsystem.name),
            manager,
            heartbeat: actor.heartbeat,
            start_deadline: actor.start_deadline,
        }
    }
}

/// On the host there is nothing to run: the library's pure modules are what is tested there.
#[cfg(not(target_os = "none"))]
fn main() {}
