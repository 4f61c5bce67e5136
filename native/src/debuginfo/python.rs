//! The debug information as Python sees it.

use pyo3::prelude::*;

use super::read::{Globals, Variable, read};
use super::scopes::{Named, Scopes};

/// The variables of a program, by the addresses it was linked to.
#[pyclass(module = "mapmedic._native", frozen)]
struct DebugInfo {
    globals: Globals,
    scopes: Scopes,
}

#[pymethods]
impl DebugInfo {
    /// Read the ELF file ``data``; Malformed where it does not parse.
    #[new]
    fn new(py: Python<'_>, data: &[u8]) -> PyResult<Self> {
        let (globals, sections) = py.detach(|| read(data))?;
        Ok(DebugInfo {
            globals,
            scopes: Scopes::new(sections),
        })
    }

    /// The address that the file's first segment was linked to.
    #[getter]
    fn base(&self) -> u64 {
        self.globals.base
    }

    /// Return (linked address, type) of each global variable whose type the runtime knows; types by how far they
    /// lie from the first.
    fn runtime_types(&self) -> Vec<(u64, u64)> {
        let types = &self.globals.types;
        let variables = self.globals.variables.iter();
        variables
            .filter_map(|each| Some((each.address, types.descriptor(each.kind)?)))
            .collect()
    }

    /// Return how many global variables there are.
    fn __len__(&self) -> usize {
        self.globals.variables.len()
    }

    /// Return (variable, path, declared, kind) of what is reached from the word at the linked ``address`` along
    /// ``places``, kind as reflect.Kind counts; None where a variable or a type on the way is not known.
    fn follow(
        &self,
        address: u64,
        places: Vec<u64>,
    ) -> Option<(String, String, Option<String>, u64)> {
        let (variable, all) = self.way(address, places)?;
        let way = self.globals.types.follow(variable.kind, &all)?;
        Some((variable.name.clone(), way.path, way.declared, way.kind))
    }

    /// Return (kind of the word that the way ends at, size and type of what it leads to); type 0 where it has none,
    /// and None where the word leads to nothing of a known size.
    fn target(&self, address: u64, places: Vec<u64>) -> Option<(u64, u64, u64)> {
        let (variable, all) = self.way(address, places)?;
        let types = &self.globals.types;
        let way = types.follow(variable.kind, &all)?;
        let of = way.of?;
        Some((way.kind, types.size(of)?, types.descriptor(of).unwrap_or(0)))
    }

    /// Return (variable, path, declared, map type) of what is reached along ``places`` from the word ``at`` bytes from the
    /// caller's stack pointer in a frame of the function linked to ``entry`` that stands at ``pc``. None where no
    /// variable is known to lie there, or what it leads to is no map.
    fn local(&self, entry: u64, pc: u64, at: i64, places: Vec<u64>) -> Option<Named> {
        self.scopes.local(&self.globals, entry, pc, at, &places)
    }

    /// Return the same of the one variable of that function that leads to a map along ``places``, of which the
    /// program does not say where it is; None where there is no or more than one such variable.
    fn only_local(&self, entry: u64, pc: u64, places: Vec<u64>) -> Option<Named> {
        self.scopes.only_local(&self.globals, entry, pc, &places)
    }

    /// Return the same of what the closure of the function linked to ``entry`` has captured ``at`` bytes into it.
    fn captured(&self, entry: u64, at: u64, places: Vec<u64>) -> Option<Named> {
        self.scopes.captured(&self.globals, entry, at, &places)
    }

    /// Return where the type of the map that the way leads to is, counted from the first of all types; None where
    /// it is not known.
    fn map_type(&self, address: u64, places: Vec<u64>) -> Option<u64> {
        let (variable, all) = self.way(address, places)?;
        self.globals.types.follow(variable.kind, &all)?.map_type()
    }

    /// Return (variable, kind) of the word at the linked ``address``, kind as reflect.Kind counts; None where no
    /// variable is known to hold it.
    fn find(&self, address: u64) -> Option<(String, u64)> {
        let (variable, all) = self.way(address, Vec::new())?;
        let leaf = self.globals.types.leaf(variable.kind, all[0])?;
        Some((variable.name.clone(), leaf.kind))
    }
}

impl DebugInfo {
    /// Returns the variable that the word at `address` is part of, and `places` with the place in it before them.
    fn way(&self, address: u64, places: Vec<u64>) -> Option<(&Variable, Vec<u64>)> {
        let Globals {
            variables, types, ..
        } = &self.globals;
        let index = variables
            .partition_point(|variable| variable.address <= address)
            .checked_sub(1)?;
        let variable = &variables[index];
        let mut all = vec![address - variable.address];
        if all[0] >= types.size(variable.kind)? {
            return None;
        }
        all.extend(places);
        Some((variable, all))
    }
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<DebugInfo>()
}
