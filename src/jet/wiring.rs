//! Several networks side by side: what each reads, and what it gives.

use super::{Derivative, Normalizer, Scaling};

/// What an input of a network is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// An input of the model.
    Input(usize),
    /// The value of an output of the model, which another network gives.
    Output(usize),
}

/// What one network of a model reads and gives. Its *own* inputs and outputs are counted by it alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wiring {
    /// What each of its own inputs is.
    pub reads: Vec<Source>,
    /// Which of the model's outputs each of its own is.
    pub gives: Vec<usize>,
}

impl Wiring {
    /// Of a model's only network.
    pub fn all(inputs: usize, outputs: usize) -> Self {
        Self { reads: (0..inputs).map(Source::Input).collect(), gives: (0..outputs).collect() }
    }

    /// The model's inputs that it reads, in its own order.
    pub fn inputs(&self) -> impl Iterator<Item = usize> + '_ {
        self.reads.iter().filter_map(|source| if let Source::Input(input) = source { Some(*input) } else { None })
    }

    /// Its own inputs that are outputs of other networks, each with the output.
    pub fn fed(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        self.reads
            .iter()
            .enumerate()
            .filter_map(|(own, source)| if let Source::Output(output) = source { Some((own, *output)) } else { None })
    }

    /// Whether it reads an output of another network.
    pub fn is_fed(&self) -> bool {
        self.fed().next().is_some()
    }

    /// A derivative by its own inputs; `None` where it does not read one of the model's, by which it is 0.
    pub fn own_derivative(&self, derivative: Derivative) -> Option<Derivative> {
        let own = |input: usize| self.reads.iter().position(|source| *source == Source::Input(input));
        match derivative {
            Derivative::Laplacian | Derivative::Biharmonic => Some(derivative),
            Derivative::LaplacianFirst(i) => Some(Derivative::LaplacianFirst(own(i)?)),
            _ => {
                let mut by = derivative.inputs()?.into_iter();
                by.try_fold(Derivative::Value, |derivative, input| derivative.next(own(input)?))
            }
        }
    }

    /// Its own columns of what is given for all inputs of the model (D, …); nothing is there of outputs.
    pub fn own<T: Clone + Default>(&self, columns: &[T]) -> Vec<T> {
        let column = |source: &Source| match source {
            Source::Input(input) => columns[*input].clone(),
            Source::Output(_) => T::default(),
        };
        self.reads.iter().map(column).collect()
    }
}

/// Whether these are the networks of a model that has one alone, which reads all inputs and gives all outputs.
pub fn is_single(wirings: &[Wiring]) -> bool {
    let [only] = wirings else { return false };
    let in_order = |(own, source): (usize, &Source)| *source == Source::Input(own);
    only.reads.iter().enumerate().all(in_order) && only.gives.iter().enumerate().all(|(own, output)| own == *output)
}

/// The network that gives an output of the model, and which of its own that is.
///
/// # Panics
/// Where no network gives it: a model's file and a job are checked for that.
pub fn owner(wirings: &[Wiring], output: usize) -> (usize, usize) {
    let own = |wiring: &Wiring| wiring.gives.iter().position(|given| *given == output);
    let found = wirings.iter().enumerate().find_map(|(network, wiring)| Some((network, own(wiring)?)));
    found.expect("every output has a network")
}

impl Normalizer {
    /// The scaling of a network's own inputs and outputs. What another network gives it reads as that scales it.
    pub fn of(&self, wiring: &Wiring) -> Self {
        let source = |source: &Source| match source {
            Source::Input(input) => (self.inputs.mean[*input], self.inputs.scale[*input]),
            Source::Output(output) => (self.outputs.mean[*output], self.outputs.scale[*output]),
        };
        let output = |output: &usize| (self.outputs.mean[*output], self.outputs.scale[*output]);
        let (mean, scale) = wiring.reads.iter().map(source).unzip();
        let inputs = Scaling { mean, scale };
        let (mean, scale) = wiring.gives.iter().map(output).unzip();
        Self { inputs, outputs: Scaling { mean, scale }, coefficients: vec![] }
    }
}
