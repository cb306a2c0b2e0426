//! Polygons as sets of half-planes: the hull of the corners less the pockets between, which are polygons again (Rvachev,
//! Sheiko, Shapiro, Tsukanov: Comput. Mech. 25, 2000).

use super::polygon::{Polygon, turn};

/// What lies to the left of some edges, and in no pocket.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Hull {
    /// Each from its start to its end.
    pub edges: Vec<[[f64; 2]; 2]>,
    pub pockets: Vec<Hull>,
}

impl Hull {
    pub fn of(polygon: &Polygon) -> Self {
        let count = polygon.corners.len();
        let is_bend =
            |k: &usize| turn(polygon.corner(k + count - 1), polygon.corners[*k], polygon.corner(k + 1)) != 0.0;
        let corners: Vec<[f64; 2]> = (0..count).filter(is_bend).map(|k| polygon.corners[k]).collect();
        let order = |k: &usize, other: &usize| corners[*k].partial_cmp(&corners[*other]).expect("finite corners");
        let first = (0..corners.len()).min_by(order).expect("a polygon has corners");
        let around: Vec<[f64; 2]> = (0..=corners.len()).map(|k| corners[(first + k) % corners.len()]).collect();
        Self::of_chain(&around)
    }

    /// Of a chain of corners that begins and ends on its hull; what closes it is no edge.
    fn of_chain(chain: &[[f64; 2]]) -> Self {
        let on_hull = on_hull(chain);
        let mut hull = Self { edges: vec![], pockets: vec![] };
        for pair in on_hull.windows(2) {
            match chain[pair[0]..=pair[1]] {
                [a, b] => hull.edges.push([a, b]),
                ref pocket => {
                    let reversed: Vec<[f64; 2]> = pocket.iter().rev().copied().collect();
                    hull.pockets.push(Self::of_chain(&reversed));
                }
            }
        }
        hull
    }
}

/// The corners of a chain that lie on its hull, first and last among them.
fn on_hull(chain: &[[f64; 2]]) -> Vec<usize> {
    let last = chain.len() - 1;
    let mut order: Vec<usize> = (0..=last).collect();
    order.sort_by(|a, b| chain[*a].partial_cmp(&chain[*b]).expect("finite corners").then(a.cmp(b)));
    let mut found = vec![false; chain.len()];
    for reversed in [false, true] {
        let mut side: Vec<usize> = vec![];
        let walk: Vec<usize> = if reversed { order.iter().rev().copied().collect() } else { order.clone() };
        for k in walk {
            while let [.., a, b] = side[..]
                && turn(chain[a], chain[b], chain[k]) < 0.0
            {
                side.pop();
            }
            side.push(k);
        }
        side.into_iter().for_each(|k| found[k] = true);
    }
    (found[0], found[last]) = (true, true);
    (0..=last).filter(|k| found[*k]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contains(hull: &Hull, point: [f64; 2]) -> bool {
        hull.edges.iter().all(|[a, b]| turn(*a, *b, point) >= 0.0)
            && !hull.pockets.iter().any(|pocket| contains(pocket, point))
    }

    #[test]
    fn hulls_and_pockets_are_the_polygon() {
        let comb: [[f64; 2]; 10] = [
            [0.0, 0.0],
            [4.0, 0.0],
            [4.0, 2.0],
            [3.0, 2.0],
            [3.5, 1.0],
            [2.0, 0.5],
            [2.0, 2.0],
            [1.0, 2.0],
            [1.0, 1.0],
            [0.0, 2.0],
        ];
        let spiral: [[f64; 2]; 10] = [
            [0.0, 0.0],
            [5.0, 0.0],
            [5.0, 5.0],
            [1.0, 5.0],
            [1.0, 2.0],
            [3.0, 2.0],
            [3.0, 3.0],
            [2.0, 3.0],
            [2.0, 4.0],
            [4.0, 4.0],
        ];
        let spiral = [&spiral[..], &[[4.0, 1.0], [0.0, 1.0]]].concat();
        for corners in [comb.to_vec(), spiral] {
            let polygon = Polygon::new("polygon", &corners).unwrap();
            let hull = Hull::of(&polygon);
            assert!(!hull.pockets.is_empty());
            let mut inside = 0;
            for k in 0..10_000 {
                let point =
                    [(k as f64 * 0.618_033_9).fract() * 7.0 - 1.0, (k as f64 * 0.754_877_6).fract() * 7.0 - 1.0];
                let is_inside = polygon.distance(point).0 > 0.0;
                inside += usize::from(is_inside);
                assert_eq!(contains(&hull, point), is_inside, "{point:?}");
            }
            let area = inside as f64 / 10_000.0 * 49.0;
            assert!((area / polygon.area() - 1.0).abs() < 0.02, "{area}");
        }
    }
}
