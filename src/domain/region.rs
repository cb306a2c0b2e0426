//! Parts of a domain that points may lie in.

use std::sync::Arc;

use super::Domain;
use super::factor::Factor;
use super::level::Level;

/// A part of a [`Domain`] that points may lie in: a union of patches.
#[derive(Clone, Debug)]
pub struct Region {
    /// D.
    inputs: usize,
    pub(super) patches: Vec<Patch>,
}

/// The image of a unit cube, less what a cut takes away.
#[derive(Clone, Debug)]
pub struct Patch {
    factors: Vec<Factor>,
    cut: Option<Cut>,
    /// The part of the cube's points that is left.
    share: f64,
    has_normals: bool,
}

/// Points (D, B), with their normals (D, B).
pub type Placed = (Vec<Vec<f64>>, Vec<Vec<f64>>);

/// Which points of a patch count.
#[derive(Clone, Debug)]
pub(super) struct Cut {
    pub domain: Arc<Domain>,
    pub rule: Rule,
    /// Comparisons that hold there.
    pub only: Vec<Level>,
}

/// What points are to their domain.
#[derive(Clone, Debug)]
pub(super) enum Rule {
    /// They lie in it.
    Inside,
    /// They bound it, on the boundary of a shape, and do not lie on those of `earlier` ones.
    Bounds { shape: usize, earlier: Vec<usize> },
    /// They lie in it or bound it, at a value of some inputs in space.
    Slice { axes: Vec<usize> },
}

/// Points by which a patch is measured, and where few of them are left.
const PROBES: [usize; 2] = [1 << 12, 1 << 15];
const FEW_LEFT: usize = 16;
/// The least part of a patch's points that may be left.
pub(super) const LEAST_SHARE: f64 = 1e-4;

impl Region {
    pub(super) fn new(inputs: usize, patches: Vec<Patch>) -> Self {
        Self { inputs, patches }
    }

    /// D, the number of inputs.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// Its parts.
    pub fn patches(&self) -> &[Patch] {
        &self.patches
    }

    /// Both regions of one domain; what lies in both counts twice.
    pub fn union(mut self, other: Region) -> Region {
        self.patches.extend(other.patches);
        self
    }

    /// The most dimensions of one of its patches: 2 for a box in x, y, 1 for its boundary.
    pub fn dimensions(&self) -> usize {
        self.patches.iter().map(Patch::dimensions).max().unwrap_or(0)
    }

    /// True where its points have outward normals.
    pub fn has_normals(&self) -> bool {
        self.patches.iter().any(|patch| patch.has_normals)
    }

    /// The least part of the points of the cube that a patch has left.
    pub fn least_share(&self) -> f64 {
        self.patches.iter().map(|patch| patch.share).fold(1.0, f64::min)
    }
}

impl Patch {
    /// The product of factors, and what is left of it; `None` for less than a ten thousandth.
    pub(super) fn new(factors: Vec<Factor>, inputs: usize, cut: Option<Cut>) -> Option<Self> {
        let has_normals = factors.iter().any(Factor::has_normal);
        let mut patch = Self { factors, cut, share: 1.0, has_normals };
        if patch.cut.is_none() && !patch.factors.iter().any(|factor| matches!(factor, Factor::Surface(_))) {
            return Some(patch);
        }
        for count in PROBES {
            let (points, normals) = patch.place(inputs, &patch.probes(count));
            let all = if patch.dimensions() == 0 { 1 } else { count };
            patch.share = points[0].len() as f64 / all as f64;
            patch.has_normals = normals.iter().flatten().any(|n| *n != 0.0);
            if points[0].len() >= FEW_LEFT || patch.dimensions() == 0 {
                break;
            }
        }
        (patch.share >= LEAST_SHARE).then_some(patch)
    }

    /// Evenly spread points of the unit cube, the same at every call: Halton's sequence.
    pub(super) fn probes(&self, count: usize) -> Vec<Vec<f64>> {
        let is_prime = |n: &usize| (2..*n).take_while(|d| d * d <= *n).all(|d| !n.is_multiple_of(d));
        let mirrored = |base: usize, index: usize| {
            let (mut rest, mut place, mut sum) = (index, 1.0, 0.0);
            while rest > 0 {
                place /= base as f64;
                sum += place * (rest % base) as f64;
                rest /= base;
            }
            sum
        };
        let column = |base: usize| (1..=count).map(|index| mirrored(base, index)).collect();
        (2..).filter(is_prime).take(self.dimensions()).map(column).collect()
    }

    /// The dimensions of the cube.
    pub fn dimensions(&self) -> usize {
        self.factors.iter().map(Factor::dimensions).sum()
    }

    /// The length, area, volume, … of what is left.
    pub fn measure(&self) -> f64 {
        self.share * self.factors.iter().map(Factor::measure).product::<f64>()
    }

    /// The part of the cube's points that is left.
    pub fn share(&self) -> f64 {
        self.share
    }

    /// Whether points of the cube may fall beside it.
    pub fn is_cut(&self) -> bool {
        self.share < 1.0 || self.cut.is_some()
    }

    /// The points (D, B') of points of the cube (·, B), less those that fall beside; a cube of no dimensions has one
    /// point.
    pub fn place(&self, inputs: usize, cube: &[Vec<f64>]) -> Placed {
        let count = cube.first().map_or(1, Vec::len);
        let mut points = vec![vec![0.0; count]; inputs];
        let mut normals = points.clone();
        let mut are_kept = vec![true; count];
        let mut rest = cube;
        for factor in &self.factors {
            let (own, others) = rest.split_at(factor.dimensions());
            factor.place(own, &mut points, &mut normals, &mut are_kept);
            rest = others;
        }
        if let Some(cut) = &self.cut {
            if are_kept.contains(&false) {
                keep(&mut points, &are_kept);
                keep(&mut normals, &are_kept);
            }
            are_kept = cut.keeps(&points, &mut normals);
        }
        if are_kept.contains(&false) {
            keep(&mut points, &are_kept);
            keep(&mut normals, &are_kept);
        }
        normalise(&mut normals);
        (points, normals)
    }
}

fn keep(columns: &mut [Vec<f64>], are_kept: &[bool]) {
    for column in columns {
        let mut marks = are_kept.iter();
        column.retain(|_| *marks.next().expect("a mark for each"));
    }
}

fn normalise(normals: &mut [Vec<f64>]) {
    for row in 0..normals[0].len() {
        let length = normals.iter().map(|column| column[row] * column[row]).sum::<f64>().sqrt();
        if length > 0.0 {
            normals.iter_mut().for_each(|column| column[row] /= length);
        }
    }
}
