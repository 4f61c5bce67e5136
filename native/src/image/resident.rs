//! Which pages of a process were in RAM.

use super::copy::Range;

/// Runs of pages in order of address, and how many bytes lie in all runs before each.
#[derive(Default)]
pub struct Resident {
    runs: Vec<Range>,
    before: Vec<u64>,
}

impl Resident {
    /// Takes runs in any order; what overlaps counts once.
    pub fn new(mut runs: Vec<Range>) -> Resident {
        runs.retain(|run| run.start < run.end);
        runs.sort_unstable_by_key(|run| run.start);
        let mut kept: Vec<Range> = Vec::with_capacity(runs.len());
        for run in runs {
            match kept.last_mut() {
                Some(last) if run.start <= last.end => last.end = last.end.max(run.end),
                _ => kept.push(run),
            }
        }
        let mut sum = 0;
        let before = kept
            .iter()
            .map(|run| {
                let so_far = sum;
                sum += run.end - run.start;
                so_far
            })
            .collect();
        Resident { runs: kept, before }
    }

    /// Returns the runs in order of address, none of which touches another.
    pub fn runs(&self) -> &[Range] {
        &self.runs
    }

    /// Returns how many of the `bytes` bytes at `address` were in RAM. Exact to the byte, so that the parts of
    /// a page that several objects share add up to the page.
    pub fn bytes(&self, address: u64, bytes: u64) -> u64 {
        self.below(address.saturating_add(bytes)) - self.below(address)
    }

    fn below(&self, address: u64) -> u64 {
        let index = self.runs.partition_point(|run| run.start < address);
        let Some(last) = index.checked_sub(1) else {
            return 0;
        };
        let run = self.runs[last];
        self.before[last] + (address.min(run.end) - run.start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resident(runs: &[(u64, u64)]) -> Resident {
        let range = |&(start, end): &(u64, u64)| Range { start, end };
        Resident::new(runs.iter().map(range).collect())
    }

    #[test]
    fn bytes_are_counted_one_by_one_and_once() {
        let runs = resident(&[
            (40, 50),
            (10, 20),
            (15, 30),
            (90, 80),
            (u64::MAX - 5, u64::MAX),
        ]);
        let slow = |from: u64, to: u64| {
            (from..to)
                .filter(|at| (10..30).contains(at) || (40..50).contains(at))
                .count() as u64
        };
        for from in 0..60 {
            for to in from..60 {
                assert_eq!(runs.bytes(from, to - from), slow(from, to), "{from} {to}");
            }
        }
        assert_eq!(runs.bytes(u64::MAX - 9, 100), 5);
        assert_eq!(resident(&[]).bytes(0, u64::MAX), 0);
    }
}
