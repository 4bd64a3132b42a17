//! Walks over small graphs: circles, reachability, and an order that respects dependencies.
//!
//! Nodes are the numbers below `count`; `bases(node)` gives what a node depends on. Numbers out of
//! range are skipped, because a damaged description may hold any. All walks visit each node and
//! each edge a bounded number of times and none recurses: the kernel's stacks are small.

use alloc::vec;
use alloc::vec::Vec;

/// Every circle, once for each edge that closes one: the nodes in the order of dependency.
pub(crate) fn circles(count: usize, bases: impl Fn(usize) -> Vec<usize>) -> Vec<Vec<usize>> {
    #[derive(Clone, Copy, PartialEq)]
    enum Mark {
        New,
        OnPath,
        Done,
    }

    let mut found = Vec::new();
    let mut marks = vec![Mark::New; count];
    for start in 0..count {
        if marks[start] != Mark::New {
            continue;
        }
        // The path from `start`, each node with those of its bases that were not followed yet.
        let mut path = vec![(start, bases(start))];
        marks[start] = Mark::OnPath;
        while let Some((node, unfollowed)) = path.last_mut() {
            let Some(base) = unfollowed.pop() else {
                marks[*node] = Mark::Done;
                path.pop();
                continue;
            };
            match marks.get(base) {
                Some(Mark::New) => {
                    marks[base] = Mark::OnPath;
                    path.push((base, bases(base)));
                }
                Some(Mark::OnPath) => {
                    let nodes = path.iter().map(|(node, _)| *node);
                    found.push(nodes.skip_while(|node| *node != base).collect());
                }
                Some(Mark::Done) | None => {}
            }
        }
    }
    found
}

/// Which nodes `start` depends on, directly or through others. It counts itself only if it is in
/// a circle.
pub(crate) fn reachable(
    count: usize,
    start: usize,
    bases: impl Fn(usize) -> Vec<usize>,
) -> Vec<bool> {
    let mut reached = vec![false; count];
    let mut unvisited = bases(start);
    while let Some(node) = unvisited.pop() {
        if let Some(mark @ false) = reached.get_mut(node) {
            *mark = true;
            unvisited.extend(bases(node));
        }
    }
    reached
}

/// All nodes, each after what it depends on; where that leaves a choice, in the order of
/// `preferred`, which must name each node once. Nodes in a circle, which a valid description does
/// not have, come in the order of `preferred` as well.
pub(crate) fn in_order(preferred: &[usize], bases: impl Fn(usize) -> Vec<usize>) -> Vec<usize> {
    let count = preferred.len();
    let mut placed = vec![false; count];
    let mut order = Vec::with_capacity(count);
    let mut waiting = preferred.to_vec();
    while !waiting.is_empty() {
        let is_free = |node: &usize| {
            bases(*node)
                .iter()
                .all(|base| placed.get(*base).copied().unwrap_or(true))
        };
        let next = waiting.iter().position(is_free).unwrap_or(0);
        let node = waiting.remove(next);
        if let Some(mark) = placed.get_mut(node) {
            *mark = true;
        }
        order.push(node);
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A graph in which node `i` depends on `edges[i]`.
    fn graph(edges: &[&[usize]]) -> impl Fn(usize) -> Vec<usize> {
        let edges: Vec<Vec<usize>> = edges.iter().map(|bases| bases.to_vec()).collect();
        move |node| edges[node].clone()
    }

    #[test]
    fn a_diamond_has_no_circle() {
        assert!(circles(4, graph(&[&[], &[0], &[0], &[1, 2]])).is_empty());
    }

    #[test]
    fn each_closing_edge_gives_one_circle() {
        assert_eq!(circles(1, graph(&[&[0]])), [[0]]);
        assert_eq!(circles(4, graph(&[&[1], &[2], &[0], &[2]])), [[0, 1, 2]]);
        assert_eq!(
            circles(4, graph(&[&[1], &[0], &[3], &[2, 9]])),
            [[0, 1], [2, 3]]
        );
    }

    #[test]
    fn reaching_goes_through_others() {
        assert_eq!(
            reachable(4, 3, graph(&[&[], &[0], &[], &[1, 9]])),
            [true, true, false, false]
        );
    }

    #[test]
    fn order_prefers_but_never_puts_a_dependent_first() {
        assert_eq!(in_order(&[2, 0, 1], graph(&[&[], &[0], &[1]])), [0, 1, 2]);
        assert_eq!(in_order(&[2, 0, 1], graph(&[&[], &[], &[]])), [2, 0, 1]);
        assert_eq!(in_order(&[1, 0], graph(&[&[1], &[0]])), [1, 0]);
    }
}
