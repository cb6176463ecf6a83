//! What there is to see of the event and the packet that a stream stands at.

use std::fs::File;

use super::super::error::ReadError;
use super::super::packets::{read_cut_head, read_head};
use super::super::{RecordedEvent, RecordedPacket};
use super::Stream;
use crate::decode::{DecodeError, EventBytes, Machine, PassedEvent, Visit, show};
use crate::types::Scope;

impl Stream {
    /// Shows the contexts and the payload of the event that was passed last.
    #[inline]
    pub(in crate::read) fn show<V: Visit>(
        &mut self,
        event: PassedEvent,
        visitor: &mut V,
    ) -> Result<(), ReadError> {
        let mut machine = Machine::new(&self.window, self.at);
        machine.at = event.body;
        let shows = &self.decoder.shows;
        let own = &shows.events[event.class];
        let scopes = [
            (Scope::StreamEventContext, &shows.event_context),
            (Scope::EventContext, &own[0]),
            (Scope::EventFields, &own[1]),
        ];
        for (scope, program) in scopes {
            let Some(program) = program else { continue };
            if program.shows() {
                visitor.scope(scope);
            }
            if let Err(error) = show(&program.steps, &mut machine, &mut self.slots, visitor) {
                return Err(self.show_error(error));
            }
        }
        Ok(())
    }

    /// What is known of a packet.
    pub(in crate::read) fn recorded_packet(&self, number: usize) -> Option<RecordedPacket> {
        let packet = self.packets.get(number)?;
        Some(RecordedPacket {
            begin: self.begin_of(packet),
            end: packet.end,
            sequence_number: self.counts_packets.then_some(packet.sequence_number),
            events_discarded: self.counts_discarded.then_some(packet.discarded),
        })
    }

    /// The first bytes of a packet.
    pub(in crate::read) fn packet_head(&self, number: usize) -> Result<Vec<u8>, ReadError> {
        let Some(packet) = self.packets.get(number) else { return Ok(Vec::new()) };
        let path = &self.files[packet.file as usize];
        let opened;
        let file = match &self.file {
            Some((open, file)) if *open == packet.file => file,
            _ => {
                opened = File::open(path).map_err(|error| ReadError::of(path, error))?;
                &opened
            }
        };
        let end = packet.offset.saturating_add(packet.packet_bits / 8);
        let (mut slots, mut head) = (self.slots.clone(), Vec::new());
        let read = read_head(file, path, packet.offset, end, &self.trace_decoder, &mut slots, &mut head);
        if let Err(error) = read {
            let decoder = &self.trace_decoder;
            let cut = read_cut_head(file, packet.offset, end, decoder, &mut slots, &mut head);
            cut.filter(|_| self.lenient).ok_or(error)?;
        }
        Ok(head)
    }

    /// Where the event that is next starts with its header, in bits from the window's start; where not all events are
    /// given out, an event at or before it.
    pub(in crate::read) fn header_at(&self) -> u64 {
        let before = self.in_batch.checked_sub(1).filter(|_| self.sieve.is_none());
        before.and_then(|before| self.batch.get(before)).map_or(self.batch_at, |due| due.end)
    }

    /// Where the event that is next ends, in bits from the window's start.
    #[inline]
    pub(in crate::read) fn event_end(&self) -> u64 {
        self.batch.get(self.in_batch).map_or(self.at, |due| due.end)
    }

    /// The bytes of the event that is next.
    #[inline]
    pub(in crate::read) fn bytes(&self) -> EventBytes<'_> {
        let due = self.batch.get(self.in_batch);
        let (body, end) = due.map_or((self.at, self.at), |due| (due.event.body, due.end));
        EventBytes { packet: &self.window, body, end }
    }

    /// The bits of the event that is next.
    pub(in crate::read) fn recorded(&self) -> RecordedEvent<'_> {
        let due = self.batch.get(self.in_batch);
        let event = due.map(|due| due.event).unwrap_or_default();
        RecordedEvent {
            bytes: &self.window,
            offset: self.window_start * 8,
            end: self.event_end(),
            class: event.class,
            time: event.time,
            clock: due.map_or(self.time, |due| due.clock),
        }
    }

    #[cold]
    pub(in crate::read) fn show_error(&self, error: DecodeError) -> ReadError {
        self.at_fault(error.moved(self.window_start * 8))
    }

    /// An error of the packet that it stands in.
    #[cold]
    pub(in crate::read) fn at_fault(&self, error: impl std::fmt::Display) -> ReadError {
        match self.packets.get(self.packet()) {
            Some(packet) => ReadError::at(&self.files[packet.file as usize], packet.offset, error),
            None => ReadError::of(self.path(), error),
        }
    }

    /// Shows the context of the packet that the last event was in, as far as it is not of use to the reader alone.
    pub(in crate::read) fn show_packet_context<V: Visit>(
        &mut self,
        visitor: &mut V,
    ) -> Result<(), ReadError> {
        let Some(program) = self.decoder.shows.packet_context.as_ref().filter(|program| program.shows())
        else {
            return Ok(());
        };
        // The slots are those of the event that stands: they must not change.
        let mut slots = self.slots.clone();
        visitor.scope(Scope::PacketContext);
        let shown = self
            .trace_decoder
            .pass_header(&mut slots, &self.head)
            .and_then(|mut machine| show(&program.steps, &mut machine, &mut slots, visitor));
        shown.map_err(|error| self.show_error(error))
    }
}
