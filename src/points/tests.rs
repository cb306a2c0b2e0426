//! Points lie where they should, with the normals that they should have.

use proptest::prelude::*;

use super::*;
use crate::domain::{Domain, DomainSpec, Form, ShapeSpec};
use crate::error::Result;

fn variables(intervals: &[(&str, f64, f64)]) -> Vec<Variable> {
    intervals.iter().map(|(name, low, high)| Variable::new(name, *low, *high).unwrap()).collect()
}

/// Of another extent along each input, and not symmetric.
fn space_time() -> Vec<Variable> {
    variables(&[("x", -1.0, 2.0), ("y", 0.0, 1.0), ("t", 0.0, 0.3)])
}

/// Point by point instead of input by input.
fn rows(columns: &[Vec<f64>]) -> impl Iterator<Item = Vec<f64>> {
    (0..columns[0].len()).map(|k| columns.iter().map(|column| column[k]).collect())
}

fn spec(count: usize, on: &[&str]) -> PointsSpec {
    PointsSpec { on: on.iter().map(|text| text.to_string()).collect(), ..PointsSpec::inside(Sampler::Sobol, count) }
}

/// A ball in the box of variables, of which a domain is all.
fn ball(variables: &[Variable], centre: &[f64], radius: f64) -> Domain {
    let form = Form::Ball { centre: centre.to_vec(), radius };
    let shapes = [("disc".to_string(), ShapeSpec { inputs: vec![], form })].into();
    let spec = DomainSpec { region: Some("disc".to_string()), shapes, ..DomainSpec::default() };
    Domain::new(&str::to_string, variables, spec).unwrap()
}

fn disc() -> Domain {
    ball(&space_time(), &[0.5, 0.5], 0.5)
}

impl PointsSpec {
    fn of_box(&self, place: &str, variables: &[Variable]) -> Result<Region> {
        self.validate(place, &Domain::of_box(variables))
    }
}

fn message(spec: &PointsSpec) -> String {
    spec.of_box("term[0].points", &space_time()).unwrap_err().to_string()
}

#[test]
fn the_boundary_shares_its_points_by_area() {
    let region = spec(1, &["boundary"]).of_box("points", &space_time()).unwrap();
    for sampler in Sampler::ALL {
        let points = sample(&region, sampler, 800, 1, 0);
        let normals = points.normals.unwrap();
        let on = |side: [f64; 3]| rows(&normals).filter(|normal| *normal == side).count();
        // 3 of the 8 units of length lie on each long side. A grid of 100 or 300 points on a side
        // is one of 10 by 10 or 18 by 17.
        let (long, short) = if sampler == Sampler::Grid { (306, 100) } else { (300, 100) };
        for (side, expected) in
            [([-1.0, 0.0, 0.0], short), ([1.0, 0.0, 0.0], short), ([0.0, -1.0, 0.0], long), ([0.0, 1.0, 0.0], long)]
        {
            assert!(on(side).abs_diff(expected) <= 1, "{sampler}: {} on {side:?}", on(side));
        }
        for (point, normal) in rows(&points.inputs).zip(rows(&normals)) {
            let face =
                if normal[0] == 0.0 { point[1] == normal[1].max(0.0) } else { point[0] == 0.5 + 1.5 * normal[0] };
            assert!(face && normal[2] == 0.0 && (0.0..=0.3).contains(&point[2]));
        }
    }
}

#[test]
fn few_points_visit_every_face_over_the_rounds() {
    let region = spec(1, &["boundary"]).of_box("points", &space_time()).unwrap();
    let mut faces = [0; 4];
    for round in 0..400 {
        let points = sample(&region, Sampler::Sobol, 1, 5, round);
        let normals = points.normals.unwrap();
        let face = [normals[0][0] < 0.0, normals[0][0] > 0.0, normals[1][0] < 0.0, normals[1][0] > 0.0];
        faces[face.iter().position(|is| *is).unwrap()] += 1;
    }
    // Expected 50, 50, 150, 150, with a standard deviation of at most 10.
    assert!(
        faces.iter().zip([50i32, 50, 150, 150]).all(|(found, expected)| (found - expected).abs() < 40),
        "{faces:?}"
    );
}

#[test]
fn slices_fix_their_inputs_and_edges_have_normals_between_their_faces() {
    let at = |on: &[&str]| sample(&spec(33, on).of_box("points", &space_time()).unwrap(), Sampler::Halton, 33, 1, 0);
    let initial = at(&["t = 0"]);
    assert!(initial.normals.is_none() && initial.inputs[2].iter().all(|t| *t == 0.0) && initial.len() == 33);
    assert!(at(&["x = 0.5"]).normals.is_none());
    assert!(at(&["x = pi/4 - 1"]).inputs[0].iter().all(|x| *x == std::f64::consts::FRAC_PI_4 - 1.0));
    let side = at(&["x = high, t = low"]);
    assert!(side.inputs[0].iter().all(|x| *x == 2.0) && side.inputs[2].iter().all(|t| *t == 0.0));
    assert_eq!(side.normals.unwrap(), [vec![1.0; 33], vec![0.0; 33], vec![0.0; 33]]);
    let edge = at(&["x = -1, y = 1"]).normals.unwrap();
    assert!((edge[0][0] + 0.5f64.sqrt()).abs() < 1e-15 && (edge[1][0] - 0.5f64.sqrt()).abs() < 1e-15);
    let corner = at(&["x = low, y = low, t = 0.1"]);
    assert_eq!(corner.inputs, [[-1.0], [0.0], [0.1]]);
}

#[test]
fn a_list_is_a_union_and_ends_of_an_interval_are_two_points() {
    let region = spec(32, &["x = low", "x = high"]).of_box("points", &space_time()).unwrap();
    let points = sample(&region, Sampler::Uniform, 32, 1, 0);
    assert_eq!(points.inputs[0].iter().filter(|x| **x == -1.0).count(), 16);
    let line = variables(&[("x", -1.0, 2.0)]);
    let ends = sample(&spec(256, &["boundary"]).of_box("points", &line).unwrap(), Sampler::Sobol, 256, 1, 0);
    assert_eq!((ends.inputs, ends.normals), (vec![vec![-1.0, 2.0]], Some(vec![vec![-1.0, 1.0]])));
}

#[test]
fn slices_at_two_values_come_in_pairs() {
    let at = |on: &str| sample(&spec(33, &[on]).of_box("points", &space_time()).unwrap(), Sampler::Sobol, 33, 9, 2);
    assert_eq!(at("x = low").inputs[1..], at("x = high").inputs[1..]);
}

#[test]
fn a_disc_has_its_circle_and_its_chords() {
    let with = |on: &[&str]| spec(1000, on).validate("points", &disc()).unwrap();
    for sampler in Sampler::ALL {
        let circle = sample(&with(&["boundary"]), sampler, 1000, 1, 0);
        for (point, normal) in rows(&circle.inputs).zip(rows(&circle.normals.unwrap())) {
            let offset = [0, 1].map(|input| (point[input] - 0.5) / 0.5);
            assert!((offset[0].hypot(offset[1]) - 1.0).abs() < 1e-12);
            assert!((normal[0] - offset[0]).abs() + (normal[1] - offset[1]).abs() < 1e-12);
            assert!(normal[2] == 0.0 && (0.0..=0.3).contains(&point[2]));
        }
        let inside = sample(&with(&[]), sampler, 1000, 1, 0);
        let distance = |k: usize| (inside.inputs[0][k] - 0.5).hypot(inside.inputs[1][k] - 0.5);
        assert!((0..inside.len()).all(|k| distance(k) <= 0.5 + 1e-12));
        // Half of the area lies within r/√2; 1000 uniform points give it to 1.6 %.
        let half = (0..inside.len()).filter(|k| distance(*k) < 0.5 / 2f64.sqrt()).count() as f64;
        assert!((half / inside.len() as f64 - 0.5).abs() < 0.06, "{sampler}: {half}");
    }
    let chord = sample(&with(&["x = 0.8"]), Sampler::Grid, 64, 1, 0);
    let (low, high) = chord.inputs[1].iter().fold((1f64, 0f64), |(low, high), y| (low.min(*y), high.max(*y)));
    assert!((0.1..0.2).contains(&low) && (0.8..0.9).contains(&high), "{low} {high}");
    assert!(chord.len().abs_diff(64) <= 8, "{}", chord.len());
    assert_eq!(sample(&with(&["x = 0.8, y = 0.9"]), Sampler::Grid, 7, 1, 0).inputs[1], [0.9; 7]);
    let tangent = spec(1, &["x = 1"]).validate("points", &disc()).unwrap_err().to_string();
    assert!(tangent.contains("no point of the domain lies on \"x = 1\""), "{tangent}");
}

/// The means of exp(x + 2y) over the unit disc and its circle are 2 I₁(√5)/√5 and I₀(√5), with the
/// modified Bessel functions.
#[test]
fn balls_keep_low_discrepancy() {
    let bessel = |order: i32, x: f64| {
        let term = |k: i32| {
            (1..=k).chain(1..=k + order).map(f64::from).product::<f64>().recip() * (x / 2.0).powi(2 * k + order)
        };
        (0..30).map(term).sum::<f64>()
    };
    let variables = variables(&[("x", -1.0, 1.0), ("y", -1.0, 1.0)]);
    let root = 5f64.sqrt();
    for (on, mean) in [(vec![], 2.0 * bessel(1, root) / root), (vec!["boundary"], bessel(0, root))] {
        let region = spec(4096, &on).validate("points", &ball(&variables, &[0.0; 2], 1.0)).unwrap();
        let error = |sampler| {
            let one = |seed| {
                let points = sample(&region, sampler, 4096, seed, 0);
                let sum: f64 = (0..points.len()).map(|k| (points.inputs[0][k] + 2.0 * points.inputs[1][k]).exp()).sum();
                (sum / 4096.0 - mean).powi(2)
            };
            ((0..20).map(one).sum::<f64>() / 20.0).sqrt()
        };
        let ratios = [Sampler::Sobol, Sampler::Halton].map(|sampler| error(sampler) / error(Sampler::Uniform));
        // Measured: 0.0013 and 0.023 in the disc, 5e-6 and 1e-13 on the circle.
        assert!(ratios.iter().all(|ratio| *ratio < 0.1), "{on:?}: {ratios:?}");
    }
    assert!((bessel(0, 1.0) - 1.266065877752008).abs() < 1e-14);
}

#[test]
fn seeds_and_rounds_give_points_of_their_own() {
    for on in [&[][..], &["boundary"], &["t = 0"]] {
        let region = spec(33, on).of_box("points", &space_time()).unwrap();
        for sampler in Sampler::ALL {
            let first = sample(&region, sampler, 33, 1, 0);
            assert_eq!(first, sample(&region, sampler, 33, 1, 0));
            let others = [sample(&region, sampler, 33, 1, 1), sample(&region, sampler, 33, 2, 0)];
            assert!(others.iter().all(|other| (*other == first) == (sampler == Sampler::Grid)), "{sampler}");
        }
    }
}

#[test]
fn errors_name_the_key_and_the_help() {
    let refine = Some(Refine { candidates: 7, exponent: 1.0, offset: 1.0 });
    for (spec, key, words) in [
        (spec(0, &[]), "count", "0 points"),
        (spec(1, &["z = 0"]), "on", "unknown variable \"z\""),
        (spec(1, &["x = 3"]), "on", "x in [-1, 2]"),
        (spec(1, &["x = lo"]), "on", "not a value for x"),
        (spec(1, &["x = 1/0"]), "on", "2*pi, or low or high"),
        (spec(1, &["x = 0, x = 1"]), "on", "as a list"),
        (spec(1, &["boundry"]), "on", "did you mean \"boundary\""),
        (PointsSpec { resample_every: 7, sampler: Sampler::Grid, ..spec(1, &[]) }, "resample_every", "the same points"),
        (PointsSpec { refine, ..spec(1, &[]) }, "resample_every", "resample_every is 0"),
        (PointsSpec { refine, resample_every: 1, ..spec(7, &[]) }, "refine.candidates", "7 candidates"),
    ] {
        let message = message(&spec);
        assert!(message.contains(&format!("points.{key}: ")) && message.contains(words), "{message}");
    }
    assert!(Variable::new("x", 1.0, -1.0).unwrap_err().to_string().contains("variables.x"));
    let many: Vec<Variable> = (0..40).map(|k| Variable::new(&format!("x{k}"), 0.0, 1.0).unwrap()).collect();
    assert!(spec(1, &[]).of_box("points", &many).unwrap_err().to_string().contains("halton"));
    let time = spec(1, &["boundary"]).of_box("points", &variables(&[("t", 0.0, 1.0)]));
    assert!(time.unwrap_err().to_string().contains("needs an input other than t"));
}

proptest! {
    #[test]
    fn points_lie_in_their_box(
        bounds in prop::collection::vec((-1e6f64..1e6, 1e-6f64..1e6), 1..=5),
        count in prop::sample::select(vec![1usize, 7, 33]),
        (seed, round) in (any::<u64>(), any::<u64>()),
    ) {
        let intervals: Vec<_> =
            ["a", "b", "c", "d", "t"].iter().zip(bounds).map(|(name, (low, width))| (*name, low, low + width)).collect();
        let variables = variables(&intervals);
        let domain = Domain::of_box(&variables);
        for sampler in Sampler::ALL {
            let inside = sample(&domain.inside("points").unwrap(), sampler, count, seed, round);
            prop_assert!(inside.inputs.len() == variables.len() && inside.normals.is_none());
            prop_assert!(sampler == Sampler::Grid || inside.len() == count);
            let boundary = sample(&domain.on("on", "boundary").unwrap(), sampler, count, seed, round);
            prop_assert!(variables.len() == 1 || sampler == Sampler::Grid || boundary.len() == count);
            for points in [&inside, &boundary] {
                for (variable, column) in variables.iter().zip(&points.inputs) {
                    prop_assert!(column.iter().all(|x| (variable.low..=variable.high).contains(x)));
                }
            }
            for (point, normal) in rows(&boundary.inputs).zip(rows(boundary.normals.as_ref().unwrap())) {
                let face = normal.iter().position(|n| *n != 0.0).unwrap();
                let Variable { low, high, .. } = variables[face];
                prop_assert_eq!(point[face], if normal[face] < 0.0 { low } else { high });
                prop_assert!(normal.iter().enumerate().all(|(k, n)| n.abs() == f64::from(k == face)));
                prop_assert!(!variables[face].is_time());
            }
        }
    }

    #[test]
    fn no_text_panics_the_parser(text in "(x|y|t|=|,| |low|high|boundary|nan|-|1e9|0|\\PC){0,9}") {
        let _ = spec(1, &[&text]).of_box("points", &space_time());
    }
}
