//! `xent adapters`: what the other subcommands can compute on.

use serde_json::{Value, json};
use wgpu_xent::{AdapterDescription, Gpu, Quirk};

use crate::args::Adapters;
use crate::commands::verify::quirk_text;
use crate::engine::driver;
use crate::failure::Result;
use crate::terminal::print;

const COLUMNS: [&str; 8] = ["index", "name", "backend", "type", "driver", "subgroup", "largest buffer", "binding"];

pub(crate) fn run(args: &Adapters) -> Result<()> {
    let adapters = Gpu::adapters();
    if adapters.is_empty() {
        log::warn!("no GPU adapter found; on Debian or Ubuntu `apt-get install mesa-vulkan-drivers` brings a software one");
    }
    if args.json {
        let adapters: Vec<Value> = adapters.iter().map(to_json).collect();
        print(&format!("{:#}\n", Value::Array(adapters)))
    } else if adapters.is_empty() {
        Ok(())
    } else {
        let rows: Vec<_> = std::iter::once(COLUMNS.map(str::to_owned)).chain(adapters.iter().map(row)).collect();
        print(&(table(&rows) + &quirks(&adapters)))
    }
}

/// What is known to be wrong with the adapters, a line each.
fn quirks(adapters: &[AdapterDescription]) -> String {
    let of = |adapter: &AdapterDescription| {
        let index = adapter.index;
        adapter.quirks().map(|quirk| format!("quirk of {index}: {}\n", quirk_text(quirk))).collect::<String>()
    };
    let lines: String = adapters.iter().map(of).collect();
    if lines.is_empty() { lines } else { format!("\n{lines}") }
}

fn quirk_json(quirk: &Quirk) -> Value {
    let avoided: Vec<String> = quirk.avoid.iter().map(ToString::to_string).collect();
    json!({"name": quirk.name, "since": quirk.since, "wrong": quirk.wrong, "evidence": quirk.evidence, "avoided": avoided})
}

fn to_json(adapter: &AdapterDescription) -> Value {
    let (info, limits) = (&adapter.info, &adapter.limits);
    let features: Vec<_> = adapter.features.iter_names().map(|(name, _)| name).collect();
    json!({
        "index": adapter.index,
        "name": info.name,
        "backend": format!("{:?}", info.backend),
        "type": format!("{:?}", info.device_type),
        "driver": driver(&info.driver, &info.driver_info),
        "subgroup_sizes": adapter.caps().subgroup.map(|(smallest, largest)| [smallest, largest]),
        "quirks": adapter.quirks().map(quirk_json).collect::<Vec<_>>(),
        "features": features,
        "limits": {
            "max_buffer_size": limits.max_buffer_size,
            "max_storage_buffer_binding_size": limits.max_storage_buffer_binding_size,
            "max_storage_buffers_per_shader_stage": limits.max_storage_buffers_per_shader_stage,
            "min_storage_buffer_offset_alignment": limits.min_storage_buffer_offset_alignment,
            "max_compute_workgroups_per_dimension": limits.max_compute_workgroups_per_dimension,
            "max_compute_invocations_per_workgroup": limits.max_compute_invocations_per_workgroup,
            "max_compute_workgroup_size_x": limits.max_compute_workgroup_size_x,
            "max_compute_workgroup_storage_size": limits.max_compute_workgroup_storage_size,
        },
    })
}

fn row(adapter: &AdapterDescription) -> [String; 8] {
    let (info, limits) = (&adapter.info, &adapter.limits);
    let software = if adapter.is_software() { " (software)" } else { "" };
    let subgroup = match adapter.caps().subgroup {
        None => "none".to_owned(),
        Some((smallest, largest)) if smallest == largest => smallest.to_string(),
        Some((smallest, largest)) => format!("{smallest} to {largest}"),
    };
    [
        adapter.index.to_string(),
        info.name.clone(),
        format!("{:?}", info.backend),
        format!("{:?}{software}", info.device_type),
        driver(&info.driver, &info.driver_info),
        subgroup,
        size(limits.max_buffer_size),
        size(limits.max_storage_buffer_binding_size),
    ]
}

/// A number of bytes, which are whole powers of two with most drivers.
fn size(bytes: u64) -> String {
    indicatif::BinaryBytes(bytes).to_string()
}

fn table<const N: usize>(rows: &[[String; N]]) -> String {
    let widths: [usize; N] = std::array::from_fn(|column| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0));
    let line = |row: &[String; N]| {
        let cells: Vec<_> = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        format!("{}\n", cells.join("  ").trim_end())
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [["a", "bcd"], ["éfg", ""], ["h", "i"]].map(|row| row.map(str::to_owned));
        assert_eq!(table(&rows), "a    bcd\néfg\nh    i\n");
    }
}
