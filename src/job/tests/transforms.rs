//! Jobs with features and transforms: what they mean, round trips, and every mistake at its place.

use super::*;

const PERIODIC: &str = "\
[variables]
x = [0, 6.3]
t = [0, 1]
[network]
outputs = [\"u\", \"v\"]
hidden = [7]
features = [\"sin(x)\", \"cos(x)\", \"slow\"]
fourier = { count = 5, scale = 2.5 }
[coefficients]
k = 2
[definitions]
slow = \"t^2\"
[transforms]
u = \"sin(k*x) + t*net\"
[[term]]
name = \"equation\"
residual = \"u_t + v_x = k*u_xx\"
points = { count = 100 }
";

fn message(from: &str, to: &str) -> String {
    assert!(PERIODIC.contains(from), "{from}");
    let error = parse(&PERIODIC.replace(from, to)).expect_err(to);
    assert_eq!(error.exit_code(), 2);
    error.to_string()
}

#[test]
fn features_and_transforms_are_what_they_say() {
    let job = parse(PERIODIC).unwrap();
    assert_eq!((job.networks[0].features(), job.network_spec().networks[0].inputs), (3 + 2 * 5, 13));
    assert_eq!(job.networks[0].fourier, Some(Fourier { count: 5, scale: 2.5 }));
    let transforms = job.transforms(str::to_string).unwrap();
    assert!(transforms.has("u") && !transforms.has("v"));
    // u_t = net + t net_t, v_x, and u_xx = -k² sin(kx) + t net_xx: of u the value and three entries.
    let equation = job.equation(&job.terms[0], |key| key.to_string()).unwrap();
    assert_eq!(equation.residual.entries().len(), 4);
    let again = Job::parse(&job.to_toml(), "/elsewhere/job.toml", &Overrides::default()).unwrap();
    assert_eq!((&again, again.to_toml()), (&job, job.to_toml()));
}

#[test]
fn a_mistake_in_them_has_its_place() {
    for (from, to, place, part) in [
        ("\"slow\"]", "\"slow*u\"]", "job.toml:7: network.features", "unknown name \"u\""),
        ("\"slow\"]", "\"slow + k\"]", "job.toml:7: network.features", "unknown name \"k\""),
        ("count = 5", "count = 0", "job.toml:8: network.fourier.count", "0 is out of range"),
        ("scale = 2.5", "scale = -1", "job.toml:8: network.fourier.scale", "-1"),
        ("u = \"sin", "w = \"sin", "job.toml:14: transforms.w", "\"w\""),
        ("t*net", "t*nett", "job.toml:14: transforms.u", "did you mean \"net\"?"),
        ("t*net", "t", "job.toml:14: transforms.u", "the transform does not use net"),
        ("t*net", "t*v", "job.toml:14: transforms.u", "unknown name \"v\""),
        ("\"u\", \"v\"", "\"u\", \"net\"", "job.toml:5: network.outputs", "the network's raw output"),
        ("u_t + v_x", "u_ttttt + v_x", "job.toml:17: term \"equation\": residual", "fifth or higher derivative"),
        ("k*u_xx", "net", "job.toml:17: term \"equation\": residual", "unknown name \"net\""),
    ] {
        let message = message(from, to);
        assert!(message.contains(place) && message.contains(part), "{message}\nlacks {place} or {part}");
    }
}
