//! Every uniform of the host against the layout that naga gives its twin in a shader.

use std::path::Path;

use crate::gpu::device::uniforms::TWINS;

/// The struct of this name and those that it is made of, as they stand in a shader's file.
fn declaration(file: &str, name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("shaders").join(file).with_extension("wgsl");
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let structs: Vec<&str> =
        text.split("\nstruct ").skip(1).map(|part| &part[..part.find("\n}").unwrap() + 2]).collect();
    let found = |name: &str| structs.iter().find(|part| part.starts_with(&format!("{name} {{"))).copied();
    let own = found(name).unwrap_or_else(|| panic!("{file} has no struct {name}"));
    let inner = structs.iter().filter(|part| {
        let other = part.split(' ').next().unwrap();
        other != name && own.contains(&format!("<{other},"))
    });
    inner.chain([&own]).map(|part| format!("struct {part}\n")).collect()
}

#[test]
fn the_host_lays_out_what_shaders_read() {
    for twin in TWINS {
        // The number of a list's entries is a header's.
        let source = format!("const PARTS: u32 = 1u;\n{}", declaration(twin.file, twin.name));
        let module = naga::front::wgsl::parse_str(&source).unwrap_or_else(|e| panic!("{}", e.emit_to_string(&source)));
        let mut found = module.types.iter().filter(|(_, kind)| kind.name.as_deref() == Some(twin.name));
        let (_, kind) = found.next().unwrap_or_else(|| panic!("{}: {}", twin.file, twin.name));
        let naga::TypeInner::Struct { members, .. } = &kind.inner else { panic!("{} is a struct", twin.name) };
        let layout: Vec<_> = members.iter().map(|m| (m.name.as_deref().unwrap(), m.offset as usize)).collect();
        // A list at the end is written behind the struct.
        let (own, list) = layout.split_at(twin.members.len());
        assert_eq!(own, twin.members, "{}: {}", twin.file, twin.name);
        assert!(list.iter().all(|(_, offset)| *offset == twin.size), "{}: {}", twin.file, twin.name);
        assert!(list.len() <= 1);
    }
    assert!(TWINS.len() > 15);
}
