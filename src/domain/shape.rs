//! Shapes: what lies in them, and how far.

use super::bounds::Bounds;
use super::factor::Ball;
use super::level::Level;
use super::mesh::Mesh;
use super::outline::Curve;
use super::polygon::Polygon;
use super::spec::{Form, ShapeSpec};
use super::variable::{self, Variable};
use crate::error::{Error, Result};
use crate::expression::{PointFunctions, Scope};
use crate::jet::JetLayout;

/// A set in some of the inputs.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Shape {
    pub name: String,
    /// The inputs that it lies in.
    pub axes: Vec<usize>,
    /// Their intervals in the box.
    pub intervals: Vec<[f64; 2]>,
    /// The least of its widths, or of the box's.
    pub size: f64,
    pub kind: Kind,
}

/// What a shape is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    /// An interval for each axis.
    Box(Vec<[f64; 2]>),
    Ball(Ball),
    Polygon(Polygon),
    /// What is nearer to the centre than a function of the angle.
    Star {
        centre: [f64; 2],
        radius: PointFunctions,
        text: String,
        curve: Curve,
    },
    /// What a curve encloses, and a polygon of some of its points.
    Curve {
        curve: Curve,
        polygon: Polygon,
    },
    Mesh(Mesh),
    /// Where a comparison holds; its boundary as a curve or as a plane, where it is one.
    Level {
        level: Level,
        curve: Option<Curve>,
        plane: Option<(Vec<f64>, f64)>,
    },
}

/// Corners of the polygon that stands for a curve, of its nodes.
const CURVE_CORNERS: usize = 512;

impl Shape {
    /// The product of the intervals of inputs.
    pub fn of_box(axes: &[usize], variables: &[Variable]) -> Self {
        let interval = |axis: &usize| [variables[*axis].low, variables[*axis].high];
        let kind = Kind::Box(axes.iter().map(interval).collect());
        Self::new("box", axes.to_vec(), kind, variables)
    }

    /// Where a comparison of the inputs in `space` holds.
    ///
    /// # Errors
    /// Those of [`Level::read`]; a comparison of a time, or of no input.
    pub fn of_comparison(place: &str, name: &str, text: &str, space: &[usize], variables: &[Variable]) -> Result<Self> {
        let names: Vec<String> = variables.iter().map(|variable| variable.name.clone()).collect();
        let level = Level::read(place, text, &names)?;
        let others: Vec<usize> = (0..variables.len()).filter(|axis| !space.contains(axis)).collect();
        if let Some(input) = level.reads(&others, variables) {
            let problem = format!("{text:?} compares {}, which is not an input in space", names[input]);
            return Err(Error::input(place, problem, "a domain is the same at all times; compare inputs in space"));
        }
        let axes: Vec<usize> =
            space.iter().copied().filter(|axis| level.reads(&[*axis], variables).is_some()).collect();
        if axes.is_empty() {
            return Err(Error::input(place, format!("{text:?} compares no input"), "compare inputs in space"));
        }
        let plane = level.plane(&axes, variables);
        Ok(Self::new(name, axes, Kind::Level { level, curve: None, plane }, variables))
    }

    /// A shape as a job states it; `space` has the inputs in space.
    ///
    /// # Errors
    /// What does not hold.
    pub fn read(place: &str, name: &str, spec: &ShapeSpec, space: &[usize], variables: &[Variable]) -> Result<Self> {
        if let Form::Where(text) = &spec.form {
            return Self::of_comparison(place, name, text, space, variables);
        }
        if let Form::Box(intervals) = &spec.form {
            let mut axes = vec![];
            for (input, [low, high]) in intervals {
                let axis = axis(place, input, space, variables)?;
                if low.partial_cmp(high) != Some(std::cmp::Ordering::Less) {
                    let problem = format!("{input} = [{low}, {high}] is not a valid interval");
                    return Err(Error::input(place, problem, "write it as [low, high] with low below high"));
                }
                axes.push((axis, [*low, *high]));
            }
            if axes.is_empty() {
                return Err(Error::input(place, "the box has no intervals", "give one, as in { x = [0, 0.5] }"));
            }
            axes.sort_by_key(|(axis, _)| *axis);
            let (axes, intervals) = axes.into_iter().unzip();
            return Ok(Self::new(name, axes, Kind::Box(intervals), variables));
        }
        let axes: Vec<usize> = match spec.inputs.is_empty() {
            true => space.to_vec(),
            false => spec.inputs.iter().map(|input| axis(place, input, space, variables)).collect::<Result<_>>()?,
        };
        if let Some(k) = (1..axes.len()).find(|k| axes[..*k].contains(&axes[*k])) {
            let problem = format!("{:?} appears twice", variables[axes[k]].name);
            return Err(Error::input(place, problem, "list each input once"));
        }
        let kind = kind(place, &spec.form, &axes, variables)?;
        Ok(Self::new(name, axes, kind, variables))
    }

    fn new(name: &str, axes: Vec<usize>, kind: Kind, variables: &[Variable]) -> Self {
        let intervals: Vec<[f64; 2]> = axes.iter().map(|axis| [variables[*axis].low, variables[*axis].high]).collect();
        let mut shape = Self { name: name.to_string(), axes, intervals, size: 1.0, kind };
        let width = |(k, [low, high]): (usize, &[f64; 2])| shape.bounds(shape.axes[k]).width().min(high - low);
        shape.size = shape.intervals.iter().enumerate().map(width).fold(f64::INFINITY, f64::min);
        shape
    }

    /// From where to where it reaches along an input.
    pub fn bounds(&self, axis: usize) -> Bounds {
        let Some(k) = self.axes.iter().position(|own| *own == axis) else { return Bounds::EVERYTHING };
        match &self.kind {
            Kind::Box(intervals) => Bounds::of(intervals[k]),
            Kind::Ball(ball) => Bounds::of([ball.centre[k] - ball.radius, ball.centre[k] + ball.radius]),
            Kind::Polygon(polygon) => Bounds::of(polygon.corners.iter().map(|corner| corner[k])),
            Kind::Mesh(mesh) => Bounds::of([mesh.low[k], mesh.high[k]]),
            Kind::Star { curve, .. } | Kind::Curve { curve, .. } | Kind::Level { curve: Some(curve), .. } => {
                let bounds = Bounds::of(curve.nodes.iter().map(|node| node[k]));
                // Between two nodes it may reach a little farther.
                let slack = 1e-3 * bounds.width();
                Bounds { low: bounds.low - slack, high: bounds.high + slack }
            }
            Kind::Level { .. } => Bounds::EVERYTHING,
        }
    }

    /// Above 0 inside, 0 on the boundary: near that, the distance in sizes. At points (D, B).
    pub fn levels(&self, points: &[Vec<f64>]) -> Vec<f64> {
        let mut levels = self.distances(points);
        levels.iter_mut().for_each(|level| *level /= self.size);
        levels
    }

    fn distances(&self, points: &[Vec<f64>]) -> Vec<f64> {
        let count = points[0].len();
        let each = |distance: &dyn Fn(&[f64]) -> f64| {
            let row = |row: usize| distance(&self.axes.iter().map(|axis| points[*axis][row]).collect::<Vec<_>>());
            (0..count).map(row).collect()
        };
        match &self.kind {
            Kind::Box(intervals) => each(&|x| {
                let side = |(x, [low, high]): (&f64, &[f64; 2])| (x - low).min(high - x);
                x.iter().zip(intervals).map(side).fold(f64::INFINITY, f64::min)
            }),
            Kind::Ball(ball) => each(&|x| {
                let square: f64 = x.iter().zip(&ball.centre).map(|(x, centre)| (x - centre).powi(2)).sum();
                ball.radius - square.sqrt()
            }),
            Kind::Polygon(polygon) => each(&|x| polygon.distance([x[0], x[1]]).0),
            Kind::Curve { curve, polygon } => {
                let [x, y] = [0, 1].map(|k| &points[self.axes[k]]);
                curve.distances(polygon, &x.iter().zip(y).map(|(x, y)| [*x, *y]).collect::<Vec<_>>())
            }
            Kind::Mesh(mesh) => each(&|x| mesh.distance([x[0], x[1], x[2]])),
            Kind::Star { centre, radius, .. } => {
                let [x, y] = [0, 1].map(|k| points[self.axes[k]].iter().map(move |x| x - centre[k]));
                let (angles, lengths): (Vec<f64>, Vec<f64>) = x.zip(y).map(|(x, y)| (y.atan2(x), x.hypot(y))).unzip();
                let radii = radius.jets(&JetLayout::value(1)).at(&[angles]).remove(0);
                radii.into_iter().zip(lengths).map(|(radius, length)| radius - length).collect()
            }
            Kind::Level { level, .. } => level.distances(&self.axes, points),
        }
    }
}

/// The index of an input in space.
fn axis(place: &str, name: &str, space: &[usize], variables: &[Variable]) -> Result<usize> {
    let axis = variable::index(place, name, variables)?;
    if space.contains(&axis) {
        return Ok(axis);
    }
    let problem = format!("{name:?} is not an input in space");
    Err(Error::input(place, problem, "a domain is the same at all times; shapes lie in inputs in space"))
}

fn kind(place: &str, form: &Form, axes: &[usize], variables: &[Variable]) -> Result<Kind> {
    let inputs = || axes.iter().map(|axis| variables[*axis].name.as_str()).collect::<Vec<_>>().join(", ");
    let needs = |count: usize| match axes.len() == count {
        true => Ok(()),
        false => {
            let problem = format!("the shape lies in {count} inputs, not in {} ({})", axes.len(), inputs());
            Err(Error::input(place, problem, "name its inputs, for example inputs = [\"x\", \"y\"]"))
        }
    };
    let plane = || {
        needs(2)?;
        let [x, y] = [0, 1].map(|k| format!("`{}`", variables[axes[k]].name));
        Ok::<_, Error>((x, y))
    };
    let positive = |what: &str, number: f64| match number > 0.0 && number.is_finite() {
        true => Ok(()),
        false => Err(Error::input(place, format!("{number} is not a valid {what}"), "use a number above 0")),
    };
    let counted =
        |what: &str, numbers: &[f64]| match numbers.len() == axes.len() && numbers.iter().all(|x| x.is_finite()) {
            true => Ok(()),
            false => {
                let problem = format!(
                    "{what} has {} numbers, and the shape lies in {} inputs ({})",
                    numbers.len(),
                    axes.len(),
                    inputs()
                );
                let help = "give one number per input, or name its inputs, for example inputs = [\"x\", \"y\"]";
                Err(Error::input(place, problem, help))
            }
        };
    match form {
        Form::Ball { centre, radius } => {
            counted("its centre", centre)?;
            positive("radius", *radius)?;
            Ok(Kind::Ball(Ball { axes: axes.to_vec(), centre: centre.clone(), radius: *radius }))
        }
        Form::Ellipse { centre, radii, angle } => {
            counted("its centre", centre)?;
            counted("radii", radii)?;
            radii.iter().try_for_each(|radius| positive("radius", *radius))?;
            if *angle != 0.0 {
                needs(2)?;
            }
            ellipse(place, (centre, radii, angle.to_radians()), axes, variables)
        }
        Form::Polygon { corners, .. } => {
            needs(2)?;
            Ok(Kind::Polygon(Polygon::new(place, corners)?))
        }
        Form::Star { radius: text, centre } => {
            needs(2)?;
            let [x, y] = centre;
            let path = [format!("{x:?} + ({text})*cos(theta)"), format!("{y:?} + ({text})*sin(theta)")];
            let scope = Scope { inputs: vec!["theta".to_string()], allow_rough: true, ..Scope::default() };
            let radius = PointFunctions::read(place, std::slice::from_ref(text), &scope)?;
            let pi = std::f64::consts::PI;
            let curve = Curve::new(place, &path, "theta", [-pi, pi])?;
            let angles = (0..=360).map(|k| (k as f64 - 180.0) * pi / 180.0).collect();
            if radius.jets(&JetLayout::value(1)).at(&[angles])[0].iter().any(|radius| *radius <= 0.0) {
                let problem = format!("the radius {text:?} is not above 0 for every angle");
                return Err(Error::input(place, problem, "give a radius above 0, or use a curve"));
            }
            Ok(Kind::Star { centre: *centre, radius, text: text.clone(), curve })
        }
        Form::Curve { path, s } => {
            plane()?;
            let curve = Curve::new(place, path, "s", *s)?;
            let nodes = &curve.nodes[..curve.nodes.len() - 1];
            let corners = nodes.iter().step_by(nodes.len() / CURVE_CORNERS).copied().collect();
            Ok(Kind::Curve { polygon: Polygon::of_curve(corners), curve })
        }
        Form::Mesh { triangles, .. } => {
            needs(3)?;
            Ok(Kind::Mesh(Mesh::new(place, triangles)?))
        }
        Form::Box(_) | Form::Where(_) => unreachable!("these are read before"),
    }
}

/// An ellipse is where a sum of squares is below 1; in a plane its boundary is a curve.
fn ellipse(
    place: &str,
    (centre, radii, angle): (&[f64], &[f64], f64),
    axes: &[usize],
    variables: &[Variable],
) -> Result<Kind> {
    let off: Vec<String> =
        axes.iter().zip(centre).map(|(axis, c)| format!("(`{}` - ({c:?}))", variables[*axis].name)).collect();
    let (sin, cos) = angle.sin_cos();
    let along = match &off[..] {
        [x, y] if angle != 0.0 => {
            vec![format!("({cos:?}*{x} + {sin:?}*{y})"), format!("({cos:?}*{y} - {sin:?}*{x})")]
        }
        _ => off,
    };
    let squares: Vec<String> = along.iter().zip(radii).map(|(x, radius)| format!("({x}/{radius:?})^2")).collect();
    let names: Vec<String> = variables.iter().map(|variable| variable.name.clone()).collect();
    let level = Level::read(place, &format!("{} < 1", squares.join(" + ")), &names)?;
    let curve = match (radii, centre) {
        ([a, b], [x, y]) => {
            let path = [
                format!("{x:?} + {:?}*cos(s) - {:?}*sin(s)", a * cos, b * sin),
                format!("{y:?} + {:?}*cos(s) + {:?}*sin(s)", a * sin, b * cos),
            ];
            Some(Curve::new(place, &path, "s", [0.0, std::f64::consts::TAU])?)
        }
        _ => None,
    };
    Ok(Kind::Level { level, curve, plane: None })
}
