//! Domains against formulas: areas by counting, lengths and normals of boundaries, distances and their slopes.

use std::f64::consts::{PI, TAU};

use super::*;
use crate::expression::{PointFunctions, Scope};
use crate::jet::{Derivative, JetLayout};
use crate::points::{PointsSpec, Sampler, sample};

fn variables() -> Vec<Variable> {
    [("x", -1.0, 2.0), ("y", -1.0, 1.5), ("t", 0.0, 0.3)]
        .map(|(name, low, high)| Variable::new(name, low, high).unwrap())
        .into()
}

fn shape(form: Form) -> ShapeSpec {
    ShapeSpec { inputs: vec![], form }
}

fn shapes() -> BTreeMap<String, ShapeSpec> {
    let ball = |centre: [f64; 2], radius| Form::Ball { centre: centre.into(), radius };
    let ell = [[-0.5, -0.5], [1.5, -0.5], [1.5, 0.5], [0.5, 0.5], [0.5, 1.0], [-0.5, 1.0]];
    [
        ("disc", ball([0.5, 0.25], 1.0)),
        ("hole", ball([0.2, 0.1], 0.3)),
        ("far", ball([1.5, 0.9], 0.4)),
        ("lens", Form::Ellipse { centre: vec![0.5, 0.2], radii: vec![1.0, 0.4], angle: 30.0 }),
        ("ell", Form::Polygon { corners: ell.into(), file: None }),
        ("tile", Form::Box([("x".to_string(), [0.0, 1.0]), ("y".to_string(), [-0.5, 0.5])].into())),
        ("star", Form::Star { radius: "0.8 + 0.2*cos(5*theta)".into(), centre: [0.4, 0.2] }),
        ("bean", Form::Curve { path: ["0.5 + cos(s)".into(), "0.5*sin(s) + 0.3*cos(s)^2".into()], s: [0.0, TAU] }),
        ("left", Form::Where("x + 2*y < 1".into())),
        ("bump", Form::Where("y < 0.5 + 0.3*sin(3*x)".into())),
    ]
    .map(|(name, form)| (name.to_string(), shape(form)))
    .into()
}

fn domain(region: &str, conditions: &[&str]) -> Domain {
    try_domain(region, conditions).unwrap_or_else(|error| panic!("{region}: {error}"))
}

fn try_domain(region: &str, conditions: &[&str]) -> Result<Domain> {
    let conditions = conditions.iter().map(|text| text.to_string()).collect();
    let spec = DomainSpec { region: Some(region.to_string()), conditions, shapes: shapes(), ..DomainSpec::default() };
    Domain::new(&str::to_string, &variables(), spec)
}

/// The area of a domain, and the length of a part of its boundary, as points are shared by them.
fn measures(domain: &Domain, on: &str) -> [f64; 2] {
    let measure = |region: Region| region.patches().iter().map(Patch::measure).sum::<f64>() / 0.3;
    [measure(domain.inside("region").unwrap()), measure(domain.on("on", on).unwrap())]
}

const LENS: f64 = PI * 0.4;

#[test]
fn areas_and_lengths_are_those_of_formulas() {
    let star = PI * (0.8 * 0.8 + 0.2 * 0.2 / 2.0);
    let hole = PI * 0.09;
    let root5 = 5f64.sqrt();
    for (region, conditions, on, area, length) in [
        ("box", &[][..], "boundary", 7.5, 11.0),
        ("box - hole", &[], "boundary", 7.5 - hole, 11.0 + TAU * 0.3),
        ("box - hole", &[], "hole", 7.5 - hole, TAU * 0.3),
        ("box - hole", &[], "box", 7.5 - hole, 11.0),
        ("disc - hole", &[], "boundary", PI - hole, TAU * 1.3),
        ("disc & hole", &[], "hole", hole, TAU * 0.3),
        ("disc + hole", &[], "boundary", PI, TAU),
        ("ell", &[], "boundary", 2.5, 7.0),
        ("ell", &[], "ell, y > 0.5", 2.5, 2.0),
        ("ell - tile", &[], "boundary", 1.5, 8.0),
        ("ell - tile", &[], "tile", 1.5, 2.5),
        ("tile", &[], "boundary", 1.0, 4.0),
        ("lens", &[], "boundary", LENS, 4.60262),
        ("star", &[], "star", star, 6.63846),
        ("bean", &[], "boundary", PI * 0.5, 4.97619),
        ("box & left", &[], "left", 3.75, 1.5 * root5),
        ("box", &["x^2 + y^2 > 0.25"], "where", 7.5 - PI * 0.25, PI),
        ("box", &["x^2 + y^2 > 0.25"], "boundary", 7.5 - PI * 0.25, 11.0 + PI),
        ("box", &["x > 0", "y > 0"], "boundary", 3.0, 7.0),
    ] {
        let [own_area, own_length] = measures(&domain(region, conditions), on);
        // Thousands of points tell a share to about 1e-3; but few of them fall near a level.
        assert!((own_area / area - 1.0).abs() < 5e-3, "{region}: area {own_area}, {area}");
        assert!((own_length / length - 1.0).abs() < 3e-2, "{region}, {on}: length {own_length}, {length}");
    }
}

#[test]
fn points_of_every_sampler_lie_in_and_on() {
    for (region, conditions) in [
        ("box - hole - far", &[][..]),
        ("ell - hole", &[]),
        ("star", &[]),
        ("bean - hole", &[]),
        ("lens & left", &[]),
        ("disc", &["y < 0.5 + 0.3*sin(3*x)"]),
        ("tile + far", &[]),
    ] {
        let domain = domain(region, conditions);
        for sampler in Sampler::ALL {
            let spec = PointsSpec::inside(sampler, 200);
            let inside = sample(&spec.validate("points", &domain).unwrap(), sampler, 200, 3, 1);
            assert!(sampler == Sampler::Grid || inside.len() == 200, "{region}: {}", inside.len());
            assert!((100..300).contains(&inside.len()) && inside.normals.is_none());
            assert!(domain.levels(&inside.inputs, None).iter().all(|level| *level > 0.0), "{region}");
            let spec = PointsSpec { on: vec!["boundary".to_string()], ..spec };
            let boundary = spec.validate("points", &domain).unwrap();
            let on = sample(&boundary, sampler, 200, 3, 1);
            assert_eq!(on, sample(&boundary, sampler, 200, 3, 1));
            assert!(sampler == Sampler::Grid || on.len() == 200, "{region}: {}", on.len());
            let levels = domain.levels(&on.inputs, None);
            assert!(levels.iter().all(|level| level.abs() < 1e-12), "{region}: {levels:?}");
            // The normal is that of the level, by differences, and leads out of the domain.
            let normals = on.normals.clone().unwrap();
            let at = |axis: usize, step: f64| {
                let mut points = on.inputs.clone();
                points[axis].iter_mut().for_each(|x| *x += step);
                domain.levels(&points, None)
            };
            let sides = [0, 1].map(|axis| [at(axis, 1e-6), at(axis, -1e-6)]);
            let mut off = 0;
            for row in 0..on.len() {
                let slope = [0, 1].map(|axis| (sides[axis][0][row] - sides[axis][1][row]) / 2e-6);
                let length = slope[0].hypot(slope[1]);
                let apart = (slope[0] / length + normals[0][row]).hypot(slope[1] / length + normals[1][row]);
                off += usize::from(apart > 1e-4);
                assert!((normals[0][row].hypot(normals[1][row]) - 1.0).abs() < 1e-12 && normals[2][row] == 0.0);
            }
            // A few lie so near to a corner that a difference sees both sides.
            assert!(off <= 3, "{region}, {sampler}: {off}");
        }
    }
}

#[test]
fn boundaries_are_filled_evenly() {
    // Of the boundary of an ellipse and of a level set, each quarter of the angle has its part of the length.
    let ellipse = domain("lens", &[]);
    let level = domain("box", &["(x/0.9)^2 + (y/0.5)^2 < 1"]);
    for (domain, centre, on) in [(ellipse, [0.5, 0.2], "lens"), (level, [0.0, 0.0], "where")] {
        let points = sample(&domain.on("on", on).unwrap(), Sampler::Sobol, 4000, 1, 0);
        let mean = |f: &dyn Fn(f64, f64) -> f64| {
            let sum: f64 = (0..4000).map(|k| f(points.inputs[0][k] - centre[0], points.inputs[1][k] - centre[1])).sum();
            sum / 4000.0
        };
        assert!(mean(&|x, _| x).abs() < 5e-3 && mean(&|_, y| y).abs() < 5e-3);
        // The mean square of the distance along an ellipse with half axes a and b, by its own integral.
        let (a, b) = if on == "lens" { (1.0, 0.4) } else { (0.9, 0.5) };
        let (mut length, mut square) = (0.0, 0.0);
        for k in 0..10_000 {
            let (sin, cos) = (k as f64 / 10_000.0 * TAU).sin_cos();
            let speed = f64::hypot(a * sin, b * cos);
            length += speed;
            square += speed * (a * a * cos * cos + b * b * sin * sin);
        }
        let found = mean(&|x, y| x * x + y * y);
        assert!((found / (square / length) - 1.0).abs() < 1e-2, "{on}: {found} {}", square / length);
    }
}

#[test]
fn slices_keep_to_the_domain_and_have_its_normals() {
    let domain = domain("ell - hole", &[]);
    let at = |on: &str| sample(&domain.on("on", on).unwrap(), Sampler::Sobol, 200, 1, 0);
    // Through the hole there are no points, and where the polygon turns inwards is its boundary.
    let chord = at("y = 0.1");
    assert!(chord.inputs[0].iter().all(|x| (-0.5..=1.5).contains(x) && (x - 0.2).abs() >= 0.3 - 1e-9));
    assert!(chord.normals.is_none());
    let step = at("x = 0.5");
    let normals = step.normals.unwrap();
    // At y = 0.1 the hole touches the slice.
    for (y, n) in step.inputs[1].iter().zip(&normals[0]).filter(|(y, _)| (*y - 0.1).abs() > 0.01) {
        assert_eq!(*n, if *y > 0.5 { 1.0 } else { 0.0 }, "{y}");
    }
    let start = at("t = 0");
    assert!(start.len() == 200 && start.normals.is_none() && domain.contains(&start.inputs).iter().all(|is| *is));
    assert!(at("x = 0.5, y < 0").inputs[1].iter().all(|y| *y < 0.0));
    assert!(at("hole, x > 0.2, t < 0.1").inputs[2].iter().all(|t| *t <= 0.1));
    let hole = at("hole");
    let inwards = (0..200).all(|k| {
        let off = [hole.inputs[0][k] - 0.2, hole.inputs[1][k] - 0.1];
        let normals = hole.normals.as_ref().unwrap();
        off[0] * normals[0][k] + off[1] * normals[1][k] < -0.299
    });
    assert!(inwards);
}

#[test]
fn a_part_has_its_own_boundary() {
    let domain = domain("disc", &[]);
    let spec = PointsSpec {
        on: vec!["left".to_string()],
        region: Some("left".to_string()),
        ..PointsSpec::inside(Sampler::Halton, 100)
    };
    let points = sample(&spec.validate("points", &domain).unwrap(), Sampler::Halton, 100, 1, 0);
    let root5 = 5f64.sqrt();
    for k in 0..points.len() {
        let (x, y) = (points.inputs[0][k], points.inputs[1][k]);
        assert!((x + 2.0 * y - 1.0).abs() < 1e-14 && (x - 0.5).hypot(y - 0.25) < 1.0);
        let normals = points.normals.as_ref().unwrap();
        assert!((normals[0][k] - 1.0 / root5).abs() + (normals[1][k] - 2.0 / root5).abs() < 1e-12);
    }
    let refused = PointsSpec { region: None, ..spec }.validate("points", &domain).unwrap_err().to_string();
    assert!(refused.contains("\"left\" does not bound the domain"), "{refused}");
}

#[test]
fn meshes_bound_domains() {
    let variables = ["x", "y", "z"].map(|name| Variable::new(name, -1.0, 1.0).unwrap());
    let triangles = Arc::new(super::mesh::ball([0.1, 0.0, -0.1], 0.6, 3));
    let shapes = [("part".to_string(), shape(Form::Mesh { file: "part.stl".into(), triangles }))].into();
    let spec = DomainSpec { region: Some("box - part".into()), shapes, ..DomainSpec::default() };
    let domain = Domain::new(&str::to_string, &variables, spec).unwrap();
    let measure = |region: Region| region.patches().iter().map(Patch::measure).sum::<f64>();
    let volume = measure(domain.inside("region").unwrap());
    assert!((volume / (8.0 - 4.0 / 3.0 * PI * 0.216) - 1.0).abs() < 1e-2, "{volume}");
    let part = domain.on("on", "part").unwrap();
    let points = sample(&part, Sampler::Sobol, 1000, 1, 0);
    let normals = points.normals.unwrap();
    for k in 0..1000 {
        let off = [points.inputs[0][k] - 0.1, points.inputs[1][k], points.inputs[2][k] + 0.1];
        let along: f64 = off.iter().zip(&normals).map(|(x, n)| x * n[k]).sum();
        assert!((-0.6 - 1e-9..-0.58).contains(&along), "{along}");
    }
    let total = measure(domain.on("on", "boundary").unwrap());
    assert!((total / (24.0 + 4.0 * PI * 0.36) - 1.0).abs() < 1e-2, "{total}");
    assert!(domain.distances()["part"].as_ref().unwrap_err().contains("mesh"));
}

/// A distance with its gradient at points (D, B): (3, B).
fn jets(domain: &Domain, name: &str, points: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let scope = Scope {
        inputs: variables().into_iter().map(|variable| variable.name).collect(),
        distances: domain.distances().clone(),
        ..Scope::default()
    };
    let functions = PointFunctions::read("test", &[format!("distance({name})")], &scope);
    let layout = JetLayout::selected(3, [Derivative::Value, Derivative::First(0), Derivative::First(1)]);
    functions.unwrap_or_else(|error| panic!("{error}")).jets(&layout).at(points)
}

#[test]
fn distances_are_0_on_their_boundary_with_slope_1_and_above_0_inside() {
    for (region, conditions, corners) in [
        ("box", &[][..], true),
        ("box - hole", &[], true),
        ("disc - hole", &[], false),
        ("ell", &[], true),
        ("ell - hole", &[], true),
        ("star", &[], false),
        ("lens", &[], false),
        ("lens & left", &[], true),
        ("tile + far", &[], false),
        ("disc", &["y < 0.5 + 0.3*sin(3*x)"], true),
        ("box - ell", &[], true),
    ] {
        let domain = domain(region, conditions);
        let inside = sample(&domain.inside("region").unwrap(), Sampler::Sobol, 1000, 1, 0);
        let values = jets(&domain, BOUNDARY, &inside.inputs).remove(0);
        assert!(values.iter().all(|value| *value > 0.0 && *value < 2.0), "{region}: {values:?}");
        let on = sample(&domain.on("on", BOUNDARY).unwrap(), Sampler::Sobol, 1000, 1, 0);
        let found = jets(&domain, BOUNDARY, &on.inputs);
        let normals = on.normals.unwrap();
        let slope = |k: usize| -(found[1][k] * normals[0][k] + found[2][k] * normals[1][k]);
        assert!(found[0].iter().all(|value| value.abs() < 1e-12), "{region}");
        let mut slopes: Vec<f64> = (0..1000).map(slope).collect();
        slopes.sort_by(f64::total_cmp);
        // Rounded corners have less near by.
        let (least, middle) = if corners { (slopes[200], slopes[500]) } else { (slopes[20], slopes[500]) };
        let wanted = if corners { (0.6, 0.08) } else { (0.98, 1e-9) };
        assert!(least > wanted.0 && (middle - 1.0).abs() < wanted.1, "{region}: {least} {middle}");
        assert!(slopes[999] < 1.0 + 1e-6, "{region}: {}", slopes[999]);
    }
    // A shape's own is 0 on all of it, and above 0 on the domain's side.
    let domain = domain("box - hole", &[]);
    let found = jets(&domain, "hole", &[vec![0.2, 0.2, 0.5, 2.0], vec![0.0, 0.4, 0.1, 0.1], vec![0.1; 4]]).remove(0);
    assert!(found[0] < 0.0 && found[1].abs() < 1e-15 && found[2].abs() < 1e-15 && (found[3] - 1.5).abs() < 1e-12);
}

#[test]
fn distances_that_are_none_say_why() {
    let domain = domain("bean - hole", &[]);
    let scope = Scope {
        inputs: ["x", "y", "t"].map(str::to_string).into(),
        distances: domain.distances().clone(),
        ..Scope::default()
    };
    for (text, parts) in [
        ("distance(bean)*x", &["\"bean\" is a curve", "radius_of_angle", "^^^^"][..]),
        ("distance(boundary)*x", &["\"bean\" is a curve"]),
        ("distance(hol)", &["unknown boundary \"hol\"", "did you mean \"hole\""]),
    ] {
        let message = PointFunctions::read("test", &[text.to_string()], &scope).unwrap_err().to_string();
        parts.iter().for_each(|part| assert!(message.contains(part), "{message}"));
    }
}

#[test]
fn what_is_no_domain_is_named() {
    for (region, conditions, parts) in [
        ("box - hol", &[][..], &["region: unknown shape \"hol\"", "did you mean \"hole\""][..]),
        ("hole & far", &[], &["region: the region is empty"]),
        ("box", &["x^2 + y^2 < 1e-5"], &["where: the region is empty, or less than 1e-4"]),
        ("box", &["x + t < 1"], &["where: ", "compares t", "same at all times"]),
        ("box", &["x + y"], &["where: ", "not a comparison"]),
    ] {
        let message = try_domain(region, conditions).unwrap_err().to_string();
        parts.iter().for_each(|part| assert!(message.contains(part), "{message}"));
    }
    let of = |name: &str, inputs: &[&str], form: Form| {
        let inputs = inputs.iter().map(|name| name.to_string()).collect();
        let shapes = [(name.to_string(), ShapeSpec { inputs, form })].into();
        let spec = DomainSpec { shapes, ..DomainSpec::default() };
        Domain::new(&str::to_string, &variables(), spec).unwrap_err().to_string()
    };
    let ball = |centre: &[f64], radius| Form::Ball { centre: centre.into(), radius };
    for (message, parts) in [
        (of("a", &[], ball(&[0.0], 1.0)), &["shapes.a: its centre has 1 numbers", "2 inputs (x, y)"][..]),
        (of("a", &["x", "t"], ball(&[0.0, 0.0], 1.0)), &["\"t\" is not an input in space"]),
        (of("a", &["x", "x"], ball(&[0.0, 0.0], 1.0)), &["\"x\" appears twice"]),
        (of("a", &[], ball(&[0.0, 0.0], -1.0)), &["-1 is not a valid radius"]),
        (of("box", &[], ball(&[0.0, 0.0], 1.0)), &["cannot be the name of a shape"]),
        (of("a", &["x"], Form::Polygon { corners: vec![[0.0; 2]; 3], file: None }), &["2 inputs, not in 1 (x)"]),
        (of("a", &[], Form::Star { radius: "cos(theta)".into(), centre: [0.0; 2] }), &["not above 0"]),
        (of("a", &[], Form::Star { radius: "2 + theta".into(), centre: [0.0; 2] }), &["not closed"]),
        (of("a", &[], Form::Box([("z".to_string(), [0.0, 1.0])].into())), &["unknown variable \"z\""]),
    ] {
        parts.iter().for_each(|part| assert!(message.contains(part), "{message}"));
    }
    let domain = domain("box - hole", &[]);
    for (on, part) in [
        ("hol", "did you mean \"hole\""),
        ("hole, x = 0", "both a boundary and values"),
        ("x < 0", "does not describe a part of the boundary"),
        ("hole, x > 1", "does not bound the domain there"),
        ("x = 0.2, y = 0.1", "no point of the domain lies on"),
        ("hole, z < 1", "\"z\""),
    ] {
        let message = domain.on("points.on", on).unwrap_err().to_string();
        assert!(message.starts_with("points.on: ") && message.contains(part), "{message}");
    }
}
