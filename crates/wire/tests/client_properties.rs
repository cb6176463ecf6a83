//! Laws of the client protocol: what is written is read back the same, and no bytes whatever make a decoder panic or
//! ask for more than it may.

mod arbitrary;

use std::sync::OnceLock;

use proptest::collection::vec;
use proptest::prelude::*;
use rttng_wire::client::notification::NotificationFrame;
use rttng_wire::client::*;
use rttng_wire::{Decode, Encode};

/// Everything that decodes one of the protocol's values, fed with the same bytes.
fn decode_everything(bytes: &[u8]) {
    let request = Request::decode(&mut rttng_wire::Reader::new(bytes));
    if let Ok(Request { command: Ok(command), .. }) = request {
        // Whatever was read can be written, and is then read the same.
        let again = Request::from_bytes(&command.to_bytes()).unwrap();
        assert_eq!(again.command, Ok(command));
    }
    let _ = RequestFrame::progress(bytes);
    for &kind in CommandKind::ALL {
        let _ = ReplyFrame::progress(kind, bytes);
        let _ = Reply::from_bytes(kind, bytes);
    }
    let _ = NotificationFrame::progress(bytes);
    let _ = NotificationRequest::from_bytes(bytes);
    let _ = NotificationReply::from_bytes(bytes);
    for count in [0, 1, 18] {
        let _ = CapturePayload::from_bytes(bytes).values(count);
    }
    fn check<T: Decode + Encode + PartialEq + std::fmt::Debug>(bytes: &[u8]) {
        if let Ok(value) = T::from_bytes(bytes) {
            assert_eq!(T::from_bytes(&value.to_bytes()).as_ref(), Ok(&value));
        }
    }
    check::<Channel>(bytes);
    check::<Event>(bytes);
    check::<EventField>(bytes);
    check::<Context>(bytes);
    check::<SessionDescriptor>(bytes);
    check::<SnapshotOutput>(bytes);
    check::<TraceArchiveLocation>(bytes);
    check::<RotationInfo>(bytes);
    check::<RotationSchedules>(bytes);
    check::<SaveSession>(bytes);
    check::<Uri>(bytes);
    check::<Domain>(bytes);
    check::<ProcessAttributeValue>(bytes);
    check::<Trigger>(bytes);
    check::<Condition>(bytes);
    check::<Action>(bytes);
    check::<EventRule>(bytes);
    check::<EventExpression>(bytes);
    check::<Evaluation>(bytes);
    check::<ErrorQuery>(bytes);
    check::<ErrorQueryResult>(bytes);
    check::<Notification>(bytes);
}

/// Every vector of the client protocol and its objects.
fn vectors() -> &'static [Vec<u8>] {
    static VECTORS: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    VECTORS.get_or_init(|| {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors");
        let mut paths: Vec<_> = ["client/2.13", "objects"]
            .iter()
            .flat_map(|folder| std::fs::read_dir(root.join(folder)).unwrap())
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "bin"))
            .collect();
        paths.sort();
        paths.into_iter().map(|path| std::fs::read(path).unwrap()).collect()
    })
}

proptest! {
    #[test]
    fn commands_survive_the_way_to_the_daemon(command in arbitrary::command()) {
        let bytes = command.to_request().unwrap();
        let complete = Progress::Complete { size: bytes.len(), fds: command.fds() };
        prop_assert_eq!(RequestFrame::progress(&bytes), Ok(complete));
        let request = Request::from_bytes(&bytes).unwrap();
        prop_assert_eq!(request.header.kind, Some(command.kind()));
        prop_assert_eq!(request.header.domain, command.domain());
        prop_assert_eq!(request.command, Ok(command));
    }

    #[test]
    fn replies_survive_the_way_to_the_client((kind, answer) in arbitrary::answer(), pid: u32) {
        let reply = Reply { command: kind.code(), pid, result: Ok(answer) };
        let bytes = reply.to_bytes();
        let complete = Progress::Complete { size: bytes.len(), fds: reply.fds() };
        prop_assert_eq!(ReplyFrame::progress(kind, &bytes), Ok(complete));
        prop_assert_eq!(Reply::from_bytes(kind, &bytes), Ok(reply));
    }

    #[test]
    fn errors_survive_the_way_to_the_client(
        kind in proptest::sample::select(CommandKind::ALL),
        code in proptest::sample::select(ErrorCode::ALL),
    ) {
        let reply = Reply { command: kind.code(), pid: 0, result: Err(code) };
        let bytes = reply.to_bytes();
        prop_assert_eq!(ReplyFrame::progress(kind, &bytes), Ok(Progress::Complete { size: 24, fds: 0 }));
        prop_assert_eq!(Reply::from_bytes(kind, &bytes), Ok(reply));
    }

    #[test]
    fn messages_of_the_notification_channel_survive(
        request in arbitrary::notification_request(),
        reply in arbitrary::notification_reply(),
    ) {
        let bytes = request.to_bytes();
        let complete = Progress::Complete { size: bytes.len(), fds: request.fds() };
        prop_assert_eq!(NotificationFrame::progress(&bytes), Ok(complete));
        prop_assert_eq!(NotificationRequest::from_bytes(&bytes), Ok(request));
        let bytes = reply.to_bytes();
        prop_assert!(reply.fits());
        prop_assert_eq!(NotificationReply::from_bytes(&bytes), Ok(reply));
    }

    #[test]
    fn captured_values_survive(values in vec(arbitrary::captured_value(), 0..20)) {
        prop_assert_eq!(CapturePayload::from_values(&values).values(values.len()), Ok(values));
    }

    #[test]
    fn a_message_cut_short_is_never_complete(command in arbitrary::command(), cut: prop::sample::Index) {
        let bytes = command.to_bytes();
        let at = cut.index(bytes.len());
        match RequestFrame::progress(&bytes[..at]) {
            Ok(Progress::Needs(missing)) => prop_assert!(missing > 0 && at + missing <= bytes.len()),
            other => prop_assert!(false, "{other:?} after {at} of {} bytes", bytes.len()),
        }
    }

    #[test]
    fn any_bytes_are_judged(bytes in vec(any::<u8>(), 0..400)) {
        decode_everything(&bytes);
    }

    #[test]
    fn damaged_messages_are_judged(
        which: prop::sample::Index,
        damage in vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in proptest::option::of(any::<prop::sample::Index>()),
    ) {
        let mut bytes = which.get(vectors()).clone();
        for (at, value) in damage {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        decode_everything(&bytes);
        // What lies behind the fixed parts, where the objects are.
        for skip in [24, 28, RequestFrame::HEADER_SIZE] {
            if let Some(rest) = bytes.get(skip..) {
                decode_everything(rest);
            }
        }
    }

    #[test]
    fn a_request_that_announces_too_much_is_refused(kind in proptest::sample::select(CommandKind::ALL), size: u64) {
        let mut bytes = vec![0; RequestFrame::HEADER_SIZE];
        bytes[..4].copy_from_slice(&kind.code().to_ne_bytes());
        bytes[4] = b's';
        for at in [4688, 4690, 4704, 4944] {
            bytes[at..at + 8].copy_from_slice(&size.to_ne_bytes());
        }
        match RequestFrame::progress(&bytes) {
            Ok(Progress::Needs(missing)) => prop_assert!(missing <= defaults::REQUEST_PAYLOAD_MAX),
            Ok(Progress::Complete { size, .. }) => prop_assert_eq!(size, bytes.len()),
            Err(_) => {}
        }
    }
}
