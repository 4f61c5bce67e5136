//! The types that DWARF describes, as far as they say where pointers are and what they lead to.

use std::collections::HashMap;

/// Offset of an entry in .debug_info.
pub type Die = usize;

/// reflect.Kind, as Go writes it into DW_AT_go_kind (src/cmd/internal/dwarf/dwarf.go).
pub const ARRAY: u64 = 17;
pub const CHAN: u64 = 18;
pub const INTERFACE: u64 = 20;
pub const MAP: u64 = 21;
pub const POINTER: u64 = 22;
pub const SLICE: u64 = 23;
pub const STRUCT: u64 = 25;
pub const UNSAFE_POINTER: u64 = 26;
/// Channels, functions, maps, pointers.
const WORDS: [u64; 5] = [CHAN, 19, MAP, POINTER, UNSAFE_POINTER];

#[derive(Default)]
pub struct Type {
    pub name: String,
    pub kind: u64,
    pub size: u64,
    /// Where its descriptor is, counted from the first of all types; 0 for none.
    pub descriptor: u64,
    /// What a typedef, an array or a pointer is of; of a slice or channel the element (DW_AT_go_elem).
    pub of: Option<Die>,
    /// (name, offset, type) of each field, by offset.
    pub fields: Vec<(String, u64, Die)>,
}

/// What a word of a variable is: the way to it, and what it leads to.
#[derive(Debug, PartialEq, Eq)]
pub struct Leaf {
    /// ".field[3].inner", or "" for the value itself.
    pub path: String,
    /// "pkg.Type.field" of the innermost named struct on that way.
    pub declared: Option<String>,
    /// What a pointer or slice is of; a map or channel leads to the runtime's own objects.
    pub of: Option<Die>,
    pub kind: u64,
    pub descriptor: u64,
}

/// A way from a value: its path, the field it leads through last, the kind of the word it ends at and where the
/// descriptor of its type is (0: there is none).
#[derive(Default)]
pub struct Followed {
    pub path: String,
    pub declared: Option<String>,
    pub kind: u64,
    pub descriptor: u64,
    /// What the pointer there is of, or the slice.
    pub of: Option<Die>,
}

impl Followed {
    /// Returns where the descriptor of the map type at its end is, counted from the first of all types; None where
    /// it ends at something else, or there is no descriptor.
    pub fn map_type(&self) -> Option<u64> {
        (self.kind == MAP && self.descriptor != 0).then_some(self.descriptor)
    }
}

const MOST_DEPTH: usize = 64;
/// What a struct type without a name is called.
const ANONYMOUS: &str = "struct {";

/// src/sync/atomic/type.go.
const ATOMIC_POINTER: &str = "sync/atomic.Pointer[";

/// Tells whether what lies within a struct is its own matter: ways end at it.
fn is_container(name: &str) -> bool {
    matches!(name, "sync.Map" | "sync.Pool") || name.starts_with("internal/sync.HashTrieMap[")
}

pub struct Types(pub HashMap<Die, Type>);

impl Types {
    /// Returns what lies `offset` bytes into a value of type `die`.
    pub fn leaf(&self, die: Die, mut offset: u64) -> Option<Leaf> {
        let (mut path, mut declared) = (String::new(), None);
        let mut at = die;
        for _ in 0..MOST_DEPTH {
            let kind = self.0.get(&at)?;
            match kind.kind {
                STRUCT if kind.name.starts_with(ATOMIC_POINTER) => {
                    return Some(Leaf {
                        path,
                        declared,
                        of: self.of_atomic(kind),
                        kind: POINTER,
                        descriptor: 0,
                    });
                }
                STRUCT if !is_container(&kind.name) => {
                    let (name, start, inner) =
                        kind.fields.iter().rev().find(|field| field.1 <= offset)?;
                    path.push('.');
                    path.push_str(name);
                    declared = match kind.name.is_empty() || kind.name.starts_with(ANONYMOUS) {
                        true => declared.map(|outer: String| format!("{outer}.{name}")),
                        false => Some(format!("{}.{name}", kind.name)),
                    };
                    (offset, at) = (offset - start, *inner);
                }
                ARRAY => {
                    let size = self.size(kind.of?)?;
                    path.push_str(&format!("[{}]", offset / size));
                    (offset, at) = (offset % size, kind.of?);
                }
                0 => at = kind.of?, // a typedef

                known => {
                    return Some(Leaf {
                        path,
                        declared,
                        of: kind.of.filter(|_| !matches!(known, MAP | CHAN | INTERFACE)),
                        kind: known,
                        descriptor: kind.descriptor,
                    });
                }
            }
        }
        None
    }

    /// Returns what an atomic.Pointer is of: its pointer is an unsafe one, an array of no pointers before it says it.
    fn of_atomic(&self, kind: &Type) -> Option<Die> {
        let inner = |die: Option<Die>| self.0.get(&die?);
        kind.fields.iter().find_map(|&(_, _, field)| {
            let array = inner(Some(field)).filter(|field| field.kind == ARRAY)?;
            inner(array.of).filter(|to| to.kind == POINTER)?.of
        })
    }

    /// Returns the way from a value of type `die` along `places`. Each place is where, in bytes into what the one
    /// before led to, the next pointer lies. None where a type on the way is not known.
    pub fn follow(&self, die: Die, places: &[u64]) -> Option<Followed> {
        let mut way = Followed::default();
        let mut at = Some(die);
        for &place in places {
            let mut offset = place;
            if way.kind == SLICE {
                let size = self.size(at?).filter(|&size| size > 0)?;
                way.path.push_str(&format!("[{}]", place / size));
                offset = place % size;
            }
            let leaf = self.leaf(at?, offset)?;
            way.path.push_str(&leaf.path);
            way.declared = leaf.declared.or(way.declared);
            (at, way.kind, way.descriptor) = (leaf.of, leaf.kind, leaf.descriptor);
            way.of = leaf.of;
        }
        Some(way)
    }

    /// Returns where the descriptor of a type is, counted from the first of all types; None where there is none.
    pub fn descriptor(&self, mut die: Die) -> Option<u64> {
        for _ in 0..MOST_DEPTH {
            let kind = self.0.get(&die)?;
            if kind.descriptor != 0 || kind.kind != 0 {
                return Some(kind.descriptor).filter(|&at| at != 0);
            }
            die = kind.of?; // a typedef
        }
        None
    }

    /// Returns the size of a type, through typedefs; None for none or zero.
    pub fn size(&self, mut die: Die) -> Option<u64> {
        for _ in 0..MOST_DEPTH {
            let kind = self.0.get(&die)?;
            if kind.size > 0 {
                return Some(kind.size);
            }
            if WORDS.contains(&kind.kind) {
                return Some(8); // Go does not write how large a pointer is
            }
            die = kind.of?;
        }
        None
    }
}
