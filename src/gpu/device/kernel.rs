//! Compiled kernels and the buffers bound to them.

use crate::gpu::device::Device;

/// A shader as it is compiled, with the stem of its file.
#[derive(Clone)]
pub struct Source {
    pub file: &'static str,
    pub text: String,
}

/// The entry points of the shaders.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EntryPoint {
    AbsMax,
    Adam,
    Add,
    Adjoint,
    AdjointBar,
    AdjointSeeds,
    Backward,
    Coefficients,
    Combine,
    Copy,
    Cotangent,
    Dots,
    Evaluate,
    Forward,
    Gather,
    Losses,
    MeansAndGradient,
    WeightGradient,
    #[cfg(test)]
    Test(&'static str),
}

impl EntryPoint {
    /// Its name in the shader.
    pub fn name(self) -> &'static str {
        match self {
            EntryPoint::AbsMax => "abs_max",
            EntryPoint::Adam => "adam",
            EntryPoint::Add => "add",
            EntryPoint::Adjoint => "adjoint",
            EntryPoint::AdjointBar => "adjoint_bar",
            EntryPoint::AdjointSeeds => "adjoint_seeds",
            EntryPoint::Backward => "backward",
            EntryPoint::Coefficients => "coefficients",
            EntryPoint::Combine => "combine",
            EntryPoint::Copy => "copy",
            EntryPoint::Cotangent => "cotangent",
            EntryPoint::Dots => "dots",
            EntryPoint::Evaluate => "evaluate",
            EntryPoint::Forward => "forward",
            EntryPoint::Gather => "gather",
            EntryPoint::Losses => "losses",
            EntryPoint::MeansAndGradient => "means_and_gradient",
            EntryPoint::WeightGradient => "weight_gradient",
            #[cfg(test)]
            EntryPoint::Test(name) => name,
        }
    }

    /// Whether its group 1 is the ring of steps.
    fn reads_step(self) -> bool {
        use EntryPoint::{Adam, Coefficients, Cotangent, Gather, MeansAndGradient};
        matches!(self, Adam | Coefficients | Cotangent | Gather | MeansAndGradient)
    }
}

/// A compiled entry point with the layout of its group 0.
#[derive(Clone)]
pub struct Kernel {
    /// The stem of its file and its entry point.
    pub name: String,
    pub pipeline: wgpu::ComputePipeline,
    layout: wgpu::BindGroupLayout,
    /// Whether group 1 is the ring of steps.
    pub reads_step: bool,
}

/// How a kernel sees a buffer.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Access {
    Uniform,
    Read,
    Write,
}

impl Device {
    /// Compiles an entry point once and keeps it; the bindings are those of its group 0.
    pub fn kernel(&mut self, source: Source, entry_point: EntryPoint, bindings: &[(u32, Access)]) -> Kernel {
        let key = (source.text, entry_point);
        if let Some(kernel) = self.kernels.get(&key) {
            return kernel.clone();
        }
        let kernel = self.compile(source.file, &key.0, entry_point, bindings);
        self.kernels.insert(key, kernel.clone());
        kernel
    }

    fn compile(&self, file: &str, source: &str, entry_point: EntryPoint, bindings: &[(u32, Access)]) -> Kernel {
        let (entry, reads_step) = (entry_point.name(), entry_point.reads_step());
        let name = format!("{file} {entry}");
        let label = Some(&name[..]);
        let description = wgpu::ShaderModuleDescriptor { label, source: wgpu::ShaderSource::Wgsl(source.into()) };
        let checks = match self.checked {
            true => wgpu::ShaderRuntimeChecks::checked(),
            false => wgpu::ShaderRuntimeChecks::unchecked(),
        };
        // SAFETY: the shaders are our own: every index is guarded against the shapes that the host
        // allocates for, every loop has a bound, and no divisor is 0. The tests run them checked.
        let module = unsafe { self.device.create_shader_module_trusted(description, checks) };
        let entries: Vec<_> = bindings.iter().map(|(binding, access)| layout_entry(*binding, *access, false)).collect();
        let layout =
            self.device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor { label, entries: &entries });
        let groups = [Some(&layout), Some(&self.step_layout)];
        let pipeline_layout = self.device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            label,
            bind_group_layouts: &groups[..1 + usize::from(reads_step)],
            immediate_size: 0,
        });
        let pipeline = self.device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label,
            layout: Some(&pipeline_layout),
            module: &module,
            entry_point: Some(entry),
            compilation_options: wgpu::PipelineCompilationOptions {
                zero_initialize_workgroup_memory: self.checked,
                ..Default::default()
            },
            cache: None,
        });
        Kernel { name, pipeline, layout, reads_step }
    }

    /// Group 0 of a kernel.
    pub fn bind(&self, kernel: &Kernel, buffers: &[(u32, &wgpu::Buffer)]) -> wgpu::BindGroup {
        let entries: Vec<_> = buffers
            .iter()
            .map(|(binding, buffer)| wgpu::BindGroupEntry { binding: *binding, resource: buffer.as_entire_binding() })
            .collect();
        self.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: None,
            layout: &kernel.layout,
            entries: &entries,
        })
    }
}

/// One binding of a group.
pub fn layout_entry(binding: u32, access: Access, has_dynamic_offset: bool) -> wgpu::BindGroupLayoutEntry {
    wgpu::BindGroupLayoutEntry {
        binding,
        visibility: wgpu::ShaderStages::COMPUTE,
        ty: wgpu::BindingType::Buffer {
            ty: match access {
                Access::Uniform => wgpu::BufferBindingType::Uniform,
                Access::Read => wgpu::BufferBindingType::Storage { read_only: true },
                Access::Write => wgpu::BufferBindingType::Storage { read_only: false },
            },
            has_dynamic_offset,
            min_binding_size: None,
        },
        count: None,
    }
}
