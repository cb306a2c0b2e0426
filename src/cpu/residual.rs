//! The loss's terms on a tile of output jets; the twin of `shaders/residual.wgsl`.

use super::real::Real;
use super::tile::Shape;

/// A term in standardised space: r = gain · (jet[row] − t̂).
#[derive(Clone, Copy, Debug)]
pub struct Residual<T> {
    /// Which output.
    pub output: usize,
    /// Which channel of it.
    pub channel: usize,
    /// ∂r/∂jet
    pub gain: T,
    /// The term's weight.
    pub weight: T,
}

/// Adds Σ_p w_p r² of each term to `losses` (T), and, where asked for, overwrites `bar` (M, C, P)
/// with ∂loss/∂jet = 2 · weight · gain · w_p · r / B.
///
/// `targets` is (T, P), `weights` is (P): 0 for the points that only fill the tile.
pub fn residual<T: Real>(
    terms: &[Residual<T>],
    jets: &[T],
    targets: &[T],
    weights: &[T],
    shape: Shape,
    losses: &mut [f64],
    bar: Option<(&mut [T], T)>,
) {
    let points = shape.points;
    let start = |term: &Residual<T>| term.output * shape.stride + term.channel * points;
    for ((term, target), loss) in terms.iter().zip(targets.chunks_exact(points)).zip(losses) {
        let jets = &jets[start(term)..][..points];
        let mut sum = T::ZERO;
        for ((jet, target), w) in jets.iter().zip(target).zip(weights) {
            let r = term.gain * (*jet - *target);
            sum += *w * r * r;
        }
        *loss += sum.to_f64();
    }
    let Some((bar, per_point)) = bar else { return };
    bar.fill(T::ZERO);
    for (term, target) in terms.iter().zip(targets.chunks_exact(points)) {
        let jets = &jets[start(term)..][..points];
        let slope = T::of(2.0) * term.weight * term.gain * term.gain * per_point;
        let bar = &mut bar[start(term)..][..points];
        for (((bar, jet), target), w) in bar.iter_mut().zip(jets).zip(target).zip(weights) {
            *bar += slope * *w * (*jet - *target);
        }
    }
}
