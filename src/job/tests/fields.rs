//! Fields from files, several equations of one term, and coefficients with bounds, as jobs say them.

use super::*;
use crate::jet::CoefficientRange;
use crate::problem::Problem;

const SQUARE: &str = "\
[variables]
x = [0, 1]
y = [0, 1]
[network]
outputs = [\"u\", \"v\"]
hidden = [3]
";

const GRID: &str = "y,x,k\n0,0,1\n0,1,2\n1,0,3\n1,1,4\n";

/// A job in a folder with a grid.
fn in_folder(text: &str) -> (tempfile::TempDir, Result<Job>) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("maps")).unwrap();
    std::fs::write(folder.path().join("maps/k.csv"), GRID).unwrap();
    std::fs::write(folder.path().join("rows.csv"), "x,y,a,b,note\n0,0,1,2,\"p\"\n1,1,3,4,\"q\"\n").unwrap();
    let job = Job::parse(&format!("{SQUARE}{text}"), folder.path().join("job.toml"), &Overrides::default());
    (folder, job)
}

fn message(text: &str) -> String {
    let error = in_folder(text).1.expect_err(text);
    assert_eq!(error.exit_code(), 2);
    error.to_string()
}

#[test]
fn fields_are_read_wherever_expressions_stand_and_the_resolved_job_finds_them() {
    let text = "[definitions]\nk = 'interp(\"maps/k.csv\", x, y)'\n[transforms]\nu = '(1 + interp(\"maps/k.csv\", x, y))*net'\n\
                [device]\nname = \"cpu\"\nprecision = \"f64\"\n[predictions]\norder = 0\n[truth]\nexpressions = { v = 'interp_cubic(\"maps/k.csv\", \"k\", x, 2*y)' }\n\
                [[term]]\nname = \"a\"\nresidual = 'u = k + interp(\"maps/k.csv\", 0.5, y)'\npoints = { count = 10 }\n";
    let (folder, job) = in_folder(text);
    let job = job.unwrap();
    // Two of them name their columns in other ways.
    assert_eq!(job.fields.iter().count(), 3);
    let resolved = job.to_toml();
    let path = folder.path().join("maps/k.csv");
    assert_eq!(resolved.matches(&path.display().to_string()).count(), 4, "{resolved}");
    let again = Job::parse(&resolved, "/elsewhere/job.toml", &Overrides::default()).unwrap();
    assert_eq!(again.to_toml(), resolved);
    let (problem, other) = (Problem::read(&job).unwrap(), Problem::read(&again).unwrap());
    assert_eq!(problem.digest(), other.digest());
    // A file that has changed is another problem.
    std::fs::write(&path, GRID.replace('4', "5")).unwrap();
    let changed = Job::parse(&resolved, "/elsewhere/job.toml", &Overrides::default()).unwrap();
    assert_ne!(Problem::read(&changed).unwrap().digest(), problem.digest());

    // The model holds its grids, and what only the truth reads is not its.
    let model = problem.model(&job);
    let bytes = model.to_bytes();
    std::fs::remove_file(&path).unwrap();
    let read = Model::of_bytes(&bytes).unwrap();
    assert_eq!(read.transforms.fields.iter().count(), 1);
    let points = [[0.25], [0.5]];
    assert_eq!(read.values(&points).unwrap(), model.values(&points).unwrap());
    assert_eq!(read.to_bytes(), bytes);
    let export = crate::export::Export {
        format: crate::export::Format::C,
        order: 0,
        seconds: Seconds::Diagonal,
        precision: Precision::F64,
        name: "a".into(),
    };
    assert!(export.bytes(&read).unwrap_err().to_string().contains("interp"));
}

#[test]
fn mistakes_in_fields_name_the_file() {
    let term = |residual: &str| format!("[[term]]\nname = \"a\"\nresidual = '{residual}'\npoints = {{ count = 10 }}\n");
    for (residual, part) in [
        ("u = interp(\"maps/none.csv\", x, y)", "maps/none.csv"),
        ("u = interp(\"rows.csv\", x, y)", "several columns are left beside x, y"),
        ("u = interp(\"rows.csv\", \"a\", x, y)", "of 2 there is none at x = 0, y = 1"),
        ("u = interp(\"rows.csv\", \"c\", x)", "there is no column \"c\""),
        ("d(interp(\"maps/k.csv\", x, y), x) = u", "straight between its nodes"),
        ("u = interp(\"maps/k.csv\", x, v)", "depends on trained quantities"),
    ] {
        let message = message(&term(residual));
        assert!(message.contains(part), "{message}");
    }
}

#[test]
fn several_equations_are_terms_on_the_same_points() {
    let of = |residuals: &str, points: &str| {
        format!("[[term]]\nname = \"flow\"\nresiduals = {residuals}\nweight = 3\npoints = {points}\n")
    };
    let names = |job: &Job| job.terms.iter().map(|term| term.name.clone()).collect::<Vec<_>>();
    let (_folder, job) = in_folder(&of("[\"u_x = v\", \"v_x = -u\"]", "{ count = 10, resample_every = 5 }"));
    let job = job.unwrap();
    assert_eq!(names(&job), ["flow.1", "flow.2"]);
    assert!(job.terms.iter().all(|term| term.weight == 3.0));
    assert_eq!(Job::parse(&job.to_toml(), "/jobs/job.toml", &Overrides::default()).unwrap(), job);
    assert_eq!(Problem::read(&job).unwrap().sets.len(), 1);

    // Of a file, columns that one of them reads are there for all.
    let (_folder, job) =
        in_folder(&of("{ second = \"v = b\", first = \"u*b = a\", third = \"u = v\" }", "{ file = \"rows.csv\" }"));
    let job = job.unwrap();
    assert_eq!(names(&job), ["flow.second", "flow.first", "flow.third"]);
    let problem = Problem::read(&job).unwrap();
    let [set] = &problem.sets[..] else { panic!("{} sets", problem.sets.len()) };
    assert_eq!(set.points.columns, [[1.0, 3.0], [2.0, 4.0]]);
    assert_eq!(problem.columns_of(&job, "flow.third").unwrap(), ["a", "b"]);
    assert_eq!(problem.measurements(&job).unwrap().len(), 1);

    for (residuals, part) in [
        ("[]", "there is no equation"),
        ("[\"u = 1\", \"w = 1\"]", "unknown name \"w\""),
        ("{ mass = \"u_x + w\" }", "flow\": residuals.mass: unknown name \"w\""),
        ("[\"u = 1\", 5]", "expected a string"),
        ("\"u = 1\"", "expected a table"),
    ] {
        let message = message(&of(residuals, "{ count = 10 }"));
        assert!(message.contains(part), "{message}");
    }
    let both = message(&format!("{}residual = \"u = 1\"\n", of("[\"u = 1\"]", "{ count = 10 }")));
    assert!(both.contains("residual: this key has no effect here"), "{both}");
}

#[test]
fn coefficients_have_starts_and_bounds() {
    let of = |coefficient: &str| {
        format!(
            "[coefficients]\nnu = {coefficient}\n[[term]]\nname = \"a\"\nresidual = \"u_y = nu*u_xx\"\npoints = {{}}\n"
        )
    };
    let (_folder, job) = in_folder(&of("{ start = 0.1, min = 0, max = 1 }"));
    let job = job.unwrap();
    let range = CoefficientRange { low: Some(0.0), high: Some(1.0), is_logarithmic: false };
    assert_eq!((job.coefficients[0].1, job.coefficient_ranges["nu"]), (0.1, range));
    assert_eq!(Job::parse(&job.to_toml(), "/jobs/job.toml", &Overrides::default()).unwrap(), job);
    let problem = Problem::read(&job).unwrap();
    let model = problem.model(&job);
    assert!((model.coefficient_values()[0] - 0.1).abs() < 1e-15);
    let read = Model::of_bytes(&model.to_bytes()).unwrap();
    assert!((read.coefficient_values()[0] - 0.1).abs() < 1e-15);
    // A unit of the trained number moves nu by nu (1 − nu).
    let errors = model.coefficients_with_errors(Some(&[0.01]));
    assert!((errors[0].standard_error.unwrap() - 0.01 * 0.09).abs() < 1e-15);
    assert!(in_folder(&of("{ start = 0.1 }")).1.unwrap().coefficient_ranges.is_empty());

    for (coefficient, part) in [
        ("{ start = 1, min = 0, max = 1 }", "the start 1 is not between the bounds"),
        ("{ start = -1, log = true }", "has no logarithm"),
        ("{ start = 1, min = 0, log = true }", "remove min"),
        ("{ start = 1, min = 2, max = 1 }", "nothing between"),
        ("{ min = 0 }", "coefficients.nu.start: this key is missing"),
        ("{ start = 1, low = 0 }", "unknown key \"low\""),
        ("\"small\"", "expected a finite number"),
    ] {
        let message = message(&of(coefficient));
        assert!(message.contains(part), "{message}");
    }
    let names = message("[definitions]\nand = \"u\"\n[[term]]\nname = \"a\"\nresidual = \"u = 1\"\npoints = {}\n");
    assert!(names.contains("\"and\" is reserved: it joins conditions"), "{names}");
}

#[test]
fn kernels_compute_coefficients_as_the_host_does() {
    use crate::expression::{Expression, Leaf, Registers, Row, Scope, layout};
    use crate::jet::{CoefficientMap, Normalizer};
    let scope = Scope { coefficients: vec!["c".into()], inputs: vec!["x".into()], ..Scope::default() };
    let range = |low, high, is_logarithmic| CoefficientRange { low, high, is_logarithmic };
    for range in [
        range(None, None, true),
        range(Some(-1.0), None, false),
        range(None, Some(3.0), true),
        range(Some(0.5), Some(2.0), false),
        range(Some(0.01), Some(100.0), true),
    ] {
        let map = CoefficientMap::new(0.5, Some(range));
        let mut expressions = [Expression::residual("test", "c", &scope).unwrap()];
        let layout = layout(&mut expressions, 1);
        let normalizer = Normalizer { coefficients: vec![map], ..Normalizer::identity(1, 1) };
        let residual = expressions[0].compile(&layout, &normalizer);
        let program = residual.program();
        assert_eq!(program.reads(), [Leaf::Coefficient(0)]);
        for p in [-1e4, -20.0, -1.0, 0.0, 0.3, 4.0, 20.0] {
            let mut registers = Registers::<f64>::new(program.registers(), 1);
            program.run(2, &[Row::Same(p)], 1, &mut registers);
            let of = |output| program.output(output, &[Row::Same(p)], 1, &registers).at(0);
            let close = |a: f64, b: f64| (a - b).abs() <= 1e-13 * b.abs().max(1.0);
            assert!(close(of(0), map.value(p)), "{range:?} at {p}: {}, not {}", of(0), map.value(p));
            assert!(close(of(1), map.slope(p)), "{range:?} at {p}: {}, not {}", of(1), map.slope(p));
        }
    }
}
