//! Outputs and definitions at other points, against functions that are known.

use super::{residual, scope};
use crate::expression::{Expression, PointData, Scope, layout, places};
use crate::jet::{Derivative, Entry, JetLayout, Jets, Normalizer};

/// u = sin(x) t² + θ x t, and v = exp(x t) cos θ, with the derivatives that the tests read.
fn known(entry: Entry, [x, t, theta]: [f64; 3]) -> f64 {
    use Derivative::{First, Second, Value};
    match (entry.output, entry.derivative) {
        (0, Value) => x.sin() * t * t + theta * x * t,
        (0, First(0)) => x.cos() * t * t + theta * t,
        (0, First(1)) => 2.0 * x.sin() * t + theta * x,
        (0, First(2)) => x * t,
        (0, Second(0, 0)) => -x.sin() * t * t,
        (0, Second(0, 1)) => 2.0 * x.cos() * t + theta,
        (0, Second(0, 2)) => t,
        (0, Second(1, 1)) => 2.0 * x.sin(),
        (0, Second(1, 2)) => x,
        (0, Second(2, 2)) => 0.0,
        (1, Value) => (x * t).exp() * theta.cos(),
        (1, First(0)) => t * (x * t).exp() * theta.cos(),
        // What no test reads; wrong where one does.
        _ => f64::NAN,
    }
}

/// Points x, t, theta of the tests: three, so that places cannot be mistaken for one another.
const POINTS: [[f64; 3]; 3] = [[0.3, -0.7, 0.5], [1.1, 0.4, -0.2], [-0.6, 0.9, 1.3]];

/// The values at [`POINTS`], and the number of places.
fn evaluate(scope: &Scope, text: &str) -> (Vec<f64>, usize) {
    let inputs: Vec<Vec<f64>> = (0..3).map(|d| POINTS.iter().map(|point| point[d]).collect()).collect();
    let columns = [vec![0.25, 0.5, 0.75], vec![0.0; 3]];
    let data = PointData { inputs: &inputs, columns: &columns, normals: &[] };
    let mut expressions = [Expression::residual("test", text, scope).unwrap_or_else(|error| panic!("{error}"))];
    let places = places(&mut expressions);
    let network = places.inputs(&data);
    let layout = JetLayout::full(3);
    let entries = (0..2).flat_map(|output| layout.derivatives().map(move |derivative| Entry { output, derivative }));
    let at = |point: usize| [network[0][point], network[1][point], network[2][point]];
    let values = entries.flat_map(|entry| (0..network[0].len()).map(move |point| known(entry, at(point)))).collect();
    let jets = Jets { layout: layout.clone(), outputs: 2, values };
    (expressions[0].evaluate(&data, &[0.1, 3.0], Some(&jets)), places.count())
}

#[test]
fn values_elsewhere_are_those_of_the_known_functions() {
    let mut scope = scope();
    for (name, text) in [("jump", "u(x + 1, t, theta) - u"), ("swapped", "v(t, x, theta)")] {
        scope.definitions.insert(name.into(), text.into());
    }
    let tau = 2.0 * std::f64::consts::PI;
    let u = |x, t, theta| known(Entry::value(0), [x, t, theta]);
    let v = |x, t, theta| known(Entry::value(1), [x, t, theta]);
    let u_by = |derivative, x, t, theta| known(Entry { output: 0, derivative }, [x, t, theta]);
    use Derivative::{First, Second};
    type Truth<'a> = Box<dyn Fn(f64, f64, f64) -> f64 + 'a>;
    let cases: [(&str, usize, Truth); 25] = [
        ("u(0, t, theta) = u(2*pi, t, theta)", 2, Box::new(|_, t, h| u(0.0, t, h) - u(tau, t, h))),
        ("u(x, t, theta) = u", 1, Box::new(|_, _, _| 0.0)),
        ("u = u(2*pi, t, theta)", 2, Box::new(|x, t, h| u(x, t, h) - u(tau, t, h))),
        (
            "u_x(0, t, theta) + u_xx(2*pi, t, 0.5)",
            2,
            Box::new(|_, t, h| u_by(First(0), 0.0, t, h) + u_by(Second(0, 0), tau, t, 0.5)),
        ),
        (
            "u_measured*u(u_measured, t, theta) + u(-x, t, theta)",
            2,
            Box::new(|x, t, h| {
                let column = 0.25 + 0.25 * POINTS.iter().position(|point| point[0] == x).unwrap() as f64;
                column * u(column, t, h) + u(-x, t, h)
            }),
        ),
        // Subscripts are taken before the place, d after it.
        ("flux(0, t, 1)", 1, Box::new(|_, t, _| u(0.0, t, 1.0) * u_by(First(0), 0.0, t, 1.0))),
        (
            "flux_x(x + t, t, 1)",
            1,
            Box::new(|x, t, _| {
                let (value, slope) = (u(x + t, t, 1.0), u_by(First(0), x + t, t, 1.0));
                slope * slope + value * u_by(Second(0, 0), x + t, t, 1.0)
            }),
        ),
        ("d(u(0, t, theta), x)", 1, Box::new(|_, _, _| 0.0)),
        ("d(u(-x, t, theta), x)", 1, Box::new(|x, t, h| -u_by(First(0), -x, t, h))),
        (
            "d(u(x*t, t^2, theta), t)",
            1,
            Box::new(|x, t, h| x * u_by(First(0), x * t, t * t, h) + 2.0 * t * u_by(First(1), x * t, t * t, h)),
        ),
        (
            "d(u(x*t, 2*t, x), x, t)",
            1,
            Box::new(|x, t, _| {
                let by = |derivative| u_by(derivative, x * t, 2.0 * t, x);
                let along_x = t * (x * by(Second(0, 0)) + 2.0 * by(Second(0, 1))) + by(First(0));
                along_x + x * by(Second(0, 2)) + 2.0 * by(Second(1, 2))
            }),
        ),
        ("jump", 2, Box::new(|x, t, h| u(x + 1.0, t, h) - u(x, t, h))),
        ("jump(0, t, theta)", 2, Box::new(|_, t, h| u(1.0, t, h) - u(0.0, t, h))),
        ("jump(x + 1, t, theta) + jump", 2, Box::new(|x, t, h| u(x + 2.0, t, h) - u(x, t, h))),
        ("swapped(t, x, theta) + swapped", 2, Box::new(|x, t, h| v(x, t, h) + v(t, x, h))),
        ("u + wave(0, t, theta)", 1, Box::new(|x, t, h| u(x, t, h) + 3.0 * t)),
        // ∫ sin(x) t² + θ x t dx from 0 to 1
        ("integral(u, x, 0, 1, 12)", 12, Box::new(|_, t, h| (1.0 - 1f64.cos()) * t * t + 0.5 * h * t)),
        // A memory: what was until now.
        (
            "integral(x*u, t, 0, t, 4) - u",
            5,
            Box::new(|x, t, h| x * (x.sin() * t.powi(3) / 3.0 + 0.5 * h * x * t * t) - u(x, t, h)),
        ),
        (
            "integral(s^2*u(x, s, theta) + u, s, 0, 2, 5)",
            6,
            Box::new(|x, t, h| 6.4 * x.sin() + 4.0 * h * x + 2.0 * u(x, t, h)),
        ),
        ("integral(u, theta, u_measured, 1, 3)", 3, {
            Box::new(|x, t, _| {
                let column = 0.25 + 0.25 * POINTS.iter().position(|point| point[0] == x).unwrap() as f64;
                (1.0 - column) * x.sin() * t * t + 0.5 * (1.0 - column * column) * x * t
            })
        }),
        (
            "integral(integral(u*theta, theta, 0, 1, 3), t, 0, 2, 2)",
            6,
            Box::new(|x, _, _| 8.0 / 3.0 * 0.5 * x.sin() + 2.0 * x / 3.0),
        ),
        // Its derivative goes through the limit.
        ("d(integral(u, t, 0, t, 4), t) - u", 5, Box::new(|_, _, _| 0.0)),
        ("integral(flux_t*0 + u_x, x, 0, x, 12) + u(0, t, theta)", 13, Box::new(u)),
        ("laplacian(u) + u(x, t, theta)", 1, {
            Box::new(|x, t, h| u_by(Second(0, 0), x, t, h) + u_by(Second(2, 2), x, t, h) + u(x, t, h))
        }),
        (
            "if(u(0, t, x) < u, u(1, t, x), nu)",
            3,
            Box::new(|x, t, h| if u(0.0, t, x) < u(x, t, h) { u(1.0, t, x) } else { 0.1 }),
        ),
    ];
    for (text, count, truth) in cases {
        let (values, places) = evaluate(&scope, text);
        assert_eq!(places, count, "{text}");
        for (value, [x, t, theta]) in values.into_iter().zip(POINTS) {
            let truth = truth(x, t, theta);
            // Some roundings of numbers below 10.
            assert!((value - truth).abs() < 1e-13, "{text} at {x}, {t}, {theta}: {value}, not {truth}");
        }
    }
}

#[test]
fn a_place_that_several_terms_read_exists_once() {
    let count = |texts: &[&str]| places(&mut texts.iter().map(|text| residual(text)).collect::<Vec<_>>()).count();
    assert_eq!(count(&["u", "v_x"]), 1);
    assert_eq!(count(&["nu = 1"]), 1);
    assert_eq!(count(&["u(0, t, 0) = v(1, t, 0)", "u_x(0, t, 0) = v_x(1, t, 0)"]), 2);
    // In whatever order their terms were met.
    assert_eq!(count(&["u(x + t, x*t, 0)", "t*x + u_x(t + x, t*x, 0)", "u(x, t, 0)"]), 2);
}

#[test]
fn laplacians_at_several_places_travel_collapsed() {
    let text = "u_xx + u_tt + d(u, theta, theta) = lap(0, t, theta) + 2*lap(-x, t, x)";
    let mut scope = scope();
    scope.definitions.insert("lap".into(), "u_xx + u_tt + d(u, theta, theta)".into());
    let mut expressions = [Expression::residual("test", text, &scope).unwrap()];
    places(&mut expressions);
    assert_eq!(layout(&mut expressions, 3), JetLayout::collapsed(&[1.0; 3]));
    assert_eq!(expressions[0].entries().len(), 3);
    let normalizer = Normalizer::identity(3, 2);
    let compiled = expressions[0].compile(&JetLayout::collapsed(&[1.0; 3]), &normalizer);
    let slots: Vec<_> = compiled.slots().iter().map(|slot| (slot.place, slot.channel)).collect();
    assert_eq!(slots, [(0, 4), (1, 4), (2, 4)]);
    // Without the third direction at one of the places nothing collapses, and all channels are there.
    scope.definitions.insert("lap".into(), "u_xx + u_tt".into());
    let mut expressions = [Expression::residual("test", text, &scope).unwrap()];
    places(&mut expressions);
    assert_eq!(layout(&mut expressions, 3).channels(), 7);
}
