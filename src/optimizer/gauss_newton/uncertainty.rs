//! How far the noise of the residuals moves some of the parameters: their standard errors after Gauss–Newton.
//!
//! Where Σ r² is least, a small change dr of the residuals moves the parameters by −(JᵀJ)⁻¹ Jᵀ dr, all weights of the
//! network among them. So one parameter moves by y·dr with y = J (JᵀJ)⁻¹ e, its *influence function*, and residuals whose
//! noise is independent, with the deviation s_t in term t, give it the variance Σ_t s_t² ‖y_t‖². Each term has a deviation
//! of its own: a measurement has noise, an equation that is solved has hardly any, however it is weighted. s_t² is the mean
//! square of the term's residuals; for measurements over their degrees of freedom, R_t − tr H_t with the hat matrix
//! H = J (JᵀJ)⁻¹ Jᵀ, as the network follows some of the noise.
//!
//! Where Σ r² is not at its least yet, y·r is how far the parameter has still to go; it counts like a deviation.
//!
//! Directions of the weights that no residual sees are held by a damping as small as rounding allows.

use std::ops::Range;

use super::normal_equations::System;
use crate::backend::Jacobian;
use crate::optimizer::least_squares::{dot, square};

/// The damping, over columns of J that are scaled to the length 1.
const LEAST_DAMPING: f64 = 1e-12;

/// Rows of the Jacobian that belong to one term.
#[derive(Clone, Debug, PartialEq)]
pub struct TermRows {
    /// Which.
    pub rows: Range<usize>,
    /// How many of them count: the others are 0, as nothing was measured there.
    pub count: usize,
    /// Whether they are measurements, whose noise the network may have followed.
    pub is_measured: bool,
}

/// Bytes that [`standard_errors`] takes, with the Jacobian.
pub fn bytes(residuals: usize, parameters: usize) -> f64 {
    // The leverages of all residuals at most, and what they are solved from.
    let (rows, side) = (residuals as f64, residuals.min(parameters) as f64);
    System::bytes(residuals, parameters) + 2.0 * 8.0 * rows * side
}

/// The standard errors of some parameters from the Jacobian at the end of a training, on the threads of a pool; `None`
/// where the measurements leave no degrees of freedom, or a parameter has no influence function.
pub fn standard_errors(
    jacobian: &Jacobian,
    terms: &[TermRows],
    parameters: Range<usize>,
    threads: &rayon::ThreadPool,
) -> Option<Vec<f64>> {
    let scales: Vec<f64> = jacobian.matrix().chunks_exact(jacobian.rows).map(square).collect();
    // A parameter that nothing depends on is not known at all.
    if parameters.clone().any(|parameter| scales[parameter] <= f64::MIN_POSITIVE) {
        return None;
    }
    let scales: Vec<f64> = scales.iter().map(|scale| scale.max(f64::MIN_POSITIVE)).collect();
    let mut system = System::new(jacobian, &scales, threads);
    let mut dampings = (0..8).map(|k| LEAST_DAMPING * 10f64.powi(k));
    let damped = loop {
        if let Some(damped) = system.damped(dampings.next()?) {
            break damped;
        }
    };
    let variance = |term: &TermRows| {
        let residuals = &jacobian.residuals()[term.rows.clone()];
        let followed = if term.is_measured { damped.leverage(term.rows.clone()) } else { 0.0 };
        let freedom = term.count as f64 - followed;
        (freedom > 0.5).then(|| square(residuals) / freedom)
    };
    let variances: Vec<f64> = terms.iter().map(variance).collect::<Option<_>>()?;
    let error = |parameter: usize| {
        let influence = damped.influence(parameter);
        let of = |(term, variance): (&TermRows, &f64)| variance * square(&influence[term.rows.clone()]);
        let ahead = dot(&influence, jacobian.residuals());
        let error = (terms.iter().zip(&variances).map(of).sum::<f64>() + ahead * ahead).sqrt();
        error.is_finite().then_some(error)
    };
    parameters.map(error).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// J of columns that are given, and r.
    fn jacobian(columns: &[&[f64]], residuals: &[f64]) -> Jacobian {
        Jacobian { rows: residuals.len(), values: [columns.concat(), residuals.to_vec()].concat() }
    }

    fn pool() -> rayon::ThreadPool {
        crate::threads::pool(1).unwrap()
    }

    #[test]
    fn a_line_has_the_errors_of_the_text_books() {
        // y = a + b x at x = 0 … 4: s² = Σ r²/(n − 2), var b = s²/Σ(x − x̄)², var a = s² (1/n + x̄²/Σ(x − x̄)²).
        let r = [0.1, -0.2, 0.0, 0.2, -0.1];
        let rows = jacobian(&[&[1.0; 5], &[0.0, 1.0, 2.0, 3.0, 4.0]], &r);
        let terms = [TermRows { rows: 0..5, count: 5, is_measured: true }];
        let errors = standard_errors(&rows, &terms, 0..2, &pool()).unwrap();
        let s2 = square(&r) / 3.0;
        let expected = [(s2 * (0.2 + 4.0 / 10.0)).sqrt(), (s2 / 10.0).sqrt()];
        assert!(errors.iter().zip(expected).all(|(a, b)| (a / b - 1.0).abs() < 1e-6), "{errors:?} {expected:?}");
        // One that has not ended: the slope is still 3 too small.
        let short: Vec<f64> = r.iter().zip(0..).map(|(r, x)| r - 3.0 * f64::from(x)).collect();
        let rows = jacobian(&[&[1.0; 5], &[0.0, 1.0, 2.0, 3.0, 4.0]], &short);
        let error = standard_errors(&rows, &terms, 1..2, &pool()).unwrap()[0];
        assert!(error > 3.0 && error < 10.0, "{error}");
        // Two rows leave nothing to judge the noise by.
        let exact = jacobian(&[&[1.0, 1.0], &[0.0, 1.0]], &[0.0, 0.0]);
        let terms = [TermRows { rows: 0..2, count: 2, is_measured: true }];
        assert_eq!(standard_errors(&exact, &terms, 0..2, &pool()), None);
    }

    #[test]
    fn an_equation_without_a_residual_adds_no_certainty_of_its_own() {
        // The same line, where a term that is solved exactly ties a third parameter to b, heavily: b's error stays.
        let r = [0.1, -0.2, 0.0, 0.2, -0.1, 0.0];
        let columns: [&[f64]; 3] =
            [&[1.0, 1.0, 1.0, 1.0, 1.0, 0.0], &[0.0, 1.0, 2.0, 3.0, 4.0, 100.0], &[0.0, 0.0, 0.0, 0.0, 0.0, -100.0]];
        let terms = [
            TermRows { rows: 0..5, count: 5, is_measured: true },
            TermRows { rows: 5..6, count: 1, is_measured: false },
        ];
        let errors = standard_errors(&jacobian(&columns, &r), &terms, 1..3, &pool()).unwrap();
        let expected = (square(&r) / 3.0 / 10.0).sqrt();
        assert!(errors.iter().all(|error| (error / expected - 1.0).abs() < 1e-6), "{errors:?} {expected}");
        // More parameters than rows, one of which nothing depends on.
        let wide = jacobian(&[&[1.0, 1.0], &[0.0, 0.0], &[0.0, 1.0]], &[0.1, 0.2]);
        let terms = [TermRows { rows: 0..2, count: 2, is_measured: false }];
        assert_eq!(standard_errors(&wide, &terms, 1..2, &pool()), None);
        assert!(standard_errors(&wide, &terms, 0..1, &pool()).is_some());
    }
}
