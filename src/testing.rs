//! Whether WGSL is what every device takes, for the tests.

use naga::back::{hlsl, msl, spv};
use naga::valid::{Capabilities, ModuleInfo, ShaderStages, SubgroupOperationSet, ValidationFlags, Validator};

/// Validates with no optional capability and translates to what Vulkan, Metal and DX12 take.
pub fn translate(name: &str, source: &str) {
    let (module, info) = validate(name, source, Capabilities::empty());
    to_vulkan(name, &module, &info);
    to_metal(name, &module, &info, (1, 0));
    let options = hlsl::Options::default();
    let mut text = String::new();
    hlsl::Writer::new(&mut text, &options, &hlsl::PipelineOptions::default())
        .write(&module, &info, None)
        .unwrap_or_else(|e| panic!("{name}: HLSL: {e}"));
}

/// Validates for matrix units of f16 and translates to what Vulkan and Metal take; DX12 offers none.
pub fn translate_for_units(name: &str, source: &str) {
    let capabilities = Capabilities::COOPERATIVE_MATRIX | Capabilities::SHADER_FLOAT16 | Capabilities::SUBGROUP;
    let (module, info) = validate(name, source, capabilities);
    to_vulkan(name, &module, &info);
    to_metal(name, &module, &info, (2, 4));
}

fn validate(name: &str, source: &str, capabilities: Capabilities) -> (naga::Module, ModuleInfo) {
    let fail = |problem: String| -> ! { panic!("{name}: {problem}") };
    let module = naga::front::wgsl::parse_str(source).unwrap_or_else(|e| fail(e.emit_to_string(source)));
    let mut validator = Validator::new(ValidationFlags::all(), capabilities);
    if capabilities.contains(Capabilities::SUBGROUP) {
        validator.subgroup_stages(ShaderStages::COMPUTE).subgroup_operations(SubgroupOperationSet::all());
    }
    let info = validator.validate(&module).unwrap_or_else(|e| fail(e.emit_to_string(source)));
    (module, info)
}

fn to_vulkan(name: &str, module: &naga::Module, info: &ModuleInfo) {
    spv::write_vec(module, info, &spv::Options::default(), None).unwrap_or_else(|e| panic!("{name}: SPIR-V: {e}"));
}

fn to_metal(name: &str, module: &naga::Module, info: &ModuleInfo, lang_version: (u8, u8)) {
    let options = msl::Options { fake_missing_bindings: true, lang_version, ..Default::default() };
    msl::write_string(module, info, &options, &msl::PipelineOptions::default())
        .unwrap_or_else(|e| panic!("{name}: MSL: {e}"));
}
