//! Which channels the jet must carry for some expressions: the fewest.

use std::collections::BTreeMap;

use super::Expression;
use super::graph::{Graph, Id, Leaf, Node, parts};
use crate::jet::{Derivative, Entry, JetLayout, Wiring};

/// The fewest channels that carry what all the expressions read.
///
/// Where every second derivative stands in one and the same combination L = Σ cᵢ ∂ᵢᵢ, whatever its
/// multiple, and that saves a channel, the layout is [`JetLayout::collapsed`], and the expressions
/// are rewritten to read [`Derivative::Laplacian`]. So it is with third derivatives that stand as ∂ⱼL, and with fourth
/// ones that stand as L L. Derivatives at other points count among them once [`super::places`] has counted those.
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

/// The outputs whose derivatives are looked at; `None` for all.
type Outputs<'a> = Option<&'a [usize]>;

fn collapsed(expressions: &mut [Expression], inputs: usize, outputs: Outputs, entries: &[Entry]) -> JetLayout {
    let order = entries.iter().map(|entry| entry.derivative.order()).max().unwrap_or(0);
    // Collapsed already, with coefficients of 1.
    let has_collapsed = entries.iter().any(|entry| entry.derivative.inputs().is_none());
    let selected = JetLayout::selected(inputs, entries.iter().map(|entry| entry.derivative));
    for own in (2..=order).rev() {
        let search = Search { order: own, inputs, outputs };
        let Some(coefficients) = combination(expressions, search) else { continue };
        if has_collapsed && coefficients.iter().any(|c| *c != 1.0) {
            continue;
        }
        let mut rewritten = expressions.to_vec();
        for order in (2..=order).rev() {
            let search = Search { order, ..search };
            if combination(&rewritten, search).is_some_and(|found| are_alike(&coefficients, &found)) {
                rewritten.iter_mut().for_each(|expression| rewrite(expression, search));
            }
        }
        let collapsed = match order {
            2 => JetLayout::collapsed(&coefficients),
            _ => {
                let is_own = |entry: &Entry| outputs.is_none_or(|outputs| outputs.contains(&entry.output));
                let read = rewritten.iter().flat_map(Expression::entries).filter(is_own);
                JetLayout::weighted(&coefficients, read.map(|entry| entry.derivative))
            }
        };
        if collapsed.channels() < selected.channels() {
            expressions.clone_from_slice(&rewritten);
            return collapsed;
        }
    }
    selected
}

/// What is collapsed: derivatives of an order, by a number of inputs, of some outputs.
#[derive(Clone, Copy)]
struct Search<'a> {
    order: usize,
    inputs: usize,
    outputs: Outputs<'a>,
}

/// An output at a place.
type Source = (usize, usize);

/// What derivatives of an order have in common that one combination collapses, and what they are of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// ∂ᵢᵢ in L
    Laplacian(usize),
    /// ∂ᵢᵢ in ∂ⱼL, j first
    LaplacianFirst(usize, usize),
    /// ∂ᵢᵢⱼⱼ in L L
    Biharmonic(usize, usize),
}

impl Part {
    fn of(derivative: Derivative) -> Option<Self> {
        match derivative {
            Derivative::Second(i, j) if i == j => Some(Part::Laplacian(i)),
            Derivative::Third([i, j, k]) if i == j => Some(Part::LaplacianFirst(k, i)),
            Derivative::Third([i, j, k]) if j == k => Some(Part::LaplacianFirst(i, j)),
            Derivative::Fourth([i, j, k, l]) if i == j && k == l => Some(Part::Biharmonic(i, k)),
            _ => None,
        }
    }

    /// What it is a part of.
    fn whole(self) -> Derivative {
        match self {
            Part::Laplacian(_) => Derivative::Laplacian,
            Part::LaplacianFirst(j, _) => Derivative::LaplacianFirst(j),
            Part::Biharmonic(..) => Derivative::Biharmonic,
        }
    }

    /// Its inputs there, one or two.
    fn inputs(self) -> (usize, usize) {
        match self {
            Part::Laplacian(i) | Part::LaplacianFirst(_, i) => (i, i),
            Part::Biharmonic(i, j) => (i, j),
        }
    }
}

/// Whether a node is a derivative of an order, and if so of what and, if it collapses, as which part.
fn part(graph: &Graph, id: Id, search: Search) -> Option<(Source, Option<Part>)> {
    let Entry { output, derivative } = graph.entry(id)?;
    let is_other = search.outputs.is_some_and(|outputs| !outputs.contains(&output));
    if is_other || derivative.order() != search.order || derivative.inputs().is_none() {
        return None;
    }
    match *graph.node(id) {
        Node::Leaf(Leaf::Entry(_, place)) => Some(((output, place), Part::of(derivative))),
        // At a point that is not counted.
        _ => Some(((output, 0), None)),
    }
}

/// A term of a sum that is a part, or a product of one with other factors.
struct Carrier {
    part: Part,
    common: Common,
}

/// What the terms of a combination have in common: what they are derivatives of, and the other factors.
type Common = (Source, Vec<(Id, i32)>);

/// A node as a carrier; `Err` where it holds a derivative of this order in another way.
fn carrier(graph: &Graph, id: Id, search: Search) -> Result<Option<Carrier>, ()> {
    let own = |id| match part(graph, id, search) {
        None => Ok(None),
        Some((source, Some(part))) => Ok(Some((source, part))),
        Some((_, None)) => Err(()),
    };
    if let Some((source, part)) = own(id)? {
        return Ok(Some(Carrier { part, common: (source, vec![]) }));
    }
    let node = graph.node(id);
    let is_part = |id| part(graph, id, search).is_some();
    let Node::Product(factors) = node else {
        let holds = !matches!(node, Node::Sum(..)) && parts(node).into_iter().any(is_part);
        return if holds { Err(()) } else { Ok(None) };
    };
    let mut found = None;
    for (factor, exponent) in factors {
        if let Some(entry) = own(*factor)?
            && (found.replace(entry).is_some() || *exponent != 1)
        {
            return Err(());
        }
    }
    let others = factors.iter().copied().filter(|(factor, _)| !is_part(*factor)).collect();
    Ok(found.map(|(source, part)| Carrier { part, common: (source, others) }))
}

/// The terms of a sum that may be one collapsed derivative: which, with what in common, and their weights.
struct Combination {
    whole: Derivative,
    common: Common,
    weights: BTreeMap<(usize, usize), f64>,
}

/// The combinations in a sum.
fn combinations(graph: &Graph, node: &Node, search: Search) -> Vec<Combination> {
    let Node::Sum(_, terms) = node else { return vec![] };
    let mut found: Vec<Combination> = vec![];
    for (id, weight) in terms {
        let Ok(Some(Carrier { part, common })) = carrier(graph, *id, search) else { continue };
        let whole = part.whole();
        let is_known = |known: &Combination| known.whole == whole && known.common == common;
        let place = found.iter().position(is_known).unwrap_or_else(|| {
            found.push(Combination { whole, common, weights: BTreeMap::new() });
            found.len() - 1
        });
        found[place].weights.insert(part.inputs(), weight.0);
    }
    found
}

impl Combination {
    /// The cᵢ of L (D), with the first that is not 0 made 1, and the multiple of what they collapse to; `None` where
    /// fourth derivatives are no multiple of L L.
    fn normalised(&self, inputs: usize) -> Option<(Vec<f64>, f64)> {
        let ((first, _), multiple) = self.weights.iter().find(|(_, weight)| **weight != 0.0)?;
        let weight = |i: usize, j: usize| self.weights.get(&(i.min(j), i.max(j))).copied().unwrap_or(0.0);
        if self.whole != Derivative::Biharmonic {
            return Some(((0..inputs).map(|i| weight(i, i) / multiple).collect(), *multiple));
        }
        let multiple = weight(*first, *first);
        let c = |i: usize| if i == *first { 1.0 } else { weight(*first, i) / (2.0 * multiple) };
        let c: Vec<f64> = (0..inputs).map(c).collect();
        let is_square = |(i, j): (usize, usize)| {
            let both = if i == j { 1.0 } else { 2.0 };
            is_close(both * multiple * c[i] * c[j], weight(i, j))
        };
        let curved: Vec<usize> = (0..inputs).filter(|i| c[*i] != 0.0 || weight(*i, *i) != 0.0).collect();
        let pairs = curved.iter().flat_map(|i| curved.iter().map(move |j| (*i, *j)));
        let is_known = |(i, j): &(usize, usize)| curved.contains(i) && curved.contains(j);
        let all = self.weights.keys().all(is_known) && pairs.filter(|(i, j)| i <= j).all(is_square);
        (multiple != 0.0 && all).then_some((c, multiple))
    }
}

/// Equal but for the rounding of some products and divisions.
fn is_close(a: f64, b: f64) -> bool {
    (a - b).abs() <= 8.0 * f64::EPSILON * a.abs()
}

fn are_alike(known: &[f64], found: &[f64]) -> bool {
    known.iter().zip(found).all(|(a, b)| is_close(*a, *b))
}

/// The cᵢ of the one L through which all derivatives of an order enter, if there is one.
fn combination(expressions: &[Expression], search: Search) -> Option<Vec<f64>> {
    let mut common: Option<Vec<f64>> = None;
    for Expression { graph, root } in expressions {
        if carrier(graph, *root, search).ok()?.is_some() {
            return None;
        }
        for id in graph.reachable(&[*root]) {
            let node = graph.node(id);
            // A carrier is a term of sums alone.
            carrier(graph, id, search).ok()?;
            let is_product_of_one =
                |id| part(graph, id, search).is_none() && matches!(carrier(graph, id, search), Ok(Some(_)));
            if !matches!(node, Node::Sum(..)) && parts(node).into_iter().any(is_product_of_one) {
                return None;
            }
            for found in combinations(graph, node, search) {
                let (found, _) = found.normalised(search.inputs)?;
                if !are_alike(common.get_or_insert_with(|| found.clone()), &found) {
                    return None;
                }
            }
        }
    }
    common
}

/// Reads each combination of an order in one entry.
fn rewrite(expression: &mut Expression, search: Search) {
    expression.root = expression.graph.rewritten(expression.root, |graph, id, substitutes| {
        let node = graph.node(id).clone();
        let found = combinations(graph, &node, search);
        let Node::Sum(constant, terms) = node else { return None };
        let mut sum: Vec<_> = terms
            .iter()
            .filter(|(id, _)| matches!(carrier(graph, *id, search), Ok(None)))
            .map(|(id, weight)| (substitutes[id], weight.0))
            .collect();
        for combination in found {
            let (_, multiple) = combination.normalised(search.inputs).expect("a combination that was met");
            let Combination { whole, common: ((output, place), others), .. } = combination;
            let entry = graph.leaf(Leaf::Entry(Entry { output, derivative: whole }, place));
            let others = others.into_iter().map(|(factor, exponent)| (substitutes[&factor], exponent));
            sum.push((graph.product(others.chain([(entry, 1)])), multiple));
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
            definitions: [("lap", "u_xx + u_yy + u_zz"), ("g", "sin(x)^2*y*(1 - y)")]
                .map(|(a, b)| (a.into(), b.into()))
                .into(),
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
    fn a_biharmonic_travels_collapsed() {
        let laplacians =
            ["d(lap, x, x) + d(lap, y, y) + d(lap, z, z)", "d(lap, x)*u_x + k*d(lap, y) - 3*d(lap, z) + lap"];
        let all = "u_xxxx + u_yyyy + u_zzzz + 2*u_xxyy + 2*u_xxzz + 2*u_yyzz";
        for (texts, coefficients) in [
            (vec![all], [1.0, 1.0, 1.0]),
            (vec![laplacians[0]], [1.0, 1.0, 1.0]),
            (vec![all, laplacians[1], "u_xy"], [1.0, 1.0, 1.0]),
            (vec!["sin(u)*(d(lap, x, x) + d(lap, y, y) + d(lap, z, z))^2 = v", "v_xx + v_yy + v_zz"], [1.0, 1.0, 1.0]),
            (vec!["u_xxxx - 4*u_xxyy + 4*u_yyyy = u_xx"], [1.0, -2.0, 0.0]),
            (vec!["x*u_xxxx/2 + 0.3*x*u_xxyy + 0.045*x*u_yyyy"], [1.0, 0.3, 0.0]),
            (vec!["d(d(g*u, x, x) + d(g*u, y, y), x, x) + d(d(g*u, x, x) + d(g*u, y, y), y, y)"], [1.0, 1.0, 0.0]),
        ] {
            let mut expressions = read(&texts);
            let found = layout(&mut expressions, 3);
            let near = found.laplacian().iter().zip(coefficients).all(|(a, b)| (a - b).abs() < 1e-15);
            assert!(near && found.laplacian().len() == 3, "{texts:?} {:?}", found.laplacian());
            let mut read = expressions.iter().flat_map(Expression::entries).map(|entry| entry.derivative);
            assert!(read.all(|read| read.order() < 3 || read.inputs().is_none()), "{texts:?}");
        }
    }

    #[test]
    fn a_collapsed_biharmonic_has_the_same_value() {
        // Of a function whose derivative by S is Π of a number for each input, so that L is a number, too.
        let slopes = [0.7, -1.3, 0.4];
        let jets = |layout: JetLayout| {
            let c = layout.laplacian().to_vec();
            let laplacian: f64 = c.iter().zip(slopes).map(|(c, slope)| c * slope * slope).sum();
            let value = |derivative: Derivative| match derivative {
                Derivative::Laplacian => laplacian,
                Derivative::LaplacianFirst(i) => laplacian * slopes[i],
                Derivative::Biharmonic => laplacian * laplacian,
                _ => derivative.inputs().unwrap().into_iter().map(|i| slopes[i]).product(),
            };
            let values = layout.derivatives().map(value).collect();
            crate::jet::Jets { layout, outputs: 1, values }
        };
        let points = crate::expression::PointData { inputs: &[vec![0.5], vec![0.2], vec![0.9]], ..Default::default() };
        for text in [
            "u*(u_xxxx - 4*u_xxyy + 4*u_yyyy)^2 + u_x*(u_xx - 2*u_yy) + u_xxx - 2*u_xyy",
            "d(lap, x, x) + d(lap, y, y) + d(lap, z, z) - u_x*d(lap, x) - u_z*d(lap, z) + lap^3*u",
            "3*d(lap, z, z) + 3*d(lap, x, x) + 3*d(lap, y, y) + u_zzzz + x*d(lap, x, x) + x*d(lap, y, y)",
        ] {
            let (plain, mut collapsed) = (read(&[text]), read(&[text]));
            let value =
                |expressions: &[Expression], layout| expressions[0].evaluate(&points, &[], Some(&jets(layout)))[0];
            let layout = layout(&mut collapsed, 3);
            let (expected, found) = (value(&plain, JetLayout::all(3, 4)), value(&collapsed, layout));
            assert!((found - expected).abs() < 1e-13 * expected.abs().max(1.0), "{text}: {found}, not {expected}");
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
        for texts in [
            vec!["u_xxxx + u_yyyy + 2*u_xxyy", "u_xxxx"],
            vec!["u_xxxx + u_yyyy + u_xxyy"],
            vec!["u_xxxx + u_yyyy - 2*u_xxyy + u_xxxy"],
            vec!["u_xxxx + k*u_yyyy + 2*u_xxyy"],
            vec!["u_t + u*u_x + u_xxx"],
            vec!["u_xxxx", "u_yy + u_xx"],
        ] {
            let texts: Vec<String> = texts.iter().map(|text| text.replace("u_t", "u_z")).collect();
            let mut expressions = read(&texts.iter().map(String::as_str).collect::<Vec<_>>());
            let before = expressions.clone();
            assert!(layout(&mut expressions, 3).order() > 2);
            assert_eq!(expressions, before, "{texts:?}");
        }
        // One second derivative with one tangent is less than a Laplacian with three.
        assert_eq!(layout(&mut read(&["u - 2*u_xx"]), 3).channels(), 3);
    }
}
