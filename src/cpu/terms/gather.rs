//! The rows of a batch; the twin of `shaders/terms/gather.wgsl`.

use std::ops::Range;

/// Numbers of a column at positions of an order, where there is one, and behind them copies of the first.
pub fn gather<T: Copy>(to: &mut [T], from: &[T], order: Option<&[u32]>, positions: &Range<usize>) {
    let row = |p: usize| {
        let position = if p < positions.len() { positions.start + p } else { positions.start };
        order.map_or(position, |order| order[position] as usize)
    };
    match order {
        None if positions.len() == to.len() => to.copy_from_slice(&from[positions.clone()]),
        _ => to.iter_mut().enumerate().for_each(|(p, to)| *to = from[row(p)]),
    }
}
