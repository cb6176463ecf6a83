//! The options that choose a domain, of which a command takes exactly one.

use rttng_wire::client::DomainType;

use super::exit::{Exit, Step};
use super::output::Output;

/// The domains that were chosen so far.
#[derive(Default)]
pub(crate) struct Chosen(Vec<DomainType>);

impl Chosen {
    /// Takes an option if it chooses a domain.
    pub(crate) fn take(&mut self, long: &str) -> bool {
        let domain = match long {
            "kernel" => DomainType::Kernel,
            "userspace" => DomainType::Ust,
            "jul" => DomainType::Jul,
            "log4j" => DomainType::Log4j,
            "python" => DomainType::Python,
            _ => return false,
        };
        if !self.0.contains(&domain) {
            self.0.push(domain);
        }
        true
    }

    /// The one that was chosen; `options` are the ones that there are, for the complaint.
    pub(crate) fn only(&self, out: Output, options: &str) -> Step<DomainType> {
        match self.0[..] {
            [domain] => Ok(domain),
            [] => {
                out.error(format_args!("Please specify a domain ({options})."));
                Err(Exit::ERROR)
            }
            _ => {
                out.error("Only one domain must be specified.");
                Err(Exit::ERROR)
            }
        }
    }
}

/// The domain options of commands that know every domain.
pub(crate) const ALL: &str = "--kernel/--userspace/--jul/--log4j/--python";
/// Those of commands about channels.
pub(crate) const WITH_CHANNELS: &str = "--kernel/--userspace";
