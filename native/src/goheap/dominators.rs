//! Immediate dominators by semi-NCA (Georgiadis, Tarjan, Werneck: Finding Dominators in Practice, 2006).
//!
//! Everything is u32 and flat: a heap has tens of millions of nodes, and what we hold counts against the same
//! memory limit as the process that is running out of it. Most of them are sinks: what leads nowhere dominates
//! nobody, stays out of the search, and hangs below the nearest node that dominates everybody who leads to it.

use super::references::{Node, References};

pub const NOBODY: u32 = u32::MAX;

/// The dominator tree of what `entry` reaches, the entry first. `dominator[i]` is the place in `order` of the
/// immediate dominator of `order[i]`; it is smaller than i.
pub struct Dominators {
    pub order: Vec<Node>,
    pub dominator: Vec<u32>,
    /// Row of a node -> its place in `order`, or NOBODY.
    pub place: Vec<u32>,
}

/// Returns the dominator tree of `graph` from `entry`.
pub fn dominators(graph: &References, entry: Node) -> Dominators {
    let mut search = Search::new(graph, entry);
    let parent = search.depth_first(entry);
    let semi = semidominators(&search.predecessors(), &parent);
    let Search {
        order,
        place,
        is_sink,
        ..
    } = search;
    let mut dominator = parent;
    for node in 1..order.len() {
        // The nearest ancestor in the tree so far that is not below the semidominator.
        let mut above = dominator[node];
        while above > semi[node] {
            above = dominator[above as usize];
        }
        dominator[node] = above;
    }
    let mut tree = Dominators {
        order,
        dominator,
        place,
    };
    tree.hang_sinks(graph, &is_sink);
    tree
}

impl Dominators {
    /// Adds the sinks behind the others.
    fn hang_sinks(&mut self, graph: &References, is_sink: &[bool]) {
        for row in (0..graph.rows()).filter(|&row| !is_sink[row]) {
            let holder = self.place[row];
            if holder == NOBODY {
                continue; // nothing leads to it
            }
            for sink in graph.rows_of(row).filter(|&to| is_sink[to]) {
                self.place[sink] = match self.place[sink] {
                    NOBODY => holder,
                    other => common(&self.dominator, other, holder),
                };
            }
        }
        let hung = |place: &[u32], row: usize| is_sink[row] && place[row] != NOBODY;
        let more = (0..graph.rows())
            .filter(|&row| hung(&self.place, row))
            .count();
        self.order.reserve_exact(more);
        self.dominator.reserve_exact(more);
        for row in 0..graph.rows() {
            if hung(&self.place, row) {
                self.dominator.push(self.place[row]);
                self.place[row] = self.order.len() as u32;
                self.order.push(graph.node(row));
            }
        }
    }
}

/// Returns the nearest place above both in the tree.
pub fn common(dominator: &[u32], mut a: u32, mut b: u32) -> u32 {
    while a != b {
        if a > b {
            a = dominator[a as usize];
        } else {
            b = dominator[b as usize];
        }
    }
    a
}

struct Search<'a> {
    graph: &'a References,
    /// By row.
    is_sink: Vec<bool>,
    /// Without the sinks.
    order: Vec<Node>,
    /// Row -> place in `order`, or NOBODY.
    place: Vec<u32>,
}

impl<'a> Search<'a> {
    fn new(graph: &'a References, entry: Node) -> Search<'a> {
        let entry = graph.row(entry);
        let rows = 0..graph.rows();
        let leads_nowhere = |row| graph.rows_of(row).next().is_none() && Some(row) != entry;
        Search {
            graph,
            is_sink: rows.clone().map(leads_nowhere).collect(),
            order: Vec::new(),
            place: vec![NOBODY; rows.len()],
        }
    }

    /// Numbers what `entry` reaches, and returns the place of the parent of each in the depth-first tree.
    fn depth_first(&mut self, entry: Node) -> Vec<u32> {
        let mut parent = Vec::new();
        // (row, who led here): a node may wait here several times; the last one pushed comes first.
        let mut waiting: Vec<(usize, u32)> = self
            .graph
            .row(entry)
            .map(|row| (row, 0))
            .into_iter()
            .collect();
        while let Some((row, from)) = waiting.pop() {
            if self.place[row] != NOBODY {
                continue;
            }
            let place = self.order.len() as u32;
            self.place[row] = place;
            self.order.push(self.graph.node(row));
            parent.push(from);
            let fresh = self.onward(row).filter(|&next| self.place[next] == NOBODY);
            waiting.extend(fresh.map(|next| (next, place)));
        }
        parent
    }

    /// Returns the rows that row number `row` leads to and that lead on.
    fn onward(&self, row: usize) -> impl Iterator<Item = usize> {
        self.graph.rows_of(row).filter(|&to| !self.is_sink[to])
    }

    /// Turns the edges around, in places of the order.
    fn predecessors(&self) -> Predecessors {
        let rows = || self.order.iter().filter_map(|&node| self.graph.row(node));
        let mut starts = vec![0u32; self.order.len() + 1];
        for to in rows().flat_map(|row| self.onward(row)) {
            starts[self.place[to] as usize + 1] += 1;
        }
        for i in 1..starts.len() {
            starts[i] += starts[i - 1];
        }
        let mut places = vec![0; starts[self.order.len()] as usize];
        let mut free = starts.clone();
        for (place, row) in (0..).zip(rows()) {
            for to in self.onward(row) {
                let next = &mut free[self.place[to] as usize];
                places[*next as usize] = place;
                *next += 1;
            }
        }
        Predecessors { starts, places }
    }
}

struct Predecessors {
    starts: Vec<u32>,
    places: Vec<u32>,
}

impl Predecessors {
    fn of(&self, place: u32) -> &[u32] {
        let (from, to) = (self.starts[place as usize], self.starts[place as usize + 1]);
        &self.places[from as usize..to as usize]
    }
}

fn semidominators(predecessors: &Predecessors, parent: &[u32]) -> Vec<u32> {
    let mut forest = Forest::new(parent);
    for node in (1..parent.len() as u32).rev() {
        let mut least = parent[node as usize];
        for &from in predecessors.of(node) {
            least = least.min(forest.least_on_path(from, node));
        }
        forest.semi[node as usize] = least;
    }
    forest.semi
}

/// The depth-first tree, joined from below: nodes after `joined` hang below their parents already.
struct Forest {
    ancestor: Vec<u32>,
    label: Vec<u32>,
    semi: Vec<u32>,
    path: Vec<u32>,
}

impl Forest {
    fn new(parent: &[u32]) -> Forest {
        let own: Vec<u32> = (0..parent.len() as u32).collect();
        Forest {
            ancestor: parent.to_vec(),
            label: own.clone(),
            semi: own,
            path: Vec::new(),
        }
    }

    /// Returns the least semidominator on the way from `node` up to (not including) the first node that is not
    /// joined yet: those up to `last` are not. Ways are shortened as they are walked.
    fn least_on_path(&mut self, node: u32, last: u32) -> u32 {
        if node <= last {
            return node; // not joined: its semidominator is itself so far
        }
        self.path.clear();
        let mut at = node;
        while self.ancestor[at as usize] > last {
            self.path.push(at);
            at = self.ancestor[at as usize];
        }
        while let Some(below) = self.path.pop() {
            let above = self.ancestor[below as usize] as usize;
            if self.semi[self.label[above] as usize]
                < self.semi[self.label[below as usize] as usize]
            {
                self.label[below as usize] = self.label[above];
            }
            self.ancestor[below as usize] = self.ancestor[above];
        }
        self.semi[self.label[node as usize] as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reached(graph: &References, without: Option<Node>) -> Vec<bool> {
        let mut seen = vec![false; graph.rows()];
        let mut due = if without == Some(0) { vec![] } else { vec![0] };
        while let Some(node) = due.pop() {
            if !std::mem::replace(&mut seen[node as usize], true) {
                due.extend(
                    graph
                        .of(node as usize)
                        .iter()
                        .filter(|&&next| Some(next) != without),
                );
            }
        }
        seen
    }

    /// The definition itself: a dominates b where without a nothing leads to b.
    fn assert_right(graph: &References) {
        let found = dominators(graph, 0);
        let all = reached(graph, None);
        assert_eq!(found.order.len(), all.iter().filter(|&&seen| seen).count());
        let mut dominates = vec![vec![false; graph.rows()]; graph.rows()];
        for (node, row) in dominates.iter_mut().enumerate() {
            let left = reached(graph, Some(node as Node));
            for other in 0..graph.rows() {
                row[other] = all[other] && !left[other];
            }
        }
        for (position, &node) in found.order.iter().enumerate().skip(1) {
            assert_eq!(found.place[node as usize], position as u32);
            let above = found.order[found.dominator[position] as usize];
            let strict: Vec<usize> = (0..graph.rows())
                .filter(|&a| a != node as usize && dominates[a][node as usize])
                .collect();
            assert!(
                strict.contains(&(above as usize)),
                "{above} does not dominate {node}"
            );
            let nearest = strict.iter().all(|&a| dominates[a][above as usize]);
            assert!(
                nearest,
                "{above} is not the nearest of {strict:?} above {node}"
            );
        }
    }

    #[test]
    fn the_textbook_graph() {
        // Lengauer and Tarjan 1979, figure 1: R A B C D E F G H I J K L = 0..12.
        let edges = [
            (0, 1),
            (0, 2),
            (0, 3),
            (1, 4),
            (2, 1),
            (2, 4),
            (2, 5),
            (3, 6),
            (3, 7),
            (4, 12),
            (5, 8),
            (6, 9),
            (7, 9),
            (7, 10),
            (8, 5),
            (8, 11),
            (9, 11),
            (10, 9),
            (11, 9),
            (11, 0),
            (12, 8),
        ];
        assert_right(&References::of_edges(13, &edges));
    }

    #[test]
    fn random_graphs_by_the_definition() {
        let mut state = 1u64;
        let mut random = |below: u64| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % below
        };
        for round in 0..300 {
            let nodes = 2 + random(14) as usize;
            let count = random(1 + 3 * nodes as u64);
            let edges: Vec<(Node, Node)> = (0..count + round % 3)
                .map(|_| (random(nodes as u64) as Node, random(nodes as u64) as Node))
                .collect();
            assert_right(&References::of_edges(nodes, &edges));
        }
    }
}
