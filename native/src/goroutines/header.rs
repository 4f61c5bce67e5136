//! The line `goroutine 7 [chan receive, 5 minutes, locked to thread]:` (upstream: goroutineheader).

use memchr::{memchr, memmem};

use crate::scan::decimal;

#[derive(Debug, PartialEq, Eq)]
pub struct Header<'a> {
    pub id: u64,
    pub state: &'a [u8],
    pub wait_minutes: u64,
    pub locked: bool,
}

const PREFIX: &[u8] = b"goroutine ";

/// Reads a header; None where the line is none. `gp=`, `mp=` and labels may stand around the state.
pub fn parse(line: &[u8]) -> Option<Header<'_>> {
    let (id, rest) = decimal(line.strip_prefix(PREFIX)?)?;
    let inner = rest.strip_suffix(b":")?;
    let open = memchr(b'[', inner)?;
    let bracket = &inner[open + 1..];
    let close = memchr(b']', bracket)?;
    // Labels stand in here in Go 1.26 alone, and only with GODEBUG=tracebacklabels=1.
    let end = memmem::find(&bracket[..close], b" labels:{").unwrap_or(close);
    let mut header = Header {
        id: u64::try_from(id).ok()?,
        state: b"",
        wait_minutes: 0,
        locked: false,
    };
    let mut parts = bracket[..end].split(|byte| *byte == b',');
    header.state = without_scan(parts.next()?);
    for part in parts {
        header.note(part.trim_ascii());
    }
    Some(header)
}

/// `(scan)` says only that the collector was looking at this stack in that moment.
fn without_scan(state: &[u8]) -> &[u8] {
    state.strip_suffix(b" (scan)").unwrap_or(state)
}

impl Header<'_> {
    /// Takes one remark after the state; an unknown one (`synctest bubble 3`) is passed over.
    fn note(&mut self, part: &[u8]) {
        if part == b"locked to thread" {
            self.locked = true;
        } else if let Some((minutes, b" minutes")) = decimal(part) {
            self.wait_minutes = u64::try_from(minutes).unwrap_or(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_remarks() {
        let line =
            b"goroutine 7 gp=0xc0 m=nil [select (scan), 5 minutes, locked to thread] {a: b}:";
        let expected = Header {
            id: 7,
            state: b"select",
            wait_minutes: 5,
            locked: true,
        };
        assert_eq!(parse(line), Some(expected));
    }

    #[test]
    fn no_header() {
        for line in [
            &b"goroutine profile: total 7"[..],
            b"goroutine 7 [",
            b"goroutine -7 [a]:",
            b"",
        ] {
            assert_eq!(parse(line), None);
        }
    }
}
