//! Solves the heat equation u_t = 0.1 u_xx from Rust, and compares with the exact solution.
//!
//! `cargo run --release --example pde`

use std::f64::consts::PI;

use jetfit::{Fit, Fitted, Points};

/// u(x, t) = exp(-0.1 π² t) sin(πx)
pub fn truth(x: f64, t: f64) -> f64 {
    (-0.1 * PI * PI * t).exp() * (PI * x).sin()
}

/// A bar of length 1 whose ends are kept at 0, from a sine at t = 0 to t = 2.
pub fn solve() -> jetfit::Result<Fitted> {
    Fit::equations(&[("x", 0.0, 1.0), ("t", 0.0, 2.0)], &["u"])
        .term("heat", "u_t = 0.1*u_xx", Points::interior(1000))
        .term("ends", "u = 0", Points::boundary(100))
        .term("start", "u = sin(pi*x)", Points::on("t = 0", 100))
        .hidden(&[16, 16])
        .seed(1)
        .device("cpu")
        .with("optimizer.name = 'gauss-newton'\ntraining.steps = 60\ndevice.precision = 'f64'")
        .run()
}

#[allow(dead_code, reason = "the tests call `solve`")]
fn main() -> jetfit::Result<()> {
    let heat = solve()?;
    println!("   x     t  | u          truth");
    for (x, t) in [(0.5, 0.0), (0.5, 1.0), (0.25, 1.3), (0.7, 2.0)] {
        let u = heat.values(&[[x], [t]])?[0][0];
        println!("{x:5.2} {t:5.2}  | {u:.6}   {:.6}", truth(x, t));
    }
    let report = heat.report();
    println!("\n{} steps in {:.1} s on {}", report.steps, report.seconds, report.device);
    report.terms.iter().for_each(|term| println!("{}: mean square {:.1e}", term.name, term.training));
    heat.warnings().iter().for_each(|warning| println!("warning: {warning}"));
    Ok(())
}
