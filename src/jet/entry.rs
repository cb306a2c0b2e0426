//! The entries of a jet by the names that people write (`dy_dx`, `d2y_dx2`), and the choice of
//! entries that a prediction asks for.

use std::fmt;

use crate::error::{Error, Result};
use crate::jet::{Derivative, JetLayout, Normalizer};

/// One entry of the jet of one output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Entry {
    /// Which output.
    pub output: usize,
    /// Which entry of its jet.
    pub derivative: Derivative,
}

impl Entry {
    /// The value of an output.
    pub fn value(output: usize) -> Entry {
        Entry { output, derivative: Derivative::Value }
    }

    /// Every value and derivative up to an order from 0 to 4 (mixed ones once, their inputs ascending) of every output.
    pub fn all(inputs: usize, outputs: usize, order: usize) -> Vec<Entry> {
        let layout = JetLayout::all(inputs, order);
        let of_output = |output| layout.derivatives().map(move |derivative| Entry { output, derivative });
        (0..outputs).flat_map(of_output).collect()
    }

    /// The entry with this name, of any order up to the fourth; a mixed derivative may list its inputs in any order.
    ///
    /// ```
    /// use jetfit::{Derivative, Entry};
    /// let (inputs, outputs) = (["x".to_string(), "t".to_string()], ["u".to_string()]);
    /// let entry = Entry::named("d2u_dx2", &inputs, &outputs).unwrap();
    /// assert_eq!(entry.derivative, Derivative::Second(0, 0));
    /// assert_eq!(Entry::named("d2u_dtdx", &inputs, &outputs).unwrap().derivative, Derivative::Second(0, 1));
    /// assert_eq!(Entry::named("d3u_dtdx2", &inputs, &outputs).unwrap().derivative, Derivative::Third([0, 0, 1]));
    /// assert_eq!(Entry::named("dv_dx", &inputs, &outputs), None);
    /// ```
    pub fn named(name: &str, inputs: &[String], outputs: &[String]) -> Option<Entry> {
        (0..outputs.len()).find_map(|output| {
            let derivative = Derivative::named(name, &outputs[output], inputs)?;
            Some(Entry { output, derivative })
        })
    }

    /// Its column in every file; see [`Derivative::column`].
    pub fn column(self, inputs: &[String], outputs: &[String]) -> String {
        self.derivative.column(&outputs[self.output], inputs)
    }

    /// Whether it is ∂²u/∂xᵢ² for some i.
    pub fn is_pure_second(&self) -> bool {
        self.derivative.order() == 2 && self.derivative.is_pure()
    }

    /// The entry in the user's units where its standardised self is 1: the output's scale over that
    /// of each input it is derived by.
    pub fn natural_scale(self, normalizer: &Normalizer) -> f64 {
        let layout = JetLayout::selected(normalizer.inputs.scale.len(), [self.derivative]);
        layout.factors(normalizer, self.output).pop().expect("a layout has the value at least")
    }
}

/// Which derivatives from the second order on are requested.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Seconds {
    /// ∂²u/∂xᵢ² for every input.
    #[default]
    Diagonal,
    /// Only their sum, in one channel.
    Laplacian,
    /// All of them, including mixed ones.
    Full,
}

impl Seconds {
    /// Every choice.
    pub const ALL: [Seconds; 3] = [Seconds::Diagonal, Seconds::Laplacian, Seconds::Full];

    /// Its name in jobs and flags.
    pub fn name(self) -> &'static str {
        match self {
            Seconds::Diagonal => "diagonal",
            Seconds::Laplacian => "laplacian",
            Seconds::Full => "full",
        }
    }

    /// The channels for derivatives up to `order`, from 0 to 4, with respect to `inputs` inputs. Of the orders above the
    /// second they are likewise those by one input alone, those of the Laplacian (its gradient and its own Laplacian),
    /// or all.
    pub fn layout(self, order: usize, inputs: usize) -> JetLayout {
        match (order, self) {
            (0, _) => JetLayout::value(inputs),
            (1, _) => JetLayout::gradient(inputs),
            (2, Seconds::Laplacian) => JetLayout::collapsed(&vec![1.0; inputs]),
            (3, Seconds::Laplacian) => JetLayout::selected(inputs, (0..inputs).map(Derivative::LaplacianFirst)),
            (_, Seconds::Laplacian) => JetLayout::selected(inputs, [Derivative::Biharmonic]),
            (_, Seconds::Diagonal) => JetLayout::pure(inputs, order),
            (_, Seconds::Full) => JetLayout::all(inputs, order),
        }
    }
}

impl Seconds {
    /// Channels of the orders above the second that a device carries without complaint.
    const MOST_CHANNELS: usize = 10_000;

    /// That the layout of an order above the second has not more channels than a device can carry. `place` is the key or
    /// flag that asks for it.
    ///
    /// # Errors
    /// [`Error::Input`] where it has more, or the order is above the fourth.
    pub fn affordable(self, order: usize, inputs: usize, place: &str) -> Result<()> {
        if order > Derivative::MOST {
            return Err(Error::input(place, format!("{order} is out of range"), "use 0, 1, 2, 3 or 4"));
        }
        // C(D + k, k) = C(D + k − 1, k − 1) · (D + k)/k
        let up_to = |order: usize| (1..=order).fold(1usize, |count, k| count.saturating_mul(inputs + k) / k);
        let channels = match self {
            _ if order <= 2 => return Ok(()),
            Seconds::Diagonal => 1 + order * inputs,
            Seconds::Laplacian => up_to(2) + inputs + 2,
            Seconds::Full => up_to(order),
        };
        if channels <= Self::MOST_CHANNELS {
            return Ok(());
        }
        let problem =
            format!("{inputs} inputs have {channels} derivatives up to this order, more than {}", Self::MOST_CHANNELS);
        Err(Error::input(place, problem, "use a lower order, or second = \"diagonal\""))
    }
}

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_reads_back() {
        let inputs = ["x".to_string(), "y".to_string(), "temp".to_string()];
        let outputs = ["u".to_string(), "v".to_string()];
        for entry in Entry::all(3, 2, 4) {
            assert_eq!(Entry::named(&entry.column(&inputs, &outputs), &inputs, &outputs), Some(entry));
        }
    }

    #[test]
    fn layouts_follow_order_and_choice() {
        let channels = |order, seconds: Seconds| seconds.layout(order, 3).channels();
        assert_eq!([0, 1, 2].map(|order| channels(order, Seconds::Diagonal)), [1, 4, 7]);
        assert_eq!([channels(2, Seconds::Laplacian), channels(2, Seconds::Full)], [5, 10]);
        assert_eq!([3, 4].map(|order| channels(order, Seconds::Diagonal)), [10, 13]);
    }

    #[test]
    fn what_no_device_could_carry_is_refused() {
        assert!(Seconds::Full.affordable(4, 20, "predictions.order").is_err());
        assert!(Seconds::Full.affordable(2, 1000, "predictions.order").is_ok());
        assert!(Seconds::Diagonal.affordable(4, 2000, "predictions.order").is_ok());
        // The count is that of the layout.
        for (order, seconds) in
            [(3, Seconds::Full), (4, Seconds::Full), (3, Seconds::Laplacian), (4, Seconds::Laplacian)]
        {
            let channels = seconds.layout(order, 5).channels();
            let up_to = |order: usize| (1..=order).fold(1, |count, k| count * (5 + k) / k);
            let expected = if seconds == Seconds::Full { up_to(order) } else { up_to(2) + 5 + order - 2 };
            assert_eq!(channels, expected, "{order} {seconds}");
        }
    }
}
