//! Hands a Go program to Python.

use pyo3::buffer::PyBuffer;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};

use super::functions::Function;
use super::named::Named;
use super::names::printed;
use super::open::Program;
use super::pcvalue::NO_VALUE;
use crate::columns::{Table, read};
use crate::problem::Parsed;

/// A Go program in memory or mapped from a file.
#[pyclass(name = "GoBinary", frozen)]
struct PyGoBinary {
    buffer: PyBuffer<u8>,
    program: Program,
}

/// Borrows what Python holds in place: a program of 100 MB is mapped, never copied.
fn bytes(buffer: &PyBuffer<u8>) -> &[u8] {
    // SAFETY: the buffer is contiguous and read-only (checked when it was taken), and Python keeps it where it is
    // and as long as it is for as long as `buffer` lives, which the borrow does not outlive.
    unsafe { std::slice::from_raw_parts(buffer.buf_ptr().cast::<u8>(), buffer.len_bytes()) }
}

#[pymethods]
impl PyGoBinary {
    #[new]
    fn new(buffer: PyBuffer<u8>) -> PyResult<Self> {
        if !buffer.readonly() || !buffer.is_c_contiguous() || buffer.len_bytes() == 0 {
            return Err(PyValueError::new_err(
                "needs a read-only buffer that is not empty",
            ));
        }
        let program = Program::open(bytes(&buffer))?;
        Ok(PyGoBinary { buffer, program })
    }

    /// Return what there is to know about the file as a whole.
    fn facts<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let (table, program) = (Table::new(py), &self.program);
        table.set("machine", program.machine)?;
        table.set("position_independent", program.position_independent)?;
        table.set("go_build_id", &program.go_build_id)?;
        table.set("gnu_build_id", &program.gnu_build_id)?;
        table.set("go_version", &program.build_info.go_version)?;
        table.set("modules", &program.build_info.modules)?;
        table.set("text", (program.module.text, program.module.end_of_text))?;
        table.set("pclntab", program.pclntab)?;
        table.set("moduledata", program.module.address)?;
        table.set("layout", program.layout().since)?;
        Ok(table.0)
    }

    /// Return the frames of each call address as columns.
    fn frames<'py>(&self, py: Python<'py>, pcs: &[u8]) -> PyResult<Bound<'py, PyDict>> {
        let pcs: Vec<u64> = read(pcs)?;
        Named::of(&self.program.tables(bytes(&self.buffer)), &pcs)?
            .into_table(py, self.program.layout().generic_methods)
    }

    /// Return every function in order of address as columns.
    fn functions<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let tables = self.program.tables(bytes(&self.buffer));
        let all = (0..tables.functions).map(|index| tables.function(index));
        let all: Vec<Function> = all.collect::<Parsed<_>>()?;
        let methods = self.program.layout().generic_methods;
        let names: Vec<_> = all.iter().map(|f| printed(f.name(), methods)).collect();
        let names: Vec<&[u8]> = names.iter().map(|name| &name[..]).collect();
        let table = Table::new(py);
        table.strings("names", &names)?;
        let text = self.program.module.text;
        table.column(
            "entry",
            all.iter()
                .map(|f| text.wrapping_add(f.entry.into()))
                .collect(),
        )?;
        table.column("start_line", all.iter().map(Function::start_line).collect())?;
        table.column(
            "arguments_bytes",
            all.iter().map(Function::arguments).collect(),
        )?;
        table.column(
            "defer_return",
            all.iter().map(Function::defer_return).collect(),
        )?;
        table.column("id", all.iter().map(Function::id).collect())?;
        table.column("flags", all.iter().map(Function::flags).collect())?;
        Ok(table.0)
    }

    /// Return the stack pointer's distance from the return address at each instruction, -1 where unknown.
    fn sp_deltas<'py>(&self, py: Python<'py>, pcs: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
        self.values(py, pcs, |function, distance| function.sp_delta(distance))
    }

    /// Return the value of pcdata table `number` at each instruction, -1 where there is none.
    fn pcdata<'py>(
        &self,
        py: Python<'py>,
        number: u32,
        pcs: &[u8],
    ) -> PyResult<Bound<'py, PyBytes>> {
        self.values(py, pcs, |function, distance| {
            function.pcdata(number, distance)
        })
    }
}

impl PyGoBinary {
    fn values<'py>(
        &self,
        py: Python<'py>,
        pcs: &[u8],
        of: impl Fn(&Function, u64) -> Parsed<i32>,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let tables = self.program.tables(bytes(&self.buffer));
        let mut out = Vec::with_capacity(pcs.len() / 2);
        for pc in read::<u64>(pcs)? {
            let value = match tables.function_at(pc)? {
                Some(function) => of(&function, function.distance(pc))?,
                None => NO_VALUE,
            };
            out.extend_from_slice(&value.to_le_bytes());
        }
        Ok(PyBytes::new(py, &out))
    }
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<PyGoBinary>()
}
