//! The inverse Hessian of L-BFGS, as the pairs of vectors that it is made of and the products among them.
//!
//! The pairs stay on the device. The two loops of L-BFGS run over coefficients: the direction is a combination of the
//! kept steps, the kept changes and the gradient, and what the loops need are these vectors' scalar products (Chen,
//! Wang & Zhou 2014). An iteration reads the kept vectors twice, and changes the products of one pair alone.

use crate::backend::{Vector, Vectors};
use crate::error::Result;

/// What is remembered between iterations, the oldest first; part of a checkpoint.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct History {
    /// Steps of the parameters (≤ history + 1, P); whether the last pair is taken is not yet decided.
    pub steps: Vec<Vec<f64>>,
    /// What they changed of the gradient (as many, P).
    pub changes: Vec<Vec<f64>>,
}

/// Where an iteration began.
pub const START: Vector = Vector::Kept(0);
/// The gradient there.
pub const GRADIENT: Vector = Vector::Kept(1);
/// Where it goes: −H · gradient.
pub const DIRECTION: Vector = Vector::Kept(2);
/// The number of the first pair's step.
const FIRST: usize = 3;

/// A pair whose curvature is below this part of |step|·|change| says nothing but rounding.
const LEAST_CURVATURE: f64 = 1e-12;

/// The inverse Hessian, whose vectors a backend keeps.
#[derive(Clone, Debug)]
pub struct InverseHessian {
    /// Pairs at most.
    most: usize,
    /// The places of the pairs, the oldest first: place k has the vectors 2k, a step, and 2k + 1, a change. There is
    /// a place more than pairs, for one that is not taken yet.
    places: Vec<usize>,
    /// Whether the last pair's products are still to be found.
    is_new: bool,
    /// Products of the pairs' vectors (2 · (most + 1))².
    products: Vec<f64>,
    /// Products of the gradient with the pairs' vectors (2 · (most + 1)).
    slopes: Vec<f64>,
    /// |gradient|²
    square: f64,
    /// P
    numbers: usize,
}

impl InverseHessian {
    /// Of so many pairs at most, and those of a history, in a backend's vectors.
    ///
    /// # Errors
    /// The backend's.
    pub fn new<V: Vectors + ?Sized>(vectors: &mut V, most: usize, history: &History) -> Result<Self> {
        let count = 2 * (most + 1);
        vectors.allocate_vectors(FIRST + count)?;
        let (products, slopes) = (vec![0.0; count * count], vec![0.0; count]);
        let numbers = vectors.vector(Vector::Parameters)?.len();
        let mut new = Self { most, places: vec![], is_new: false, products, slopes, square: 0.0, numbers };
        for (step, change) in history.steps.iter().zip(&history.changes) {
            new.learn(vectors)?;
            let place = new.add_place();
            vectors.set_kept(FIRST + 2 * place, step)?;
            vectors.set_kept(FIRST + 2 * place + 1, change)?;
        }
        Ok(new)
    }

    /// What [`InverseHessian::new`] needs to go on with the same bits.
    ///
    /// # Errors
    /// The backend's.
    pub fn history<V: Vectors + ?Sized>(&self, vectors: &mut V) -> Result<History> {
        let mut rows = |offset: usize| -> Result<Vec<_>> {
            self.places.iter().map(|place| vectors.vector(kept(2 * place + offset))).collect()
        };
        Ok(History { steps: rows(0)?, changes: rows(1)? })
    }

    /// Whether it is 1.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Back to 1.
    pub fn clear(&mut self) {
        self.places.clear();
        self.is_new = false;
    }

    /// Takes the gradient and the parameters for those where an iteration begins; gives |gradient|.
    ///
    /// # Errors
    /// The backend's.
    pub fn begin<V: Vectors + ?Sized>(&mut self, vectors: &mut V) -> Result<f64> {
        vectors.combine(START, &[(1.0, Vector::Parameters)])?;
        vectors.combine(GRADIENT, &[(1.0, Vector::Gradient)])?;
        self.learn(vectors)?;
        Ok(self.square.sqrt())
    }

    /// Remembers the step from where the iteration began to where the parameters are now.
    ///
    /// # Errors
    /// The backend's.
    pub fn push<V: Vectors + ?Sized>(&mut self, vectors: &mut V) -> Result<()> {
        let place = self.add_place();
        vectors.combine(kept(2 * place), &[(1.0, Vector::Parameters), (-1.0, START)])?;
        vectors.combine(kept(2 * place + 1), &[(1.0, Vector::Gradient), (-1.0, GRADIENT)])
    }

    /// Makes the direction, −H · gradient.
    ///
    /// # Errors
    /// The backend's.
    pub fn direct<V: Vectors + ?Sized>(&self, vectors: &mut V) -> Result<()> {
        let (factors, of_gradient) = self.factors();
        let of_pairs = self.rows().map(|row| (factors[row], kept(row)));
        let parts: Vec<_> = [(of_gradient, GRADIENT)].into_iter().chain(of_pairs).collect();
        vectors.combine(DIRECTION, &parts)
    }

    /// The first length to try along the direction: down the gradient itself at most 1/|gradient|₁.
    pub fn first_length(&self) -> f64 {
        if self.is_empty() { (1.0 / (self.numbers as f64 * self.square).sqrt()).min(1.0) } else { 1.0 }
    }

    /// The two loops: the factors of the pairs' vectors in the direction, and that of the gradient.
    fn factors(&self) -> (Vec<f64>, f64) {
        let (mut factors, mut of_gradient) = (vec![0.0; self.slopes.len()], -1.0);
        let Some(last) = self.places.last() else { return (factors, of_gradient) };
        let product = |a: usize, b: usize| self.products[a * self.slopes.len() + b];
        let curvature = |step: usize| product(step, step + 1);
        let along = |row: usize, factors: &[f64], of_gradient: f64| {
            self.rows().map(|other| factors[other] * product(row, other)).sum::<f64>() + of_gradient * self.slopes[row]
        };
        let steps = || self.places.iter().map(|place| 2 * place);
        for step in steps().rev() {
            factors[step + 1] -= along(step, &factors, of_gradient) / curvature(step);
        }
        // What the first loop took of each change is what the second begins with for its step.
        let taken: Vec<f64> = steps().map(|step| -factors[step + 1]).collect();
        let scale = curvature(2 * last) / product(2 * last + 1, 2 * last + 1);
        factors.iter_mut().chain([&mut of_gradient]).for_each(|factor| *factor *= scale);
        for (step, taken) in steps().zip(taken) {
            factors[step] += taken - along(step + 1, &factors, of_gradient) / curvature(step);
        }
        (factors, of_gradient)
    }

    /// The rows of the pairs' vectors among the products.
    fn rows(&self) -> impl Iterator<Item = usize> {
        self.places.iter().flat_map(|place| [2 * place, 2 * place + 1])
    }

    fn add_place(&mut self) -> usize {
        let place = (0..=self.most).find(|place| !self.places.contains(place)).expect("a place more than pairs");
        self.places.push(place);
        self.is_new = true;
        place
    }

    /// Finds the products with the gradient, and those of a new pair, which is taken if its curvature is positive.
    fn learn<V: Vectors + ?Sized>(&mut self, vectors: &mut V) -> Result<()> {
        let new: Vec<usize> = self.rows().skip(2 * self.places.len() - 2 * usize::from(self.is_new)).collect();
        let rows: Vec<usize> = self.rows().collect();
        let with_gradient = |rows: &[usize]| -> Vec<Vector> {
            [GRADIENT].into_iter().chain(rows.iter().map(|row| kept(*row))).collect()
        };
        let dots = vectors.dots(&with_gradient(&new), &with_gradient(&rows))?;
        let mut dots = dots.chunks_exact(1 + rows.len());
        let of_gradient = dots.next().expect("a row for the gradient");
        self.square = of_gradient[0];
        rows.iter().zip(&of_gradient[1..]).for_each(|(row, dot)| self.slopes[*row] = *dot);
        let count = self.slopes.len();
        for (new, dots) in new.iter().zip(dots) {
            for (row, dot) in rows.iter().zip(&dots[1..]) {
                self.products[new * count + row] = *dot;
                self.products[row * count + new] = *dot;
            }
        }
        if let [step, change] = new[..] {
            let product = |a: usize, b: usize| self.products[a * count + b];
            let lengths = (product(step, step) * product(change, change)).sqrt();
            if product(step, change) <= LEAST_CURVATURE * lengths {
                self.places.pop();
            } else if self.places.len() > self.most {
                self.places.remove(0);
            }
            self.is_new = false;
        }
        Ok(())
    }
}

/// The vector of a row of the products.
fn kept(row: usize) -> Vector {
    Vector::Kept(FIRST + row)
}
