//! Has the consumer daemon make the buffers of a session for one owner (`docs/spec/consumer-protocol.md`, section 16.1).

use std::cell::RefCell;
use std::ffi::OsStr;
use std::num::{NonZeroU32, NonZeroU64};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use rttng_ctf::Uuid;
use rttng_ctf::ust::{Buffering, TraceInfo, TracerVersion};
use rttng_wire::consumer::{
    Answer, AskChannel, BufferMode, ChannelKey, ChannelKind, ChunkId, Command, CommandCode, Credentials,
    RegistryId, SessionId,
};
use rttng_wire::{Bitness, consumer, text, ust};
use rttng_world::local_time;
use rttng_world::run_as::Identity;
use tokio::sync::Mutex;
use tracing::{error, warn};

use super::Core;
use super::run::Run;
use crate::app::Application;
use crate::buffers::{BufferOwner, Buffers, ChannelBuffers, CrashCopy};
use crate::chunk::bounded;
use crate::consumer::{ConsumerError, Incarnation};
use crate::descriptors;
use crate::model::{BlockingTimeout, Channel, ChannelAttributes, ChannelMode, Session};
use crate::registry::{Registry, abi_of};

/// Sub-buffers of a metadata channel, unless a client set others.
const METADATA_SUBBUFS: u64 = 2;
/// Bytes of each, at least a page.
const METADATA_SUBBUF_SIZE: u64 = 4096;

/// What the model says, taken out of it: nothing is borrowed while the consumer is asked.
struct Plan {
    owner: Identity,
    created: std::time::SystemTime,
    name: String,
    monitor: bool,
    live_timer: Option<Duration>,
    shm_path: Option<PathBuf>,
    channels: Vec<Channel>,
    metadata: Option<ChannelAttributes>,
}

impl Plan {
    fn of(session: &Session) -> Option<Plan> {
        let ust = session.ust.as_ref()?;
        let name = if session.name_is_generated { "auto".to_owned() } else { session.name.clone() };
        Some(Plan {
            owner: session.owner,
            created: session.created,
            name,
            monitor: session.has_monitored_output(),
            live_timer: session.live_timer(),
            shm_path: session.shm_path.clone(),
            // Rules and contexts are not the consumer's business.
            channels: ust
                .channels
                .iter()
                .map(|channel| Channel { rules: Vec::new(), contexts: Vec::new(), ..channel.clone() })
                .collect(),
            metadata: ust.metadata.clone(),
        })
    }
}

/// Makes the buffers. `None`: there are none to be had; the log says why.
pub(super) async fn make(
    core: &Rc<Core>,
    run: &Rc<Run>,
    owner: BufferOwner,
    application: &Application,
) -> Option<Rc<Buffers>> {
    let plan = core.model.read(|model| model.session(run.session).and_then(Plan::of))?;
    let _layout = run.layout.lock().await;
    let incarnation = core.incarnation_of(run)?;
    let path = directory_of(owner, application);
    let chunk = run.chunk.borrow().clone();
    if let Some(chunk) = chunk
        && let Err(error) = chunk.make_stream_directories(&core.world, &path).await
    {
        error!(%error, directory = %chunk.directory.display(), "cannot make the directories of a trace");
        return None;
    }
    let crash_copy = match &plan.shm_path {
        Some(root) => Some(make_shm_directory(core, &root.join("ust").join(&path), plan.owner).await?),
        None => None,
    };
    let registry = Rc::new(RefCell::new(Registry::new(
        core.fresh_registry_id(),
        trace_info(core, &plan, owner, application),
    )));
    let maker = Maker { core, run, incarnation: &incarnation, plan: &plan, path: &path, application };
    let (uuid, registry_id) = (registry.borrow().uuid(), registry.borrow().id());
    let mut channels = Vec::new();
    for (number, channel) in (0..).zip(&plan.channels) {
        match maker.make_channel(channel, ust::ChannelId(number), uuid, registry_id).await {
            Ok(made) => channels.push(made),
            Err(error) => {
                error!(%error, channel = channel.name, "a channel has no buffers");
                if incarnation.is_gone() {
                    return None;
                }
            }
        }
    }
    if channels.is_empty() && !plan.channels.is_empty() {
        return None;
    }
    let metadata_key = match maker.make_metadata(uuid, registry_id, &registry).await {
        Ok(key) => Some(key),
        Err(error) => {
            error!(%error, "a trace has no metadata channel");
            None
        }
    };
    let incarnation = incarnation.number();
    let sending = Mutex::default();
    Some(Rc::new(Buffers { registry, sending, path, channels, metadata_key, crash_copy, incarnation }))
}

/// Makes the directory of ring buffers that lie in files; the consumer daemon makes the files.
async fn make_shm_directory(core: &Core, directory: &Path, owner: Identity) -> Option<CrashCopy> {
    let world = &core.world;
    let made = world.files.make_directories(directory.to_owned(), owner);
    match bounded(world.bounds.files, made).await {
        Ok(()) => Some(CrashCopy::new(directory, owner)),
        Err(error) => {
            error!(%error, directory = %directory.display(), "cannot make the directory of ring buffers");
            None
        }
    }
}

struct Maker<'a> {
    core: &'a Core,
    run: &'a Run,
    incarnation: &'a Incarnation,
    plan: &'a Plan,
    path: &'a PathBuf,
    application: &'a Application,
}

impl Maker<'_> {
    async fn make_channel(
        &self,
        channel: &Channel,
        stream_id: ust::ChannelId,
        uuid: Uuid,
        registry: crate::registry::RegistryId,
    ) -> Result<ChannelBuffers, ConsumerError> {
        let key = self.core.fresh_key();
        let of = &channel.attributes;
        let mode = match of.mode {
            ChannelMode::Discard => BufferMode::Discard,
            ChannelMode::Overwrite => BufferMode::Overwrite,
        };
        let shm_path = self.plan.shm_path.as_ref();
        let ask = AskChannel {
            subbuf_size: of.subbuf_size,
            num_subbuf: of.num_subbuf,
            switch_timer: timer(of.switch_timer),
            read_timer: timer(of.read_timer),
            monitor_timer: timer(of.monitor_timer),
            kind: ChannelKind::Data { mode, id: stream_id },
            name: channel.name.clone(),
            tracefile_size: NonZeroU64::new(of.tracefile_size),
            tracefile_count: u32::try_from(of.tracefile_count).ok().and_then(NonZeroU32::new),
            blocking_timeout: match of.blocking_timeout {
                BlockingTimeout::None => consumer::BlockingTimeout::None,
                BlockingTimeout::Bounded(time) => consumer::BlockingTimeout::Finite(time),
                BlockingTimeout::Forever => consumer::BlockingTimeout::Infinite,
            },
            root_shm_path: shm_path.cloned(),
            shm_path: shm_path.map(|root| {
                root.join("ust").join(self.path).join(text::to_path(&format!("{}_", channel.name)))
            }),
            ..self.common(key, uuid, registry)
        };
        let streams = self.ask(ask).await?;
        // Descriptors that cannot be received would break the connection.
        let count = 1 + 2 * usize::try_from(streams).unwrap_or(usize::MAX / 4);
        let got = match descriptors::are_there(count) {
            true => self.incarnation.get_channel(key).await,
            false => Err(ConsumerError::NoDescriptors(count)),
        };
        let (object, descriptors) = match got {
            Ok(got) => got,
            Err(error) => {
                // It was made and is of no use; only a channel that was not handed over may be dropped like this.
                let _ = self.incarnation.tell(Command::DestroyChannel(key)).await;
                return Err(error);
            }
        };
        if descriptors.len() != 1 + 2 * object.streams.len() || object.streams.is_empty() {
            return Err(ConsumerError::Nonsense(CommandCode::GetChannel));
        }
        let capacity = of.subbuf_size.saturating_mul(of.num_subbuf);
        self.core.samples.begin(key, self.run.session, channel.id, capacity);
        Ok(ChannelBuffers {
            id: channel.id,
            key,
            stream_id,
            mode: of.mode,
            blob: object.blob,
            streams: object.streams,
            descriptors,
        })
    }

    async fn make_metadata(
        &self,
        uuid: Uuid,
        registry: crate::registry::RegistryId,
        text: &Rc<RefCell<Registry>>,
    ) -> Result<ChannelKey, ConsumerError> {
        let key = self.core.fresh_key();
        // It may ask for the text from now on.
        self.core.consumer.registries().borrow_mut().insert(key, text.clone());
        let mut ask = self.common(key, uuid, registry);
        if let Some(of) = &self.plan.metadata {
            ask.subbuf_size = of.subbuf_size;
            ask.num_subbuf = of.num_subbuf;
            ask.switch_timer = timer(of.switch_timer);
        }
        let made = async {
            self.ask(ask).await?;
            self.incarnation.tell(Command::SetupMetadata(key)).await
        };
        match made.await {
            Ok(()) => Ok(key),
            Err(error) => {
                self.core.consumer.registries().borrow_mut().remove(&key);
                Err(error)
            }
        }
    }

    /// Returns the number of streams.
    async fn ask(&self, ask: AskChannel) -> Result<u32, ConsumerError> {
        let key = ask.key;
        match self.incarnation.call(Command::AskChannelCreation(Box::new(ask))).await? {
            Answer::ChannelCreated(created) if created.key == key => Ok(created.stream_count),
            _ => Err(ConsumerError::Nonsense(CommandCode::AskChannelCreation)),
        }
    }

    /// A metadata channel with its defaults; data channels say the rest.
    fn common(&self, key: ChannelKey, uuid: Uuid, registry: crate::registry::RegistryId) -> AskChannel {
        let page = rustix::param::page_size() as u64;
        let chunk = self.run.chunk.borrow().as_ref().map(|chunk| ChunkId(chunk.id));
        AskChannel {
            subbuf_size: METADATA_SUBBUF_SIZE.max(page),
            num_subbuf: METADATA_SUBBUFS,
            switch_timer: None,
            read_timer: None,
            live_timer: self.plan.live_timer,
            is_live: self.plan.live_timer.is_some(),
            monitor_timer: None,
            kind: ChannelKind::Metadata,
            session_id: SessionId(self.run.session.0),
            pathname: self.path.clone(),
            name: "metadata".to_owned(),
            buffer_credentials: Credentials { uid: self.plan.owner.uid, gid: self.plan.owner.gid },
            relay: None,
            key,
            chunk_id: chunk,
            uuid: uuid.0,
            tracefile_size: None,
            tracefile_count: None,
            registry: RegistryId(registry.0),
            monitor: self.plan.monitor,
            ust_app_uid: self.application.process.uid,
            blocking_timeout: consumer::BlockingTimeout::None,
            root_shm_path: None,
            shm_path: None,
        }
    }
}

fn timer(interval: Duration) -> Option<Duration> {
    (!interval.is_zero()).then_some(interval)
}

fn bits(bitness: Bitness) -> u32 {
    bitness.code()
}

/// The directory of the stream files, below the domain's (`docs/spec/trace-output.md`, section 2.2).
fn directory_of(owner: BufferOwner, application: &Application) -> PathBuf {
    match owner {
        // The real one prints the uid as a signed number.
        BufferOwner::User { uid, bitness } => {
            PathBuf::from(format!("uid/{}/{}-bit", uid.cast_signed(), bits(bitness)))
        }
        BufferOwner::Process(_) => {
            let mut name = application.name.as_bytes().to_vec();
            // A process may call itself as it likes; its trace still lies in one directory of its own.
            name.iter_mut().filter(|byte| **byte == b'/').for_each(|byte| *byte = b'_');
            if name.starts_with(b".") {
                name[0] = b'_';
            }
            name.extend_from_slice(
                format!("-{}-{}", application.process.pid, local_time::stamp(application.registered))
                    .as_bytes(),
            );
            PathBuf::from("pid").join(OsStr::from_bytes(&name))
        }
    }
}

fn trace_info(core: &Core, plan: &Plan, owner: BufferOwner, application: &Application) -> TraceInfo {
    let tracer = application.tracer();
    let world = &core.world;
    TraceInfo {
        uuid: world.clock.uuid(),
        abi: abi_of(bits(application.bitness), &application.alignments),
        tracer: TracerVersion { major: tracer.major, minor: tracer.minor, patchlevel: tracer.patch },
        buffering: match owner {
            BufferOwner::User { uid, .. } => Buffering::PerUser { uid },
            BufferOwner::Process(_) => Buffering::PerProcess {
                pid: application.process.pid,
                procname: application.name.to_string(),
                registered: local_time::iso(application.registered),
            },
        },
        session_name: text::to_utf8(&plan.name).into_owned(),
        session_created: local_time::iso(plan.created),
        hostname: world.host_name.clone(),
        clock: world.clock.trace_clock(world.boot_id),
    }
}

impl Core {
    /// The consumer daemon that holds a session's buffers, if it still lives.
    pub(super) fn incarnation_of(&self, run: &Run) -> Option<Rc<Incarnation>> {
        let current = self.consumer.current()?;
        if run.incarnation.get() == Some(current.number()) {
            return Some(current);
        }
        warn!(session = run.session.0, "the consumer daemon of a session is gone");
        None
    }
}
