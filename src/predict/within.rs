//! Jets in a domain.

use super::{Source, Spread};
use crate::domain::Domain;
use crate::error::Result;
use crate::expression::Expression;
use crate::jet::{JetLayout, Jets};
use crate::network::Model;

/// A source whose numbers are NaN outside of a domain.
pub struct Within<'a> {
    /// The source.
    pub source: &'a mut dyn Source,
    /// The domain.
    pub domain: &'a Domain,
}

impl Within<'_> {
    fn blank<'a>(&self, points: &[Vec<f64>], columns: impl Iterator<Item = &'a mut [f64]>) {
        let are_in = self.domain.contains(points);
        for column in columns {
            column.iter_mut().zip(&are_in).filter(|(_, is_in)| !**is_in).for_each(|(number, _)| *number = f64::NAN);
        }
    }
}

impl Source for Within<'_> {
    fn model(&self) -> &Model {
        self.source.model()
    }

    fn jets(&mut self, points: &[Vec<f64>], layout: &JetLayout) -> Result<Jets> {
        let mut jets = self.source.jets(points, layout)?;
        self.blank(points, jets.values.chunks_exact_mut(points[0].len()));
        Ok(jets)
    }

    fn jets_with_spread(&mut self, points: &[Vec<f64>], layout: &JetLayout) -> Result<(Jets, Option<Jets>)> {
        let (mut jets, mut spread) = self.source.jets_with_spread(points, layout)?;
        for jets in [Some(&mut jets), spread.as_mut()].into_iter().flatten() {
            self.blank(points, jets.values.chunks_exact_mut(points[0].len()));
        }
        Ok((jets, spread))
    }

    fn values_with_spread(&mut self, points: &[Vec<f64>], expressions: &[Expression]) -> Result<Spread> {
        let (mut values, spread) = self.source.values_with_spread(points, expressions)?;
        self.blank(points, values.iter_mut().map(Vec::as_mut_slice));
        Ok((values, spread))
    }
}
