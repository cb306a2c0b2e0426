//! The plan of the house: `docs/architecture.md` states the layers of modules and the twins of kernels, and these tests
//! hold the code to it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

const ARCHITECTURE: &str = include_str!("../../docs/architecture.md");

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The lines of the fenced block of this name.
fn block(name: &str) -> Vec<&'static str> {
    let start = ARCHITECTURE.find(&format!("```{name}\n")).unwrap_or_else(|| panic!("no block {name:?}"));
    ARCHITECTURE[start..].lines().skip(1).take_while(|line| *line != "```").filter(|line| !line.is_empty()).collect()
}

/// All files below a folder with this extension, by their path from it.
fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = vec![];
    let mut folders = vec![folder.to_path_buf()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|found| found == extension) {
                found.push(path.strip_prefix(folder).unwrap().to_path_buf());
            }
        }
    }
    found.sort();
    found
}

/// A file's module, as a path of names.
fn module(file: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        file.with_extension("").components().map(|part| part.as_os_str().to_str().unwrap().to_string()).collect();
    if names.last().is_some_and(|name| name == "mod") {
        names.pop();
    }
    names
}

/// The paths below `crate` that code names: in imports with all their braces, and inline.
fn named(text: &str, module: &[String]) -> BTreeSet<Vec<String>> {
    let code: String = text.lines().map(|line| line.split("//").next().unwrap()).collect::<Vec<_>>().join("\n");
    // Tests may look wherever they like.
    let code = code.split("#[cfg(test)]\nmod tests {").next().unwrap();
    let mut found = BTreeSet::new();
    for statement in code.split("use ").skip(1).filter_map(|rest| rest.split(';').next()) {
        let statement = statement.split_whitespace().collect::<Vec<_>>().join(" ");
        for path in tree(&statement) {
            found.extend(absolute(&path, module));
        }
    }
    for rest in code.split("crate::").skip(1) {
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_' && c != ':').unwrap_or(rest.len());
        found.insert(rest[..end].split("::").filter(|name| !name.is_empty()).map(String::from).collect());
    }
    found
}

/// The paths of an import: `a::{b, c::{d}}` is `a::b` and `a::c::d`.
fn tree(text: &str) -> Vec<String> {
    let Some((before, rest)) = text.split_once('{') else {
        return vec![text.split(" as ").next().unwrap().trim().to_string()];
    };
    let inner = &rest[..rest.rfind('}').unwrap_or(rest.len())];
    let (mut parts, mut depth, mut part) = (vec![], 0, String::new());
    for c in inner.chars() {
        depth += i32::from(c == '{') - i32::from(c == '}');
        if c == ',' && depth == 0 {
            parts.push(std::mem::take(&mut part));
        } else {
            part.push(c);
        }
    }
    parts.push(part);
    let parts = parts.iter().map(|part| part.trim()).filter(|part| !part.is_empty());
    parts.flat_map(|part| tree(&format!("{}{part}", before.trim()))).collect()
}

/// A path from the crate's root; none for other crates'.
fn absolute(path: &str, module: &[String]) -> Option<Vec<String>> {
    let mut names: Vec<String> = path.split("::").map(|name| name.trim().to_string()).collect();
    let mut base = module.to_vec();
    match names[0].as_str() {
        "crate" => base.clear(),
        "self" => {}
        "super" => {
            while names.first().is_some_and(|name| name == "super") {
                names.remove(0);
                base.pop();
            }
            return Some([base, names].concat());
        }
        _ => return None,
    }
    names.remove(0);
    Some([base, names].concat())
}

/// The layer of each name in a block: `pass   what it holds` and, on one line, `cpu, gpu   the devices`.
fn layers(name: &str) -> BTreeMap<&'static str, usize> {
    let mut layers = BTreeMap::new();
    for (layer, line) in block(name).into_iter().enumerate() {
        let names = line.split("  ").next().unwrap();
        for name in names.split(", ") {
            assert_eq!(layers.insert(name.trim(), layer), None, "{name} stands twice");
        }
    }
    layers
}

/// Checks the arrows among the rooms of a folder: each goes to a room that stands higher in the list.
fn check_arrows(folder: &str, block: &str, prefix: &[&str]) -> usize {
    let layers = layers(block);
    let mut seen = BTreeSet::new();
    let (mut arrows, mut wrong) = (0, BTreeSet::new());
    for file in files(&root().join(folder), "rs") {
        let own = module(&file);
        let Some(room) = own.first().cloned() else { continue };
        if own.iter().any(|name| name == "tests" || name == "testing") || ["lib", "main"].contains(&room.as_str()) {
            continue;
        }
        seen.insert(room.clone());
        let text = std::fs::read_to_string(root().join(folder).join(&file)).unwrap();
        let whole: Vec<String> = prefix.iter().map(|name| name.to_string()).chain(own.clone()).collect();
        for path in named(&text, &whole) {
            let Some(to) = path.strip_prefix(prefix.iter().map(|n| n.to_string()).collect::<Vec<_>>().as_slice())
            else {
                continue;
            };
            let Some(to) = to.first().filter(|to| **to != room && layers.contains_key(to.as_str())) else { continue };
            arrows += 1;
            let from = layers.get(room.as_str()).unwrap_or_else(|| panic!("{room} stands in no layer of {block}"));
            if layers[to.as_str()] >= *from {
                wrong.insert(format!("{}: {room} -> {to}", file.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "arrows that run back or sideways in {folder}:\n{}", Vec::from_iter(wrong).join("\n"));
    let known: BTreeSet<String> = layers.keys().map(|name| name.to_string()).collect();
    assert_eq!(seen, known, "the modules of {folder} and the block {block}");
    arrows
}

#[test]
fn imports_point_up() {
    assert!(check_arrows("src", "layers", &[]) > 100);
}

#[test]
fn imports_of_a_device_point_up() {
    assert!(check_arrows("src/gpu", "gpu-layers", &["gpu"]) > 20);
    assert!(check_arrows("src/cpu", "cpu-layers", &["cpu"]) > 20);
}

#[test]
fn imports_are_read_whole() {
    let module: Vec<String> = ["a", "b"].map(String::from).to_vec();
    let text =
        "use crate::x::{y, z::{self, w}};\nuse super::c::d;\nuse std::fmt; fn f() { crate::k::l() } // crate::no\n";
    let found: BTreeSet<String> = named(text, &module).iter().map(|path| path.join("::")).collect();
    for path in ["x::y", "x::z::self", "x::z::w", "a::c::d", "k::l"] {
        assert!(found.contains(path), "{path}: {found:?}");
    }
    assert!(!found.iter().any(|path| path.contains("no") || path.contains("fmt")));
}

#[test]
fn every_kernel_has_its_twin() {
    // `products/linear_f16.wgsl   why there is no twin`
    let reasons = |name: &str| -> BTreeMap<PathBuf, &str> {
        let line = |line: &'static str| line.split_once("  ").map(|(file, why)| (PathBuf::from(file), why.trim()));
        block(name).into_iter().map(|l| line(l).unwrap_or_else(|| panic!("{l}: no reason"))).collect()
    };
    let rooms = ["products", "rules", "layers", "terms", "optimizer"];
    let of = |folder: &str, extension: &str| -> BTreeSet<PathBuf> {
        let is_kernel = |file: &PathBuf| {
            let room = file.iter().next().unwrap().to_str().unwrap();
            rooms.contains(&room) && file.file_stem().unwrap() != "mod" && file.iter().count() == 2
        };
        files(&root().join(folder), extension).into_iter().filter(is_kernel).collect()
    };
    let (cpu, gpu) = (of("src/cpu", "rs"), of("shaders", "wgsl"));
    let (cpu_alone, gpu_alone) = (reasons("cpu-alone"), reasons("gpu-alone"));
    let mut pairs = 0;
    for file in &gpu {
        let twin = file.with_extension("rs");
        if gpu_alone.contains_key(file) {
            assert!(!cpu.contains(&twin), "{} has a twin", file.display());
            continue;
        }
        assert!(cpu.contains(&twin), "shaders/{} has no twin src/cpu/{}", file.display(), twin.display());
        let text = std::fs::read_to_string(root().join("src/cpu").join(&twin)).unwrap();
        let says = format!("shaders/{}", file.display());
        assert!(text.contains(&says), "src/cpu/{} does not name its twin {says}", twin.display());
        pairs += 1;
    }
    for file in &cpu {
        let has_twin = gpu.contains(&file.with_extension("wgsl"));
        assert!(has_twin != cpu_alone.contains_key(file), "src/cpu/{}", file.display());
    }
    assert!(gpu_alone.keys().all(|file| gpu.contains(file)) && cpu_alone.keys().all(|file| cpu.contains(file)));
    assert!(pairs >= 10, "{pairs} pairs");
}

#[test]
fn every_activation_has_its_shader() {
    let names = jetfit::jet::Activation::ALL.map(|activation| activation.name().to_string());
    let stems: BTreeSet<String> = files(&root().join("shaders/rules/activations"), "wgsl")
        .iter()
        .map(|file| file.file_stem().unwrap().to_str().unwrap().to_string())
        .filter(|stem| stem != "identity")
        .collect();
    assert_eq!(stems, BTreeSet::from(names));
}
