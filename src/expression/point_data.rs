//! What expressions read of points, and programs over all of them.

use std::borrow::Cow;

use super::program::Program;
use super::{Expression, Leaf, Places, Registers, Residual, Row};
use crate::data::PointSet;
use crate::jet::{Entry, Jets};

/// Points that go through a program at a time.
const TILE_POINTS: usize = 256;

/// What is known at points before training, one column for each quantity (B), in the user's units.
#[derive(Clone, Copy, Debug, Default)]
pub struct PointData<'a> {
    /// The inputs (D, B).
    pub inputs: &'a [Vec<f64>],
    /// The file's columns, in the order of [`super::Scope::columns`].
    pub columns: &'a [Vec<f64>],
    /// The components of the outward normal (D, B), on a boundary.
    pub normals: &'a [Vec<f64>],
}

impl<'a> PointData<'a> {
    /// All outputs of a program at every point.
    pub(super) fn evaluate(&self, program: &Program, coefficients: &[f64], jets: Option<&'a Jets>) -> Vec<Vec<f64>> {
        let count = self.inputs.first().map_or(0, Vec::len);
        let row = |entry: Entry, place: usize| {
            let jets = jets.expect("jets for an expression that reads them");
            &jets.entry(entry.output, entry.derivative).expect("an entry that the jets carry")[place * count..]
        };
        self.run(program, coefficients, count, &row)
    }

    /// An expression at `count` points, where `row` has the entries that it reads.
    pub(super) fn over(
        &self,
        expression: &Expression,
        count: usize,
        row: &dyn Fn(Entry, usize) -> &'a [f64],
    ) -> Vec<f64> {
        self.run(&Program::new(&expression.graph, &[expression.root]), &[], count, row).remove(0)
    }

    fn run(
        &self,
        program: &Program,
        coefficients: &[f64],
        count: usize,
        row: &dyn Fn(Entry, usize) -> &'a [f64],
    ) -> Vec<Vec<f64>> {
        let column = |leaf: &Leaf| match *leaf {
            Leaf::Input(i) => Row::Points(self.inputs[i].as_slice()),
            Leaf::Column(i) => Row::Points(self.columns[i].as_slice()),
            Leaf::Normal(i) => Row::Points(self.normals[i].as_slice()),
            Leaf::Coefficient(i) => Row::Same(coefficients[i]),
            Leaf::Entry(entry, place) => Row::Points(&row(entry, place)[..count]),
            Leaf::Slot(_) | Leaf::Hoisted(_) => unreachable!("only kernels read these"),
        };
        let columns: Vec<_> = program.reads().iter().map(column).collect();
        let mut values = vec![Vec::with_capacity(count); program.outputs()];
        let mut registers = Registers::new(program.registers(), TILE_POINTS.min(count));
        for start in (0..count).step_by(TILE_POINTS) {
            let points = TILE_POINTS.min(count - start);
            let part = |row: &Row<'a, f64>| match *row {
                Row::Points(row) => Row::Points(&row[start..start + points]),
                same => same,
            };
            let reads: Vec<_> = columns.iter().map(part).collect();
            program.run(program.outputs(), &reads, points, &mut registers);
            for (output, values) in values.iter_mut().enumerate() {
                match program.output(output, &reads, points, &registers) {
                    Row::Points(row) => values.extend_from_slice(row),
                    Row::Same(value) => values.extend(std::iter::repeat_n(value, points)),
                }
            }
        }
        values
    }
}

impl PointSet {
    /// The network's inputs at every place where a loss reads it (D, P·B).
    pub fn network_inputs(&self, places: &Places) -> Cow<'_, [Vec<f64>]> {
        places.inputs(&self.data())
    }

    /// What point data alone decides of residuals: the hoisted columns of the first, then those of
    /// the next (H, B), in f64.
    pub fn hoist(&self, residuals: &[Residual]) -> Vec<Vec<f64>> {
        residuals.iter().flat_map(|residual| residual.hoist(&self.data())).collect()
    }

    /// What expressions read of it.
    pub fn data(&self) -> PointData<'_> {
        PointData { inputs: &self.inputs, columns: &self.columns, normals: &self.normals }
    }
}
