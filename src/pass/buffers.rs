//! Which jets share memory: a slot has a buffer from the operation that first writes it to the last one that names it.

use super::build::Pass;
use super::op::{Op, Slot, Span};

/// A slot's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The slot.
    pub slot: Slot,
    /// Its buffer.
    pub buffer: usize,
    /// Its units, and channels of each; where several layers share it, all of both as units of one channel.
    pub units: usize,
    /// Channels.
    pub channels: usize,
    /// The first and the last operation that names it.
    first: usize,
    last: usize,
}

impl Place {
    /// Numbers a point.
    pub fn numbers(&self) -> usize {
        self.units * self.channels
    }
}

/// The buffers of a list of operations.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Buffers {
    places: Vec<Place>,
    /// Numbers a point of each buffer.
    numbers: Vec<usize>,
}

impl Buffers {
    /// Of a pass. The points lie elsewhere, and the output's jets live to the end. So does the tape where it is kept for
    /// several ways back, as a Jacobian's terms go.
    pub fn new(pass: &Pass, keeps_tape: bool) -> Self {
        let mut places: Vec<Place> = vec![];
        let mut count = 0;
        for op in pass.ops() {
            for span in spans(op) {
                let known = places.iter_mut().find(|place| place.slot == span.slot);
                let (units, channels) = if span.offset == 0 { (span.units, span.row) } else { (span.numbers(), 1) };
                match known {
                    Some(place) => {
                        place.last = count;
                        if place.numbers() < units * channels {
                            (place.units, place.channels) = (units, channels);
                        }
                    }
                    None => {
                        places.push(Place { slot: span.slot, buffer: 0, units, channels, first: count, last: count });
                    }
                }
            }
            count += 1;
        }
        let is_tape = |place: &Place| place.first < pass.forward.len() && place.last >= pass.forward.len();
        for place in &mut places {
            if matches!(place.slot, Slot::Jets(_)) || (keeps_tape && is_tape(place)) {
                place.last = count;
            }
        }
        // The terms write all cotangents before the first network's way back begins.
        let seeds: Vec<Slot> = pass.read().map(|network| pass.jets_bar(network).slot).collect();
        for place in places.iter_mut().filter(|place| seeds.contains(&place.slot)) {
            place.first = place.first.min(pass.forward.len());
        }
        places.sort_by_key(|place| place.first);
        let mut buffers = Self { places: vec![], numbers: vec![] };
        for place in places {
            buffers.put(place);
        }
        buffers
    }

    /// Gives a slot the smallest free buffer that holds it, else the largest free one, which grows, else one of its own.
    fn put(&mut self, mut place: Place) {
        let is_free =
            |buffer: &usize| self.places.iter().all(|other| other.buffer != *buffer || other.last < place.first);
        let free: Vec<usize> = (0..self.numbers.len()).filter(is_free).collect();
        let holding = free.iter().filter(|buffer| self.numbers[**buffer] >= place.numbers());
        let smallest = holding.min_by_key(|buffer| self.numbers[**buffer]);
        let found = smallest.or_else(|| free.iter().max_by_key(|buffer| self.numbers[**buffer]));
        place.buffer = found.copied().unwrap_or(self.numbers.len());
        if place.buffer == self.numbers.len() {
            self.numbers.push(0);
        }
        self.numbers[place.buffer] = self.numbers[place.buffer].max(place.numbers());
        self.places.push(place);
    }

    /// The place of every slot.
    pub fn places(&self) -> &[Place] {
        &self.places
    }

    /// The buffer of a slot.
    pub fn of(&self, slot: Slot) -> Option<usize> {
        self.places.iter().find(|place| place.slot == slot).map(|place| place.buffer)
    }

    /// Numbers a point of each buffer.
    pub fn numbers(&self) -> &[usize] {
        &self.numbers
    }
}

/// What an operation names, but for the points.
fn spans(op: &Op) -> impl Iterator<Item = Span> {
    op.operands().into_iter().map(|(_, span)| span).filter(|span| !matches!(span.slot, Slot::Points(_)))
}
