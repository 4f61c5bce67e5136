//! Function names as Go prints them: the shapes of type parameters become `[...]`.

use std::borrow::Cow;

const SHAPES: &[u8] = b"[...]";

/// Returns `name` as runtime.funcNameForPrint does; up to Go 1.26 everything between the outer brackets goes.
pub fn printed(name: &[u8], generic_methods: bool) -> Cow<'_, [u8]> {
    let open = memchr::memchr(b'[', name);
    let close = memchr::memrchr(b']', name);
    let (Some(open), Some(close)) = (open, close) else {
        return Cow::Borrowed(name);
    };
    if close <= open {
        return Cow::Borrowed(name);
    }
    let inside = &name[open + 1..close];
    let kept = match generic_methods.then(|| between(inside)) {
        None | Some(Between::Nothing) => &b""[..],
        Some(Between::Malformed) => return Cow::Borrowed(name),
        Some(Between::Method(method)) => {
            let pieces = [&name[..open], SHAPES, method, SHAPES, &name[close + 1..]];
            return Cow::Owned(pieces.concat());
        }
    };
    Cow::Owned([&name[..open], SHAPES, kept, &name[close + 1..]].concat())
}

enum Between<'a> {
    Nothing,
    Method(&'a [u8]),
    Malformed,
}

/// Looks for `] method [` between the outer brackets: a generic method of a generic type (Go 1.27).
fn between(inside: &[u8]) -> Between<'_> {
    let mut depth = 1;
    let mut closed = None;
    for (index, byte) in inside.iter().enumerate() {
        match byte {
            b'[' => {
                depth += 1;
                if depth == 1 {
                    return closed.map_or(Between::Malformed, |from: usize| {
                        Between::Method(&inside[from + 1..index])
                    });
                }
            }
            b']' => {
                depth -= 1;
                match depth {
                    0 => closed = Some(index),
                    ..0 => return Between::Malformed,
                    _ => {}
                }
            }
            _ => {}
        }
    }
    match (depth, closed) {
        (1, None) => Between::Nothing,
        _ => Between::Malformed,
    }
}

#[cfg(test)]
mod tests {
    use super::printed;

    fn new(name: &str) -> String {
        String::from_utf8(printed(name.as_bytes(), true).into_owned()).unwrap()
    }

    #[test]
    fn shapes_are_hidden() {
        assert_eq!(new("main.main"), "main.main");
        assert_eq!(new("main.F[go.shape.int].func1"), "main.F[...].func1");
        assert_eq!(new("main.F[go.shape.map[string]int]"), "main.F[...]");
        assert_eq!(
            new("main.(*T[go.shape.int]).M[go.shape.string].func1"),
            "main.(*T[...]).M[...].func1"
        );
        assert_eq!(new("a]b[c"), "a]b[c");
    }

    #[test]
    fn before_1_27_only_the_outer_brackets_count() {
        let old = printed(b"main.F[a].G[b].func1", false);
        assert_eq!(&old[..], b"main.F[...].func1");
    }
}
