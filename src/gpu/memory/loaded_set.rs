//! A point set on the device: rows of standardised numbers, in blocks that one binding can hold.

use std::borrow::Cow;
use std::collections::HashMap;

use crate::data::PointSet;
use crate::error::{Error, Result};
use crate::expression::Residual;
use crate::gpu::device::Device;
use crate::gpu::device::dispatch::Plan;
use crate::gpu::lowered::Bounds;
use crate::gpu::memory::workspace::Workspace;
use crate::jet::{JetLayout, Normalizer, Wiring};
use crate::loss::{Compiled, Loss};
use crate::network::{InputJets, Subnetwork};

/// Rows `first .. first + rows` of a set: (rows, N).
pub struct Block {
    pub buffer: wgpu::Buffer,
    pub first: usize,
    pub rows: usize,
}

/// What a plan computes of a chunk.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub enum Task {
    /// The terms' means.
    Losses,
    /// The terms' means and the gradient.
    Gradient,
    /// The same, with the means where a report finds them.
    Step,
}

/// What is known of a set's points before a network's pass, or of those of the terms.
pub struct Columns {
    /// N
    pub count: usize,
    pub blocks: Vec<Block>,
}

/// A loaded set with its loss.
pub struct LoadedSet {
    pub points: usize,
    /// What travels of each network; `None` where nothing of it is read.
    pub layouts: Vec<Option<JetLayout>>,
    /// At how many places the loss reads the network for each point.
    pub places: usize,
    /// The terms' residuals, compiled for the layout.
    pub terms: Vec<Residual>,
    /// Their weights (T).
    pub weights: wgpu::Buffer,
    /// The first rows of the first network's batch, which its first layer reads: each input or entry of the features'
    /// jets, and each at every place.
    pub input_rows: usize,
    /// For each network these; behind the first one's, the residuals' columns and the weight.
    pub columns: Vec<Columns>,
    /// The row at each position.
    pub order: wgpu::Buffer,
    /// Each term's mean over the last batch of a step, and of anything else.
    pub step_means: wgpu::Buffer,
    pub means: wgpu::Buffer,
    /// Made when first needed.
    pub workspace: Option<Workspace>,
    /// The rows that lie in the workspace's batch: from where, and how many.
    pub gathered: Option<(usize, usize)>,
    /// By the chunk's points.
    pub plans: HashMap<(Task, usize), Plan>,
    /// Norm, test and update.
    pub update: Option<Plan>,
}

/// Numbers that go to the device at a time: 4 MiB of staging memory.
const UPLOAD: usize = 1 << 20;

impl LoadedSet {
    /// Standardises in f64 and uploads as f32.
    pub fn new(
        device: &Device,
        bounds: &Bounds,
        set: &PointSet,
        loss: &Loss,
        (networks, normalizer, wirings): (&[Subnetwork], &Normalizer, &[Wiring]),
    ) -> Result<Self> {
        let points = set.points();
        let Compiled { layouts, places, residuals } = loss.compile(normalizer, wirings);
        if points as u64 * 4 > bounds.binding {
            return Err(too_many(device, points, bounds));
        }
        let at_places = set.network_inputs(&places);
        let mut columns = vec![];
        let mut input_rows = 0;
        for (index, (network, layout)) in networks.iter().zip(&layouts).enumerate() {
            let inputs = layout.as_ref().map_or(vec![], |layout| {
                let inputs = InputJets::new(network.features.as_ref(), &network.normalizer, layout);
                inputs.at(&network.points(Cow::Borrowed(&at_places)), 0..places.count() * points)
            });
            let hoisted = if index == 0 { set.hoist(&residuals) } else { vec![] };
            let known = inputs.iter().chain(&hoisted).flat_map(|column| column.chunks_exact(points));
            let mut own: Vec<Vec<f32>> =
                known.map(|column| column.iter().map(|number| *number as f32).collect()).collect();
            if index == 0 {
                input_rows = inputs.len() * places.count();
                own.push(match &set.weights {
                    Some(weights) => weights.iter().map(|w| *w as f32).collect(),
                    None => vec![1.0; points],
                });
            }
            columns.push(Columns::new(device, bounds, &own, points)?);
        }
        let order = device.storage("order", 4 * points as u64);
        let identity: Vec<u32> = (0..points as u32).collect();
        device.write(&order, &identity);
        let means = || device.storage("means", 4 * residuals.len() as u64);
        let weights = device.storage("weights of the terms", 4 * residuals.len() as u64);
        device.write(&weights, &loss.terms.iter().map(|term| term.weight as f32).collect::<Vec<_>>());
        Ok(Self {
            points,
            layouts,
            places: places.count(),
            input_rows,
            columns,
            order,
            step_means: means(),
            means: means(),
            terms: residuals,
            weights,
            workspace: None,
            gathered: None,
            plans: HashMap::new(),
            update: None,
        })
    }
}

impl Columns {
    fn new(device: &Device, bounds: &Bounds, columns: &[Vec<f32>], points: usize) -> Result<Self> {
        let mut blocks = vec![];
        let rows = (bounds.binding / (4 * columns.len().max(1) as u64)) as usize;
        if rows == 0 {
            return Err(too_many(device, points, bounds));
        }
        for first in (0..points).step_by(rows).take_while(|_| !columns.is_empty()) {
            let rows = rows.min(points - first);
            let buffer = device.storage("points", 4 * (rows * columns.len()) as u64);
            upload(device, &buffer, columns, first, rows)?;
            blocks.push(Block { buffer, first, rows });
        }
        Ok(Self { count: columns.len(), blocks })
    }
}

fn too_many(device: &Device, points: usize, bounds: &Bounds) -> Error {
    device.error(format!(
        "a set of {points} points does not fit: the order of its rows must fit into one binding of {} bytes",
        bounds.binding
    ))
}

/// Writes rows `first .. first + rows` of the columns, row by row, in pieces of bounded size.
fn upload(device: &Device, buffer: &wgpu::Buffer, columns: &[Vec<f32>], first: usize, rows: usize) -> Result<()> {
    let piece = (UPLOAD / columns.len()).max(1);
    for start in (0..rows).step_by(piece) {
        let numbers: Vec<f32> = (start..rows.min(start + piece))
            .flat_map(|row| columns.iter().map(move |column| column[first + row]))
            .collect();
        let offset = 4 * (start * columns.len()) as u64;
        device.queue.write_buffer(buffer, offset, bytemuck::cast_slice(&numbers));
        // Hands the staging memory over, so that it does not pile up.
        device.queue.submit([]);
    }
    device.check()
}
