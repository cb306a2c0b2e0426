//! The set on which a problem is posed: a box, or what sets of shapes leave of it; its boundary and the pieces of that, with
//! outward normals; and functions of the inputs that are 0 on them.
//!
//! | file | what |
//! |---|---|
//! | `variable`, `spec` | inputs with their intervals; what a job says |
//! | `set` | unions, differences and intersections of shapes |
//! | `shape`, `level`, `polygon`, `outline`, `mesh` | which points lie in a shape, and how far from its boundary |
//! | `factor`, `surface` | products and boundaries as images of unit cubes |
//! | `cut`, `region` | what of them lies in the domain or bounds it |
//! | `pieces` | the inside, the boundary and its pieces by name |
//! | `convex`, `distance` | smooth functions that are 0 on a boundary |
//!
//! A domain is a product with the intervals of the inputs that are not in space: times, and those that a job leaves out.

mod bounds;
mod convex;
mod cut;
mod distance;
mod factor;
mod level;
mod mesh;
mod outline;
mod pieces;
mod polygon;
mod region;
mod set;
mod shape;
mod spec;
mod surface;
#[cfg(test)]
mod tests;
mod variable;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use distance::Distances;
pub use region::{Patch, Placed, Region};
pub use spec::{DomainSpec, Form, ShapeSpec};
pub use variable::{Variable, index};

use self::set::Set;
use self::shape::Shape;
use crate::error::{Error, Result};

/// The name of the product of the variables' intervals among the shapes.
pub const BOX: &str = "box";
/// The name of all of the boundary in space.
pub const BOUNDARY: &str = "boundary";
/// The name of the boundaries of conditions.
pub const WHERE: &str = "where";

/// The set on which a problem is posed.
#[derive(Clone, Debug)]
pub struct Domain {
    spec: DomainSpec,
    variables: Vec<Variable>,
    /// The inputs in space.
    space: Vec<usize>,
    /// The box first, then those of the job, then conditions.
    shapes: Vec<Arc<Shape>>,
    /// Sets that all hold: the box first.
    factors: Vec<Set>,
    distances: Arc<Distances>,
}

impl PartialEq for Domain {
    fn eq(&self, other: &Self) -> bool {
        (&self.spec, &self.variables, &self.factors) == (&other.spec, &other.variables, &other.factors)
    }
}

impl Domain {
    /// The product of the intervals.
    ///
    /// # Panics
    /// Without variables.
    pub fn of_box(variables: &[Variable]) -> Self {
        let domain = Self::new(&str::to_string, variables, DomainSpec::default());
        domain.expect("a box is a domain")
    }

    /// The domain of a job. `place` gives the place of a key of its section, such as `region` or `shapes.hole`.
    ///
    /// # Errors
    /// [`Error::Input`] for what does not hold, and for a domain that is less than a ten thousandth of a box around it.
    pub fn new(place: &dyn Fn(&str) -> String, variables: &[Variable], spec: DomainSpec) -> Result<Self> {
        let mut space = vec![];
        for name in &spec.inputs {
            let axis = index(&place("inputs"), name, variables)?;
            if variables[axis].is_time() || space.contains(&axis) {
                let problem = format!("{name:?} is a time, or appears twice");
                return Err(Error::input(place("inputs"), problem, "list each input in space once"));
            }
            space.push(axis);
        }
        if space.is_empty() {
            space = (0..variables.len()).filter(|axis| !variables[*axis].is_time()).collect();
        }
        space.sort_unstable();
        let mut shapes = vec![Arc::new(Shape::of_box(&space, variables))];
        for (name, shape) in &spec.shapes {
            let place = place(&format!("shapes.{name}"));
            if [BOX, BOUNDARY, WHERE].contains(&name.as_str()) || !crate::expression::is_name(name) {
                let problem = format!("{name:?} cannot be the name of a shape");
                return Err(Error::input(
                    place,
                    problem,
                    "use letters, digits and underscores; box, boundary and where are taken",
                ));
            }
            shapes.push(Arc::new(Shape::read(&place, name, shape, &space, variables)?));
        }
        let (region, conditions) = (spec.region.clone(), spec.conditions.clone());
        let plain = Self {
            spec,
            variables: variables.to_vec(),
            space,
            shapes,
            factors: vec![Set::Shape(0)],
            distances: Arc::default(),
        };
        let mut domain = plain.part(&|key| place(key), region.as_deref(), &conditions)?;
        domain.distances = Arc::new(domain.all_distances());
        Ok(domain)
    }

    /// The same over other intervals.
    ///
    /// # Errors
    /// Those of [`Domain::new`].
    pub fn over(&self, variables: &[Variable]) -> Result<Self> {
        Self::new(&|key| format!("domain.{key}"), variables, self.spec.clone())
    }

    /// What of it lies in a set of its shapes, and where conditions hold; `place` gives the place of the keys `region` and
    /// `where`.
    ///
    /// # Errors
    /// What is no set or no condition, and a part that is less than a ten thousandth of a box around it.
    pub fn part(&self, place: &dyn Fn(&str) -> String, region: Option<&str>, conditions: &[String]) -> Result<Self> {
        let mut part = self.clone();
        if let Some(text) = region {
            let names: Vec<&str> = self.shapes.iter().map(|shape| shape.name.as_str()).collect();
            let set = Set::parse(&place("region"), text, &names)?;
            match set {
                Set::All(sets) => part.factors.extend(sets),
                set => part.factors.push(set),
            }
        }
        for (_, text) in conditions.iter().enumerate().filter(|(k, text)| !conditions[..*k].contains(text)) {
            let shape = Shape::of_comparison(&place(WHERE), WHERE, text, &self.space, &self.variables)?;
            part.factors.push(Set::Shape(part.shapes.len()));
            part.shapes.push(Arc::new(shape));
        }
        // The box is there already.
        let mut seen = vec![];
        part.factors.retain(|set| {
            let is_new = !seen.contains(set);
            seen.push(set.clone());
            is_new
        });
        if part.factors.len() > self.factors.len() {
            part.inside(&place(if conditions.is_empty() { "region" } else { WHERE }))?;
        }
        Ok(part)
    }

    /// What the job says of it.
    pub fn spec(&self) -> &DomainSpec {
        &self.spec
    }

    /// The inputs with their intervals.
    pub fn variables(&self) -> &[Variable] {
        &self.variables
    }

    /// Whether it is all of the box.
    pub fn is_box(&self) -> bool {
        self.factors.len() == 1
    }

    /// Whether a shape cuts it along an input.
    pub fn is_cut_along(&self, input: usize) -> bool {
        self.shapes_in_set().into_iter().any(|shape| shape != 0 && self.shapes[shape].axes.contains(&input))
    }

    /// For the names of shapes, and of the boundary, expressions of the inputs that are 0 there, above 0 inside and about
    /// the distance near it; or why there is none.
    pub fn distances(&self) -> &Distances {
        &self.distances
    }

    /// The shapes that its sets name, the box last.
    fn shapes_in_set(&self) -> Vec<usize> {
        let mut shapes = vec![];
        for shape in self.factors[1..].iter().flat_map(Set::shapes).filter(|shape| *shape != 0) {
            if !shapes.contains(&shape) {
                shapes.push(shape);
            }
        }
        shapes.push(0);
        shapes
    }

    /// The names of its shapes, each once.
    fn names(&self) -> Vec<&str> {
        let mut places = BTreeMap::new();
        self.shapes.iter().enumerate().for_each(|(k, shape)| {
            places.entry(shape.name.as_str()).or_insert(k);
        });
        let mut names: Vec<(usize, &str)> = places.into_iter().map(|(name, k)| (k, name)).collect();
        names.sort_unstable();
        names.into_iter().map(|(_, name)| name).collect()
    }
}
