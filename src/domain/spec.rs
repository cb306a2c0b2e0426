//! What a job says of its domain.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

/// `[domain]`: the part of the box of the variables that a problem is posed on. By default it is all of the box.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DomainSpec {
    /// The inputs in space, whose ends and shapes bound the domain; empty for all that are not times.
    pub inputs: Vec<String>,
    /// A set expression of shapes, as in `"box - hole"`; the box where there is none.
    pub region: Option<String>,
    /// Comparisons of inputs that hold in it, as in `"x^2 + y^2 > 0.09"`.
    pub conditions: Vec<String>,
    /// The shapes by name.
    pub shapes: BTreeMap<String, ShapeSpec>,
}

/// A shape as a job states it.
#[derive(Clone, Debug, PartialEq)]
pub struct ShapeSpec {
    /// The inputs that it lies in; empty for all in space.
    pub inputs: Vec<String>,
    /// What it is.
    pub form: Form,
}

/// The forms of shapes. Lengths are in the units of the inputs.
#[derive(Clone, Debug, PartialEq)]
pub enum Form {
    /// All points within a radius of the centre.
    Ball {
        /// A number for each input.
        centre: Vec<f64>,
        /// Above 0.
        radius: f64,
    },
    /// A ball that is stretched along each input, and in a plane turned.
    Ellipse {
        /// A number for each input.
        centre: Vec<f64>,
        /// A number for each input, above 0.
        radii: Vec<f64>,
        /// Degrees from the first input towards the second; 0 but for two inputs.
        angle: f64,
    },
    /// Intervals of some of the inputs.
    Box(BTreeMap<String, [f64; 2]>),
    /// The polygon with these corners, in order.
    Polygon {
        /// At least 3.
        corners: Vec<[f64; 2]>,
        /// The table (absolute path) that they come from.
        file: Option<PathBuf>,
    },
    /// What lies nearer to the centre than a radius that depends on the angle `theta`.
    Star {
        /// An expression of `theta`, in radians.
        radius: String,
        /// Where it is seen from.
        centre: [f64; 2],
    },
    /// What a closed curve encloses.
    Curve {
        /// Expressions of `s`, one for each of two inputs.
        path: [String; 2],
        /// Where `s` starts and ends.
        s: [f64; 2],
    },
    /// What a closed mesh of triangles encloses.
    Mesh {
        /// An STL file (absolute path).
        file: PathBuf,
        /// Its triangles' corners.
        triangles: Arc<Vec<[[f64; 3]; 3]>>,
    },
    /// Where a comparison of inputs holds.
    Where(String),
}
