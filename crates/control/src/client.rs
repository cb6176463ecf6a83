//! The client: one method per command of the session daemon.

use std::cell::RefCell;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rttng_wire::WireError;
use rttng_wire::client::defaults::DATA_PENDING_POLL;
use rttng_wire::client::reply::{Answer, Destruction, Reply, ReplyFrame};
use rttng_wire::client::request::Progress;
use rttng_wire::client::rotation::{
    RotationId, RotationInfo, RotationSchedule, RotationSchedules, RotationState,
};
use rttng_wire::client::{
    Channel, ChannelUsage, Command, Context, Domain, DomainType, ErrorCode, ErrorQuery, ErrorQueryResult,
    ErrorQueryTarget, Event, EventField, ProcessAttribute, ProcessAttributeValue, SaveSession, Session,
    SessionDescriptor, SnapshotOutput, TrackingPolicy, Trigger, Uri,
};

use crate::connection::Connection;
use crate::endpoint::{Endpoint, StaleSocket, Unreachable};
use crate::error::ControlError;
use crate::memory;
use crate::notifications::NotificationChannel;

/// How long to wait for a daemon to take a connection.
const CONNECT_BOUND: Duration = Duration::from_secs(5);
/// How long a command may take that only looks at the daemon's own state.
const QUICK_BOUND: Duration = Duration::from_secs(30);
/// How long a command may take for which the daemon talks to applications and consumers.
const SLOW_BOUND: Duration = Duration::from_secs(300);
/// The first pause between two questions whether data is written; each is twice as long, up to what LTTng waits.
const FIRST_POLL: Duration = Duration::from_millis(1);
/// Size of the fixed part of a request.
const REQUEST_SIZE: usize = 13_156;
/// How much of a reply is read at once.
const CHUNK: usize = 64 << 10;

type Call<T = ()> = Result<T, ControlError>;

/// Controls tracing through the session daemon at an [`Endpoint`]. Every method is one command, sent over a connection of
/// its own; each waits for a bounded time.
#[derive(Debug)]
pub struct Client {
    endpoint: Endpoint,
    quick: Duration,
    slow: Duration,
    stale: RefCell<Option<StaleSocket>>,
}

/// Takes the expected variant out of an answer; another one cannot come out of the decoder for the command.
macro_rules! expect {
    ($answer:expr, $pattern:pat => $value:expr) => {
        match $answer? {
            $pattern => Ok($value),
            _ => Err(ControlError::Nonsense(WireError::BadValue { field: "reply", value: 0 })),
        }
    };
}

impl Client {
    /// A client of the daemon at `endpoint`. Nothing is connected before the first command.
    pub fn new(endpoint: Endpoint) -> Self {
        Client { endpoint, quick: QUICK_BOUND, slow: SLOW_BOUND, stale: RefCell::new(None) }
    }

    /// Changes how long a command may take: `quick` for those that look at the daemon's state only, `slow` for those that
    /// reach applications and consumer daemons.
    pub fn with_bounds(self, quick: Duration, slow: Duration) -> Self {
        Client { quick, slow, ..self }
    }

    /// Where this client looks for the daemon.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// The stale socket that the last command found instead of a daemon, if that is why it failed.
    pub fn stale_socket(&self) -> Option<StaleSocket> {
        self.stale.borrow().clone()
    }

    /// Whether a session daemon takes connections.
    pub fn is_alive(&self) -> bool {
        self.connect().is_ok()
    }

    /// Sends any command and returns its answer and the descriptors that came with it. `fds` travel with the command.
    pub fn call(&self, command: &Command, fds: &[BorrowedFd<'_>]) -> Call<(Answer, Vec<OwnedFd>)> {
        self.call_within(self.quick, command, fds, None)
    }

    /// Lists the sessions, newest first.
    pub fn list_sessions(&self) -> Call<Vec<Session>> {
        expect!(self.ask(Command::ListSessions), Answer::Sessions(sessions) => sessions)
    }

    /// Makes a session. The descriptor comes back with the name and the output that the daemon chose.
    pub fn create_session(&self, descriptor: SessionDescriptor) -> Call<SessionDescriptor> {
        let home = if descriptor.needs_home() { self.endpoint.home().map(Path::to_owned) } else { None };
        let command = Command::CreateSessionExt { home, descriptor: Box::new(descriptor) };
        expect!(self.ask(command), Answer::SessionCreated(made) => *made)
    }

    /// Destroys a session and waits until all of it is written. `tick` is called every 200 ms meanwhile.
    pub fn destroy_session(&self, session: &str, mut tick: impl FnMut()) -> Call<Destruction> {
        let command = Command::DestroySession { session: session.to_owned() };
        let answer = self.call_within(self.slow, &command, &[], Some(&mut tick)).map(|(answer, _)| answer);
        expect!(answer, Answer::Destroyed(destruction) => destruction)
    }

    /// Destroys a session without waiting: the daemon goes on by itself.
    pub fn destroy_session_no_wait(&self, session: &str) -> Call {
        let command = Command::DestroySession { session: session.to_owned() };
        self.send(self.quick, &command, &[]).map(drop)
    }

    /// Starts recording.
    pub fn start(&self, session: &str) -> Call {
        self.order(Command::StartTrace { session: session.to_owned() })
    }

    /// Stops recording; does not wait until all is written, for which see [`wait_for_data`](Self::wait_for_data).
    pub fn stop(&self, session: &str) -> Call {
        self.order(Command::StopTrace { session: session.to_owned() })
    }

    /// Whether data of a stopped session is still to be written.
    pub fn data_pending(&self, session: &str) -> Call<bool> {
        expect!(self.ask(Command::DataPending { session: session.to_owned() }), Answer::DataPending(pending) => pending)
    }

    /// Waits until all data of a stopped session is written; `tick` is called every 200 ms meanwhile. The daemon must
    /// answer each question in time, but how long it may have data to write is its affair.
    pub fn wait_for_data(&self, session: &str, mut tick: impl FnMut()) -> Call {
        // Most often little is left, and whoever waits for it would wait for the pause instead.
        let mut pause = FIRST_POLL;
        let mut next_tick = Instant::now() + DATA_PENDING_POLL;
        while self.data_pending(session)? {
            std::thread::sleep(pause);
            pause = (pause * 2).min(DATA_PENDING_POLL);
            if Instant::now() >= next_tick {
                tick();
                next_tick = Instant::now() + DATA_PENDING_POLL;
            }
        }
        Ok(())
    }

    /// Removes what a session has recorded and waits until it is gone. `tick` is called every 200 ms meanwhile.
    pub fn clear(&self, session: &str, mut tick: impl FnMut()) -> Call {
        let command = Command::ClearSession { session: session.to_owned() };
        let answer = self.call_within(self.slow, &command, &[], Some(&mut tick)).map(|(answer, _)| answer);
        expect!(answer, Answer::Done => ())
    }

    /// Lists a session's domains.
    pub fn list_domains(&self, session: &str) -> Call<Vec<Domain>> {
        expect!(self.ask(Command::ListDomains { session: session.to_owned() }), Answer::Domains(domains) => domains)
    }

    /// Lists the channels of a session's domain.
    pub fn list_channels(&self, session: &str, domain: Domain) -> Call<Vec<Channel>> {
        let command = Command::ListChannels { session: session.to_owned(), domain: Some(domain) };
        expect!(self.ask(command), Answer::Channels(channels) => channels)
    }

    /// How full a session's channels of user space were and what they lost. Only our own session daemon knows the command:
    /// LTTng's answers [`ErrorCode::Und`].
    pub fn list_channel_usage(&self, session: &str) -> Call<Vec<ChannelUsage>> {
        let command = Command::ListChannelUsage { session: session.to_owned() };
        expect!(self.ask(command), Answer::ChannelUsage(channels) => channels)
    }

    /// Lists the event rules of a channel, or those of an agent domain (whose channel name does not matter).
    pub fn list_events(&self, session: &str, domain: Domain, channel: &str) -> Call<Vec<Event>> {
        let (session, channel) = (session.to_owned(), channel.to_owned());
        expect!(self.ask(Command::ListEvents { session, domain: Some(domain), channel }), Answer::Events(events) => events)
    }

    /// Lists the tracepoints of running applications, or the loggers of an agent domain.
    pub fn list_tracepoints(&self, domain: DomainType) -> Call<Vec<Event>> {
        let command = Command::ListTracepoints { domain: Some(Domain::for_query(domain)) };
        expect!(self.ask_slowly(command), Answer::Tracepoints(events) => events)
    }

    /// Lists the fields of the tracepoints of running applications.
    pub fn list_tracepoint_fields(&self, domain: DomainType) -> Call<Vec<EventField>> {
        let command = Command::ListTracepointFields { domain: Some(Domain::for_query(domain)) };
        expect!(self.ask_slowly(command), Answer::TracepointFields(fields) => fields)
    }

    /// Lists the system calls that the kernel tracer knows.
    pub fn list_syscalls(&self) -> Call<Vec<Event>> {
        let command = Command::ListSyscalls { domain: Some(Domain::for_query(DomainType::Kernel)) };
        expect!(self.ask(command), Answer::Syscalls(events) => events)
    }

    /// Makes a channel, or enables one that exists. Buffers that the machine's memory cannot hold are refused here.
    pub fn enable_channel(&self, session: &str, domain: Domain, channel: Channel) -> Call {
        memory::check(&channel.attributes)?;
        self.order(Command::EnableChannel { session: session.to_owned(), domain: Some(domain), channel })
    }

    /// Disables a channel.
    pub fn disable_channel(&self, session: &str, domain: Domain, channel: &str) -> Call {
        let channel = channel.to_owned();
        self.order(Command::DisableChannel { session: session.to_owned(), domain: Some(domain), channel })
    }

    /// Makes an event rule, or enables one that exists. An empty channel name stands for the default channel. A probe in a
    /// user-space binary needs the binary, open for reading.
    pub fn enable_event(
        &self,
        session: &str,
        domain: Domain,
        channel: &str,
        event: Event,
        binary: Option<BorrowedFd<'_>>,
    ) -> Call {
        let (session, channel) = (session.to_owned(), channel.to_owned());
        let command = Command::EnableEvent { session, domain: Some(domain), channel, event: Box::new(event) };
        let fds: Vec<BorrowedFd<'_>> = binary.into_iter().collect();
        self.call_within(self.slow, &command, &fds, None).map(drop)
    }

    /// Disables event rules by name; an empty name stands for all of them.
    pub fn disable_event(&self, session: &str, domain: Domain, channel: &str, event: Event) -> Call {
        let (session, channel) = (session.to_owned(), channel.to_owned());
        self.order(Command::DisableEvent { session, domain: Some(domain), channel, event: Box::new(event) })
    }

    /// Records a context field in a channel; an empty channel name stands for all of the domain.
    pub fn add_context(&self, session: &str, domain: Domain, channel: &str, context: Context) -> Call {
        let (session, channel) = (session.to_owned(), channel.to_owned());
        self.order(Command::AddContext { session, domain: Some(domain), channel, context })
    }

    /// What a tracker lets through.
    pub fn tracking_policy(
        &self,
        session: &str,
        domain: Domain,
        of: ProcessAttribute,
    ) -> Call<TrackingPolicy> {
        let session = session.to_owned();
        let command = Command::TrackerGetPolicy { session, domain: Some(domain), attribute: of };
        expect!(self.ask(command), Answer::TrackingPolicy(policy) => policy)
    }

    /// Sets what a tracker lets through; a change empties its inclusion set.
    pub fn set_tracking_policy(
        &self,
        session: &str,
        domain: Domain,
        of: ProcessAttribute,
        policy: TrackingPolicy,
    ) -> Call {
        let session = session.to_owned();
        self.order(Command::TrackerSetPolicy { session, domain: Some(domain), attribute: of, policy })
    }

    /// A tracker's inclusion set.
    pub fn inclusion_set(
        &self,
        session: &str,
        domain: Domain,
        of: ProcessAttribute,
    ) -> Call<Vec<ProcessAttributeValue>> {
        let session = session.to_owned();
        let command = Command::TrackerGetInclusionSet { session, domain: Some(domain), attribute: of };
        expect!(self.ask(command), Answer::InclusionSet(values) => values)
    }

    /// Adds a value to a tracker's inclusion set.
    pub fn track(
        &self,
        session: &str,
        domain: Domain,
        of: ProcessAttribute,
        value: ProcessAttributeValue,
    ) -> Call {
        let session = session.to_owned();
        self.order(Command::TrackerAddIncludeValue { session, domain: Some(domain), attribute: of, value })
    }

    /// Removes a value from a tracker's inclusion set.
    pub fn untrack(
        &self,
        session: &str,
        domain: Domain,
        of: ProcessAttribute,
        value: ProcessAttributeValue,
    ) -> Call {
        let session = session.to_owned();
        self.order(Command::TrackerRemoveIncludeValue { session, domain: Some(domain), attribute: of, value })
    }

    /// Sets where a session records to.
    pub fn set_consumer_uris(&self, session: &str, domain: Option<Domain>, uris: Vec<Uri>) -> Call {
        self.order(Command::SetConsumerUri { session: session.to_owned(), domain, uris })
    }

    /// Chooses the folder of the ring buffers' files.
    pub fn set_shm_path(&self, session: &str, path: PathBuf) -> Call {
        self.order(Command::SetSessionShmPath { session: session.to_owned(), path })
    }

    /// Adds a snapshot output and returns its number.
    pub fn add_snapshot_output(&self, session: &str, output: SnapshotOutput) -> Call<u32> {
        let command = Command::SnapshotAddOutput { session: session.to_owned(), output: Box::new(output) };
        expect!(self.ask(command), Answer::SnapshotOutputAdded(id) => id.get())
    }

    /// Removes a snapshot output, by its number if it has one, else by name.
    pub fn delete_snapshot_output(&self, session: &str, output: SnapshotOutput) -> Call {
        self.order(Command::SnapshotDelOutput { session: session.to_owned(), output: Box::new(output) })
    }

    /// Lists the snapshot outputs.
    pub fn list_snapshot_outputs(&self, session: &str) -> Call<Vec<SnapshotOutput>> {
        let command = Command::SnapshotListOutput { session: session.to_owned() };
        expect!(self.ask(command), Answer::SnapshotOutputs(outputs) => outputs)
    }

    /// Takes a snapshot; returns when it is written.
    pub fn record_snapshot(&self, session: &str, output: SnapshotOutput) -> Call {
        let session = session.to_owned();
        self.order(Command::SnapshotRecord { session, output: Box::new(output), wait: false })
    }

    /// Begins a rotation.
    pub fn rotate(&self, session: &str) -> Call<RotationId> {
        let command = Command::RotateSession { session: session.to_owned() };
        expect!(self.ask_slowly(command), Answer::RotationStarted(id) => id)
    }

    /// How far a rotation has come.
    pub fn rotation_info(&self, session: &str, rotation: RotationId) -> Call<RotationInfo> {
        let command = Command::RotationGetInfo { session: session.to_owned(), rotation };
        expect!(self.ask(command), Answer::RotationInfo(info) => *info)
    }

    /// Waits until a rotation has ended, well or not; `tick` is called every 200 ms meanwhile.
    pub fn wait_for_rotation(
        &self,
        session: &str,
        rotation: RotationId,
        mut tick: impl FnMut(),
    ) -> Call<RotationInfo> {
        loop {
            let info = self.rotation_info(session, rotation)?;
            if info.state != RotationState::Ongoing {
                return Ok(info);
            }
            std::thread::sleep(DATA_PENDING_POLL);
            tick();
        }
    }

    /// Begins to rotate on schedule.
    pub fn add_rotation_schedule(&self, session: &str, schedule: RotationSchedule) -> Call {
        self.order(Command::RotationSetSchedule { session: session.to_owned(), schedule, activate: true })
    }

    /// Ends a schedule that has just this value.
    pub fn remove_rotation_schedule(&self, session: &str, schedule: RotationSchedule) -> Call {
        self.order(Command::RotationSetSchedule { session: session.to_owned(), schedule, activate: false })
    }

    /// Lists the rotation schedules.
    pub fn rotation_schedules(&self, session: &str) -> Call<RotationSchedules> {
        let command = Command::SessionListRotationSchedules { session: session.to_owned() };
        expect!(self.ask(command), Answer::RotationSchedules(schedules) => schedules)
    }

    /// Writes the metadata anew.
    pub fn regenerate_metadata(&self, session: &str) -> Call {
        self.order(Command::RegenerateMetadata { session: session.to_owned() })
    }

    /// Records the state dump anew.
    pub fn regenerate_statedump(&self, session: &str) -> Call {
        self.order(Command::RegenerateStatedump { session: session.to_owned() })
    }

    /// Saves sessions to files.
    pub fn save(&self, what: SaveSession) -> Call {
        self.order(Command::SaveSession(Box::new(what)))
    }

    /// Registers a trigger and returns it as it was registered: without a name it gets one. `fds` are the binaries of its
    /// uprobes.
    pub fn register_trigger(&self, trigger: Trigger, fds: &[BorrowedFd<'_>]) -> Call<Trigger> {
        let command = Command::RegisterTrigger { trigger: Box::new(trigger), anonymous: false };
        let answer = self.call_within(self.slow, &command, fds, None).map(|(answer, _)| answer);
        expect!(answer, Answer::TriggerRegistered(trigger) => *trigger)
    }

    /// Removes the trigger that is the same.
    pub fn unregister_trigger(&self, trigger: Trigger, fds: &[BorrowedFd<'_>]) -> Call {
        let command = Command::UnregisterTrigger { trigger: Box::new(trigger) };
        self.call_within(self.slow, &command, fds, None).map(drop)
    }

    /// Lists triggers, each with the descriptors of its uprobes.
    pub fn list_triggers(&self) -> Call<Vec<(Trigger, Vec<OwnedFd>)>> {
        let (answer, fds) = self.call_within(self.quick, &Command::ListTriggers, &[], None)?;
        let mut fds = fds.into_iter();
        let with_fds = |trigger: Trigger| {
            let count = trigger.fds() as usize;
            (trigger, fds.by_ref().take(count).collect())
        };
        expect!(Ok::<_, ControlError>(answer), Answer::Triggers(triggers) => triggers.into_iter().map(with_fds).collect())
    }

    /// Asks for the errors of a registered trigger, or of one of its parts.
    pub fn trigger_errors(
        &self,
        trigger: &Trigger,
        fds: &[OwnedFd],
        target: ErrorQueryTarget,
    ) -> Call<Vec<ErrorQueryResult>> {
        let query = ErrorQuery { target, trigger: trigger.clone() };
        let fds: Vec<BorrowedFd<'_>> = fds.iter().map(AsFd::as_fd).collect();
        let command = Command::ExecuteErrorQuery(Box::new(query));
        let answer = self.call_within(self.quick, &command, &fds, None).map(|(answer, _)| answer);
        expect!(answer, Answer::ErrorQueryResults(results) => results)
    }

    /// Opens a channel on which the daemon tells when conditions become true.
    pub fn notifications(&self) -> Call<NotificationChannel> {
        NotificationChannel::open(&self.endpoint, CONNECT_BOUND)
    }

    /// A command that only looks.
    fn ask(&self, command: Command) -> Call<Answer> {
        self.call_within(self.quick, &command, &[], None).map(|(answer, _)| answer)
    }

    /// A command that looks into applications.
    fn ask_slowly(&self, command: Command) -> Call<Answer> {
        self.call_within(self.slow, &command, &[], None).map(|(answer, _)| answer)
    }

    /// A command that changes something and answers nothing but success.
    fn order(&self, command: Command) -> Call {
        expect!(self.ask_slowly(command), Answer::Done => ())
    }

    fn connect(&self) -> Call<std::os::unix::net::UnixStream> {
        self.endpoint.connect(CONNECT_BOUND).map_err(|why| {
            if let Unreachable::Stale(stale) = &why {
                *self.stale.borrow_mut() = Some(stale.clone());
            }
            ControlError::NoDaemon(why)
        })
    }

    fn send(&self, bound: Duration, command: &Command, fds: &[BorrowedFd<'_>]) -> Call<Connection> {
        let request = command
            .to_request()
            .map_err(|why| ControlError::Invalid { code: ErrorCode::Invalid, why: why.to_string() })?;
        let mut connection = Connection::new(self.connect()?, bound);
        let (head, payload) = request.split_at(REQUEST_SIZE.min(request.len()));
        connection.send(head, payload, fds)?;
        Ok(connection)
    }

    fn call_within(
        &self,
        bound: Duration,
        command: &Command,
        fds: &[BorrowedFd<'_>],
        mut tick: Option<&mut dyn FnMut()>,
    ) -> Call<(Answer, Vec<OwnedFd>)> {
        let kind = command.kind();
        let mut connection = self.send(bound, command, fds)?;
        let mut bytes = Vec::new();
        let (size, fds) = loop {
            match ReplyFrame::progress(kind, &bytes)? {
                Progress::Complete { size, fds } => break (size, fds),
                Progress::Needs(missing) => read_more(&mut connection, &mut bytes, missing, &mut tick)?,
            }
        };
        if fds > 0 && bytes.len() == size {
            read_more(&mut connection, &mut bytes, 1, &mut None)?;
        }
        bytes.truncate(size);
        let answer = Reply::from_bytes(kind, &bytes)?.result.map_err(ControlError::Refused)?;
        Ok((answer, connection.take_fds()))
    }
}

/// Reads at least one byte, at most `missing`.
fn read_more(
    connection: &mut Connection,
    bytes: &mut Vec<u8>,
    missing: usize,
    tick: &mut Option<&mut dyn FnMut()>,
) -> Call {
    if let Some(tick) = tick {
        while !connection.is_readable_within(DATA_PENDING_POLL)? {
            tick();
        }
    }
    let at = bytes.len();
    bytes.resize(at + missing.min(CHUNK), 0);
    let count = connection.receive(&mut bytes[at..])?;
    bytes.truncate(at + count);
    if count == 0 { Err(ControlError::Disconnected(None)) } else { Ok(()) }
}
