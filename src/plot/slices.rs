//! Maps of a function of three or more inputs: over two of them, at chosen places of a third.

use super::axis::short;
use super::{MapAxis, MapRow};
use crate::domain::Domain;
use crate::error::Result;
use crate::jet::{Derivative, JetLayout};
use crate::network::Model;
use crate::predict::Source;

/// Points along each side of a map.
const SIDE_POINTS: usize = 81;

/// A plane through the space of the inputs, and the input along which it is moved.
#[derive(Clone, Debug, PartialEq)]
pub struct Sweep {
    /// The inputs to the right and upwards.
    pub plane: [usize; 2],
    /// The input that moves.
    pub along: usize,
    /// The intervals of all inputs (D).
    pub ranges: Vec<[f64; 2]>,
    /// Where all inputs stand that neither span the plane nor move (D).
    pub centre: Vec<f64>,
    /// The set that is shown, if it is not all of the box.
    pub domain: Option<Domain>,
}

impl Sweep {
    /// Places of the input that moves, evenly over its interval.
    pub fn even(&self, count: usize) -> Vec<f64> {
        even(self.ranges[self.along], count)
    }

    /// The points of the map at `place` (D, Nx Ny), y running fastest.
    fn points(&self, place: f64) -> Vec<Vec<f64>> {
        let [x, y] = self.axes();
        let mut centre = self.centre.clone();
        centre[self.along] = place;
        let mut points: Vec<Vec<f64>> = centre.iter().map(|value| vec![*value; x.len() * y.len()]).collect();
        points[self.plane[0]] = x.iter().flat_map(|x| vec![*x; y.len()]).collect();
        points[self.plane[1]] = x.iter().flat_map(|_| y.clone()).collect();
        points
    }

    /// The values of each output at `place` (M, Nx Ny); NaN outside the domain where that moves.
    fn values(&self, source: &mut dyn Source, place: f64) -> Result<Vec<Vec<f64>>> {
        let points = self.points(place);
        let outputs = source.model().outputs.len();
        let jets = source.jets(&points, &JetLayout::value(points.len()))?;
        let mut values: Vec<_> =
            (0..outputs).map(|m| jets.entry(m, Derivative::Value).expect("the value").to_vec()).collect();
        if let Some(domain) = self.domain.as_ref().filter(|domain| domain.is_cut_along(self.along)) {
            let are_in = domain.contains(&points);
            for column in &mut values {
                column.iter_mut().zip(&are_in).filter(|(_, is_in)| !**is_in).for_each(|(value, _)| *value = f64::NAN);
            }
        }
        Ok(values)
    }

    fn axes(&self) -> [Vec<f64>; 2] {
        self.plane.map(|input| even(self.ranges[input], SIDE_POINTS))
    }

    /// `t = 0.5`, and the inputs that stand still.
    fn place(&self, model: &Model, place: f64) -> String {
        let mut centre = self.centre.clone();
        centre[self.along] = place;
        let named = (0..centre.len()).filter(|input| !self.plane.contains(input));
        named.map(|input| format!("{} = {}", model.inputs[input], short(centre[input]))).collect::<Vec<_>>().join(", ")
    }

    /// Rows of a picture for each of some groups of places: a row for each output, a map for each place of the group. All
    /// groups have the same colours.
    ///
    /// # Errors
    /// Those of the device.
    pub fn rows(&self, source: &mut dyn Source, groups: &[Vec<f64>]) -> Result<Vec<Vec<MapRow>>> {
        let model = &source.model().clone();
        let [x, y] = self.axes();
        let axis =
            |input: usize, values: &[f64]| MapAxis { name: model.inputs[input].clone(), values: values.to_vec() };
        let mut all = vec![];
        for group in groups {
            let maps = group.iter().map(|place| Ok((self.place(model, *place), self.values(source, *place)?)));
            all.push(maps.collect::<Result<Vec<_>>>()?);
        }
        let range = |output: usize| {
            let values = all.iter().flatten().flat_map(|(_, values)| &values[output]).filter(|value| value.is_finite());
            values.fold([f64::INFINITY, f64::NEG_INFINITY], |[low, high], value| [low.min(*value), high.max(*value)])
        };
        let ranges: Vec<_> = (0..model.outputs.len()).map(range).collect();
        // Maps that differ in their domain have holes of their own.
        let level = self.domain.as_ref().filter(|domain| !domain.is_cut_along(self.along));
        let level = level.map(|domain| domain.depths(&self.points(self.centre[self.along])));
        let row = |group: &[(String, Vec<Vec<f64>>)], output: usize| MapRow {
            output: model.outputs[output].clone(),
            x: axis(self.plane[0], &x),
            y: axis(self.plane[1], &y),
            fit: group[0].1[output].clone(),
            truth: None,
            error: None,
            at: Some(group[0].0.clone()),
            slices: group[1..].iter().map(|(at, values)| (at.clone(), values[output].clone())).collect(),
            level: level.clone(),
            range: Some(ranges[output]).filter(|[low, high]| low <= high),
        };
        let rows = |group: &Vec<_>| (0..model.outputs.len()).map(|output| row(group, output)).collect();
        Ok(all.iter().map(rows).collect())
    }
}

fn even([low, high]: [f64; 2], count: usize) -> Vec<f64> {
    let last = count.saturating_sub(1).max(1) as f64;
    (0..count).map(|k| low + (high - low) * k as f64 / last).collect()
}
