//! Commands about channels (`docs/spec/client-protocol.md`, sections 7.8, 7.9, 7.13).

use std::time::Duration;

use rttng_wire::client::{
    Answer, BlockingTimeout as WireBlocking, BufferType, Channel as WireChannel,
    ChannelAttributes as WireAttributes, ChannelUsage, Domain, DomainType, ErrorCode, OutputType,
    OverwriteMode,
};

use super::{Clients, Outcome};
use crate::engine::ChannelCounters;
use crate::model::{
    BlockingTimeout, BufferOwnership, Channel, ChannelAttributes, ChannelId, ChannelMode, Model, SessionId,
    SessionKind,
};

/// The channel that events go to when none is named.
pub(super) const DEFAULT_CHANNEL: &str = "channel0";
/// The name under which a client sets the metadata channel's attributes.
const METADATA_CHANNEL: &str = "metadata";

impl Clients {
    pub(super) async fn enable_channel(
        &self,
        id: SessionId,
        domain: Option<Domain>,
        mut channel: WireChannel,
    ) -> Outcome {
        let domain = domain.ok_or(ErrorCode::UnknownDomain)?;
        if channel.name.is_empty() {
            channel.name = DEFAULT_CHANNEL.into();
        }
        check_channel_name(&channel.name)?;
        if domain.kind != DomainType::Ust {
            return Err(ErrorCode::UnknownDomain);
        }
        let page_size = self.page_size;
        self.model.edit(|model| enable_channel(model, id, domain, channel, page_size))?;
        self.engine.settle().await;
        Ok(Answer::Done)
    }

    pub(super) async fn disable_channel(&self, id: SessionId, domain: Option<Domain>, name: &str) -> Outcome {
        if domain.is_none_or(|domain| domain.kind != DomainType::Ust) {
            return Err(ErrorCode::UnknownDomain);
        }
        self.model.edit(|model| {
            let ust =
                model.session_mut(id).and_then(|session| session.ust.as_mut()).ok_or(ErrorCode::NoChannel)?;
            let channel = ust.channel_named_mut(name).ok_or(ErrorCode::UstChanNotFound)?;
            channel.enabled = false;
            Ok::<_, ErrorCode>(())
        })?;
        self.engine.settle().await;
        Ok(Answer::Done)
    }

    pub(super) async fn list_channels(&self, id: SessionId, domain: Option<Domain>) -> Outcome {
        if domain.is_none_or(|domain| domain.kind != DomainType::Ust) {
            return Ok(Answer::Channels(Vec::new()));
        }
        let (channels, live, started) = self.model.read(|model| {
            let session = model.session(id);
            let ust = session.and_then(|session| session.ust.as_ref());
            let channels: Vec<Channel> = ust.map(|ust| ust.channels.clone()).unwrap_or_default();
            let live = session.and_then(|session| session.live_timer()).unwrap_or_default();
            (channels, live, session.is_some_and(|session| session.started_once))
        });
        let listing = async {
            let mut listed = Vec::with_capacity(channels.len());
            for channel in channels {
                let lost = match started {
                    true => self.engine.channel_counters(id, channel.id).await,
                    false => ChannelCounters::default(),
                };
                listed.push(WireChannel {
                    name: channel.name,
                    enabled: channel.enabled,
                    attributes: to_wire(&channel.attributes, live),
                    discarded_events: lost.discarded_events,
                    lost_packets: lost.lost_packets,
                });
            }
            listed
        };
        self.engine.within_bound(listing).await.map(Answer::Channels).ok_or(ErrorCode::UstListFail)
    }

    pub(super) async fn list_channel_usage(&self, id: SessionId) -> Outcome {
        let channels: Vec<Channel> = self.model.read(|model| {
            let ust = model.session(id).and_then(|session| session.ust.as_ref());
            ust.map(|ust| ust.channels.clone()).unwrap_or_default()
        });
        let listing = async {
            let mut listed = Vec::with_capacity(channels.len());
            for channel in channels {
                let lost = self.engine.channel_counters(id, channel.id).await;
                let usage = self.engine.channel_usage(id, channel.id).await;
                listed.push(ChannelUsage {
                    name: channel.name,
                    buffer_size: channel.attributes.subbuf_size.saturating_mul(channel.attributes.num_subbuf),
                    fullest: usage.fullest,
                    discarded_events: lost.discarded_events,
                    lost_packets: lost.lost_packets,
                    dead_producers: usage.dead_producers,
                });
            }
            listed
        };
        self.engine.within_bound(listing).await.map(Answer::ChannelUsage).ok_or(ErrorCode::UstListFail)
    }
}

/// Makes a channel, or enables one that is there.
fn enable_channel(
    model: &mut Model,
    id: SessionId,
    domain: Domain,
    asked: WireChannel,
    page_size: u64,
) -> Result<(), ErrorCode> {
    let number = ChannelId(model.fresh_object());
    let session = model.session_mut(id).ok_or(ErrorCode::SessNotFound)?;
    let (kind, started_once) = (session.kind, session.started_once);
    let ust = session.ust.get_or_insert_default();
    if let Some(channel) = ust.channel_named_mut(&asked.name) {
        return match std::mem::replace(&mut channel.enabled, true) {
            true => Err(ErrorCode::UstChanExist),
            false => Ok(()),
        };
    }
    if started_once {
        return Err(ErrorCode::TraceAlreadyStarted);
    }
    let attributes = from_wire(&asked.attributes, kind, page_size)?;
    let buffers = match domain.buffers {
        Some(BufferType::PerPid) => BufferOwnership::PerProcess,
        Some(BufferType::PerUid) => BufferOwnership::PerUser,
        _ => return Err(ErrorCode::BufferNotSupported),
    };
    if ust.buffers_are_fixed && ust.buffers != buffers {
        return Err(ErrorCode::BufferTypeMismatch);
    }
    ust.buffers = buffers;
    ust.buffers_are_fixed = true;
    if asked.name == METADATA_CHANNEL {
        ust.metadata = Some(attributes);
        return Ok(());
    }
    ust.channels.push(Channel {
        id: number,
        name: asked.name,
        enabled: true,
        attributes,
        contexts: Vec::new(),
        rules: Vec::new(),
        agent: false,
    });
    Ok(())
}

/// Makes the channel of that name with default attributes, for a command that names no channel or one that is not
/// there.
pub(super) fn make_default_channel(
    model: &mut Model,
    id: SessionId,
    domain: Domain,
    name: &str,
    page_size: u64,
) -> Result<(), ErrorCode> {
    check_channel_name(name)?;
    let session = model.session(id).ok_or(ErrorCode::SessNotFound)?;
    let mode = default_mode(session.kind);
    let live = session.live_timer().unwrap_or_default();
    // The attributes are those of the domain's buffers as they are now, whatever the request asks for.
    let buffers = session.ust.as_ref().map_or(BufferOwnership::PerUser, |ust| ust.buffers);
    let attributes = to_wire(&ChannelAttributes::defaults(buffers, mode, page_size), live);
    enable_channel(model, id, domain, WireChannel::new(name, attributes), page_size)
}

fn check_channel_name(name: &str) -> Result<(), ErrorCode> {
    match name.starts_with('.') || name.contains('/') {
        true => Err(ErrorCode::InvalidChannelName),
        false => Ok(()),
    }
}

fn default_mode(kind: SessionKind) -> ChannelMode {
    match kind {
        SessionKind::Snapshot => ChannelMode::Overwrite,
        SessionKind::Regular | SessionKind::Live { .. } => ChannelMode::Discard,
    }
}

fn from_wire(
    asked: &WireAttributes,
    session: SessionKind,
    page_size: u64,
) -> Result<ChannelAttributes, ErrorCode> {
    let mode = match asked.overwrite {
        OverwriteMode::SessionDefault => default_mode(session),
        OverwriteMode::Discard => ChannelMode::Discard,
        OverwriteMode::Overwrite => ChannelMode::Overwrite,
    };
    let may_overwrite = asked.overwrite != OverwriteMode::Discard;
    if may_overwrite && asked.num_subbuf < 2 {
        return Err(ErrorCode::Invalid);
    }
    if !asked.subbuf_size.is_power_of_two()
        || asked.subbuf_size < page_size
        || !asked.num_subbuf.is_power_of_two()
    {
        return Err(ErrorCode::Invalid);
    }
    if asked.output != OutputType::Mmap && session != SessionKind::Snapshot {
        return Err(ErrorCode::NotSupported);
    }
    if asked.tracefile_size > 0 && asked.tracefile_size < asked.subbuf_size {
        return Err(ErrorCode::Invalid);
    }
    let live = matches!(session, SessionKind::Live { .. });
    Ok(ChannelAttributes {
        mode,
        subbuf_size: asked.subbuf_size,
        num_subbuf: asked.num_subbuf,
        switch_timer: if live { Duration::ZERO } else { asked.switch_timer },
        read_timer: asked.read_timer,
        monitor_timer: asked.monitor_timer,
        blocking_timeout: match asked.blocking_timeout {
            WireBlocking::None => BlockingTimeout::None,
            WireBlocking::Infinite => BlockingTimeout::Forever,
            WireBlocking::After(time) => BlockingTimeout::Bounded(time),
        },
        tracefile_size: asked.tracefile_size,
        tracefile_count: asked.tracefile_count,
    })
}

fn to_wire(own: &ChannelAttributes, live_timer: Duration) -> WireAttributes {
    WireAttributes {
        overwrite: match own.mode {
            ChannelMode::Discard => OverwriteMode::Discard,
            ChannelMode::Overwrite => OverwriteMode::Overwrite,
        },
        subbuf_size: own.subbuf_size,
        num_subbuf: own.num_subbuf,
        switch_timer: own.switch_timer,
        read_timer: own.read_timer,
        live_timer,
        monitor_timer: own.monitor_timer,
        output: OutputType::Mmap,
        tracefile_size: own.tracefile_size,
        tracefile_count: own.tracefile_count,
        blocking_timeout: match own.blocking_timeout {
            BlockingTimeout::None => WireBlocking::None,
            BlockingTimeout::Forever => WireBlocking::Infinite,
            BlockingTimeout::Bounded(time) => WireBlocking::After(time),
        },
    }
}
