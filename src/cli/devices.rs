//! `jetfit devices`: what a job could run on.

use crate::device;
use crate::error::Result;
use crate::gpu::{AdapterInfo, Tuned, adapters, tuned};
use clap::Args;
use serde_json::json;

use super::{Format, print};

/// List the CPU and every GPU adapter, and show which one `auto` selects
#[derive(Args)]
#[command(after_help = "--device takes any part of an adapter's name. Software adapters are used only when named.")]
pub struct Arguments {
    /// Output format on stdout
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

/// Runs the subcommand.
pub fn run(arguments: Arguments) -> Result<()> {
    let adapters = adapters()?;
    let (tuned, warning) = tuned();
    if let Some(warning) = warning {
        super::warn(&warning);
    }
    let automatic = device::automatic(&adapters);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    print(&match arguments.format {
        Format::Json => json!({
            "auto": automatic.map_or("cpu", |adapter| &adapter.name),
            "cpu": { "threads": threads, "precisions": ["f32", "f64"] },
            "adapters": adapters.iter().map(|a| for_programs(a, &tuned)).collect::<Vec<_>>(),
        })
        .to_string(),
        Format::Human => {
            let mark = |is_automatic: bool| if is_automatic { "  <- auto" } else { "" };
            let cpu = format!("cpu: {threads} threads, f32 and f64{}", mark(automatic.is_none()));
            let rows = adapters.iter().map(|a| for_people(a, &tuned, mark(automatic.is_some_and(|auto| auto == a))));
            std::iter::once(cpu).chain(rows).collect::<Vec<_>>().join("\n")
        }
    })
}

/// What `bench --tune` found for an adapter.
fn own<'a>(adapter: &AdapterInfo, tuned: &'a [Tuned]) -> Vec<&'a Tuned> {
    tuned.iter().filter(|tuned| tuned.adapter == adapter.key()).collect()
}

fn for_programs(adapter: &AdapterInfo, tuned: &[Tuned]) -> serde_json::Value {
    json!({
        "tuned": own(adapter, tuned),
        "name": adapter.name,
        "backend": adapter.backend,
        "driver": adapter.driver,
        "type": adapter.kind.to_string(),
        "max_binding_bytes": adapter.max_binding_bytes,
        "max_buffer_bytes": adapter.max_buffer_bytes,
        "max_workgroups": adapter.max_workgroups,
        "max_workgroup_threads": adapter.max_workgroup_threads,
        "workgroup_memory_bytes": adapter.workgroup_memory_bytes,
        "timestamps": adapter.timestamps,
        "matrix_units": adapter.matrix_units,
    })
}

fn for_people(adapter: &AdapterInfo, tuned: &[Tuned], mark: &str) -> String {
    let mib = |bytes: u64| bytes >> 20;
    let tuned = own(adapter, tuned)
        .into_iter()
        .map(|t| format!("\n  tuned for {} channels, {} wide: {}", t.channels, t.width, t.tiles));
    let tuned: String = tuned.collect();
    let matrices = adapter.matrix_units.map(|size| format!(", f16 matrices of {size} by {size}")).unwrap_or_default();
    format!(
        "{}: {}, {}, {}, f32{mark}\n  binding {} MiB, buffer {} MiB, {} workgroups, {} threads and {} KiB a workgroup, \
         {}{matrices}{tuned}",
        adapter.name,
        adapter.kind,
        adapter.backend,
        adapter.driver,
        mib(adapter.max_binding_bytes),
        mib(adapter.max_buffer_bytes),
        adapter.max_workgroups,
        adapter.max_workgroup_threads,
        adapter.workgroup_memory_bytes >> 10,
        if adapter.timestamps { "device timestamps" } else { "no device timestamps" },
    )
}
