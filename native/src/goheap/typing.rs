//! What each reached object is: some say so themselves, the rest is told by those that lead to them.

use super::channels::tell_channels;
use super::fit::Fit;
use super::fitting::Fitting;
use super::infer::SizedAs;
use super::inference::Inference;
use super::layout::HeapLayout;
use super::mark::Marked;
use super::objects::Objects;
use super::said::{Said, tell_said};
use super::shapes::{ShapeId, Shapes};
use super::specials::{Special, tell_specials};
use super::telling::Telling;
use super::typeindex::TypeIndex;
use super::values::Program;

/// What the types come from.
pub struct Sources<'a> {
    /// Words that lead to something known: (word, what it is).
    pub known: &'a [(u64, ShapeId)],
    /// Words that interfaces seem to hold, and the type that goes with them.
    pub interfaces: &'a [(u64, u64)],
    pub stacks: &'a [(u64, u64)],
    pub types: &'a TypeIndex<'a>,
    /// (address, type) of global variables.
    pub variables: &'a [(u64, u64)],
    pub said: Said<'a>,
    pub size_classes: &'a [u64],
    pub specials: &'a [Special],
    pub program: Program,
}

/// What was told.
pub struct Told {
    /// By slot.
    pub shapes: Vec<ShapeId>,
    /// Of classic maps of which nobody knows more.
    pub sized: SizedAs,
    /// Header of a map on a stack -> its type.
    pub headers: SizedAs,
}

/// Returns the shape of the object in each slot, the sizes of classic maps without one, and the types of maps on stacks.
///
/// Objects with a header say what they are. From them, and from interfaces, types go down along fields, arrays,
/// slices, interfaces and map values. Who is told twice believes the larger type: a pointer to the first field
/// of a struct is also a pointer to the struct.
pub fn tell_types<'a, 'b>(
    objects: &'a Objects<'a>,
    layout: &'a HeapLayout,
    marked: &'a Marked,
    shapes: &'a mut Shapes<'b>,
    sources: &Sources<'_>,
) -> Told {
    let classic = !shapes.swiss;
    let mut telling = Telling::new(objects, layout, marked, shapes);
    let mut fit = Fit::new(objects, sources.types, sources.program, classic);
    telling.begin_with_headers();
    for &(pointer, shape) in sources.known {
        telling.tell(pointer, shape);
    }
    for &(pointer, kind) in sources.interfaces {
        if let Some(shape) = telling.shapes.of_interface(kind) {
            telling.tell_guess(&mut fit, pointer, shape);
        }
    }
    let fitting = Fitting {
        objects,
        layout,
        size_classes: sources.size_classes,
    };
    tell_channels(&mut telling, sources.types, &fitting);
    tell_specials(&mut telling, sources.specials);
    for &(address, kind) in sources.variables {
        telling.pass_on_variable(address, kind);
    }
    telling.pass_all_on();
    let headers = tell_said(
        &mut telling,
        &mut fit,
        &fitting,
        sources.types,
        &sources.said,
    );
    if objects.has_no_headers() {
        telling.guess_by_interfaces(&mut fit);
    }
    let sized = if classic {
        telling.guess_maps(&mut fit, sources.stacks)
    } else {
        SizedAs::new()
    };
    Inference::new(sources.types, fitting).run(&mut telling, &mut fit, &sized);
    Told {
        shapes: telling.told,
        sized,
        headers,
    }
}
