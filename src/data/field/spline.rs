//! One axis of a field: cells, the weights of their ends, and the slopes of a cubic spline.

/// The end of a cell: which node it is from the first, whether its slope is meant, and its weight.
pub type Corner = (usize, bool, f64);

/// Past the ends of an axis, in parts of its length, a point is outside and no rounding.
const ROUNDING_ERROR: f64 = 1e-9;

/// The cell of an axis in which x lies, and where from 0 to 1; `None` outside.
fn cell(axis: &[f64], x: f64) -> Option<(usize, f64, f64)> {
    let (first, last) = (axis[0], axis[axis.len() - 1]);
    let slack = ROUNDING_ERROR * (last - first);
    // NaN is in no cell.
    if !(first - slack..=last + slack).contains(&x) {
        return None;
    }
    let cell = axis.partition_point(|node| *node <= x).clamp(1, axis.len() - 1) - 1;
    let length = axis[cell + 1] - axis[cell];
    Some((cell, (x - axis[cell]) / length, length))
}

/// Between the nodes a straight line: its cell and weights for the derivative of some order.
pub fn linear(axis: &[f64], x: f64, order: usize) -> Option<(usize, [Corner; 4])> {
    let (cell, t, length) = cell(axis, x)?;
    let [low, high] = match order {
        0 => [1.0 - t, t],
        1 => [-1.0 / length, 1.0 / length],
        _ => [0.0, 0.0],
    };
    Some((cell, [(0, false, low), (1, false, high), (0, true, 0.0), (1, true, 0.0)]))
}

/// Between the nodes the cubic with the values and slopes at both: its cell and weights for the derivative of some order.
pub fn cubic(axis: &[f64], x: f64, order: usize) -> Option<(usize, [Corner; 4])> {
    let (cell, t, length) = cell(axis, x)?;
    let [value, low, high] = match order {
        0 => [t * t * (3.0 - 2.0 * t), t * (1.0 - t) * (1.0 - t), t * t * (t - 1.0)],
        1 => [6.0 * t * (1.0 - t), (1.0 - t) * (1.0 - 3.0 * t), t * (3.0 * t - 2.0)],
        2 => [6.0 - 12.0 * t, 6.0 * t - 4.0, 6.0 * t - 2.0],
        3 => [-12.0, 6.0, 6.0],
        _ => [0.0; 3],
    };
    let rest = if order == 0 { 1.0 } else { 0.0 };
    let per = length.powi(-(order as i32));
    let [value, low, high] = [value * per, low * per * length, high * per * length];
    Some((cell, [(0, false, rest - value), (1, false, value), (0, true, low), (1, true, high)]))
}

/// The slopes at the nodes of the cubic spline through values (N): its second derivative has no jump, and its third none
/// at the second and the last node but one (not-a-knot, de Boor 1978). A line through two nodes, a parabola through three.
pub fn slopes(axis: &[f64], values: &[f64]) -> Vec<f64> {
    let length: Vec<f64> = axis.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let slope: Vec<f64> = values.windows(2).zip(&length).map(|(pair, length)| (pair[1] - pair[0]) / length).collect();
    let cells = length.len();
    if cells == 1 {
        return vec![slope[0]; 2];
    }
    // Rows of a tridiagonal system: below, on and above the diagonal, and the right side.
    let inner = |i: usize| {
        let (before, behind) = (length[i - 1], length[i]);
        [behind, 2.0 * (before + behind), before, 3.0 * (behind * slope[i - 1] + before * slope[i])]
    };
    let end = |own: usize, next: usize| {
        let both = length[own] + length[next];
        let right = (length[own] + 2.0 * both) * length[next] * slope[own] + length[own].powi(2) * slope[next];
        (length[next], both, right / both)
    };
    let (first, last) = match cells {
        2 => ([0.0, 1.0, 1.0, 2.0 * slope[0]], [1.0, 1.0, 0.0, 2.0 * slope[1]]),
        _ => {
            let ((on, above, right), (on_last, below, right_last)) = (end(0, 1), end(cells - 1, cells - 2));
            ([0.0, on, above, right], [below, on_last, 0.0, right_last])
        }
    };
    let mut rows: Vec<[f64; 4]> = std::iter::once(first).chain((1..cells).map(inner)).chain([last]).collect();
    for i in 1..rows.len() {
        let [_, on, above, right] = rows[i - 1];
        let factor = rows[i][0] / on;
        rows[i][1] -= factor * above;
        rows[i][3] -= factor * right;
    }
    let mut slopes = vec![0.0; rows.len()];
    for (i, [_, on, above, right]) in rows.into_iter().enumerate().rev() {
        let next = slopes.get(i + 1).copied().unwrap_or(0.0);
        slopes[i] = (right - above * next) / on;
    }
    slopes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spline_is_that_of_scipy() {
        // scipy.interpolate.CubicSpline(x, y)(x, 1)
        let slope = slopes(&[0.0, 0.5, 2.0, 3.0, 3.25], &[1.0, -1.0, 0.5, 2.0, 0.0]);
        let expected =
            [-5.505056179775281, -2.5587078651685395, 3.9848314606741573, -5.076966292134832, -11.17879213483146];
        for (slope, expected) in slope.iter().zip(expected) {
            assert!((slope - expected).abs() < 1e-12, "{slope}, not {expected}");
        }
        assert_eq!(slopes(&[1.0, 3.0], &[2.0, 6.0]), [2.0, 2.0]);
        // x²
        for (slope, expected) in slopes(&[0.0, 1.0, 4.0], &[0.0, 1.0, 16.0]).iter().zip([0.0, 2.0, 8.0]) {
            assert!((slope - expected).abs() < 1e-14);
        }
    }
}
