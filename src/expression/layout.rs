//! Which channels the jet must carry for some expressions: the fewest.

use super::Expression;
use super::graph::{Graph, Id, Leaf, Node, parts};
use crate::jet::{Derivative, Entry, JetLayout, Wiring};

/// The fewest channels that carry what all the expressions read.
///
/// Where every second derivative stands in one and the same combination Σ cᵢ ∂ᵢᵢ, whatever its
/// multiple, and that saves a channel, the layout is [`JetLayout::collapsed`], and the expressions
/// are rewritten to read [`Derivative::Laplacian`]. Derivatives at other points count among them once
/// [`super::places`] has counted those.
pub fn layout(expressions: &mut [Expression], inputs: usize) -> JetLayout {
    let entries: Vec<Entry> = expressions.iter().flat_map(Expression::entries).collect();
    collapsed(expressions, inputs, None, &entries)
}

/// The same of a network's own jet, of which these entries are read. What feeds a network must not be lost in a sum.
pub(super) fn layout_of(expressions: &mut [Expression], network: &Wiring, entries: &[Entry]) -> JetLayout {
    let inputs = network.reads.len();
    match network.is_fed() {
        true => JetLayout::selected(inputs, entries.iter().map(|entry| entry.derivative)),
        false => collapsed(expressions, inputs, Some(&network.gives), entries),
    }
}

fn collapsed(expressions: &mut [Expression], inputs: usize, outputs: Outputs, entries: &[Entry]) -> JetLayout {
    let selected = JetLayout::selected(inputs, entries.iter().map(|entry| entry.derivative));
    let Some(coefficients) = combination(expressions, inputs, outputs) else { return selected };
    let collapsed = JetLayout::collapsed(&coefficients);
    if collapsed.channels() >= selected.channels() {
        return selected;
    }
    expressions.iter_mut().for_each(|expression| rewrite(expression, &coefficients, outputs));
    collapsed
}

/// An output at a place.
type Source = (usize, usize);

/// The outputs whose second derivatives are looked at; `None` for all.
type Outputs<'a> = Option<&'a [usize]>;

/// Whether a node is a second derivative, and if so of what and, if it is pure, by which input.
fn second(graph: &Graph, id: Id, outputs: Outputs) -> Option<(Source, Option<usize>)> {
    let Entry { output, derivative: Derivative::Second(i, j) } = graph.entry(id)? else { return None };
    if outputs.is_some_and(|outputs| !outputs.contains(&output)) {
        return None;
    }
    match *graph.node(id) {
        Node::Leaf(Leaf::Entry(_, place)) => Some(((output, place), (i == j).then_some(i))),
        // At a point that is not counted.
        _ => Some(((output, 0), None)),
    }
}

/// A term of a sum that is a pure second derivative, or a product of one with other factors.
struct Carrier {
    input: usize,
    /// What the terms of a combination have in common: what they are derivatives of, and the other factors.
    common: (Source, Vec<(Id, i32)>),
}

/// A node as a carrier; `Err` where it holds a second derivative in another way.
fn carrier(graph: &Graph, id: Id, outputs: Outputs) -> Result<Option<Carrier>, ()> {
    let pure = |id| match second(graph, id, outputs) {
        None => Ok(None),
        Some((source, Some(input))) => Ok(Some((source, input))),
        Some((_, None)) => Err(()),
    };
    if let Some((source, input)) = pure(id)? {
        return Ok(Some(Carrier { input, common: (source, vec![]) }));
    }
    let node = graph.node(id);
    let Node::Product(factors) = node else {
        let holds = !matches!(node, Node::Sum(..))
            && parts(node).into_iter().any(|part| second(graph, part, outputs).is_some());
        return if holds { Err(()) } else { Ok(None) };
    };
    let mut found = None;
    for (factor, exponent) in factors {
        if let Some(entry) = pure(*factor)?
            && (found.replace(entry).is_some() || *exponent != 1)
        {
            return Err(());
        }
    }
    let others = factors.iter().copied().filter(|(factor, _)| second(graph, *factor, outputs).is_none()).collect();
    Ok(found.map(|(source, input)| Carrier { input, common: (source, others) }))
}

/// A combination Σ cᵢ ∂ᵢᵢ in a sum, with what its terms have in common.
type Combination = ((Source, Vec<(Id, i32)>), Vec<f64>);

/// The combinations in a sum.
fn combinations(graph: &Graph, node: &Node, inputs: usize, outputs: Outputs) -> Vec<Combination> {
    let Node::Sum(_, terms) = node else { return vec![] };
    let mut found: Vec<Combination> = vec![];
    for (id, weight) in terms {
        let Ok(Some(Carrier { input, common })) = carrier(graph, *id, outputs) else { continue };
        let place = found.iter().position(|known| known.0 == common).unwrap_or_else(|| {
            found.push((common, vec![0.0; inputs]));
            found.len() - 1
        });
        found[place].1[input] = weight.0;
    }
    found
}

/// What `coefficients` are a multiple of, with the first that is not 0 made 1; and the multiple.
fn normalised(coefficients: &[f64]) -> (Vec<f64>, f64) {
    let first = coefficients.iter().copied().find(|c| *c != 0.0).expect("a combination has a term");
    (coefficients.iter().map(|c| c / first).collect(), first)
}

/// The one combination through which all second derivatives enter, if there is one.
fn combination(expressions: &[Expression], inputs: usize, outputs: Outputs) -> Option<Vec<f64>> {
    let mut common: Option<Vec<f64>> = None;
    for Expression { graph, root } in expressions {
        if carrier(graph, *root, outputs).ok()?.is_some() {
            return None;
        }
        for id in graph.reachable(&[*root]) {
            let node = graph.node(id);
            // A carrier is a term of sums alone.
            carrier(graph, id, outputs).ok()?;
            let is_product_of_second =
                |part| second(graph, part, outputs).is_none() && matches!(carrier(graph, part, outputs), Ok(Some(_)));
            if !matches!(node, Node::Sum(..)) && parts(node).into_iter().any(is_product_of_second) {
                return None;
            }
            for (_, coefficients) in combinations(graph, node, inputs, outputs) {
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
fn rewrite(expression: &mut Expression, coefficients: &[f64], outputs: Outputs) {
    expression.root = expression.graph.rewritten(expression.root, |graph, id, substitutes| {
        let node = graph.node(id).clone();
        let found = combinations(graph, &node, coefficients.len(), outputs);
        let Node::Sum(constant, terms) = node else { return None };
        let mut sum: Vec<_> = terms
            .iter()
            .filter(|(id, _)| matches!(carrier(graph, *id, outputs), Ok(None)))
            .map(|(id, weight)| (substitutes[id], weight.0))
            .collect();
        for (((output, place), others), combination) in found {
            let entry = graph.leaf(Leaf::Entry(Entry { output, derivative: Derivative::Laplacian }, place));
            let others = others.into_iter().map(|(factor, exponent)| (substitutes[&factor], exponent));
            sum.push((graph.product(others.chain([(entry, 1)])), normalised(&combination).1));
        }
        Some(graph.sum(constant.0, sum))
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
            (vec!["k*u_xx + k*u_yy + k*u_zz = 1"], [1.0, 1.0, 1.0]),
            (vec!["x*y*u_xx/2 + x*y*u_yy/2 + u_x*u_y + x*y*u_zz/2", "exp(v)*(v_xx + v_yy + v_zz)"], [1.0, 1.0, 1.0]),
            (
                vec!["u*(u_xx + u_yy + u_zz) + v*v_xx + v*v_yy + v*v_zz + sin(x*u_xx + x*u_yy + x*u_zz)"],
                [1.0, 1.0, 1.0],
            ),
            (vec!["d(d(x*(1 - x)*u, x), x) + d(d(x*(1 - x)*u, y), y) + d(d(x*(1 - x)*u, z), z)"], [1.0, 1.0, 1.0]),
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
        let text = "u*(2*u_xx - u_yy + 3*u_zz - x)^2 + x*u_y*u_xx - x*u_y*u_yy/2 + 1.5*x*u_y*u_zz";
        let [plain, mut collapsed] = [read(&[text]), read(&[text])];
        let points = crate::expression::PointData { inputs: &[vec![0.5], vec![0.0], vec![0.0]], ..Default::default() };
        let jets = |layout, values| crate::jet::Jets { layout, outputs: 1, values };
        let diagonal = jets(JetLayout::diagonal(3), vec![2.0, 0.1, 0.2, 0.3, 5.0, 7.0, 11.0]);
        // The multiple of the first combination that was met, u_xx − u_yy/2 + 3/2 u_zz.
        let laplacian = jets(layout(&mut collapsed, 3), vec![2.0, 0.1, 0.2, 0.3, 5.0 - 3.5 + 16.5]);
        let value = |expressions: &[Expression], jets| expressions[0].evaluate(&points, &[], Some(jets))[0];
        assert_eq!(value(&plain, &diagonal), 2.0 * 35.5 * 35.5 + 0.5 * 0.2 * 18.0);
        assert_eq!(value(&collapsed, &laplacian), 2.0 * 35.5 * 35.5 + 0.5 * 0.2 * 18.0);
    }

    #[test]
    fn what_is_read_in_another_way_does_not_collapse() {
        for texts in [
            vec!["u_xx + u_yy + u_zz = 1", "u_xx"],
            vec!["u_xx + u_yy + u_zz = 1", "u_xy"],
            vec!["u_xx + u_yy + u_zz = 1", "u_xx - u_yy + u_zz"],
            vec!["u_xx + u_yy + u_zz + u*u_xx"],
            vec!["u_xx + k*u_yy"],
            vec!["u*u_xx + v*u_yy + u*u_zz"],
            vec!["u*u_xx + u*u_yy + u*u_zz + sin(u*u_xx)"],
            vec!["x*u_xx^2 + x*u_yy^2 + x*u_zz^2"],
            vec!["u*u_xx"],
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
