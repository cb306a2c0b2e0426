//! Fits a network to arrays, and compares its value and derivatives with the truth.
//!
//! `cargo run --release --example fit`
//!
//! y = exp(-x²/2)·cos(3x) as somebody measured it: x in millimetres, y in pascals. The units need no scaling by hand,
//! and derivatives come in pascals per millimetre.

use jetfit::{Activation, Derivative, Fit, Fitted};

/// Millimetres for one unit of x, and pascals for one of y.
const MILLIMETRES: f64 = 1000.0;
const PASCALS: f64 = 101_325.0;

/// y, dy/dx and d²y/dx² in pascals and millimetres.
pub fn truth(millimetres: f64) -> [f64; 3] {
    let x = millimetres / MILLIMETRES;
    let (bell, sin, cos) = ((-x * x / 2.0).exp(), (3.0 * x).sin(), (3.0 * x).cos());
    let y = bell * cos;
    let dy = bell * (-x * cos - 3.0 * sin);
    let d2y = bell * ((x * x - 10.0) * cos + 6.0 * x * sin);
    [PASCALS * y, PASCALS / MILLIMETRES * dy, PASCALS / MILLIMETRES.powi(2) * d2y]
}

/// 200 measurements from -3 m to 3 m, and a network fitted to them.
pub fn fit() -> jetfit::Result<Fitted> {
    let x: Vec<f64> = (0..200).map(|i| MILLIMETRES * (-3.0 + 6.0 * i as f64 / 199.0)).collect();
    let y: Vec<f64> = x.iter().map(|x| truth(*x)[0]).collect();
    Fit::new(&[x], &[y])
        .hidden(&[32, 32])
        .activation(Activation::Tanh)
        .steps(3000)
        .learning_rate(0.01)
        .seed(1)
        .device("cpu")
        .run()
}

#[allow(dead_code, reason = "the tests call `fit`")]
fn main() -> jetfit::Result<()> {
    let fit = fit()?;
    // Points that it was not trained on.
    let points: Vec<f64> = (0..7).map(|i| MILLIMETRES * (-2.71 + 0.9 * f64::from(i))).collect();
    let jets = fit.jets(&[&points])?;
    let [y, dy, d2y] = [Derivative::Value, Derivative::First(0), Derivative::Second(0, 0)]
        .map(|derivative| jets.entry(0, derivative).expect("jets hold all derivatives up to the second"));
    println!("  x in mm |     y in Pa    (truth) | dy/dx in Pa/mm  (truth) | d2y/dx2 in Pa/mm2  (truth)");
    for (i, x) in points.iter().enumerate() {
        let [true_y, true_dy, true_d2y] = truth(*x);
        println!(
            "{x:9.0} | {:11.1} {true_y:10.1} | {:14.3} {true_dy:8.3} | {:17.6} {true_d2y:9.6}",
            y[i], dy[i], d2y[i]
        );
    }
    let report = fit.report();
    println!(
        "\n{} steps in {:.1} s on {}, stopped: {}",
        report.steps,
        report.seconds,
        report.device,
        report.stop.name()
    );
    fit.warnings().iter().for_each(|warning| println!("warning: {warning}"));
    fit.save(std::env::temp_dir().join("jetfit-example.safetensors"))
}
