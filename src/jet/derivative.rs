//! Derivatives of an output by the inputs, and their names in files.

use std::fmt::Write;

/// One entry of a jet: a derivative of one output with respect to the inputs (by index).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Derivative {
    /// u
    Value,
    /// ∂u/∂xᵢ
    First(usize),
    /// ∂²u/∂xᵢ∂xⱼ with i ≤ j
    Second(usize, usize),
    /// L u = Σ cᵢ ∂²u/∂xᵢ², the collapsed channel of a forward Laplacian
    Laplacian,
    /// A third derivative, its inputs ascending
    Third([usize; 3]),
    /// ∂ᵢ L u, of which the biharmonic is made
    LaplacianFirst(usize),
    /// A fourth derivative, its inputs ascending
    Fourth([usize; 4]),
    /// L L u = Σ cᵢ cⱼ ∂⁴u/∂xᵢ²∂xⱼ², the collapsed channel of the bi-Laplacian
    Biharmonic,
}

impl Derivative {
    /// The highest order of all.
    pub const MOST: usize = 4;

    /// The derivative by these inputs, in any order; `None` beyond [`Derivative::MOST`].
    pub fn by(inputs: &[usize]) -> Option<Self> {
        let mut inputs = inputs.to_vec();
        inputs.sort_unstable();
        match inputs[..] {
            [] => Some(Derivative::Value),
            [i] => Some(Derivative::First(i)),
            [i, j] => Some(Derivative::Second(i, j)),
            [i, j, k] => Some(Derivative::Third([i, j, k])),
            [i, j, k, l] => Some(Derivative::Fourth([i, j, k, l])),
            _ => None,
        }
    }

    /// The inputs that it derives by, ascending; `None` for a collapsed one.
    pub fn inputs(self) -> Option<Vec<usize>> {
        match self {
            Derivative::Value => Some(vec![]),
            Derivative::First(i) => Some(vec![i]),
            Derivative::Second(i, j) => Some(vec![i, j]),
            Derivative::Third(inputs) => Some(inputs.to_vec()),
            Derivative::Fourth(inputs) => Some(inputs.to_vec()),
            Derivative::Laplacian | Derivative::LaplacianFirst(_) | Derivative::Biharmonic => None,
        }
    }

    /// Its own derivative by an input; `None` beyond [`Derivative::MOST`], and of collapsed ones but the Laplacian.
    pub fn next(self, by: usize) -> Option<Self> {
        match self {
            Derivative::Laplacian => Some(Derivative::LaplacianFirst(by)),
            _ => Self::by(&[self.inputs()?, vec![by]].concat()),
        }
    }

    /// From 0 to 4.
    pub fn order(self) -> usize {
        match self {
            Derivative::Value => 0,
            Derivative::First(_) => 1,
            Derivative::Second(..) | Derivative::Laplacian => 2,
            Derivative::Third(_) | Derivative::LaplacianFirst(_) => 3,
            Derivative::Fourth(_) | Derivative::Biharmonic => 4,
        }
    }

    /// Whether it derives by one input alone, once or more often.
    pub fn is_pure(self) -> bool {
        self.inputs().is_some_and(|inputs| !inputs.is_empty() && inputs.iter().all(|input| *input == inputs[0]))
    }

    /// The column of this entry in every file: `u`, `du_dx`, `d2u_dx2`, `d2u_dxdy`, `d4u_dx2dy2`, `laplacian_u`.
    pub fn column(self, output: &str, inputs: &[String]) -> String {
        match self {
            Derivative::Value => output.to_string(),
            Derivative::Laplacian => format!("laplacian_{output}"),
            Derivative::LaplacianFirst(i) => format!("dlaplacian_{output}_d{}", inputs[i]),
            Derivative::Biharmonic => format!("biharmonic_{output}"),
            _ => column(output, &self.inputs().expect("its inputs"), inputs),
        }
    }

    /// The derivative of `output` that a column of this name holds; a mixed one may have its inputs in any order.
    pub fn named(name: &str, output: &str, inputs: &[String]) -> Option<Self> {
        if let Some(collapsed) = [Derivative::Laplacian, Derivative::Biharmonic]
            .into_iter()
            .chain((0..inputs.len()).map(Derivative::LaplacianFirst))
            .find(|collapsed| collapsed.column(output, inputs) == name)
        {
            return Some(collapsed);
        }
        (0..=Self::MOST).find_map(|order| {
            let rest = match order {
                0 => return (name == output).then_some(Derivative::Value),
                1 => name.strip_prefix('d')?,
                _ => name.strip_prefix('d')?.strip_prefix(&order.to_string())?,
            };
            let groups = rest.strip_prefix(output)?.strip_prefix('_')?;
            Self::by(&groups_of(groups, inputs, order)?)
        })
    }
}

/// `d3u_dx2dy`: neighbours that are alike as a power.
fn column(output: &str, by: &[usize], inputs: &[String]) -> String {
    let mut name = match by.len() {
        1 => format!("d{output}_"),
        order => format!("d{order}{output}_"),
    };
    for group in by.chunk_by(|a, b| a == b) {
        let power = if group.len() > 1 { group.len().to_string() } else { String::new() };
        write!(name, "d{}{power}", inputs[group[0]]).expect("writing to a string");
    }
    name
}

/// The inputs of `dx2dy`, as many as the order has; input names may end in digits themselves.
fn groups_of(text: &str, inputs: &[String], order: usize) -> Option<Vec<usize>> {
    if text.is_empty() {
        return (order == 0).then(Vec::new);
    }
    let text = text.strip_prefix('d')?;
    let group = |input: usize, power: usize| {
        let rest = text.strip_prefix(inputs[input].as_str())?;
        let rest = if power > 1 { rest.strip_prefix(&power.to_string())? } else { rest };
        Some([vec![input; power], groups_of(rest, inputs, order - power)?].concat())
    };
    (0..inputs.len()).find_map(|input| (1..=order).find_map(|power| group(input, power)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_file_format() {
        let inputs = ["x".to_string(), "temp".to_string()];
        let name = |by: &[usize]| Derivative::by(by).unwrap().column("u", &inputs);
        assert_eq!(name(&[]), "u");
        assert_eq!(name(&[1]), "du_dtemp");
        assert_eq!(name(&[0, 0]), "d2u_dx2");
        assert_eq!(name(&[1, 0]), "d2u_dxdtemp");
        assert_eq!(name(&[0, 1, 0]), "d3u_dx2dtemp");
        assert_eq!(name(&[1, 0, 1, 0]), "d4u_dx2dtemp2");
        assert_eq!(Derivative::Laplacian.column("u", &inputs), "laplacian_u");
        assert_eq!(Derivative::Biharmonic.column("u", &inputs), "biharmonic_u");
    }

    #[test]
    fn a_mixed_derivative_has_a_name_for_each_order_of_its_inputs() {
        let inputs = ["x".to_string(), "y".to_string()];
        let named = |name: &str| Derivative::named(name, "u", &inputs);
        for (by, names) in [
            (vec![0, 1], vec!["d2u_dxdy", "d2u_dydx"]),
            (vec![0, 0, 1], vec!["d3u_dx2dy", "d3u_dxdydx", "d3u_dydx2"]),
            (vec![0, 0, 0, 0], vec!["d4u_dx4", "d4u_dxdxdxdx", "d4u_dx2dx2"]),
        ] {
            assert!(names.iter().all(|name| named(name) == Derivative::by(&by)), "{by:?}");
        }
        assert_eq!(named("biharmonic_u"), Some(Derivative::Biharmonic));
        assert_eq!(["du_dz", "d3u_dx2", "d2u_dx2dy", "d5u_dx5", "d2v_dx2"].map(named), [None; 5]);
        let digits = ["x".to_string(), "x2".to_string()];
        assert_eq!(Derivative::named("d2u_dx2", "u", &digits), Some(Derivative::Second(0, 0)));
        assert_eq!(Derivative::named("du_dx2", "u", &digits), Some(Derivative::First(1)));
    }

    #[test]
    fn derivatives_follow_each_other_up_to_the_fourth() {
        let next = |by: &[usize], input| Derivative::by(by).unwrap().next(input);
        assert_eq!(next(&[1, 2], 0), Derivative::by(&[0, 1, 2]));
        assert_eq!(next(&[0, 1, 2, 3], 0), None);
        assert_eq!(Derivative::Laplacian.next(1), Some(Derivative::LaplacianFirst(1)));
        assert_eq!(Derivative::Biharmonic.next(1), None);
        assert!(Derivative::Third([1; 3]).is_pure() && !Derivative::Third([0, 1, 1]).is_pure());
    }
}
