//! `jetfit new`: what it writes can be trained as it is.

use std::path::Path;

use assert_cmd::Command;

/// Runs the program in a folder: its exit code, stdout and stderr.
fn jetfit(folder: &Path, arguments: &[&str]) -> (i32, String, String) {
    let output = Command::cargo_bin("jetfit").unwrap().current_dir(folder).args(arguments).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[test]
fn every_starter_trains_and_is_never_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    // The weighted loss after 1500 steps; measured: 2.7e-3, 8.9e-6, 1.6e-3, 1.3e-3.
    for (kind, bar) in [("curve", 1e-2), ("sobolev", 1e-4), ("equation", 1e-2), ("inverse", 1e-2)] {
        let (code, said, stderr) = jetfit(folder.path(), &["new", kind]);
        assert!(code == 0 && said.contains(&format!("next:  jetfit train {kind}/job.toml")), "{said}{stderr}");
        let job = format!("{kind}/job.toml");
        let train = ["train", &job, "--steps", "1500", "--device", "cpu", "--format", "json", "--quiet"];
        let (code, report, stderr) = jetfit(folder.path(), &train);
        assert_eq!(code, 0, "{kind}: {stderr}");
        let report: serde_json::Value = serde_json::from_str(&report).unwrap();
        let loss = report["losses"]["training"].as_f64().unwrap();
        assert!(loss < bar, "{kind}: {loss:e}");
        assert!(folder.path().join("runs").join(kind).join("fit.png").is_file());
        let (code, _, stderr) = jetfit(folder.path(), &["new", kind]);
        assert!(code == 2 && stderr.contains("job.toml: this file already exists"), "{stderr}");
    }
    let (code, ..) = jetfit(folder.path(), &["new", "curve", "--out", "elsewhere/deep"]);
    assert!(code == 0 && folder.path().join("elsewhere/deep/data.csv").is_file());
}
