//! The link to the consumer daemon: one task owns the command socket, one serves its questions for metadata, one notices
//! its end (`docs/spec/consumer-protocol.md`).
//!
//! A consumer daemon that ends is an [`Incarnation`] that is gone. What it held is lost with it; the next session gets a
//! new one.

mod incarnation;
mod metadata;
pub mod spawn;

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use rttng_wire::consumer::{ChannelKey, Command, CommandCode, Failure, MonitorSample};
use tokio::sync::watch;
use tracing::{error, info};

pub use incarnation::Incarnation;

use crate::registry::Registry;
use crate::world::World;

/// Why a consumer daemon did not do what it was asked for.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ConsumerError {
    /// There is none any more.
    #[error("the consumer daemon is gone: {0}")]
    Gone(Rc<str>),
    /// It says so.
    #[error(transparent)]
    Failed(#[from] Failure),
    /// What it has to give cannot be taken.
    #[error("{0} descriptors are needed, and this daemon may not open so many more files (ulimit -n)")]
    NoDescriptors(usize),
    /// It answered something else.
    #[error("the consumer daemon answered {0:?} with something else")]
    Nonsense(CommandCode),
}

/// Registries by the key of their metadata channel, which the consumer names when it asks for text.
pub(crate) type Registries = Rc<RefCell<HashMap<ChannelKey, Rc<RefCell<Registry>>>>>;

/// Takes each sample of how full a channel is.
pub(crate) type OnSample = Rc<dyn Fn(MonitorSample)>;

type Attempt = watch::Receiver<Option<Result<Rc<Incarnation>, ConsumerError>>>;

/// Starts the consumer daemon when it is needed, and anew when it is gone.
pub(crate) struct Consumer {
    world: World,
    registries: Registries,
    on_sample: OnSample,
    current: RefCell<Option<Rc<Incarnation>>>,
    attempt: RefCell<Option<Attempt>>,
    count: Cell<u64>,
}

impl Consumer {
    pub(crate) fn new(world: World, on_sample: OnSample) -> Rc<Self> {
        Rc::new(Consumer {
            world,
            registries: Registries::default(),
            on_sample,
            current: RefCell::default(),
            attempt: RefCell::default(),
            count: Cell::new(0),
        })
    }

    /// The incarnation that lives, if any.
    pub(crate) fn current(&self) -> Option<Rc<Incarnation>> {
        self.current.borrow().clone().filter(|incarnation| !incarnation.is_gone())
    }

    /// Whether there was one that is gone now.
    pub(crate) fn was_lost(&self) -> bool {
        self.current.borrow().as_ref().is_some_and(|incarnation| incarnation.is_gone())
    }

    pub(crate) fn registries(&self) -> &Registries {
        &self.registries
    }

    /// The incarnation that lives; starts one if there is none. Those who ask meanwhile wait for the same start.
    pub(crate) async fn ensure(self: &Rc<Self>) -> Result<Rc<Incarnation>, ConsumerError> {
        if let Some(current) = self.current() {
            return Ok(current);
        }
        let running = self.attempt.borrow().clone();
        let mut attempt = match running {
            Some(attempt) => attempt,
            None => self.begin(),
        };
        let outcome = attempt.wait_for(Option::is_some).await;
        match outcome {
            Ok(outcome) => {
                (*outcome).clone().unwrap_or_else(|| Err(ConsumerError::Gone("not started".into())))
            }
            Err(_) => Err(ConsumerError::Gone("its start was given up".into())),
        }
    }

    fn begin(self: &Rc<Self>) -> Attempt {
        let (tell, attempt) = watch::channel(None);
        *self.attempt.borrow_mut() = Some(attempt.clone());
        let consumer = self.clone();
        tokio::task::spawn_local(async move {
            let outcome = consumer.start().await;
            match &outcome {
                Ok(incarnation) => info!(number = incarnation.number(), "the consumer daemon is ready"),
                Err(error) => error!(%error, "cannot start the consumer daemon"),
            }
            if let Ok(incarnation) = &outcome {
                *consumer.current.borrow_mut() = Some(incarnation.clone());
            }
            *consumer.attempt.borrow_mut() = None;
            tell.send_replace(Some(outcome));
        });
        attempt
    }

    async fn start(&self) -> Result<Rc<Incarnation>, ConsumerError> {
        let bounds = self.world.bounds;
        let peer = tokio::time::timeout(bounds.consumer_start, self.world.consumers.spawn())
            .await
            .map_err(|_| ConsumerError::Gone("it was not ready in time".into()))?
            .map_err(|error| ConsumerError::Gone(error.to_string().into()))?;
        let number = self.count.get() + 1;
        self.count.set(number);
        let (incarnation, monitor) = Incarnation::begin(
            number,
            peer,
            bounds.consumer,
            self.registries.clone(),
            self.on_sample.clone(),
        );
        let init = Command::Init { sessiond_uuid: self.world.clock.uuid().0 };
        let ready = async {
            incarnation.call(init).await?;
            incarnation.call_with_descriptor(Command::SetChannelMonitorPipe, monitor).await
        };
        match ready.await {
            Ok(_) => Ok(incarnation),
            Err(error) => {
                incarnation.give_up("it refused its first commands");
                Err(error)
            }
        }
    }

    /// Lets the consumer daemon go.
    pub(crate) fn shut_down(&self) -> Option<Rc<Incarnation>> {
        let current = self.current.borrow_mut().take()?;
        current.give_up("the session daemon ends");
        Some(current)
    }
}
