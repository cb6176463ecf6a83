//! Runs the steps of `emit`: takes values from a packet and shows them to a visitor.
//!
//! The bits were passed over before, with the same types (`program`), so everything is where it should be; what is
//! not there after all is an error nevertheless, and nothing is read past the packet.

use super::emit::Emit;
use super::layout::{NodeId, Visit};
use super::program::{Count, DecodeError, Machine, sort_key};

/// Most elements without bits that one scope may show, all arrays together.
const MAX_EMPTY_ELEMENTS: u32 = 1 << 16;

/// Shows the values of one scope.
#[derive(Debug)]
pub(crate) struct Show<'m, 'p, 's, 'v, V> {
    pub(super) machine: &'m mut Machine<'p>,
    pub(super) slots: &'s mut [u64],
    pub(super) visitor: &'v mut V,
    pub(super) last: u64,
    empty_left: u32,
}

/// Runs `steps` from where `machine` stands.
#[inline]
pub(crate) fn show<V: Visit>(
    steps: &[Emit],
    machine: &mut Machine<'_>,
    slots: &mut [u64],
    visitor: &mut V,
) -> Result<(), DecodeError> {
    Show { machine, slots, visitor, last: 0, empty_left: MAX_EMPTY_ELEMENTS }.run(steps)
}

impl<V: Visit> Show<'_, '_, '_, '_, V> {
    pub(super) fn run(&mut self, steps: &[Emit]) -> Result<(), DecodeError> {
        for step in steps {
            match step {
                Emit::Align(bits) => {
                    let mask = u64::from(*bits) - 1;
                    self.machine.skip(self.machine.at.wrapping_neg() & mask)?;
                }
                Emit::Skip(bits) => self.machine.skip(*bits)?,
                Emit::Unsigned { node, load, size } => {
                    self.last = load.take(self.machine, *size, false)?;
                    self.visitor.unsigned(*node, self.last);
                }
                Emit::Signed { node, load, size } => {
                    self.last = load.take(self.machine, *size, true)?;
                    self.visitor.signed(*node, self.last as i64);
                }
                Emit::Take { slot, bits } => {
                    self.slots[usize::from(*slot)] = self.machine.integer(*bits)?;
                }
                Emit::Keep(slot) => self.slots[usize::from(*slot)] = self.last,
                Emit::Float { node, size, order } => {
                    let value = self.machine.float(*size, *order)?;
                    self.visitor.float(*node, value);
                }
                Emit::String(node) => {
                    let text = self.machine.take_string()?;
                    self.visitor.text(*node, text);
                }
                Emit::Text { node, count } => {
                    let text = self.machine.take_text(self.count(*count))?;
                    self.visitor.text(*node, text);
                }
                Emit::Begin(node) => self.visitor.begin(*node),
                Emit::End(node) => self.visitor.end(*node),
                Emit::Array { node, count, body } => self.array(*node, *count, body)?,
                Emit::Variant { node, tag, options } => {
                    let key = sort_key(self.slots[usize::from(*tag)], options.signed);
                    let found =
                        options.ranges.iter().find(|(first, last, _)| (*first..=*last).contains(&key));
                    let Some((_, _, option)) = found else {
                        return Err(DecodeError::NoOption { at: self.machine.at });
                    };
                    self.visitor.begin(*node);
                    self.run(&options.steps[*option])?;
                    self.visitor.end(*node);
                }
                Emit::Extra(step) => self.extra(step)?,
            }
        }
        Ok(())
    }

    pub(super) fn count(&self, count: Count) -> u64 {
        match count {
            Count::Fixed(count) => count,
            Count::Recorded(slot) => self.slots[usize::from(slot)],
        }
    }

    fn array(&mut self, node: NodeId, count: Count, body: &[Emit]) -> Result<(), DecodeError> {
        self.visitor.begin(node);
        for index in 0..self.count(count) {
            let at = self.machine.at;
            self.visitor.element(node, index);
            self.run(body)?;
            if self.machine.at == at {
                self.empty_left = self.empty_left.checked_sub(1).ok_or(DecodeError::EmptyElements { at })?;
            }
        }
        self.visitor.end(node);
        Ok(())
    }
}
