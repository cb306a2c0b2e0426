//! Gauss and Legendre's quadrature.

/// Steps of Newton's method, which doubles the digits of a start that has two of them.
const NEWTON_STEPS: usize = 6;

/// The n points and weights of Gauss and Legendre on [−1, 1]: exact for polynomials up to the degree 2n − 1.
pub fn gauss_legendre(n: usize) -> Vec<(f64, f64)> {
    let point = |k: usize| {
        // Tricomi's estimate of the roots of the Legendre polynomial, the largest first.
        let mut x = (std::f64::consts::PI * (k as f64 + 0.75) / (n as f64 + 0.5)).cos();
        for _ in 0..NEWTON_STEPS {
            let (value, slope) = legendre(n, x);
            x -= value / slope;
        }
        let (_, slope) = legendre(n, x);
        (x, 2.0 / ((1.0 - x * x) * slope * slope))
    };
    (0..n).rev().map(point).collect()
}

/// The Legendre polynomial of degree n ≥ 1 and its slope, inside of (−1, 1).
fn legendre(n: usize, x: f64) -> (f64, f64) {
    let (mut before, mut value) = (1.0, x);
    for k in 2..=n {
        let k = k as f64;
        (before, value) = (value, ((2.0 * k - 1.0) * x * value - (k - 1.0) * before) / k);
    }
    (value, n as f64 * (x * value - before) / (x * x - 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_and_weights_are_the_known_ones() {
        let five = gauss_legendre(5);
        // Abramowitz and Stegun, table 25.4.
        let known = [(-0.906179845938664, 0.236926885056189), (-0.538469310105683, 0.478628670499366)];
        for ((x, weight), (known_x, known_weight)) in five.iter().zip(known) {
            assert!((x - known_x).abs() < 1e-15 && (weight - known_weight).abs() < 1e-15);
        }
        assert!(five[2].0.abs() < 1e-16);
        assert_eq!(gauss_legendre(1), [(0.0, 2.0)]);
    }

    #[test]
    fn polynomials_up_to_the_degree_are_integrated_exactly() {
        for n in [1, 2, 3, 7, 16, 33, 64, 129, 256] {
            let points = gauss_legendre(n);
            assert!(points.windows(2).all(|pair| pair[0].0 < pair[1].0), "{n}");
            for degree in [0, 1, n - 1, n, 2 * n - 2, 2 * n - 1] {
                let sum: f64 = points.iter().map(|(x, weight)| weight * x.powi(degree as i32)).sum();
                let exact = if degree % 2 == 0 { 2.0 / (degree as f64 + 1.0) } else { 0.0 };
                // The rounding of some hundred products.
                assert!((sum - exact).abs() < 1e-13, "{n} points, degree {degree}: {sum}, not {exact}");
            }
        }
    }
}
