//! The steps of a network as a reader finds them. A point is a vector on its way through the network; each has one
//! step that leads to it from a point before.

use crate::error::{Error, Result};
use crate::jet::Activation;
use crate::numbers::Precision;

/// A point of a graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct At(usize);

/// What leads to a point.
#[derive(Clone, Debug)]
pub enum Step {
    /// Nothing: these are the inputs.
    Inputs,
    /// W a + b, with W (out, in) row by row and b (out).
    Affine(Affine),
    /// (a − mean)/scale, unit by unit; one number stands for all units.
    Standardise {
        /// Of each unit, or one.
        mean: Vec<f64>,
        /// Of each unit, or one; not 0.
        scale: Vec<f64>,
    },
    /// factor · a + shift, unit by unit; one number stands for all units.
    Scale {
        /// Of each unit, or one.
        factor: Vec<f64>,
        /// Of each unit, or one.
        shift: Vec<f64>,
    },
    /// σ of each unit.
    Activation(Activation),
    /// The sum with an earlier point.
    Add(At),
}

/// W a + b.
#[derive(Clone, Debug, PartialEq)]
pub struct Affine {
    /// W (out, in) row by row.
    pub weights: Vec<f64>,
    /// b (out).
    pub bias: Vec<f64>,
    /// The width of a.
    pub inputs: usize,
}

/// A point with the step that leads to it.
pub struct Point {
    /// What comes before; the inputs come before themselves.
    pub before: At,
    /// The step from there.
    pub step: Step,
    /// The width, once a step says it.
    pub width: Option<usize>,
    /// Whether a later point adds it.
    pub is_added: bool,
    /// The layer, module or node, for messages.
    pub place: String,
}

/// The points of a network.
pub struct Graph {
    points: Vec<Point>,
    /// f64 where some tensor of the file has that format.
    pub precision: Precision,
    /// The inputs' names (D), if each is one of its own in the file; else none.
    pub names: Vec<String>,
}

impl Graph {
    /// The inputs of a network, as many as are known.
    pub fn new(width: Option<usize>) -> (Self, At) {
        let inputs =
            Point { before: At(0), step: Step::Inputs, width, is_added: false, place: "the inputs".to_string() };
        (Self { points: vec![inputs], precision: Precision::F32, names: vec![] }, At(0))
    }

    /// Several inputs, each with its width, that are joined to the point `at`, the inputs.
    pub fn join(&mut self, at: At, inputs: &[(&str, usize)], place: &str) -> Result<()> {
        self.fits(at, inputs.iter().fold(0, |sum, (_, width)| width.saturating_add(sum)), place)?;
        if inputs.iter().all(|(_, width)| *width == 1) {
            self.names = inputs.iter().map(|(name, _)| name.to_string()).collect();
        }
        Ok(())
    }

    /// A point.
    pub fn point(&self, at: At) -> &Point {
        &self.points[at.0]
    }

    /// W a + b; `bias` is empty for none.
    ///
    /// # Errors
    /// [`Error::Input`] at `place` where the shapes do not fit the point.
    pub fn affine(
        &mut self,
        from: At,
        place: &str,
        (weights, bias): (Vec<f64>, Vec<f64>),
        shape: [usize; 2],
    ) -> Result<At> {
        let [outputs, inputs] = shape;
        let bias = if bias.is_empty() { vec![0.0; outputs] } else { bias };
        if outputs == 0 || inputs == 0 || weights.len() / inputs != outputs || bias.len() != outputs {
            let problem =
                format!("{} weights and {} biases for {inputs} to {outputs} units", weights.len(), bias.len());
            return Err(Error::input(place, problem, "save the network again"));
        }
        self.fits(from, inputs, place)?;
        Ok(self.push(from, place, Step::Affine(Affine { weights, bias, inputs }), Some(outputs)))
    }

    /// (a − mean)/scale, unit by unit.
    pub fn standardise(&mut self, from: At, place: &str, mean: Vec<f64>, scale: Vec<f64>) -> Result<At> {
        let width = self.unit_width(from, place, &mean, &scale)?;
        if scale.contains(&0.0) {
            return Err(Error::input(place, "it divides by 0", "use a scale above 0"));
        }
        Ok(self.push(from, place, Step::Standardise { mean, scale }, width))
    }

    /// factor · a + shift, unit by unit.
    pub fn scale(&mut self, from: At, place: &str, factor: Vec<f64>, shift: Vec<f64>) -> Result<At> {
        let width = self.unit_width(from, place, &factor, &shift)?;
        Ok(self.push(from, place, Step::Scale { factor, shift }, width))
    }

    /// σ of each unit.
    pub fn activation(&mut self, from: At, place: &str, activation: Activation) -> At {
        match activation {
            Activation::Linear => from,
            _ => self.push(from, place, Step::Activation(activation), self.point(from).width),
        }
    }

    /// The sum of two points, one of which lies on the way to the other.
    ///
    /// # Errors
    /// [`Error::Input`] at `place` where neither does, or their widths differ.
    pub fn add(&mut self, a: At, b: At, place: &str) -> Result<At> {
        let (early, late) = (a.min(b), a.max(b));
        let mut way = late;
        while way > early {
            way = self.point(way).before;
        }
        if way != early {
            let problem = "it adds two branches, and neither starts where the other ends";
            let help = "only x + f(x) can be imported, where f is a chain of layers";
            return Err(Error::input(place, problem, help));
        }
        if early == late {
            return self.scale(early, place, vec![2.0], vec![0.0]);
        }
        if let Some(width) = self.point(early).width {
            self.fits(late, width, place)?;
        }
        self.points[early.0].is_added = true;
        Ok(self.push(late, place, Step::Add(early), self.point(late).width))
    }

    /// The points from the inputs to `end`.
    pub fn way(&self, end: At) -> Vec<At> {
        let mut way = vec![end];
        while let Some(At(at)) = way.last().copied().filter(|at| at.0 > 0) {
            way.push(self.points[at].before);
        }
        way.reverse();
        way
    }

    /// Checks that a point has this width, and learns it.
    pub fn fits(&mut self, at: At, width: usize, place: &str) -> Result<()> {
        let found = *self.points[at.0].width.get_or_insert(width);
        if found == width {
            // What was told of a unit-wise step holds for the point before it.
            let mut at = at;
            while at.0 > 0 && !matches!(self.points[at.0].step, Step::Affine(_)) {
                at = self.points[at.0].before;
                self.points[at.0].width.get_or_insert(width);
            }
            return Ok(());
        }
        let problem = format!("it reads {width} units, and {found} come from {}", self.points[at.0].place);
        Err(Error::input(place, problem, "give the layers in the order in which they are applied"))
    }

    /// The width that a unit-wise step states.
    fn unit_width(&mut self, from: At, place: &str, a: &[f64], b: &[f64]) -> Result<Option<usize>> {
        for width in [a.len(), b.len()] {
            match width {
                1 => {}
                0 => return Err(Error::input(place, "it has no numbers", "save the network again")),
                _ => self.fits(from, width, place)?,
            }
        }
        Ok(self.point(from).width)
    }

    fn push(&mut self, before: At, place: &str, step: Step, width: Option<usize>) -> At {
        self.points.push(Point { before, step, width, is_added: false, place: place.to_string() });
        At(self.points.len() - 1)
    }
}

/// The number of unit `unit` among one for all or one for each.
pub fn of_unit(numbers: &[f64], unit: usize) -> f64 {
    if numbers.len() == 1 { numbers[0] } else { numbers[unit] }
}
