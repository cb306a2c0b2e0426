use super::*;

/// Vectors on the host: the parameters, the gradient, and those that are kept.
struct Host(Vec<Vec<f64>>);

fn row(vector: Vector) -> usize {
    match vector {
        Vector::Parameters => 0,
        Vector::Gradient => 1,
        Vector::Kept(kept) => 2 + kept,
    }
}

impl Vectors for Host {
    fn allocate_vectors(&mut self, count: usize) -> Result<()> {
        let zeros = vec![0.0; self.0[0].len()];
        self.0.resize(2 + count, zeros);
        Ok(())
    }
    fn vector(&mut self, vector: Vector) -> Result<Vec<f64>> {
        Ok(self.0[row(vector)].clone())
    }
    fn set_kept(&mut self, kept: usize, numbers: &[f64]) -> Result<()> {
        self.0[2 + kept] = numbers.to_vec();
        Ok(())
    }
    fn dots(&mut self, left: &[Vector], right: &[Vector]) -> Result<Vec<f64>> {
        let dot = |a: &Vector, b: &Vector| self.0[row(*a)].iter().zip(&self.0[row(*b)]).map(|(a, b)| a * b).sum();
        Ok(left.iter().flat_map(|a| right.iter().map(move |b| dot(a, b))).collect())
    }
    fn combine(&mut self, into: Vector, parts: &[(f64, Vector)]) -> Result<()> {
        let at = |k: usize| parts.iter().map(|(factor, vector)| factor * self.0[row(*vector)][k]).sum();
        self.0[row(into)] = (0..self.0[0].len()).map(at).collect();
        Ok(())
    }
}

/// The iterations of a descent on a quadratic of 9 numbers with curvatures 1 to 81, but for the fifth pair, whose
/// change goes against its step.
fn descend(host: &mut Host, hessian: &mut InverseHessian, iterations: std::ops::Range<usize>) {
    for iteration in iterations {
        hessian.begin(host).unwrap();
        hessian.direct(host).unwrap();
        host.combine(Vector::Parameters, &[(1.0, START), (0.3, DIRECTION)]).unwrap();
        let sign = if iteration == 4 { -1.0 } else { 1.0 };
        let before = host.0[row(GRADIENT)].clone();
        let (parameters, start) = (&host.0[0], &host.0[row(START)]);
        let change = |k: usize| sign * ((k + 1) * (k + 1)) as f64 * (parameters[k] - start[k]);
        host.0[1] = (0..9).map(|k| before[k] + change(k)).collect();
        hessian.push(host).unwrap();
    }
}

fn begun() -> (Host, InverseHessian) {
    let start: Vec<f64> = (0..9).map(|k| 1.0 + 0.1 * f64::from(k)).collect();
    let gradient = (0..9).map(|k| ((k + 1) * (k + 1)) as f64 * start[k]).collect();
    let mut host = Host(vec![start, gradient]);
    let hessian = InverseHessian::new(&mut host, 3, &History::default()).unwrap();
    (host, hessian)
}

/// −H g by the two loops over the vectors themselves (Nocedal & Wright 2006, algorithm 7.4).
fn two_loops(gradient: &[f64], History { steps, changes }: &History) -> Vec<f64> {
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let add = |to: &mut [f64], factor: f64, from: &[f64]| {
        to.iter_mut().zip(from).for_each(|(to, from)| *to += factor * from);
    };
    let mut q: Vec<f64> = gradient.iter().map(|g| -g).collect();
    let mut taken = vec![];
    for (step, change) in steps.iter().zip(changes).rev() {
        taken.push(dot(step, &q) / dot(step, change));
        add(&mut q, -taken.last().unwrap(), change);
    }
    let (step, change) = (steps.last().unwrap(), changes.last().unwrap());
    let scale = dot(step, change) / dot(change, change);
    q.iter_mut().for_each(|q| *q *= scale);
    for ((step, change), taken) in steps.iter().zip(changes).zip(taken.into_iter().rev()) {
        let back = dot(change, &q) / dot(step, change);
        add(&mut q, taken - back, step);
    }
    q
}

#[test]
fn coefficients_give_the_direction_of_the_two_loops() {
    let (mut host, mut hessian) = begun();
    for iteration in 0..8 {
        descend(&mut host, &mut hessian, iteration..iteration + 1);
        hessian.begin(&mut host).unwrap();
        hessian.direct(&mut host).unwrap();
        let history = hessian.history(&mut host).unwrap();
        // Three at most, and the fifth is not among them.
        assert_eq!(history.steps.len(), [1, 2, 3, 3, 3, 3, 3, 3][iteration]);
        let (found, truth) = (&host.0[row(DIRECTION)], two_loops(&host.0[1], &history));
        let size = truth.iter().map(|d| d * d).sum::<f64>().sqrt();
        // Roundings of products that cancel by some hundred.
        let apart = found.iter().zip(&truth).all(|(a, b)| (a - b).abs() < 1e-12 * size);
        assert!(apart, "{iteration}: {found:?} {truth:?}");
    }
}

#[test]
fn a_history_goes_on_with_the_same_bits() {
    for stop in 0..8 {
        let (mut host, mut hessian) = begun();
        descend(&mut host, &mut hessian, 0..stop);
        let history = hessian.history(&mut host).unwrap();
        let mut resumed = Host(host.0[..2].to_vec());
        let mut other = InverseHessian::new(&mut resumed, 3, &history).unwrap();
        descend(&mut host, &mut hessian, stop..9);
        descend(&mut resumed, &mut other, stop..9);
        assert!(host.0[..2] == resumed.0[..2], "{stop}");
    }
}

/// Minimises a function of `start.len()` numbers: the loss at the end, and how many iterations it took.
fn minimise(start: &[f64], steps: usize, f: impl Fn(&[f64]) -> (f64, Vec<f64>)) -> (f64, usize, Iteration) {
    let mut host = Host(vec![start.to_vec(), start.to_vec()]);
    let mut lbfgs = Lbfgs::new(LbfgsSettings::default(), 1e-15, &mut host, Memory::Nothing).unwrap();
    let at = |host: &mut Host| {
        let (loss, gradient) = f(&host.0[0]);
        host.0[1] = gradient;
        Ok(loss)
    };
    for step in 0..steps {
        let iteration = lbfgs.descend(&mut host, at).unwrap();
        if !matches!(iteration, Iteration::Moved(_)) {
            return (f(&host.0[0]).0, step, iteration);
        }
    }
    (f(&host.0[0]).0, steps, Iteration::Moved(None))
}

fn rosenbrock(x: &[f64]) -> (f64, Vec<f64>) {
    let (mut loss, mut gradient) = (0.0, vec![0.0; x.len()]);
    for k in 0..x.len() - 1 {
        let (valley, wall) = (1.0 - x[k], x[k + 1] - x[k] * x[k]);
        loss += valley * valley + 100.0 * wall * wall;
        gradient[k] -= 2.0 * valley + 400.0 * wall * x[k];
        gradient[k + 1] += 200.0 * wall;
    }
    (loss, gradient)
}

#[test]
fn a_curved_valley_is_followed_to_its_end() {
    for start in [vec![-1.2, 1.0], [-1.2, 1.0].repeat(5)] {
        let (loss, steps, _) = minimise(&start, 200, rosenbrock);
        assert!(loss < 1e-20, "{loss:e} after {steps}");
    }
}

#[test]
fn a_quadratic_of_any_condition_ends_at_its_minimum_and_says_so() {
    // As many directions as the history holds: exact but for rounding.
    let f = |x: &[f64]| {
        let scales = (0..x.len()).map(|k| 10f64.powi(k as i32 % 7));
        let gradient: Vec<f64> = x.iter().zip(scales).map(|(x, scale)| scale * (x - 1.0)).collect();
        (0.5 * x.iter().zip(&gradient).map(|(x, g)| (x - 1.0) * g).sum::<f64>(), gradient)
    };
    let (loss, steps, iteration) = minimise(&[0.0; 33], 200, f);
    assert!(loss < 1e-20 && steps < 100, "{loss:e} after {steps}");
    assert!(matches!(iteration, Iteration::Converged | Iteration::Stuck), "{iteration:?}");
}

#[test]
fn what_is_not_finite_is_told() {
    let (_, steps, iteration) = minimise(&[1.0], 9, |_| (f64::NAN, vec![1.0]));
    assert_eq!((steps, iteration), (0, Iteration::Diverged));
}
