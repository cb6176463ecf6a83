//! Lists an application's tracepoints and their fields (`docs/spec/ust-protocol.md`, section 5.6).

use rttng_wire::ust::{Answer, Command, FieldListEntry, ObjectHandle, Refusal, Request, TracepointEntry};

use super::command::{AppGone, Call, CommandLink};

/// The most entries that are taken from one application.
const MOST_ENTRIES: usize = 1 << 20;
/// How many entries are asked for at once. Past the end of a list each is refused, which costs nothing. More would take
/// memory in each of hundreds of applications' tasks at the same time, and save no time.
const AT_ONCE: usize = 8;

pub(super) async fn tracepoints(link: &mut CommandLink) -> Result<Vec<TracepointEntry>, AppGone> {
    list(link, Command::TracepointList, &Command::TracepointListGet, |answer| match answer {
        Answer::Tracepoint(entry) => Some(entry),
        _ => None,
    })
    .await
}

pub(super) async fn fields(link: &mut CommandLink) -> Result<Vec<FieldListEntry>, AppGone> {
    list(link, Command::TracepointFieldList, &Command::TracepointFieldListGet, |answer| match answer {
        Answer::Field(entry) => Some(entry),
        _ => None,
    })
    .await
}

async fn list<T>(
    link: &mut CommandLink,
    make: Command,
    get: &Command,
    entry: impl Fn(Answer) -> Option<T>,
) -> Result<Vec<T>, AppGone> {
    let handle = match link.call(Request::root(make)).await? {
        Ok(Answer::Handle(handle)) if handle != ObjectHandle::ROOT => handle,
        _ => return Ok(Vec::new()),
    };
    let mut entries = Vec::new();
    let mut more = true;
    while more && entries.len() < MOST_ENTRIES {
        let get = Request { handle, command: get.clone() };
        let gets: Vec<Call<'_>> = (0..AT_ONCE).map(|_| (&get).into()).collect();
        for outcome in link.perform(&gets).await? {
            match outcome {
                Ok(answer) if more => entries.extend(entry(answer)),
                // An entry that makes no sense is passed over; the end of the list, or any other refusal, ends it.
                Err(Some(Refusal::Malformed { .. })) => {}
                _ => more = false,
            }
        }
    }
    let _ = link.call(Request { handle, command: Command::Release }).await?;
    Ok(entries)
}
