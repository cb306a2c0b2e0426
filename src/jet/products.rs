//! How a derivative of σ(z) is made of those of z: Faà di Bruno's formula.
//!
//! A derivative by the inputs S is Σ over the partitions π of S of σ^(|π|) Π ∂_block z. The partition of one block is
//! linear and here left out, as every channel has it; the others are its products of lower derivatives. With
//! L = Σ cᵢ ∂ᵢᵢ the collapsed ones are sums of these, whose parts are collapsed where they can be:
//!
//! ```text
//! L σ(z)    σ'' Σᵢ cᵢ zᵢ²
//! ∂ⱼ L σ(z) σ'' (Lz zⱼ + 2 Σᵢ cᵢ zᵢⱼ zᵢ) + σ''' zⱼ Σᵢ cᵢ zᵢ²
//! L L σ(z)  σ'' (4 Σⱼ cⱼ zⱼ ∂ⱼLz + (Lz)² + 2 Σᵢⱼ cᵢ cⱼ zᵢⱼ²) + σ''' (2 Lz Σᵢ cᵢ zᵢ² + 4 Σᵢⱼ cᵢ cⱼ zᵢⱼ zᵢ zⱼ)
//!           + σ⁗ (Σᵢ cᵢ zᵢ²)²
//! ```

use super::Derivative;

/// `coefficient · σ⁽ᵐ⁾ · Π factors`, where m is the number of factors, at least 2.
#[derive(Clone, Debug, PartialEq)]
pub struct Product {
    /// Its coefficient.
    pub coefficient: f64,
    /// The derivatives of z whose product it has, ascending.
    pub factors: Vec<Derivative>,
}

/// The products of a derivative, where `c` has the cᵢ of L (D; empty where nothing is collapsed). Equal ones are one.
pub fn products(of: Derivative, c: &[f64]) -> Vec<Product> {
    use Derivative::{First, Laplacian, LaplacianFirst};
    let mut sum = Sum::default();
    let second = |i: usize, j: usize| Derivative::Second(i.min(j), i.max(j));
    let curved: Vec<(usize, f64)> = c.iter().copied().enumerate().filter(|(_, c)| *c != 0.0).collect();
    match of {
        Laplacian => curved.iter().for_each(|(i, c)| sum.add(*c, vec![First(*i); 2])),
        LaplacianFirst(j) => {
            sum.add(1.0, vec![First(j), Laplacian]);
            for (i, c) in curved {
                sum.add(2.0 * c, vec![First(i), second(i, j)]);
                sum.add(c, vec![First(i), First(i), First(j)]);
            }
        }
        Derivative::Biharmonic => {
            sum.add(1.0, vec![Laplacian; 2]);
            for (i, ci) in &curved {
                sum.add(4.0 * ci, vec![First(*i), LaplacianFirst(*i)]);
                sum.add(2.0 * ci, vec![First(*i), First(*i), Laplacian]);
                for (j, cj) in &curved {
                    sum.add(2.0 * ci * cj, vec![second(*i, *j); 2]);
                    sum.add(4.0 * ci * cj, vec![First(*i), First(*j), second(*i, *j)]);
                    sum.add(ci * cj, vec![First(*i), First(*i), First(*j), First(*j)]);
                }
            }
        }
        _ => {
            for blocks in partitions(&of.inputs().expect("not collapsed")).into_iter().filter(|of| of.len() > 1) {
                sum.add(1.0, blocks.iter().map(|block| Derivative::by(block).expect("a lower order")).collect());
            }
        }
    }
    sum.0
}

/// Products, equal ones added up.
#[derive(Default)]
struct Sum(Vec<Product>);

impl Sum {
    fn add(&mut self, coefficient: f64, mut factors: Vec<Derivative>) {
        factors.sort_unstable();
        match self.0.iter_mut().find(|known| known.factors == factors) {
            Some(known) => known.coefficient += coefficient,
            None => self.0.push(Product { coefficient, factors }),
        }
    }
}

/// All partitions of a list into blocks.
fn partitions(list: &[usize]) -> Vec<Vec<Vec<usize>>> {
    let Some((first, rest)) = list.split_first() else { return vec![vec![]] };
    let mut all = vec![];
    for partition in partitions(rest) {
        for at in 0..partition.len() {
            let mut with = partition.clone();
            with[at].push(*first);
            all.push(with);
        }
        all.push([vec![vec![*first]], partition].concat());
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    /// With σ = exp and z_S = 1 for every S, a derivative of order n has as many products as a set of n has partitions
    /// (Bell's numbers), the one of one block apart.
    #[test]
    fn there_are_as_many_products_as_partitions() {
        for (of, bell) in [(vec![0, 1], 2.0), (vec![0, 0, 1], 5.0), (vec![0, 1, 2, 2], 15.0), (vec![3; 4], 15.0)] {
            let products = products(Derivative::by(&of).unwrap(), &[]);
            assert_eq!(products.iter().map(|product| product.coefficient).sum::<f64>(), bell - 1.0, "{of:?}");
        }
        let pure = products(Derivative::Fourth([0; 4]), &[]);
        let of = |coefficient, by: &[&[usize]]| Product {
            coefficient,
            factors: by.iter().map(|by| Derivative::by(by).unwrap()).collect(),
        };
        let expected = [
            of(1.0, &[&[0], &[0], &[0], &[0]]),
            of(6.0, &[&[0], &[0], &[0, 0]]),
            of(3.0, &[&[0, 0], &[0, 0]]),
            of(4.0, &[&[0], &[0, 0, 0]]),
        ];
        assert!(pure.len() == 4 && expected.iter().all(|product| pure.contains(product)), "{pure:?}");
    }

    /// Each collapsed derivative is the sum of what it is collapsed from, for any values of z's derivatives.
    #[test]
    fn collapsed_products_are_sums_of_plain_ones() {
        let c = [1.0, -0.5, 0.0, 2.0];
        let value = |derivative: Derivative| {
            let by = |by: &[usize]| by.iter().fold(0.7, |value: f64, i| (value * 1.7 + 0.3 * (*i as f64)).sin());
            let laplacian = |rest: &[usize]| -> f64 {
                let second = |(i, c): (usize, &f64)| {
                    let inputs = Derivative::by(&[vec![i, i], rest.to_vec()].concat()).unwrap().inputs().unwrap();
                    c * by(&inputs)
                };
                c.iter().enumerate().map(second).sum()
            };
            match derivative {
                Derivative::Laplacian => laplacian(&[]),
                Derivative::LaplacianFirst(j) => laplacian(&[j]),
                Derivative::Biharmonic => unreachable!("no factor"),
                _ => by(&derivative.inputs().unwrap()),
            }
        };
        let slopes = [0.0, 0.0, 1.3, -0.4, 2.1];
        let sum = |of: Derivative| -> f64 {
            let product = |product: &Product| {
                let slope = slopes[product.factors.len()];
                product.coefficient * slope * product.factors.iter().map(|of| value(*of)).product::<f64>()
            };
            products(of, &c).iter().map(product).sum()
        };
        let near = |a: f64, b: f64| (a - b).abs() < 1e-12 * b.abs().max(1.0);
        let plain = |by: &[usize]| sum(Derivative::by(by).unwrap());
        let all = || c.iter().enumerate();
        assert!(near(sum(Derivative::Laplacian), all().map(|(i, c)| c * plain(&[i, i])).sum()));
        for j in 0..4 {
            let expected = all().map(|(i, c)| c * plain(&[i, i, j])).sum();
            assert!(near(sum(Derivative::LaplacianFirst(j)), expected), "{j}");
        }
        let pair = |(i, a): (usize, &f64)| all().map(|(j, b)| a * b * plain(&[i, i, j, j])).sum::<f64>();
        assert!(near(sum(Derivative::Biharmonic), all().map(pair).sum()));
    }
}
