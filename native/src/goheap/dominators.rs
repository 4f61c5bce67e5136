//! Immediate dominators by semi-NCA (Georgiadis, Tarjan, Werneck: Finding Dominators in Practice, 2006).
//!
//! Everything is u32 and flat: a heap has tens of millions of nodes, and what we hold counts against the same
//! memory limit as the process that is running out of it.

pub type Node = u32;
pub const NOBODY: Node = u32::MAX;

#[cfg_attr(test, derive(Clone))]
/// The successors of every node, those of node i at `targets[starts[i]..starts[i + 1]]`.
pub struct Graph {
    pub starts: Vec<u32>,
    pub targets: Vec<Node>,
}

impl Graph {
    pub fn nodes(&self) -> usize {
        self.starts.len() - 1
    }

    fn successors(&self, node: Node) -> &[Node] {
        let (from, to) = (self.starts[node as usize], self.starts[node as usize + 1]);
        &self.targets[from as usize..to as usize]
    }
}

/// The dominator tree of what `entry` reaches. `order` are those nodes in preorder, the entry first;
/// `dominator[i]` is the position in `order` of the immediate dominator of `order[i]`; it is smaller than i.
pub struct Dominators {
    pub order: Vec<Node>,
    pub dominator: Vec<u32>,
}

/// Returns the dominator tree of `graph` from `entry`.
pub fn dominators(graph: Graph, entry: Node) -> Dominators {
    let Walk {
        order,
        number,
        parent,
    } = depth_first(&graph, entry);
    let predecessors = predecessors(&graph, &order, &number);
    drop((graph, number)); // as large as all that comes after
    let semi = semidominators(&predecessors, &parent);
    let mut dominator = parent;
    for node in 1..order.len() {
        // The nearest ancestor in the tree so far that is not below the semidominator.
        let mut above = dominator[node];
        while above > semi[node] {
            above = dominator[above as usize];
        }
        dominator[node] = above;
    }
    Dominators { order, dominator }
}

struct Walk {
    order: Vec<Node>,
    /// Node -> position in `order`, or NOBODY.
    number: Vec<u32>,
    /// Position -> position of the parent in the depth-first tree.
    parent: Vec<u32>,
}

fn depth_first(graph: &Graph, entry: Node) -> Walk {
    let mut walk = Walk {
        order: Vec::with_capacity(graph.nodes()),
        number: vec![NOBODY; graph.nodes()],
        parent: Vec::with_capacity(graph.nodes()),
    };
    // (node, who led here): a node may wait here several times; the last one pushed comes first.
    let mut waiting = vec![(entry, 0)];
    while let Some((node, from)) = waiting.pop() {
        if walk.number[node as usize] != NOBODY {
            continue;
        }
        let number = walk.order.len() as u32;
        walk.number[node as usize] = number;
        walk.order.push(node);
        walk.parent.push(from);
        let fresh = graph
            .successors(node)
            .iter()
            .filter(|&&next| walk.number[next as usize] == NOBODY);
        waiting.extend(fresh.map(|&next| (next, number)));
    }
    walk
}

/// Turns the edges around, in positions of the preorder.
fn predecessors(graph: &Graph, order: &[Node], number: &[u32]) -> Graph {
    let mut starts = vec![0u32; order.len() + 1];
    for &node in order {
        for &next in graph.successors(node) {
            starts[number[next as usize] as usize + 1] += 1;
        }
    }
    for i in 1..starts.len() {
        starts[i] += starts[i - 1];
    }
    let mut targets = vec![0; starts[order.len()] as usize];
    let mut free = starts.clone();
    for (position, &node) in order.iter().enumerate() {
        for &next in graph.successors(node) {
            let place = &mut free[number[next as usize] as usize];
            targets[*place as usize] = position as u32;
            *place += 1;
        }
    }
    Graph { starts, targets }
}

fn semidominators(predecessors: &Graph, parent: &[u32]) -> Vec<u32> {
    let mut forest = Forest::new(parent);
    for node in (1..parent.len() as u32).rev() {
        let mut least = parent[node as usize];
        for &from in predecessors.successors(node) {
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

    fn graph(nodes: usize, edges: &[(Node, Node)]) -> Graph {
        let mut starts = vec![0];
        let mut targets = Vec::new();
        for node in 0..nodes as Node {
            targets.extend(
                edges
                    .iter()
                    .filter(|edge| edge.0 == node)
                    .map(|edge| edge.1),
            );
            starts.push(targets.len() as u32);
        }
        Graph { starts, targets }
    }

    fn reached(graph: &Graph, without: Option<Node>) -> Vec<bool> {
        let mut seen = vec![false; graph.nodes()];
        let mut due = if without == Some(0) { vec![] } else { vec![0] };
        while let Some(node) = due.pop() {
            if !std::mem::replace(&mut seen[node as usize], true) {
                due.extend(
                    graph
                        .successors(node)
                        .iter()
                        .filter(|&&next| Some(next) != without),
                );
            }
        }
        seen
    }

    /// The definition itself: a dominates b where without a nothing leads to b.
    fn assert_right(graph: &Graph) {
        let found = dominators(graph.clone(), 0);
        let all = reached(graph, None);
        assert_eq!(found.order.len(), all.iter().filter(|&&seen| seen).count());
        let mut dominates = vec![vec![false; graph.nodes()]; graph.nodes()];
        for (node, row) in dominates.iter_mut().enumerate() {
            let left = reached(graph, Some(node as Node));
            for other in 0..graph.nodes() {
                row[other] = all[other] && !left[other];
            }
        }
        for (position, &node) in found.order.iter().enumerate().skip(1) {
            let above = found.order[found.dominator[position] as usize];
            let strict: Vec<usize> = (0..graph.nodes())
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
        assert_right(&graph(13, &edges));
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
            assert_right(&graph(nodes, &edges));
        }
    }
}
