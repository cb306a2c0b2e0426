//! What the training loop asks of a GPU.

use crate::backend::{Backend, Batch, KernelTime, OptimizerState, SetId, StepReport, Update};
use crate::data::PointSet;
use crate::error::{Error, Result};
use crate::gpu::device::uniforms::Status;
use crate::gpu::evaluate::Evaluator;
use crate::gpu::memory::loaded_set::Task;
use crate::gpu::memory::workspace::Workspace;
use crate::gpu::vectors::Chunk;
use crate::gpu::{Unguarded, to_f64};
use crate::jet::{JetLayout, Jets};
use crate::loss::Loss;

impl Backend for Unguarded {
    fn device(&self) -> String {
        self.description.clone()
    }

    fn evaluate(&mut self, points: &[Vec<f64>], layout: &JetLayout) -> Result<Jets> {
        self.check_points(points)?;
        self.stream(points, layout)
    }

    fn load(&mut self, set: &PointSet, loss: &Loss) -> Result<SetId> {
        self.check_points(&set.inputs)?;
        let set = self.set(set, loss)?;
        self.sets.push(set);
        Ok(SetId(self.sets.len() - 1))
    }

    fn refill(&mut self, set: SetId, points: &PointSet, loss: &Loss) -> Result<()> {
        self.check_points(&points.inputs)?;
        // What is encoded still reads the old points.
        self.steps.flush(&self.device)?;
        self.sets[set.0] = self.set(points, loss)?;
        Ok(())
    }

    fn set_term_weights(&mut self, set: SetId, weights: &[f64]) -> Result<()> {
        // What is encoded is to be weighed as before.
        self.steps.flush(&self.device)?;
        let weights: Vec<f32> = weights.iter().map(|weight| *weight as f32).collect();
        self.device.write(&self.sets[set.0].weights, &weights);
        self.device.check()
    }

    fn set_order(&mut self, set: SetId, rows: &[u32]) -> Result<()> {
        self.steps.flush(&self.device)?;
        let set = &mut self.sets[set.0];
        if rows.len() != set.points || rows.iter().any(|row| *row as usize >= set.points) {
            let problem = format!("it is not an order of the set's {} rows", set.points);
            return Err(Error::input("order", problem, "pass a permutation of 0..B"));
        }
        set.gathered = None;
        self.device.write(&set.order, rows);
        self.device.check()
    }

    fn losses(&mut self, set: SetId) -> Result<Vec<f64>> {
        let count = self.sets[set.0].points;
        self.run(&[Batch { set, start: 0, count }], Task::Losses, None, None)?;
        self.steps.flush(&self.device)?;
        let set = &self.sets[set.0];
        let numbers = self.device.read(&[(&set.means, set.terms.len())])?;
        Ok(to_f64(&numbers[0]))
    }

    fn differentiate(&mut self, batches: &[Batch]) -> Result<Vec<f64>> {
        self.run(batches, Task::Gradient, None, None)?;
        self.steps.flush(&self.device)?;
        let sets = batches.iter().map(|batch| &self.sets[batch.set.0]);
        let wanted: Vec<_> = sets.map(|set| (&set.means, set.terms.len())).collect();
        Ok(to_f64(&self.device.read(&wanted)?.concat()))
    }

    fn step(&mut self, batches: &[Batch], update: &Update) -> Result<()> {
        self.last = batches.iter().map(|batch| batch.set).collect();
        self.run(batches, Task::Step, Some(update), None)
    }

    fn report(&mut self) -> Result<StepReport> {
        self.steps.flush(&self.device)?;
        let mut wanted = vec![(&self.state.status, size_of::<Status>() / 4)];
        let sets = self.last.iter().map(|id| &self.sets[id.0]);
        wanted.extend(sets.map(|set| (&set.step_means, set.terms.len())));
        let numbers = self.device.read(&wanted)?;
        self.steps.settle();
        let status: Status = bytemuck::pod_read_unaligned(bytemuck::cast_slice(&numbers[0]));
        let diverged = u64::from(status.diverged[0]) | u64::from(status.diverged[1]) << 32;
        Ok(StepReport {
            losses: to_f64(&numbers[1..].concat()),
            gradient_norm: status.norm.into(),
            diverged_at: (diverged != 0).then_some(diverged),
        })
    }

    fn parameters(&mut self) -> Result<Vec<f64>> {
        self.block(|state| &state.parameters)
    }

    fn set_parameters(&mut self, parameters: &[f64]) -> Result<()> {
        self.set_block("parameters", parameters, |state| &state.parameters)?;
        self.device.write(&self.state.status, &[Status::default()]);
        Ok(())
    }

    fn optimizer_state(&mut self) -> Result<OptimizerState> {
        let first_moment = self.block(|state| &state.first_moment)?;
        let second_moment = self.block(|state| &state.second_moment)?;
        Ok(OptimizerState { first_moment, second_moment })
    }

    fn set_optimizer_state(&mut self, state: &OptimizerState) -> Result<()> {
        self.set_block("optimizer state", &state.first_moment, |state| &state.first_moment)?;
        self.set_block("optimizer state", &state.second_moment, |state| &state.second_moment)
    }

    fn timed_steps(&mut self, batch: Batch, update: &Update, repeats: usize) -> Result<Option<Vec<f64>>> {
        Unguarded::timed_steps(self, batch, update, repeats)
    }

    fn timed_evaluations(&mut self, points: usize, layout: &JetLayout, repeats: usize) -> Result<Option<Vec<f64>>> {
        Unguarded::timed_evaluations(self, points, layout, repeats)
    }

    fn profile(&mut self, batch: Batch, update: &Update, repeats: usize) -> Result<Option<Vec<KernelTime>>> {
        Unguarded::profile(self, batch, update, repeats)
    }

    fn working_bytes(&self) -> usize {
        let workspaces = self.sets.iter().filter_map(|set| set.workspace.as_ref()).map(Workspace::bytes).sum::<u64>();
        let evaluator = self.evaluator.as_ref().map_or(0, Evaluator::bytes);
        let kept = self.kept.iter().map(Chunk::bytes).sum::<u64>();
        (workspaces + evaluator + kept + self.state.bytes() + self.steps.bytes()) as usize
    }
}
