//! A naive evaluator of random trees: dual numbers, whose parts carry a bound of their rounding.

use std::ops::{Add, Div, Mul, Neg, Sub};

use super::{Condition, Tree};

/// A number with a bound of its error in units of ε, and whether the bound can be trusted: not near
/// a jump or a pole, within the range of f32, and where a small error is none any more.
#[derive(Clone, Copy, Debug)]
pub struct Bounded {
    pub value: f64,
    pub error: f64,
    pub sure: bool,
    /// ε: the largest relative error of one rounding.
    pub epsilon: f64,
}

impl Bounded {
    pub fn new(value: f64, error: f64, epsilon: f64) -> Self {
        Self { value, error, sure: true, epsilon }.checked()
    }

    fn constant(self, value: f64) -> Self {
        Self { value, error: value.abs(), sure: true, ..self }
    }

    fn checked(mut self) -> Self {
        self.sure &= self.value == 0.0 || (1e-30..1e12).contains(&self.value.abs());
        self.sure &= self.epsilon * self.error < 1e-3 * self.value.abs().max(1.0);
        self
    }

    /// Unsure unless this number is certainly further from 0 than its error.
    fn away_from_zero(mut self) -> Self {
        self.sure &= self.value.abs() > 1e3 * self.epsilon * self.error;
        self
    }

    /// f(self), with the derivative `slope` there. A function may be 4 ULP, 8 ε, off.
    fn map(self, value: f64, slope: f64) -> Self {
        Self { value, error: slope.abs() * self.error + 8.0 * value.abs(), ..self }.checked()
    }

    fn sin(self) -> Self {
        // Far out its error is absolute.
        let mut sin = self.map(self.value.sin(), self.value.cos());
        sin.error += 8.0;
        sin.sure &= self.value.abs() < 5e3;
        sin
    }

    fn cos(self) -> Self {
        (self + self.constant(std::f64::consts::FRAC_PI_2)).sin()
    }

    fn sqrt(self) -> Self {
        let x = self.away_from_zero();
        x.map(x.value.sqrt(), 0.5 / x.value.sqrt())
    }

    fn exp(self) -> Self {
        self.map(self.value.exp(), self.value.exp())
    }

    fn log(self) -> Self {
        let x = self.away_from_zero();
        let mut log = x.map(x.value.ln(), 1.0 / x.value);
        log.error += 2.0;
        log
    }

    fn powi(self, n: i32) -> Self {
        let x = if n < 0 { self.away_from_zero() } else { self };
        let mut power = x.map(x.value.powi(n), f64::from(n) * x.value.powi(n - 1));
        power.error += f64::from(n).abs() * power.value.abs();
        power
    }

    /// By the logarithm.
    fn pow(self, y: Self) -> Self {
        (y * self.log()).exp()
    }
}

impl Add for Bounded {
    type Output = Self;
    fn add(self, b: Self) -> Self {
        let error = self.error + b.error + self.value.abs() + b.value.abs();
        Self { value: self.value + b.value, error, sure: self.sure && b.sure, ..self }.checked()
    }
}

impl Neg for Bounded {
    type Output = Self;
    fn neg(self) -> Self {
        Self { value: -self.value, ..self }
    }
}

impl Sub for Bounded {
    type Output = Self;
    fn sub(self, b: Self) -> Self {
        self + -b
    }
}

impl Mul for Bounded {
    type Output = Self;
    fn mul(self, b: Self) -> Self {
        let value = self.value * b.value;
        let error = self.value.abs() * b.error + b.value.abs() * self.error + 2.0 * value.abs();
        Self { value, error, sure: self.sure && b.sure, ..self }.checked()
    }
}

impl Div for Bounded {
    type Output = Self;
    fn div(self, b: Self) -> Self {
        self * b.powi(-1)
    }
}

/// A number with its derivatives.
#[derive(Clone, Debug)]
pub struct Dual {
    pub value: Bounded,
    pub slopes: Vec<Bounded>,
}

impl Dual {
    /// value, and slope · each derivative.
    fn chain(&self, value: Bounded, slope: Bounded) -> Self {
        Self { value, slopes: self.slopes.iter().map(|d| slope * *d).collect() }
    }

    fn both(&self, other: &Self, value: Bounded, combined: impl Fn(Bounded, Bounded) -> Bounded) -> Self {
        Self { value, slopes: self.slopes.iter().zip(&other.slopes).map(|(a, b)| combined(*a, *b)).collect() }
    }
}

/// The value of a tree, and its derivatives by whatever the names' duals count.
pub fn evaluate(tree: &Tree, name: &impl Fn(&str) -> Dual) -> Dual {
    let zero = name("x");
    let constant = |value: f64| zero.chain(zero.value.constant(value), zero.value.constant(0.0));
    let value = |tree: &Tree| evaluate(tree, name);
    match tree {
        Tree::Number(number) => constant(*number),
        Tree::Name(known) => name(known),
        Tree::Negate(x) => {
            let x = value(x);
            x.chain(-x.value, x.value.constant(-1.0))
        }
        Tree::Binary("^", base, exponent) => match **exponent {
            Tree::Number(n) if n.fract() == 0.0 => {
                let x = value(base);
                let n = n as i32;
                if n == 0 {
                    return constant(1.0);
                }
                x.chain(x.value.powi(n), x.value.constant(f64::from(n)) * x.value.powi(n - 1))
            }
            _ => power(&value(base), &value(exponent)),
        },
        Tree::Binary(operator, a, b) => {
            let (a, b) = (value(a), value(b));
            let (x, y) = (a.value, b.value);
            match *operator {
                "+" => a.both(&b, x + y, |a, b| a + b),
                "-" => a.both(&b, x - y, |a, b| a - b),
                "*" => a.both(&b, x * y, |a, b| a * y + b * x),
                _ => a.both(&b, x / y, |a, b| a / y - b * x / (y * y)),
            }
        }
        Tree::Call("pow", arguments) => power(&value(&arguments[0]), &value(&arguments[1])),
        Tree::Call(extreme @ ("min" | "max"), arguments) => {
            let (a, b) = (value(&arguments[0]), value(&arguments[1]));
            let first = (a.value.value < b.value.value) == (*extreme == "min");
            let sure = (a.value - b.value).away_from_zero().sure;
            let mut chosen = if first { a } else { b };
            chosen.value.sure &= sure;
            chosen
        }
        Tree::Call("mod", arguments) => {
            let (a, b) = (value(&arguments[0]), value(&arguments[1]));
            let whole = call("floor", &a.both(&b, a.value / b.value, |a, _| a));
            let (below, less) = (whole.value * b.value, whole.value);
            a.both(&b, a.value - below, |a, b| a - less * b)
        }
        Tree::Call(function, arguments) => call(function, &value(&arguments[0])),
        Tree::If(condition, parts) => {
            let (holds, sure) = decided(condition, name);
            let mut chosen = value(&parts[if holds { 0 } else { 1 }]);
            chosen.value.sure &= sure;
            chosen
        }
    }
}

/// Whether a condition holds, and whether that is sure.
fn decided(condition: &Condition, name: &impl Fn(&str) -> Dual) -> (bool, bool) {
    match condition {
        Condition::Compare(relation, parts) => {
            let [left, right] = parts.each_ref().map(|part| evaluate(part, name).value);
            let holds = match *relation {
                "<" | "<=" => left.value < right.value,
                ">" | ">=" => left.value > right.value,
                relation => relation == "!=",
            };
            (holds, left.sure && right.sure && (left - right).away_from_zero().sure)
        }
        Condition::Join(word, parts) => {
            let [(a, sure_a), (b, sure_b)] = parts.each_ref().map(|part| decided(part, name));
            (if *word == "and" { a && b } else { a || b }, sure_a && sure_b)
        }
        Condition::Not(condition) => {
            let (holds, sure) = decided(condition, name);
            (!holds, sure)
        }
    }
}

fn power(base: &Dual, exponent: &Dual) -> Dual {
    let (x, y) = (base.value, exponent.value);
    let value = x.pow(y);
    let by_base = y * x.pow(y - y.constant(1.0));
    let by_exponent = value * x.log();
    base.both(exponent, value, |a, b| by_base * a + by_exponent * b)
}

fn call(function: &str, dual: &Dual) -> Dual {
    let x = dual.value;
    let one = x.constant(1.0);
    let step = |value: f64| {
        let near = x.away_from_zero();
        dual.chain(Bounded { value, error: 0.0, ..near }, Bounded { error: 0.0, ..x.constant(0.0) })
    };
    match function {
        "sin" => dual.chain(x.sin(), x.cos()),
        "cos" => dual.chain(x.cos(), -x.sin()),
        "tan" => {
            let tan = x.sin() / x.cos();
            dual.chain(tan, one + tan * tan)
        }
        "asin" => {
            let slope = one / (one - x * x).sqrt();
            dual.chain(x.map(x.value.asin(), slope.value), slope)
        }
        "acos" => {
            let slope = one / (one - x * x).sqrt();
            dual.chain(x.map(x.value.acos(), slope.value), -slope)
        }
        "atan" => {
            let slope = one / (one + x * x);
            dual.chain(x.map(x.value.atan(), slope.value), slope)
        }
        "sinh" => dual.chain(x.map(x.value.sinh(), x.value.cosh()), x.map(x.value.cosh(), x.value.sinh())),
        "cosh" => dual.chain(x.map(x.value.cosh(), x.value.sinh()), x.map(x.value.sinh(), x.value.cosh())),
        "tanh" => {
            let tanh = x.map(x.value.tanh(), 1.0);
            dual.chain(tanh, one - tanh * tanh)
        }
        "exp" => dual.chain(x.exp(), x.exp()),
        "log" => dual.chain(x.log(), one / x),
        "sqrt" => dual.chain(x.sqrt(), one / (x.constant(2.0) * x.sqrt())),
        "erf" => {
            let slope = x.constant(std::f64::consts::FRAC_2_SQRT_PI) * (-(x * x)).exp();
            dual.chain(x.map(libm::erf(x.value), slope.value), slope)
        }
        "sigmoid" => {
            let e = (-x.value).exp();
            let sigmoid = x.map(1.0 / (1.0 + e), 1.0);
            dual.chain(sigmoid, sigmoid * (one - sigmoid))
        }
        "abs" => {
            let near = x.away_from_zero();
            dual.chain(Bounded { value: x.value.abs(), ..near }, x.constant(x.value.signum()))
        }
        "sign" => step(x.value.signum()),
        "floor" | "ceil" => {
            let value = if function == "floor" { x.value.floor() } else { x.value.ceil() };
            let from_whole = x + x.constant(-x.value.round());
            let (sure, zero) = (from_whole.away_from_zero().sure, Bounded { error: 0.0, ..x.constant(0.0) });
            dual.chain(Bounded { value, error: 0.0, sure, ..x }, zero)
        }
        "heaviside" => step(f64::from(u8::from(x.value >= 0.0))),
        _ => unreachable!("{function} is no function of the trees"),
    }
}
