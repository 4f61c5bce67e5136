//! The debug information as Python sees it.

use pyo3::prelude::*;

use super::read::{Globals, read};

/// The global variables of a program, by the addresses it was linked to.
#[pyclass(module = "mapmedic._native", frozen)]
struct DebugInfo {
    globals: Globals,
}

#[pymethods]
impl DebugInfo {
    /// Read the ELF file ``data``; Malformed where it does not parse.
    #[new]
    fn new(py: Python<'_>, data: &[u8]) -> PyResult<Self> {
        Ok(DebugInfo {
            globals: py.detach(|| read(data))?,
        })
    }

    /// The address that the file's first segment was linked to.
    #[getter]
    fn base(&self) -> u64 {
        self.globals.base
    }

    /// Return how many global variables there are.
    fn __len__(&self) -> usize {
        self.globals.variables.len()
    }

    /// Return (variable, path, declared) of what is reached from the word at the linked ``address`` along
    /// ``places``; None where a variable or a type on the way is not known.
    fn follow(&self, address: u64, places: Vec<u64>) -> Option<(String, String, Option<String>)> {
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
        let (path, declared) = types.follow(variable.kind, &all)?;
        Some((variable.name.clone(), path, declared))
    }

    /// Return (variable, kind) of the word at the linked ``address``, kind as reflect.Kind counts; None where no
    /// variable is known to hold it.
    fn find(&self, address: u64) -> Option<(String, u64)> {
        let Globals {
            variables, types, ..
        } = &self.globals;
        let index = variables
            .partition_point(|variable| variable.address <= address)
            .checked_sub(1)?;
        let variable = &variables[index];
        let offset = address - variable.address;
        if offset >= types.size(variable.kind)? {
            return None;
        }
        Some((
            variable.name.clone(),
            types.leaf(variable.kind, offset)?.kind,
        ))
    }
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<DebugInfo>()
}
