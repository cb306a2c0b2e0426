//! Losses, gradients and steps: a batch as chunks, each a plan that is built once.

use crate::backend::{Batch, KernelTime, Update};
use crate::error::{Error, Result};
use crate::gpu::Unguarded;
use crate::gpu::device::clock::Clock;
use crate::gpu::device::dispatch::Dispatch;
use crate::gpu::device::uniforms::Step;
use crate::gpu::lowered::Extents;
use crate::gpu::memory::loaded_set::{LoadedSet, Task};
use crate::gpu::memory::workspace::{Workspace, chunks};
use crate::gpu::plan::Planner;

impl Unguarded {
    /// Encodes the batches of a task; an update follows where the task is a step.
    pub(super) fn run(
        &mut self,
        batches: &[Batch],
        task: Task,
        update: Option<&Update>,
        clock: Option<&Clock>,
    ) -> Result<()> {
        for (index, batch) in batches.iter().enumerate() {
            self.run_batch(*batch, (index == 0, index + 1 == batches.len()), task, update, clock)?;
        }
        Ok(())
    }

    fn run_batch(
        &mut self,
        batch: Batch,
        (is_first, is_last): (bool, bool),
        task: Task,
        update: Option<&Update>,
        clock: Option<&Clock>,
    ) -> Result<()> {
        let parts = self.prepare(batch, task)?;
        // A step is three products of each channel, each a multiply and an add; in adjoint mode, too, where an adjoint
        // goes back for the jets and its cotangent forward.
        let products = if task == Task::Losses { 2.0 } else { 6.0 };
        let set = &self.sets[batch.set.0];
        let multiply_adds = set.workspace.as_ref().map_or(0, |workspace| workspace.lowered.multiply_adds());
        let flops = products * (set.places * multiply_adds) as f64;
        for (index, (start, length)) in parts.iter().enumerate() {
            let set = &self.sets[batch.set.0];
            let (first, last) = (index == 0, index + 1 == parts.len());
            let step = Step::new(batch.count, update).chunk(batch.start + start, first, is_first);
            // The batch of the step before lies there still.
            let rows = (batch.start + start, *length);
            let gathers =
                if set.gathered == Some(rows) { set.columns.iter().map(|of| of.blocks.len()).sum() } else { 0 };
            let mut plans = vec![&set.plans[&(task, *length)][gathers..]];
            plans.extend(set.update.as_deref().filter(|_| last && is_last && task == Task::Step));
            let writes = clock.and_then(|clock| clock.writes(0, first && is_first, last && is_last));
            self.steps.push(&self.device, step, &plans, flops * *length as f64, writes)?;
            self.sets[batch.set.0].gathered = Some(rows);
        }
        Ok(())
    }

    /// Seconds of each of `repeats` steps on one batch by the device's own clock (timestamp
    /// queries around its passes), after one that is not counted; `None` where the adapter has no
    /// timestamps. The steps update the parameters like any others.
    pub fn timed_steps(&mut self, batch: Batch, update: &Update, repeats: usize) -> Result<Option<Vec<f64>>> {
        let Some(clock) = Clock::new(&self.device, 1) else { return Ok(None) };
        self.last = vec![batch.set];
        let mut seconds = vec![];
        for _ in 0..=repeats {
            self.run(&[batch], Task::Step, Some(update), Some(&clock))?;
            self.steps.flush(&self.device)?;
            seconds.extend(clock.read(&self.device, self.device.encoder())?);
        }
        Ok(Some(seconds.split_off(1)))
    }

    /// The kernels of one step on a batch in order, each with the least of its seconds in `repeats` steps by the
    /// device's own clock, after one that is not counted; `None` where it has none. Each runs alone, so that the
    /// sum is more than a step takes.
    pub fn profile(&mut self, batch: Batch, update: &Update, repeats: usize) -> Result<Option<Vec<KernelTime>>> {
        self.steps.flush(&self.device)?;
        self.last = vec![batch.set];
        let parts = self.prepare(batch, Task::Step)?;
        let set = &self.sets[batch.set.0];
        let mut plans: Vec<Vec<_>> =
            parts.iter().map(|(_, length)| set.plans[&(Task::Step, *length)].iter().collect()).collect();
        let last = plans.last_mut().expect("a batch has a point");
        last.extend(set.update.iter().flatten());
        let spans = plans.iter().map(Vec::len).sum();
        let Some(clock) = Clock::new(&self.device, spans) else { return Ok(None) };
        let mut seconds = vec![f64::INFINITY; spans];
        for repeat in 0..=repeats {
            let mut span = 0;
            for (index, dispatches) in plans.iter().enumerate() {
                let step = Step::new(batch.count, Some(update)).chunk(batch.start + parts[index].0, index == 0, true);
                self.steps.push_apart(&self.device, step, dispatches, (&clock, span))?;
                span += dispatches.len();
            }
            let measured = clock.read(&self.device, self.device.encoder())?;
            if repeat > 0 {
                seconds.iter_mut().zip(measured).for_each(|(least, one)| *least = least.min(one));
            }
        }
        let time = |(dispatch, seconds): (&&Dispatch, f64)| KernelTime {
            kernel: dispatch.kernel.name.clone(),
            workgroups: dispatch.grid,
            seconds,
        };
        Ok(Some(plans.iter().flatten().zip(seconds).map(time).collect()))
    }

    /// The batch's chunks, with memory and plans for all of them.
    fn prepare(&mut self, batch: Batch, task: Task) -> Result<Vec<(usize, usize)>> {
        let set = &self.sets[batch.set.0];
        if batch.count == 0 || batch.start + batch.count > set.points {
            let problem = format!(
                "positions {}..{} are outside the set's {} points",
                batch.start,
                batch.start + batch.count,
                set.points
            );
            return Err(Error::input("batch", problem, "use a batch inside the set"));
        }
        self.prepare_workspace(batch, task != Task::Losses)?;
        let capacity = self.sets[batch.set.0].workspace.as_ref().map_or(4, |w| w.capacity);
        let parts: Vec<_> = chunks(batch.count, capacity).collect();
        for (_, length) in &parts {
            self.prepare_plan(batch, task, *length)?;
        }
        Ok(parts)
    }

    /// Makes the set's working memory, or makes it anew where a larger batch or the first gradient
    /// asks for more.
    fn prepare_workspace(&mut self, batch: Batch, tape: bool) -> Result<()> {
        let set = &self.sets[batch.set.0];
        let before = set.workspace.as_ref();
        let wanted = |most: usize| batch.count.next_multiple_of(4).min(most);
        // What every step asks: the list is made anew only where it is another.
        if before.is_some_and(|w| (!tape || w.lowered.pass.has_tape) && w.capacity >= wanted(w.most)) {
            return Ok(());
        }
        let tape = tape || before.is_some_and(|w| w.lowered.pass.has_tape);
        let columns = set.columns.iter().map(|of| of.count).collect();
        let extents = Extents { places: set.places, columns, terms: set.terms.len() };
        let lowered = self.lowered(&set.layouts, extents, tape);
        let most = lowered.capacity(&self.device, &self.bounds)?;
        // What is encoded still uses the old memory, which must be given back first.
        self.steps.flush(&self.device)?;
        let set = &mut self.sets[batch.set.0];
        let capacity = wanted(most).max(set.workspace.as_ref().map_or(0, |w| w.capacity.min(most)));
        set.plans.clear();
        set.gathered = None;
        set.update = None;
        set.workspace = None;
        set.workspace = Some(Workspace::new(&self.device, lowered, capacity, most));
        self.device.check()
    }

    fn prepare_plan(&mut self, batch: Batch, task: Task, points: usize) -> Result<()> {
        let set = &self.sets[batch.set.0];
        if set.plans.contains_key(&(task, points)) && (task != Task::Step || set.update.is_some()) {
            return Ok(());
        }
        let workspace = set.workspace.as_ref().expect("made before its plans");
        let (networks, state) = ((&self.networks[..], &set.layouts[..]), &self.state);
        let plan = Planner::new(&mut self.device, networks, state, workspace, points).task(set, task);
        let update = Planner::new(&mut self.device, networks, state, workspace, points).update(set);
        let set: &mut LoadedSet = &mut self.sets[batch.set.0];
        set.plans.insert((task, points), plan);
        set.update = Some(update);
        self.device.check()
    }
}
