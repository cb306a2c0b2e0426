//! Every picture from synthetic data, also where the data are awkward. They stay in
//! `target/tmp/plots`, to be looked at.

use std::path::PathBuf;

use jetfit::cpu;
use jetfit::data::PointSet;
use jetfit::jet::{Activation, Derivative, Entry};
use jetfit::network::Model;
use jetfit::numbers::Precision;
use jetfit::plot::{
    self, Bench, BenchLine, Fit, FitPanel, FitRow, FitView, LossHistory, MapAxis, MapFigure, MapRow, Parity,
    ParityPanel, Series,
};
use jetfit::predict::{Reference, Trained};

/// Writes the picture and checks that both files are what they claim to be.
fn picture(name: &str, svg: &str) {
    let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("plots");
    std::fs::create_dir_all(&directory).unwrap();
    let stem = directory.join(name);
    plot::write_svg_png(svg, &stem).unwrap();
    let png = std::fs::read(stem.with_extension("png")).unwrap();
    assert!(png.starts_with(b"\x89PNG") && png.len() > 2_000, "{name}: {} bytes", png.len());
    let svg = std::fs::read_to_string(stem.with_extension("svg")).unwrap();
    assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"));
    // An embedded image may hold any letters.
    let written = svg.split("base64,").map(|part| part.split_once("\"/>").map_or(part, |(_, rest)| rest));
    assert!(written.into_iter().all(|text| !text.contains("NaN") && !text.contains("inf")), "{name}");
}

fn grid(low: f64, high: f64, count: usize) -> Vec<f64> {
    (0..count).map(|k| low + (high - low) * k as f64 / (count - 1) as f64).collect()
}

/// A number in −1..1 that looks random.
fn noise(k: usize) -> f64 {
    2.0 * (k as f64 * 0.618_033_988_749 * (k % 7 + 1) as f64).fract() - 1.0
}

fn curve(x: &[f64], f: impl Fn(f64) -> f64) -> Series {
    Series::new(x, x.iter().map(|x| f(*x)).collect::<Vec<_>>())
}

fn sine(panels: usize) -> FitRow {
    let x = grid(-10.0, 10.0, 1001);
    let truths: [fn(f64) -> f64; 3] = [f64::sin, f64::cos, |x| -x.sin()];
    let points = grid(-10.0, 10.0, 1000);
    let measured = points.iter().enumerate().map(|(k, x)| x.sin() + 0.05 * noise(k)).collect::<Vec<_>>();
    let panel = |order: usize| FitPanel {
        band: None,
        fit: curve(&x, |x| truths[order](x) + 0.03 * order as f64 * (4.0 * x).sin()),
        truth: Some(curve(&x, truths[order])),
        data: (order == 0).then(|| Series::new(points.clone(), measured.clone())),
        error: Some([3.1e-3, 1.2e-2, 4.5e-2][order]),
    };
    let panels = (0..panels).map(panel).collect();
    FitRow { output: "y".into(), input: "x".into(), labels: None, is_logarithmic: false, slice: None, panels }
}

/// Slices through the mean of the inputs.
fn view(model: &Model, order: usize) -> FitView<'_> {
    FitView { order, centre: &model.normalizer.inputs.mean, logarithmic: &[false, false] }
}

fn svg_of(title: &str, rows: Vec<FitRow>) -> String {
    plot::fit(&Fit { title: title.into(), rows, warning: None })
}

#[test]
fn a_fit_of_one_input() {
    let svg = svg_of("sine", vec![sine(3)]);
    for text in ["d²y/dx²", "dy/dx", "truth", "data", "4.5×10⁻²"] {
        assert!(svg.contains(text), "{text}");
    }
    picture("fit", &svg);
    picture("fit_order_1", &svg_of("sine", vec![sine(2)]));
}

#[test]
fn a_fit_of_two_inputs_and_two_outputs_at_awkward_scales() {
    let mut rows = vec![];
    for (output, scale) in [("heat", 2e6), ("flow", 3e-4)] {
        for (input, low, high, slice) in
            [("pressure", 1000.0, 9000.0, "gap = 2.5×10⁻³"), ("gap", 1e-3, 4e-3, "pressure = 5000")]
        {
            let (x, width) = (grid(low, high, 201), high - low);
            let at = |order: i32| FitPanel {
                fit: curve(&x, |x| scale / width.powi(order) * (3.0 * (x - low) / width).sin()),
                data: (order == 0).then(|| {
                    curve(&grid(low, high, 60), |x| scale * ((3.0 * (x - low) / width).sin() + 0.1 * noise(x as usize)))
                }),
                ..Default::default()
            };
            let panels = (0..3).map(at).collect();
            rows.push(FitRow {
                output: output.into(),
                input: input.into(),
                labels: None,
                is_logarithmic: false,
                slice: Some(slice.into()),
                panels,
            });
        }
    }
    let svg = svg_of("plate", rows.clone());
    assert!(svg.contains("∂²heat/∂gap²") && !svg.contains("Not shown"));
    picture("fit_slices", &svg);
    rows.extend(rows.clone());
    assert!(svg_of("plate", rows).contains("Not shown: flow along pressure, flow along gap."));
}

#[test]
fn a_rough_activation_is_warned_of() {
    let mut row = sine(3);
    row.panels[2].fit.y.iter_mut().for_each(|y| *y = 0.0);
    row.panels.iter_mut().for_each(|p| p.truth = None);
    let warning = "relu is C0: its second derivative is 0 almost everywhere and says nothing about the data.";
    let svg = plot::fit(&Fit { title: "sine".into(), rows: vec![row], warning: Some(warning.into()) });
    assert!(svg.contains(warning));
    picture("fit_rough", &svg);
}

#[test]
fn degenerate_data_are_drawn() {
    let panel = |x: Vec<f64>, y: Vec<f64>| FitPanel { fit: Series::new(x, y), ..Default::default() };
    let panels = vec![
        panel(vec![1.0], vec![7.0]),
        panel(grid(0.0, 1.0, 5), vec![1e9; 5]),
        panel(vec![0.0, 1.0, 2.0, 3.0], vec![f64::NAN, 1e-9, f64::INFINITY, 2e-9]),
    ];
    picture(
        "fit_degenerate",
        &svg_of(
            "a <b> & c",
            vec![FitRow {
                output: "y".into(),
                input: "x".into(),
                labels: None,
                is_logarithmic: false,
                slice: None,
                panels,
            }],
        ),
    );
    picture("fit_empty", &svg_of("nothing", vec![]));
    picture("loss_empty", &plot::loss(&LossHistory::default()));
}

#[test]
fn a_loss_history() {
    let steps = grid(0.0, 20_000.0, 400);
    let fall = |end: f64| curve(&steps, |s| (-s / 2000.0).exp() + end * (1.0 + 0.1 * noise(s as usize)));
    let terms = vec![("y".into(), fall(1e-6)), ("dy/dx".into(), fall(1e-5)), ("d²y/dx²".into(), fall(3e-4))];
    let history = LossHistory {
        title: "sine".into(),
        training: fall(1e-4),
        validation: Some(fall(2e-4)),
        terms: terms.clone(),
        ..LossHistory::default()
    };
    picture("loss", &plot::loss(&history));
    let single = LossHistory {
        title: "sine".into(),
        training: fall(1e-4),
        terms: terms[..1].to_vec(),
        ..LossHistory::default()
    };
    assert!(!plot::loss(&single).contains("dy/dx"));
}

#[test]
fn ten_terms_of_a_loss_are_told_apart() {
    let steps = grid(0.0, 20_000.0, 400);
    let term = |k: usize| {
        let curve =
            curve(&steps, |s| 10f64.powf(-0.4 * k as f64) * ((-s / 2000.0).exp() + 1e-2 + 1e-3 * noise(s as usize)));
        (format!("residual {k}"), curve)
    };
    let terms = (0..10).map(term).collect();
    let training = curve(&steps, |s| 10.0 * (-s / 2000.0).exp() + 1e-1);
    picture(
        "loss_ten_terms",
        &plot::loss(&LossHistory { title: "flow".into(), training, terms, ..LossHistory::default() }),
    );
}

/// A row over the grid of `x` and `y` with the truth `f` and the fit `f` + `error`.
fn map_row(
    output: &str,
    (x, y): (&[f64], &[f64]),
    f: impl Fn(f64, f64) -> f64,
    error: impl Fn(f64, f64) -> f64,
) -> MapRow {
    let points = || x.iter().flat_map(|x| y.iter().map(|y| (*x, *y)));
    let axis = |name: &str, values: &[f64]| MapAxis { name: name.into(), values: values.to_vec() };
    MapRow {
        output: output.into(),
        x: axis("x", x),
        y: axis("y", y),
        fit: points().map(|(x, y)| f(x, y) + error(x, y)).collect(),
        truth: Some(points().map(|(x, y)| f(x, y)).collect()),
        error: Some(2.3e-3),
        at: None,
        slices: vec![],
        level: None,
        range: None,
    }
}

fn map_picture(name: &str, rows: Vec<MapRow>) -> String {
    let svg = plot::map(&MapFigure { title: name.replace('_', " "), rows, warning: None });
    picture(name, &svg);
    svg
}

#[test]
fn maps_of_two_inputs() {
    use std::f64::consts::PI;
    let axis = grid(0.0, 1.0, 101);
    let sine = |x: f64, y: f64| (PI * x).sin() * (PI * y).sin();
    let ripple = |x: f64, y: f64| 2e-3 * (3.0 * PI * x).sin() * (2.0 * PI * y).sin();
    let poisson = map_row("u", (&axis, &axis), sine, ripple);
    let svg = map_picture("map_poisson", vec![poisson.clone()]);
    for text in ["u, relative error 2.3×10⁻³", "u, truth", "u, error (fit − truth)"] {
        assert!(svg.contains(text), "{text}");
    }
    assert_eq!(svg.matches("<image").count(), 6);

    let step = |x: f64, t: f64| -(x / (0.02 + 0.3 * (0.4 - t).max(0.0))).tanh() * (1.0 - x * x);
    let mut burgers = map_row("u", (&grid(-1.0, 1.0, 256), &axis), step, |x, t| {
        4e-2 * t * (-(x / 0.03).powi(2)).exp() * (40.0 * x).sin()
    });
    burgers.y.name = "t".into();
    map_picture("map_burgers", vec![burgers]);

    let mut rows = vec![];
    for (output, scale) in [("heat", 3e6), ("flow", 1e-9)] {
        let axes = (&grid(0.0, 4e-3, 40)[..], &grid(1000.0, 9000.0, 15)[..]);
        let f = |x: f64, y: f64| scale * sine(300.0 * x, y / 9000.0);
        rows.push(map_row(output, axes, f, |x, y| 1e-5 * scale * (y / 1000.0 - 5.0 + 100.0 * x)));
    }
    map_picture("map_scales", rows.clone());
    assert!(map_picture("map_many", [&rows[..]; 4].concat()).contains("Not shown: heat, flow."));
    let alone = MapRow { truth: None, error: None, ..poisson };
    assert_eq!(map_picture("map_alone", vec![alone]).matches("<image").count(), 2);
    map_picture("map_empty", vec![]);
}

#[test]
fn maps_of_degenerate_data() {
    let few = [0.0, 1.0, 2.0, 3.0];
    let mut holes = map_row("holes", (&few, &few), |x, y| x * y, |x, _| 0.1 * x);
    (holes.fit[5], holes.fit[15]) = (f64::NAN, f64::INFINITY);
    let constant = map_row("constant", (&few, &few), |_, _| 5.0, |_, _| 0.0);
    let zero = map_row("zero", (&few, &few), |_, _| 0.0, |_, _| 0.0);
    let line = map_row("line", (&[0.5], &few), |_, y| y, |_, y| 1e-3 * y);
    let nothing = map_row("nothing", (&few, &few), |_, _| f64::NAN, |_, _| 0.0);
    let huge = map_row("huge", (&few, &few), |x, y| 1e300 * (x - y), |_, _| 1e290);
    map_picture("map_degenerate", vec![holes, constant, zero, line, nothing, huge]);
}

#[test]
fn the_maps_of_a_model_are_over_grids_alone() {
    let model = crate::support::random_model(2, &[16], 2, Activation::Tanh, 3);
    let mut cpu = cpu::open(&model, Precision::F64, 1).unwrap();
    let (x, y) = ([0.0, 1.0, 2.0], [5.0, 6.0]);
    let points: Vec<Vec<f64>> = vec![x.iter().flat_map(|x| [*x; 2]).collect(), x.iter().flat_map(|_| y).collect()];
    let columns = [vec![1.0; 6]];
    let known = Reference { points: &points, entries: &[Entry::value(1)], columns: &columns };
    let rows = plot::map_rows(&mut Trained { model: &model, backend: &mut *cpu }, &points, Some(&known), None)
        .unwrap()
        .unwrap();
    assert_eq!((&rows[0].x.values[..], &rows[0].y.values[..], rows.len()), (&x[..], &y[..], 2));
    assert!(rows[0].truth.is_none() && rows[1].truth.is_some() && rows[1].error.is_some() && rows[0].fit.len() == 6);
    map_picture("map_of_model", rows);

    let swapped = vec![points[1].clone(), points[0].clone()];
    let mut bent = points.clone();
    bent[1][3] = 6.5;
    let short: Vec<_> = points.iter().map(|column| column[..5].to_vec()).collect();
    for other in [swapped, bent, short, vec![vec![], vec![]], vec![vec![1.0], vec![2.0]]] {
        assert_eq!(
            plot::map_rows(&mut Trained { model: &model, backend: &mut *cpu }, &other, None, None).unwrap(),
            None,
            "{other:?}"
        );
    }
}

#[test]
fn a_parity_picture() {
    let set = |count: usize, scale: f64| {
        let measured = (0..count).map(|k| scale * (2.0 + noise(k))).collect::<Vec<_>>();
        let predicted = measured.iter().enumerate().map(|(k, y)| y + 0.05 * scale * noise(k + 7)).collect::<Vec<_>>();
        Series::new(measured, predicted)
    };
    let panel = |output: &str, scale: f64| ParityPanel {
        output: output.into(),
        training: set(3000, scale),
        validation: Some(set(300, scale)),
    };
    let panels = vec![panel("heat", 1e6), panel("flow", 1e-3)];
    picture("parity", &plot::parity(&Parity { title: "plate".into(), panels }));
}

#[test]
fn a_benchmark() {
    let batches = [256.0, 1024.0, 4096.0];
    let line = |order: usize| {
        let ratio = [1.0, 2.7, 4.9][order];
        BenchLine {
            order,
            seconds: curve(&batches, |b| 1e-4 * ratio * (b / 256.0 + 0.2)),
            ratio: curve(&batches, |b| ratio + order as f64 * 100.0 / b),
        }
    };
    let title = "train, tanh 2–64–64–64–64–1, f32, cpu (2 threads)".to_string();
    let bench = Bench { title, lines: (0..3).map(line).collect(), unit: "training step".into() };
    picture("bench", &plot::bench(&bench));
}

#[test]
fn slices_and_parity_of_a_model() {
    let model = crate::support::random_model(2, &[16, 16], 2, Activation::Tanh, 3);
    let mut cpu = cpu::open(&model, Precision::F64, 1).unwrap();
    let points = crate::support::random_points(&model, 3000, 4);
    let entries = [Entry::value(0), Entry::value(1), Entry { output: 0, derivative: Derivative::First(1) }];
    let columns: Vec<Vec<f64>> = points.iter().chain([&points[0]]).cloned().collect();
    let data = Reference { points: &points, entries: &entries, columns: &columns };
    let rows =
        plot::fit_rows(&mut Trained { model: &model, backend: &mut *cpu }, &[data], Some(&data), &view(&model, 2))
            .unwrap();
    assert_eq!(rows.len(), 4);
    // About 0.1 / 1.7 of the points are near a slice.
    assert!((100..300).contains(&rows[0].panels[0].data.as_ref().unwrap().x.len()));
    assert!(rows[0].slice.as_ref().unwrap().starts_with("x1 = ") && rows[0].panels[0].truth.is_none());
    assert!(rows[1].panels[1].data.is_some() && rows[1].panels[1].error.is_some() && rows[1].panels[2].error.is_none());
    picture("fit_of_model", &svg_of("random", rows));

    let set = PointSet { inputs: points.clone(), columns: columns.clone(), ..PointSet::default() };
    let panels = plot::parity_panels(&mut Trained { model: &model, backend: &mut *cpu }, 2, &set, Some(&set)).unwrap();
    assert_eq!((panels.len(), panels[1].validation.as_ref().unwrap().y.len()), (2, 3000));
}

#[test]
fn the_truth_of_one_input_is_drawn_in_its_order() {
    let model = crate::support::random_model(1, &[16], 1, Activation::Tanh, 3);
    let mut cpu = cpu::open(&model, Precision::F64, 1).unwrap();
    let (points, columns, entries) = (vec![vec![3.0, 1.0, 2.0]], vec![vec![9.0, 1.0, 4.0]], [Entry::value(0)]);
    let known = Reference { points: &points, entries: &entries, columns: &columns };
    let rows =
        plot::fit_rows(&mut Trained { model: &model, backend: &mut *cpu }, &[known], Some(&known), &view(&model, 1))
            .unwrap();
    assert_eq!((rows.len(), rows[0].panels.len(), &rows[0].slice), (1, 2, &None));
    assert_eq!(rows[0].panels[0].truth, Some(Series::new([1.0, 2.0, 3.0], [1.0, 4.0, 9.0])));
    assert_eq!((rows[0].panels[0].fit.x[0], *rows[0].panels[0].fit.x.last().unwrap()), (1.0, 3.0));
}
