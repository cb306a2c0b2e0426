//! Which channels the jet must carry for some expressions: the fewest.

use super::Expression;
use super::graph::{Graph, Id, Leaf, Node, parts};
use crate::entry::Entry;
use crate::jet::{Derivative, JetLayout};

/// The fewest channels that carry what all the expressions read.
///
/// Where every second derivative stands in one and the same combination Σ cᵢ ∂ᵢᵢ, whatever its
/// multiple, and that saves a channel, the layout is [`JetLayout::collapsed`], and the expressions
/// are rewritten to read [`Derivative::Laplacian`]. Derivatives at other points count once
/// [`super::places`] has counted those.
pub fn layout(expressions: &mut [Expression], inputs: usize) -> JetLayout {
    let entries = expressions.iter().flat_map(Expression::entries);
    let selected = JetLayout::selected(inputs, entries.map(|entry| entry.derivative));
    let Some(coefficients) = combination(expressions, inputs) else { return selected };
    let collapsed = JetLayout::collapsed(&coefficients);
    if collapsed.channels() >= selected.channels() {
        return selected;
    }
    expressions.iter_mut().for_each(|expression| rewrite(expression, &coefficients));
    collapsed
}

/// An output at a place.
type Source = (usize, usize);

/// A pure second derivative as what it is of and the input that it is by.
fn pure_second(graph: &Graph, id: Id) -> Option<(Source, usize)> {
    match *graph.node(id) {
        Node::Leaf(Leaf::Entry(Entry { output, derivative: Derivative::Second(i, j) }, place)) if i == j => {
            Some(((output, place), i))
        }
        _ => None,
    }
}

/// The combinations of pure second derivatives in a sum: what they are of, and a coefficient for each
/// input.
fn combinations(graph: &Graph, node: &Node, inputs: usize) -> Vec<(Source, Vec<f64>)> {
    let Node::Sum(_, terms) = node else { return vec![] };
    let mut found: Vec<(Source, Vec<f64>)> = vec![];
    for (id, weight) in terms {
        let Some((source, input)) = pure_second(graph, *id) else { continue };
        let index = found.iter().position(|known| known.0 == source).unwrap_or_else(|| {
            found.push((source, vec![0.0; inputs]));
            found.len() - 1
        });
        found[index].1[input] = weight.0;
    }
    found
}

/// What `coefficients` are a multiple of, with the first that is not 0 made 1; and the multiple.
fn normalised(coefficients: &[f64]) -> (Vec<f64>, f64) {
    let first = coefficients.iter().copied().find(|c| *c != 0.0).expect("a combination has a term");
    (coefficients.iter().map(|c| c / first).collect(), first)
}

/// The one combination through which all second derivatives enter, if there is one.
fn combination(expressions: &[Expression], inputs: usize) -> Option<Vec<f64>> {
    let mut common: Option<Vec<f64>> = None;
    for Expression { graph, root } in expressions {
        let is_second = |id: Id| graph.entry(id).is_some_and(|entry| entry.derivative.order() == 2);
        if is_second(*root) {
            return None;
        }
        for id in graph.reachable(&[*root]) {
            let node = graph.node(id);
            let outside =
                |part| is_second(part) && (pure_second(graph, part).is_none() || !matches!(node, Node::Sum(..)));
            if parts(node).into_iter().any(outside) {
                return None;
            }
            for (_, coefficients) in combinations(graph, node, inputs) {
                let (found, _) = normalised(&coefficients);
                let known = common.get_or_insert_with(|| found.clone());
                // Equal but for the rounding of the division.
                let close = |(a, b): (&f64, &f64)| (a - b).abs() <= 4.0 * f64::EPSILON * a.abs();
                if !known.iter().zip(&found).all(close) {
                    return None;
                }
            }
        }
    }
    common
}

/// Reads Σ cᵢ ∂ᵢᵢ in one entry.
fn rewrite(expression: &mut Expression, coefficients: &[f64]) {
    expression.root = expression.graph.rewritten(expression.root, |graph, id, substitutes| {
        let node = graph.node(id).clone();
        let found = combinations(graph, &node, coefficients.len());
        let Node::Sum(constant, terms) = node else { return None };
        let mut rest: Vec<_> = terms
            .iter()
            .filter(|(id, _)| pure_second(graph, *id).is_none())
            .map(|(id, weight)| (substitutes[id], weight.0))
            .collect();
        for ((output, place), combination) in found {
            let entry = Entry { output, derivative: Derivative::Laplacian };
            rest.push((graph.leaf(Leaf::Entry(entry, place)), normalised(&combination).1));
        }
        Some(graph.sum(constant.0, rest))
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expression::Scope;

    fn read(texts: &[&str]) -> Vec<Expression> {
        let names = |names: &[&str]| names.iter().map(|name| name.to_string()).collect::<Vec<_>>();
        let scope = Scope {
            inputs: names(&["x", "y", "z"]),
            outputs: names(&["u", "v"]),
            coefficients: names(&["k"]),
            ..Scope::default()
        };
        texts.iter().map(|text| Expression::residual("test", text, &scope).unwrap()).collect()
    }

    #[test]
    fn a_laplacian_travels_collapsed() {
        for (texts, coefficients) in [
            (vec!["-(u_xx + u_yy + u_zz) = 1"], [1.0, 1.0, 1.0]),
            (vec!["k*(u_xx + u_yy + u_zz)^2 + u_x", "u"], [1.0, 1.0, 1.0]),
            (
                vec!["u_xx + 2*u_yy - 3*u_zz = v", "5*v_xx + 10*v_yy - 15*v_zz + u_xx + 2*u_yy - 3*u_zz"],
                [1.0, 2.0, -3.0],
            ),
            (vec!["d(u_x, x)/0.3 + d(u_y, y)*0.7 + u_zz"], [1.0, 0.7 / (1.0 / 0.3), 1.0 / (1.0 / 0.3)]),
        ] {
            let mut expressions = read(&texts);
            assert_eq!(layout(&mut expressions, 3), JetLayout::collapsed(&coefficients), "{texts:?}");
            let second = |entry: &Entry| entry.derivative.order() == 2;
            let mut seconds = expressions.iter().flat_map(Expression::entries).filter(second);
            assert!(seconds.all(|entry| entry.derivative == Derivative::Laplacian), "{texts:?}");
        }
    }

    #[test]
    fn a_collapsed_expression_has_the_same_value() {
        let text = "u*(2*u_xx - u_yy + 3*u_zz - x)^2 + u_xx - u_yy/2 + 1.5*u_zz";
        let [plain, mut collapsed] = [read(&[text]), read(&[text])];
        let points = crate::expression::PointData { inputs: &[vec![0.5], vec![0.0], vec![0.0]], ..Default::default() };
        let jets = |layout, values| crate::jet::Jets { layout, outputs: 1, values };
        let diagonal = jets(JetLayout::diagonal(3), vec![2.0, 0.1, 0.2, 0.3, 5.0, 7.0, 11.0]);
        // The multiple of the first combination that was met, u_xx − u_yy/2 + 3/2 u_zz.
        let laplacian = jets(layout(&mut collapsed, 3), vec![2.0, 0.1, 0.2, 0.3, 5.0 - 3.5 + 16.5]);
        let value = |expressions: &[Expression], jets| expressions[0].evaluate(&points, &[], Some(jets))[0];
        assert_eq!(value(&plain, &diagonal), 2.0 * 35.5 * 35.5 + 18.0);
        assert_eq!(value(&collapsed, &laplacian), 2.0 * 35.5 * 35.5 + 18.0);
    }

    #[test]
    fn what_is_read_in_another_way_does_not_collapse() {
        for texts in [
            vec!["u_xx + u_yy + u_zz = 1", "u_xx"],
            vec!["u_xx + u_yy + u_zz = 1", "u_xy"],
            vec!["u_xx + u_yy + u_zz = 1", "u_xx - u_yy + u_zz"],
            vec!["u_xx + u_yy + u_zz + u*u_xx"],
            vec!["u_xx + k*u_yy"],
            vec!["u_xx + u_yy*u_zz"],
        ] {
            let mut expressions = read(&texts);
            let before = expressions.clone();
            assert_eq!(layout(&mut expressions, 3).order(), 2);
            assert_eq!(expressions, before, "{texts:?}");
        }
        // One second derivative with one tangent is less than a Laplacian with three.
        assert_eq!(layout(&mut read(&["u - 2*u_xx"]), 3).channels(), 3);
    }
}
