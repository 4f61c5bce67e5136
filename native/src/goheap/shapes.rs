//! What an object is, and what its words lead to: Go's types, and the runtime's own objects behind a map.

use std::collections::HashMap;
use std::sync::Arc;

use crate::image::Image;

use super::abi::{self, Type};

/// Index into `Shapes`; 0 is an object of which nothing is known.
pub type ShapeId = u32;
pub const UNKNOWN: ShapeId = 0;

/// What an object holds. The numbers are addresses of type descriptors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Shape {
    Unknown,
    /// Values of this type, one behind the other.
    Values(u64),
    /// The header of a map of this map type, in the design of this version of Go.
    Map(u64),
    /// Swiss: pointers to tables; one table.
    Directory(u64),
    Table(u64),
    /// Classic: hmap.extra of a map with these buckets, and what its slices hold.
    Extra(u64),
    OverflowSlice(u64),
    OverflowPointers(u64),
    /// A channel of this element type.
    Channel(u64),
    /// Of a sync.Map that is a trie: an inner node, an entry.
    TrieNode,
    TrieEntry,
}

/// What a word leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    Shape(ShapeId),
    /// The second word of an interface; the first says what it is: a type, or a table that begins with two.
    EmptyInterface,
    Interface,
    /// A child in a trie: a node or an entry, by what its own first byte says.
    TrieChild {
        node: ShapeId,
        entry: ShapeId,
    },
    /// maps.Map.dirPtr: one group, or a directory, by what dirLen says.
    SwissDirectory {
        group: ShapeId,
        directory: ShapeId,
    },
}

#[derive(Debug, Clone, Copy)]
pub struct Link {
    pub offset: u32,
    pub target: Target,
}

/// What the words of one shape lead to, repeated every `size` bytes.
pub struct Described {
    pub size: u64,
    pub links: Vec<Link>,
}

/// More links than this in one value are not followed for types; the mark follows every pointer all the same.
const MOST_LINKS: usize = 1 << 14;
const MOST_DEPTH: u32 = 32;
const SLOTS_PER_BUCKET: u64 = 8;

pub struct Shapes<'a> {
    image: &'a Image,
    pub swiss: bool,
    /// Where a classic header leads to its overflow buckets.
    map_extra: u32,
    ids: HashMap<Shape, ShapeId>,
    list: Vec<Shape>,
    described: Vec<Option<Arc<Described>>>,
}

impl Shape {
    /// Tells whether it is the runtime's own part of a map.
    pub fn is_of_map(self) -> bool {
        !matches!(self, Shape::Unknown | Shape::Values(_) | Shape::Channel(_))
    }

    /// Returns what it is in one word, and the type descriptor that goes with it (0: none).
    pub fn words(self) -> (&'static str, u64) {
        match self {
            Shape::Unknown => ("unknown", 0),
            Shape::Values(kind) => ("values", kind),
            Shape::Map(kind) => ("map", kind),
            Shape::Directory(kind) => ("directory", kind),
            Shape::Table(kind) => ("table", kind),
            Shape::Extra(kind) => ("extra", kind),
            Shape::OverflowSlice(kind) => ("overflow_slice", kind),
            Shape::OverflowPointers(kind) => ("overflow_pointers", kind),
            Shape::Channel(kind) => ("channel", kind),
            Shape::TrieNode => ("trie_node", 0),
            Shape::TrieEntry => ("trie_entry", 0),
        }
    }
}

impl<'a> Shapes<'a> {
    pub fn new(image: &'a Image, swiss: bool, map_extra: u64) -> Shapes<'a> {
        let mut shapes = Shapes {
            image,
            swiss,
            map_extra: map_extra as u32,
            ids: HashMap::new(),
            list: Vec::new(),
            described: Vec::new(),
        };
        shapes.id(Shape::Unknown);
        shapes
    }

    /// Returns the number of `shape`.
    pub fn id(&mut self, shape: Shape) -> ShapeId {
        if let Some(&id) = self.ids.get(&shape) {
            return id;
        }
        let id = self.list.len() as ShapeId;
        self.ids.insert(shape, id);
        self.list.push(shape);
        self.described.push(None);
        id
    }

    pub fn shape(&self, id: ShapeId) -> Shape {
        self.list[id as usize]
    }

    /// Returns all shapes by number; nobody asks for links any more.
    pub fn into_list(self) -> Vec<Shape> {
        self.list
    }

    /// Returns `id` with its links.
    pub fn describe(&mut self, id: ShapeId) -> Arc<Described> {
        if let Some(known) = &self.described[id as usize] {
            return known.clone();
        }
        let shape = self.shape(id);
        let mut links = Vec::new();
        let size = self.links_of(shape, &mut links).unwrap_or(0);
        let described = Arc::new(Described { size, links });
        self.described[id as usize] = Some(described.clone());
        described
    }

    /// Returns `id` with its links, where somebody asked for them before.
    #[inline]
    pub fn described(&self, id: ShapeId) -> Option<&Described> {
        self.described[id as usize].as_deref()
    }

    /// Returns how many bytes `id` has, where it was described before.
    #[inline]
    pub fn size(&self, id: ShapeId) -> Option<u64> {
        Some(self.described(id)?.size)
    }

    /// Returns what a value of the type at `address` that an interface holds is, and whether behind a pointer.
    pub fn of_interface(&mut self, address: u64) -> Option<ShapeId> {
        let kind = Type::read(self.image, address)?;
        if !kind.is_direct {
            return Some(self.id(Shape::Values(address)));
        }
        match self.target_of(kind)? {
            Target::Shape(id) => Some(id),
            _ => None,
        }
    }

    /// Adds the links of `shape` and returns how many bytes one of it has.
    fn links_of(&mut self, shape: Shape, links: &mut Vec<Link>) -> Option<u64> {
        match shape {
            Shape::Unknown => None,
            Shape::Values(kind) => {
                let kind = Type::read(self.image, kind)?;
                self.flatten(kind, 0, links, 0)?;
                if !self.swiss
                    && let Some(next) = overflow(self.image, kind)
                {
                    self.one(links, next, shape, kind.size)?;
                }
                Some(kind.size)
            }
            Shape::Map(kind) => self.map_links(kind, links),
            Shape::Directory(kind) => self.one(links, 0, Shape::Table(kind), 8),
            Shape::Table(kind) => {
                let groups = Type::read(self.image, kind)?.buckets(self.image)?.address;
                self.one(links, 16, Shape::Values(groups), 32)
            }
            Shape::Extra(buckets) => {
                self.one(links, 0, Shape::OverflowSlice(buckets), 0)?;
                self.one(links, 8, Shape::OverflowSlice(buckets), 0)?;
                self.one(links, 16, Shape::Values(buckets), 24)
            }
            Shape::OverflowSlice(buckets) => {
                self.one(links, 0, Shape::OverflowPointers(buckets), 24)
            }
            Shape::OverflowPointers(buckets) => self.one(links, 0, Shape::Values(buckets), 8),
            // hchan.buf: src/runtime/chan.go.
            Shape::Channel(element) => self.one(links, 16, Shape::Values(element), u64::MAX),
            // indirect and entry: src/internal/sync/hashtriemap.go.
            Shape::TrieNode => {
                let (node, entry) = (self.id(Shape::TrieNode), self.id(Shape::TrieEntry));
                let target = Target::TrieChild { node, entry };
                links.extend((24..152).step_by(8).map(|offset| Link { offset, target }));
                Some(152)
            }
            Shape::TrieEntry => {
                for offset in [24, 40] {
                    let target = Target::EmptyInterface;
                    links.push(Link { offset, target });
                }
                self.one(links, 8, Shape::TrieEntry, 48)
            }
        }
    }

    fn one(&mut self, links: &mut Vec<Link>, offset: u32, to: Shape, size: u64) -> Option<u64> {
        let target = Target::Shape(self.id(to));
        links.push(Link { offset, target });
        Some(size)
    }

    fn map_links(&mut self, kind: u64, links: &mut Vec<Link>) -> Option<u64> {
        let buckets = Type::read(self.image, kind)?.buckets(self.image)?.address;
        if self.swiss {
            let group = self.id(Shape::Values(buckets));
            let directory = self.id(Shape::Directory(kind));
            links.push(Link {
                offset: 16,
                target: Target::SwissDirectory { group, directory },
            });
            return Some(48);
        }
        self.one(links, 16, Shape::Values(buckets), 0)?;
        self.one(links, 24, Shape::Values(buckets), 0)?;
        let extra = self.map_extra;
        self.one(links, extra, Shape::Extra(buckets), u64::from(extra) + 8)
    }

    /// Adds the links of one value of `kind` at `base`.
    fn flatten(&mut self, kind: Type, base: u64, links: &mut Vec<Link>, depth: u32) -> Option<()> {
        if kind.ptr_bytes == 0 || depth > MOST_DEPTH || links.len() > MOST_LINKS {
            return Some(());
        }
        match kind.kind {
            abi::ARRAY => {
                let (element, length) = (kind.element(self.image)?, kind.length(self.image)?);
                for index in 0..length.min(MOST_LINKS as u64) {
                    self.flatten(element, base + index * element.size, links, depth + 1)?;
                }
            }
            abi::STRUCT => {
                let fields = kind.fields(self.image)?;
                if let Some(element) = atomic_pointer(self.image, &fields) {
                    let target = Target::Shape(self.id(Shape::Values(element)));
                    links.push(Link {
                        offset: u32::try_from(base).ok()?,
                        target,
                    });
                    return Some(());
                }
                for (offset, field) in fields {
                    self.flatten(field, base + offset, links, depth + 1)?;
                }
            }
            _ => {
                let within = if kind.kind == abi::INTERFACE { 8 } else { 0 };
                if let Some(target) = self.target_of(kind) {
                    links.push(Link {
                        offset: u32::try_from(base + within).ok()?,
                        target,
                    });
                }
            }
        }
        Some(())
    }

    /// Returns what a value of `kind` leads to; None where nothing can be said.
    fn target_of(&mut self, kind: Type) -> Option<Target> {
        let image = self.image;
        let shape = match kind.kind {
            abi::POINTER | abi::SLICE => Shape::Values(kind.element(image)?.address),
            abi::MAP => Shape::Map(kind.address),
            abi::CHAN => Shape::Channel(kind.element(image)?.address),
            abi::INTERFACE if kind.methods(image)? == 0 => return Some(Target::EmptyInterface),
            abi::INTERFACE => return Some(Target::Interface),
            _ => return None,
        };
        Some(Target::Shape(self.id(shape)))
    }
}

/// Returns where a classic bucket leads to the next one of its chain, which its type calls an unsafe pointer; None
/// where `kind` is no bucket with pointers (src/cmd/compile/internal/reflectdata/map_noswiss.go: eight hashes, eight
/// keys, eight elements, the next bucket).
fn overflow(image: &Image, kind: Type) -> Option<u32> {
    if kind.kind != abi::STRUCT {
        return None;
    }
    let fields = kind.fields(image)?;
    let [hashes, keys, elems, next] = fields.as_slice() else {
        return None;
    };
    let eight = |field: &(u64, Type)| {
        field.1.kind == abi::ARRAY && field.1.length(image) == Some(SLOTS_PER_BUCKET)
    };
    let is_bucket =
        hashes.1.size == SLOTS_PER_BUCKET && [hashes, keys, elems].into_iter().all(eight);
    let is_next = next.1.kind == abi::UNSAFE_POINTER && next.0 + 8 == kind.size;
    (is_bucket && is_next).then_some(next.0 as u32)
}

/// Returns what an atomic.Pointer is of: its pointer is an unsafe one, but an array of no pointers goes before it
/// that says so (src/sync/atomic/type.go).
fn atomic_pointer(image: &Image, fields: &[(u64, Type)]) -> Option<u64> {
    let (first, last) = (fields.first()?.1, fields.last()?);
    let right = first.kind == abi::ARRAY && first.size == 0;
    let unsafe_pointer = last.0 == 0 && last.1.kind == abi::UNSAFE_POINTER;
    let pointer = first
        .element(image)
        .filter(|element| right && unsafe_pointer && element.kind == abi::POINTER)?;
    Some(pointer.element(image)?.address)
}
